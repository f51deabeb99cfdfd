"""The inverse model: posterior of the topology, first guesses, and learned corrections of them."""

import numpy as np
import torch
from torch import nn

from trussmap.lattice.compound import topology_members
from trussmap.lattice.descriptor import DENSITY_RANGE, design_topology
from trussmap.lattice.polar import published_designs, six_of, symmetric_matrix
from trussmap.learning.features import moments
from trussmap.learning.networks import (
    EMBEDDING,
    MLP,
    Parents,
    Tensors,
    draw,
    gumbel_noise,
    hidden_layers_in,
    in_threads,
)
from trussmap.learning.polar.forward import PolarForward, members
from trussmap.measures import nmse_frobenius
from trussmap.rotation import from_rotation_vector, from_six, nearest_rotation
from trussmap.stiffness import FLIP_SIGNS, FLIPS, MULTIPLICITY, canonical_frame, hencky, rotate
from trussmap.streams import stream

#: Share of the training designs for which a random first guess is trained, not the best, so that none is left behind.
EXPLORED = 0.05
#: Of designs (n,): logit of the density (n,), deviator of log S (n, 6), Q (n, 3, 3).
Guess = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
_WEIGHT = torch.as_tensor(MULTIPLICITY**0.5, dtype=torch.float32)
_FLIPS, _FLIP_SIGNS = (torch.as_tensor(signs, dtype=torch.float32) for signs in (FLIPS, FLIP_SIGNS))

# Guesses of an inference that a thread works on at once.
_GUESSES = 4096


def target_features(stiffness: np.ndarray) -> Tensors:
    """What the inverse model sees of targets (n, 21): a dictionary of float32 tensors.

    ``frame`` (n, 3, 3), `canonical_frame`; and in that frame ``shape`` (n, 42): the stiffness over its Frobenius
    norm and the logarithm of that in Mandel form (which resolves soft modes), with ``log_norm`` (n,) beside.
    """
    c = np.array(stiffness, float)  # torch takes no array that is only to read
    frame = canonical_frame(c)
    turned = rotate(torch.as_tensor(c), torch.as_tensor(frame).mT).numpy()
    norm = np.sqrt((MULTIPLICITY * turned**2).sum(-1, keepdims=True))
    as_tensor = lambda x: torch.as_tensor(x, dtype=torch.float32)  # noqa: E731
    return {
        "frame": as_tensor(frame),
        "shape": as_tensor(np.hstack([turned / norm, hencky(turned / norm, 1e-7)])),
        "log_norm": as_tensor(np.log(norm[:, 0])),
        "stiffness": as_tensor(c),
    }


