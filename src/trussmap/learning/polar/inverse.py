"""Inverse model: posterior of topologies, first guesses, corrections."""

from typing import Any, NamedTuple, Self, cast

import numpy as np
import torch
from torch import nn

from trussmap.base.streams import stream
from trussmap.lattice.compound import topology_members
from trussmap.lattice.descriptor import DENSITY_RANGE, design_topology
from trussmap.lattice.polar import published_designs, six_of, symmetric_matrix
from trussmap.learning.features import moments
from trussmap.learning.networks import (
    EMBEDDING,
    MLP,
    Parents,
    Settings,
    Tensors,
    TrainableNetwork,
    draw,
    gumbel_noise,
    hidden_layers_in,
    in_threads,
)
from trussmap.learning.polar.forward import PolarForward, members
from trussmap.tensors.measures import nmse_frobenius
from trussmap.tensors.rotation import from_rotation_vector, from_six, nearest_rotation
from trussmap.tensors.stiffness import (
    FLIP_SIGNS,
    FLIPS,
    MULTIPLICITY,
    canonical_frame,
    hencky,
    rotate,
)

#: Share of the training designs for which a random first guess is trained instead of the best one,
#: so that every first guess is trained.
EXPLORED = 0.05
# Guesses that a thread processes at once in an inference.
_GUESSES = 4096

_WEIGHT = torch.as_tensor(MULTIPLICITY**0.5, dtype=torch.float32)
_FLIPS = torch.as_tensor(FLIPS, dtype=torch.float32)
_FLIP_SIGNS = torch.as_tensor(FLIP_SIGNS, dtype=torch.float32)


class Guess(NamedTuple):
    """Density, stretch and rotation of n guessed designs.

    Attributes
    ----------
    logit : (n,) of the density within its range
    stretch : (n, 6) deviator of log S
    rotation : (n, 3, 3) Q
    """

    logit: torch.Tensor
    stretch: torch.Tensor
    rotation: torch.Tensor

    def take(self, rows: torch.Tensor) -> "Guess":
        """Select guesses by their rows."""
        return Guess(self.logit[rows], self.stretch[rows], self.rotation[rows])

    def detach(self) -> "Guess":
        """Detach the guesses, so that no gradient passes through them."""
        return Guess(self.logit.detach(), self.stretch.detach(), self.rotation.detach())


def target_features(stiffness: np.ndarray) -> Tensors:
    """Compute the inputs of the inverse model for targets (n, 21).

    They are float32 tensors: ``frame`` (n, 3, 3), `canonical_frame`; in that frame ``shape``
    (n, 42), the stiffness over its Frobenius norm and the logarithm of that in Mandel form (which
    resolves soft modes); ``log_norm`` (n,); and the ``stiffness`` (n, 21) itself.
    """
    c = np.array(stiffness, float)  # a copy, because torch refuses arrays that are read-only
    frame = canonical_frame(c)
    turned = rotate(torch.as_tensor(c), torch.as_tensor(frame).mT).numpy()
    norm = np.sqrt((MULTIPLICITY * turned**2).sum(-1, keepdims=True))
    arrays = {
        "frame": frame,
        "shape": np.hstack([turned / norm, hencky(turned / norm, 1e-7)]),
        "log_norm": np.log(norm[:, 0]),
        "stiffness": c,
    }
    return {name: torch.as_tensor(array, dtype=torch.float32) for name, array in arrays.items()}