class PolarInverse(nn.Module):
    """Posterior of the topology, first guess of ρ, left stretch and rotation, and learned corrections of it.

    ``config`` holds the hidden widths of the three networks ``topology``, ``geometry`` and ``refine``; the number of
    first guesses for a topology (``hypotheses``, trained winner-takes-all, for one stiffness often has several
    geometries), of corrections (``steps``) and of topologies tried for a proposal (``candidates``); and the width of
    the ``embedding`` of a topology. ``scaling`` holds mean and deviation of the inputs and the deviation of the 21
    constants.
    """

    columns = ("designs", "stiffness")
    precision = torch.float32  #: of the hidden layers in training, and so in proposals

    def __init__(self, scaling, **config):
        super().__init__()
        self.config = {"activation": "silu"} | config | {"scaling": scaling}
        activation, embedding = self.config["activation"], config["embedding"]
        for name, values in scaling.items():
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32), persistent=False)
        self.register_buffer("members", torch.tensor(members(), dtype=torch.float32), persistent=False)
        count = len(self.members)
        self.embedding = nn.Embedding(count, embedding)
        self.topology = MLP(43, config["topology"], count, activation)
        self.geometry = MLP(43 + 14 + embedding, config["geometry"], 13 * config["hypotheses"], activation)
        self.refine = MLP(14 + embedding + 7 + 44, config["refine"], 10, activation)

    @staticmethod
    def features(block: dict[str, np.ndarray], parents: Parents) -> Tensors:
        """Training tensors: `target_features` of the stiffness, and the ``topology`` (n,) that has it."""
        return target_features(block["stiffness"]) | {"topology": torch.as_tensor(design_topology(block["designs"]))}

    @classmethod
    def from_data(cls, settings: dict, data: Tensors) -> "PolarInverse":
        """An untrained network with the moments of its inputs in ``data``, the same in all versions of the frame."""
        odd = torch.cat([(_FLIP_SIGNS < 0).any(0)] * 2)  # their mean over the four versions is 0
        mean, deviation = moments(data["shape"])
        shape_mean = torch.where(odd, 0.0, mean)
        norm_mean, norm_deviation = moments(data["log_norm"][:, None])
        scaling = {
            "input_mean": [*shape_mean.tolist(), *norm_mean.tolist()],
            "input_std": [*(deviation**2 + (mean - shape_mean) ** 2).sqrt().tolist(), *norm_deviation.tolist()],
            "stiffness_std": moments(data["stiffness"])[1].tolist(),
        }
        names = ("topology", "geometry", "refine", "hypotheses", "steps", "candidates")
        return cls(scaling, embedding=EMBEDDING, **{name: settings[name] for name in names})

    def loss(self, batch: Tensors, generator: torch.Generator, parents: Parents, settings: dict) -> Tensors:
        """Likelihood of the generating topology plus reconstruction error of proposals through the forward model.

        The reconstruction is compared in the laboratory frame, every constant over its standard deviation (``robust``).
        A share ``posterior_share`` of the proposals is for topologies drawn from the posterior, the rest for the
        generating ones; no gradient passes through that draw.
        """
        forward = parents["forward"]
        device = batch["topology"].device
        flip = torch.randint(4, batch["topology"].shape, generator=generator, device=device)
        logits = self.topology(self.seen(batch, flip)[0])
        likelihood = nn.functional.cross_entropy(logits, batch["topology"])
        drawn = draw(logits.detach(), 1.0, generator)
        keep = torch.rand(drawn.shape, generator=generator, device=device) >= settings["posterior_share"]
        topology = torch.where(keep, batch["topology"], drawn)
        errors = []
        size = (batch["stiffness"] / self.stiffness_std).square().mean(-1)
        explore = torch.randint(self.config["hypotheses"], flip.shape, generator=generator, device=device)
        explore = torch.where(torch.rand(flip.shape, generator=generator, device=device) < EXPLORED, explore, -1)
        guess, reached, _ = self.first_guess(forward, batch, flip, topology, explore)
        for step in range(self.config["steps"] + 1):
            if step > 0:
                still = tuple(part.detach() for part in guess)
                guess = self.correct(topology, still, batch["stiffness"], reached.detach())
                reached = self.reached(forward, topology, guess)
            difference = (rotate(reached, guess[2]) - batch["stiffness"]) / self.stiffness_std
            errors.append(robust(difference, size))
        return {
            "loss": 0.1 * likelihood + sum(errors) / len(errors),
            "likelihood": likelihood,
            "first_guess": errors[0],
            "last_guess": errors[-1],
        }

    def seen(self, features: Tensors, flip: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Standardised inputs (n, 43) and the frame (n, 3, 3) in version ``flip`` (n,) of the canonical frame."""
        signs = _FLIP_SIGNS.to(flip.device)[flip]
        shape = features["shape"] * torch.cat([signs, signs], -1)
        inputs = (torch.cat([shape, features["log_norm"][:, None]], -1) - self.input_mean) / self.input_std
        return inputs, features["frame"] * _FLIPS.to(flip.device)[flip][:, None, :]

    def code(self, topology: torch.Tensor) -> torch.Tensor:
        """What the networks know of topologies (n,): their members (14) and what they learned of each."""
        return torch.cat([self.members[topology], self.embedding(topology)], -1)

    def guesses(self, inputs: torch.Tensor, frame: torch.Tensor, topology: torch.Tensor) -> Guess:
        """First guesses, h for each of n: logit of the density (nh,), deviator of log S (nh, 6), Q (nh, 3, 3)."""
        out = self.geometry(torch.cat([inputs, self.code(topology)], -1)).reshape(-1, 13)
        rotation = from_six(out[:, 7:])
        left = symmetric_matrix(_deviator(0.5 * out[:, 1:7]))
        frame = frame.repeat_interleave(self.config["hypotheses"], 0)
        return out[:, 0], six_of(rotation.mT @ left @ rotation), frame @ rotation

    def reached(self, forward: PolarForward, topology: torch.Tensor, guess: Guess) -> torch.Tensor:
        """Stiffness (n, 21) of a guess, in the lattice frame, by the forward model."""
        return forward.lattice_stiffness(topology, self.log_density(guess[0]), guess[1])

    def log_density(self, logit: torch.Tensor) -> torch.Tensor:
        """Logarithm of the density (n,) within its range of logits (n,)."""
        low, high = np.log(DENSITY_RANGE)
        return low + (high - low) * torch.sigmoid(logit)

    def correct(self, topology: torch.Tensor, guess: Guess, target: torch.Tensor, reached: torch.Tensor) -> Guess:
        """A better guess: ``target`` (n, 21) in the laboratory frame, ``reached`` (n, 21) in the lattice frame."""
        logit, stretch, rotation = guess
        wanted = rotate(target, rotation.mT)
        weight = _WEIGHT.to(wanted)
        norm = (wanted * weight).norm(dim=-1, keepdim=True)
        missing = (wanted - reached) / norm
        size = (missing * weight).norm(dim=-1, keepdim=True)
        density = self.log_density(logit)[:, None]
        scalars = [density, norm.log() - density, size.clamp_min(1e-6).log()]
        inputs = torch.cat(
            [
                self.code(topology),
                stretch,
                4 * wanted / norm,
                4 * missing / (size + 0.02),
                0.3 * torch.cat(scalars, -1),
            ],
            -1,
        )
        out = self.refine(inputs) * torch.tanh(size)
        turn = from_rotation_vector(out[:, 7:])
        moved = symmetric_matrix(stretch + _deviator(out[:, 1:7]))
        return logit + out[:, 0], six_of(turn.mT @ moved @ turn), rotation @ turn

    def first_guess(
        self,
        forward: PolarForward,
        features: Tensors,
        flip: torch.Tensor,
        topology: torch.Tensor,
        explore: torch.Tensor | None = None,
    ) -> tuple[Guess, torch.Tensor, torch.Tensor]:
        """The best first guess for topologies (n,), its stiffness in the lattice frame (n, 21) and its error (n,).

        ``explore`` (n,) holds numbers of a first guess to be taken instead, or -1.
        """
        count, n = self.config["hypotheses"], len(topology)
        inputs, frame = self.seen(features, flip)
        guesses = self.guesses(inputs, frame, topology)
        with torch.no_grad():
            reached = self.reached(forward, topology.repeat_interleave(count), guesses)
            error = _errors(guesses, reached, features["stiffness"].repeat_interleave(count, 0)).reshape(n, count)
            best = error.argmin(-1)
        if explore is not None:
            best = torch.where(explore >= 0, explore, best)
        row = torch.arange(n, device=best.device) * count + best
        guess = tuple(part[row] for part in guesses)
        reached = self.reached(forward, topology, guess) if torch.is_grad_enabled() else reached[row]
        return guess, reached, error.flatten()[row]

    @torch.no_grad()
    def exclude(self, topologies: np.ndarray) -> None:
        """Propose these topologies (k,) no more, whatever the target."""
        self.topology.last.bias[topologies] = -1e6

    def propose(
        self,
        targets: np.ndarray,
        parents: Parents,
        draws: int = 1,
        temperature: float = 1.0,
        seed: int = 0,
        candidates: int | None = None,
        best_guess: bool = True,
    ) -> np.ndarray:
        """Designs (n, draws, 19) for targets (n, 21), base modulus 1, in the published columns and ranges.

        Every draw takes ``candidates`` topologies without replacement from the posterior at ``temperature`` (0: the
        most probable ones), makes first guesses for each, and corrects the one that the forward model finds closest
        (`nmse_frobenius`). Without ``best_guess`` a topology gets one first guess, drawn at random among them, so that
        with one candidate the forward model chooses nothing.
        """
        targets = np.atleast_2d(np.asarray(targets, float))
        types, reps = (torch.as_tensor(x) for x in topology_members())
        count = min(candidates or self.config["candidates"], len(types))
        per_batch = max(1, _GUESSES // (count * draws))

        def best_of(start):
            part = targets[start : start + per_batch]
            own = stream(seed, "proposals", start)
            return self._best(parents["forward"], part, draws, count, temperature, best_guess, own)

        chosen = in_threads(best_of, range(0, len(targets), per_batch), self.input_mean.device)
        topology, logit, stretch, rotation = (torch.cat(x).cpu() for x in zip(*chosen, strict=True))
        density = self.log_density(logit.double()).exp().numpy()
        parts = types[topology].numpy(), reps[topology].numpy(), density
        designs, _ = published_designs(*parts, nearest_rotation(rotation.double().numpy()), stretch.double().numpy())
        return designs.reshape(len(targets), draws, -1)

    @torch.no_grad()
    def _best(self, forward, targets, draws, count, temperature, best_guess, seed):
        """Topology and guess of the corrected proposals, ``draws`` for each target: tensors with one row for each."""
        device = self.input_mean.device
        generator = torch.Generator(device).manual_seed(seed)
        part = {k: v.to(device) for k, v in target_features(targets).items()}
        with hidden_layers_in(self.precision):
            flip = torch.randint(4, (len(targets),), generator=generator, device=device)
            logits = self.topology(self.seen(part, flip)[0]).repeat_interleave(draws, 0)
            part = {k: v.repeat_interleave(draws, 0) for k, v in part.items()}
            noise = gumbel_noise(logits, generator)
            scores = logits if temperature == 0 else logits / temperature + noise
            topology = scores.topk(count, dim=-1).indices.reshape(-1)
            flip = torch.randint(4, topology.shape, generator=generator, device=device)
            tried = {k: v.repeat_interleave(count, 0) for k, v in part.items()}
            explore = None
            if not best_guess:
                explore = torch.randint(self.config["hypotheses"], flip.shape, generator=generator, device=device)
            guess, reached, error = self.first_guess(forward, tried, flip, topology, explore)
            row = torch.arange(len(logits), device=device) * count + error.reshape(-1, count).argmin(-1)
            topology, *guess, reached = (x[row] for x in (topology, *guess, reached))
            for step in range(self.config["steps"]):
                if step > 0:
                    reached = self.reached(forward, topology, guess)
                guess = self.correct(topology, guess, part["stiffness"], reached)
        return topology, *guess


def _errors(guess, reached, target):
    """`nmse_frobenius` (n,) of guesses that reach a stiffness (n, 21) in the lattice frame, for targets (n, 21)."""
    return nmse_frobenius(reached, rotate(target, guess[2].mT))


def _deviator(six):
    return torch.cat([six[:, :3] - six[:, :3].mean(-1, keepdim=True), six[:, 3:]], -1)


def robust(difference: torch.Tensor, size: torch.Tensor) -> torch.Tensor:
    """Mean over designs of their error, a compromise between absolute (as in R²) and relative (as in NMSE).

    The mean square of each difference (n, 21) is divided by the root of the target's own mean square ``size`` (n,), and
    grows as its root where the proposal is far off, for there the topology is at fault.
    """
    square = difference.square().mean(-1) / (size + 0.02).sqrt()
    return (square + 0.01).sqrt().mean() - 0.1