class PolarInverse(TrainableNetwork):
    """Posterior of the topology, first guesses, and learned corrections.

    The guesses are of ρ, left stretch and rotation Q.

    ``config`` holds the hidden widths of the three networks ``topology``, ``geometry`` and
    ``refine``; the number of first guesses for a topology (``hypotheses``, trained
    winner-takes-all, because one stiffness often has several geometries), of corrections
    (``steps``) and of topologies tried for a proposal (``candidates``); and the width of the
    ``embedding`` of a topology. ``scaling`` holds mean and deviation of the inputs and the
    deviation of the 21 constants.
    """

    columns = ("designs", "stiffness")
    members: torch.Tensor
    input_mean: torch.Tensor
    input_std: torch.Tensor
    stiffness_std: torch.Tensor

    def __init__(self, scaling: dict[str, list[float]], **config: Any) -> None:
        super().__init__()
        self.config = {"activation": "silu"} | config | {"scaling": scaling}
        activation = self.config["activation"]
        embedding = config["embedding"]
        for name, values in scaling.items():
            buffer = torch.tensor(values, dtype=torch.float32)
            self.register_buffer(name, buffer, persistent=False)
        contains = torch.tensor(members(), dtype=torch.float32)
        self.register_buffer("members", contains, persistent=False)

        count = len(contains)
        guesses = config["hypotheses"]
        self.embedding = nn.Embedding(count, embedding)
        self.topology = MLP(43, config["topology"], count, activation)
        self.geometry = MLP(43 + 14 + embedding, config["geometry"], 13 * guesses, activation)
        self.refine = MLP(14 + embedding + 7 + 44, config["refine"], 10, activation)

    @staticmethod
    def features(block: dict[str, np.ndarray], parents: Parents) -> Tensors:
        """Compute `target_features` of the stiffness, and ``topology`` (n,)."""
        topology = torch.as_tensor(design_topology(block["designs"]))
        return target_features(block["stiffness"]) | {"topology": topology}

    @classmethod
    def from_data(cls, settings: Settings, data: Tensors) -> Self:
        """Make an untrained network with the moments of its inputs in ``data``.

        They are the same in all versions of the canonical frame.
        """
        odd = torch.cat([(_FLIP_SIGNS < 0).any(0)] * 2)  # their mean over the four versions is 0
        mean, deviation = moments(data["shape"])
        shape_mean = torch.where(odd, 0.0, mean)
        shape_deviation = (deviation**2 + (mean - shape_mean) ** 2).sqrt()
        norm_mean, norm_deviation = moments(data["log_norm"][:, None])
        scaling = {
            "input_mean": [*shape_mean.tolist(), *norm_mean.tolist()],
            "input_std": [*shape_deviation.tolist(), *norm_deviation.tolist()],
            "stiffness_std": moments(data["stiffness"])[1].tolist(),
        }
        names = ("topology", "geometry", "refine", "hypotheses", "steps", "candidates")
        return cls(scaling, embedding=EMBEDDING, **{name: settings[name] for name in names})

    def loss(
        self, batch: Tensors, generator: torch.Generator, parents: Parents, settings: Settings
    ) -> Tensors:
        """Add the topology's likelihood and the errors of reconstructed targets.

        The forward model reconstructs the stiffness from proposals; it is compared in the
        laboratory frame, every constant over its standard deviation (`robust`). A share
        ``posterior_share`` of the proposals is for topologies drawn from the posterior, the rest
        for the generating ones; no gradient passes through that draw.
        """
        forward = _forward_of(parents)
        target = batch["stiffness"]
        shape = batch["topology"].shape
        device = target.device

        flip = torch.randint(4, shape, generator=generator, device=device)
        logits = self.topology(self.seen(batch, flip)[0])
        likelihood = nn.functional.cross_entropy(logits, batch["topology"])

        drawn = draw(logits.detach(), 1.0, generator)
        uniform = torch.rand(drawn.shape, generator=generator, device=device)
        topology = torch.where(uniform >= settings["posterior_share"], batch["topology"], drawn)
        explore = torch.randint(
            self.config["hypotheses"], shape, generator=generator, device=device
        )
        uniform = torch.rand(shape, generator=generator, device=device)
        explore = torch.where(uniform < EXPLORED, explore, -1)

        size = (target / self.stiffness_std).square().mean(-1)
        errors = []
        guess, reached, _ = self.first_guess(forward, batch, flip, topology, explore)
        for step in range(self.config["steps"] + 1):
            if step > 0:
                guess = self.correct(topology, guess.detach(), target, reached.detach())
                reached = self.reached(forward, topology, guess)
            difference = (rotate(reached, guess.rotation) - target) / self.stiffness_std
            errors.append(robust(difference, size))
        return {
            "loss": 0.1 * likelihood + sum(errors) / len(errors),
            "likelihood": likelihood,
            "first_guess": errors[0],
            "last_guess": errors[-1],
        }

    def seen(self, features: Tensors, flip: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute standardised inputs (n, 43) and frame (n, 3, 3).

        Both are those of version ``flip`` (n,) of the canonical frame.
        """
        signs = _FLIP_SIGNS.to(flip.device)[flip]
        shape = features["shape"] * torch.cat([signs, signs], -1)
        inputs = torch.cat([shape, features["log_norm"][:, None]], -1)
        frame = features["frame"] * _FLIPS.to(flip.device)[flip][:, None, :]
        return (inputs - self.input_mean) / self.input_std, frame

    def code(self, topology: torch.Tensor) -> torch.Tensor:
        """Join the members (14) and the learned vectors of topologies (n,)."""
        return torch.cat([self.members[topology], self.embedding(topology)], -1)

    def guesses(self, inputs: torch.Tensor, frame: torch.Tensor, topology: torch.Tensor) -> Guess:
        """Compute first guesses, ``hypotheses`` for each of n topologies."""
        out = self.geometry(torch.cat([inputs, self.code(topology)], -1)).reshape(-1, 13)
        rotation = from_six(out[:, 7:])
        left = symmetric_matrix(_deviator(0.5 * out[:, 1:7]))
        stretch = six_of(rotation.mT @ left @ rotation)
        frame = frame.repeat_interleave(self.config["hypotheses"], 0)
        return Guess(out[:, 0], stretch, frame @ rotation)

    def reached(self, forward: PolarForward, topology: torch.Tensor, guess: Guess) -> torch.Tensor:
        """Predict the stiffness (n, 21) of guesses in the lattice frame."""
        return forward.lattice_stiffness(topology, self.log_density(guess.logit), guess.stretch)

    def log_density(self, logit: torch.Tensor) -> torch.Tensor:
        """Compute the logarithm of the density (n,) from logits (n,)."""
        low, high = np.log(DENSITY_RANGE)
        return low + (high - low) * torch.sigmoid(logit)

    def correct(
        self,
        topology: torch.Tensor,
        guess: Guess,
        target: torch.Tensor,
        reached: torch.Tensor,
    ) -> Guess:
        """Correct guesses by the difference between target and reached stiffness.

        ``target`` (n, 21) is in the laboratory frame, ``reached`` (n, 21) in the lattice frame.
        """
        goal = rotate(target, guess.rotation.mT)
        weight = _WEIGHT.to(goal)
        norm = (goal * weight).norm(dim=-1, keepdim=True)
        missing = (goal - reached) / norm
        size = (missing * weight).norm(dim=-1, keepdim=True)

        density = self.log_density(guess.logit)[:, None]
        scalars = [density, norm.log() - density, size.clamp_min(1e-6).log()]
        inputs = [
            self.code(topology),
            guess.stretch,
            4 * goal / norm,
            4 * missing / (size + 0.02),
            0.3 * torch.cat(scalars, -1),
        ]
        out = self.refine(torch.cat(inputs, -1)) * torch.tanh(size)

        turn = from_rotation_vector(out[:, 7:])
        moved = symmetric_matrix(guess.stretch + _deviator(out[:, 1:7]))
        stretch = six_of(turn.mT @ moved @ turn)
        return Guess(guess.logit + out[:, 0], stretch, guess.rotation @ turn)

    def first_guess(
        self,
        forward: PolarForward,
        features: Tensors,
        flip: torch.Tensor,
        topology: torch.Tensor,
        explore: torch.Tensor | None = None,
    ) -> tuple[Guess, torch.Tensor, torch.Tensor]:
        """Choose the best first guess for topologies (n,).

        Also returns its stiffness in the lattice frame (n, 21) and its error (n,). ``explore`` (n,)
        holds the number of a first guess to use instead, or -1.
        """
        count = self.config["hypotheses"]
        n = len(topology)
        inputs, frame = self.seen(features, flip)
        guesses = self.guesses(inputs, frame, topology)
        with torch.no_grad():
            reached = self.reached(forward, topology.repeat_interleave(count), guesses)
            target = features["stiffness"].repeat_interleave(count, 0)
            error = _errors(guesses, reached, target).reshape(n, count)
            best = error.argmin(-1)

        if explore is not None:
            best = torch.where(explore >= 0, explore, best)
        row = torch.arange(n, device=best.device) * count + best
        guess = guesses.take(row)
        reached = reached[row]
        if torch.is_grad_enabled():  # computed again, because no gradient passes through the choice
            reached = self.reached(forward, topology, guess)
        return guess, reached, error.flatten()[row]

    @torch.no_grad()
    def exclude(self, topologies: np.ndarray) -> None:
        """Exclude topologies (k,) from all further proposals."""
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
        """Propose designs (n, draws, 19) for targets (n, 21), base modulus 1.

        They have the published columns and ranges. Every draw takes ``candidates`` topologies
        without replacement from the posterior at ``temperature`` (0: the most probable ones), makes
        first guesses for each, and corrects the one that the forward model finds closest
        (`nmse_frobenius`). Without ``best_guess`` a topology gets one first guess, drawn at random
        among them, so that with one candidate the forward model chooses nothing.
        """
        targets = np.atleast_2d(np.asarray(targets, float))
        types, reps = (torch.as_tensor(numbers) for numbers in topology_members())
        count = min(candidates or self.config["candidates"], len(types))
        per_batch = max(1, _GUESSES // (count * draws))
        forward = _forward_of(parents)

        def best_from(start: int) -> tuple[torch.Tensor, Guess]:
            batch = targets[start : start + per_batch]
            batch_seed = stream(seed, "proposals", start)
            choice = _Choice(draws, count, temperature, best_guess)
            return self._best(forward, batch, choice, batch_seed)

        starts = range(0, len(targets), per_batch)
        results = in_threads(best_from, starts, self.input_mean.device)
        topology = torch.cat([numbers for numbers, _ in results]).cpu()
        guesses = [guess for _, guess in results]
        guess = Guess(*(torch.cat(tensors).cpu() for tensors in zip(*guesses, strict=True)))

        designs, _ = published_designs(
            types[topology].numpy(),
            reps[topology].numpy(),
            self.log_density(guess.logit.double()).exp().numpy(),
            nearest_rotation(guess.rotation.double().numpy()),
            guess.stretch.double().numpy(),
        )
        return designs.reshape(len(targets), draws, -1)

    @torch.no_grad()
    def _best(
        self, forward: PolarForward, targets: np.ndarray, choice: "_Choice", seed: int
    ) -> tuple[torch.Tensor, Guess]:
        """Choose and correct proposals, ``draws`` for each target, a row for each.

        Returns their topologies and guesses.
        """
        device = self.input_mean.device
        generator = torch.Generator(device).manual_seed(seed)
        count = choice.candidates
        features = {name: x.to(device) for name, x in target_features(targets).items()}
        with hidden_layers_in(self.precision):
            flip = torch.randint(4, (len(targets),), generator=generator, device=device)
            logits = self.topology(self.seen(features, flip)[0])
            logits = logits.repeat_interleave(choice.draws, 0)
            features = {k: v.repeat_interleave(choice.draws, 0) for k, v in features.items()}

            noise = gumbel_noise(logits, generator)
            scores = logits if choice.temperature == 0 else logits / choice.temperature + noise
            tried = scores.topk(count, dim=-1).indices.reshape(-1)
            flip = torch.randint(4, tried.shape, generator=generator, device=device)
            repeated = {k: v.repeat_interleave(count, 0) for k, v in features.items()}
            explore = None
            if not choice.best_guess:
                guesses = self.config["hypotheses"]
                explore = torch.randint(guesses, flip.shape, generator=generator, device=device)
            guess, reached, error = self.first_guess(forward, repeated, flip, tried, explore)

            best = error.reshape(-1, count).argmin(-1)
            row = torch.arange(len(logits), device=device) * count + best
            topology = tried[row]
            guess = guess.take(row)
            reached = reached[row]
            for step in range(self.config["steps"]):
                if step > 0:
                    reached = self.reached(forward, topology, guess)
                guess = self.correct(topology, guess, features["stiffness"], reached)
        return topology, guess


class _Choice(NamedTuple):
    """Options of `PolarInverse.propose`: how proposals are drawn and chosen."""

    draws: int
    candidates: int
    temperature: float
    best_guess: bool


def _forward_of(parents: Parents) -> PolarForward:
    """Return the forward network among the parents of an inverse one."""
    return cast(PolarForward, parents["forward"])


def _errors(guess: Guess, reached: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Compute `nmse_frobenius` (n,) of guesses for targets (n, 21).

    ``reached`` (n, 21) is the stiffness of the guesses in the lattice frame.
    """
    return nmse_frobenius(reached, rotate(target, guess.rotation.mT))


def _deviator(six: torch.Tensor) -> torch.Tensor:
    """Subtract the mean of the first three of six entries (n, 6) from these."""
    return torch.cat([six[:, :3] - six[:, :3].mean(-1, keepdim=True), six[:, 3:]], -1)


def robust(difference: torch.Tensor, size: torch.Tensor) -> torch.Tensor:
    """Average the errors of designs, robust against large ones.

    It is a compromise of absolute and relative errors. Absolute errors count in R², relative ones
    in NMSE. The mean square of each difference (n, 21) is divided by the root of the target's mean
    square ``size`` (n,), and grows as its root where the proposal is far off, because there the
    topology is at fault.
    """
    square = difference.square().mean(-1) / (size + 0.02).sqrt()
    return (square + 0.01).sqrt().mean() - 0.1
