"""The `polar` architecture: networks that see a lattice through the polar decomposition of its map.

The stiffness of a lattice depends on its topology, its relative density ρ and its map A = R2·V·R1·U = Q·S, where S is
a symmetric stretch and Q a rotation. In the **lattice frame** it is a function of topology, ρ and S alone, and free of
the scale of S; Q merely rotates it. So the forward model learns C/ρ in the lattice frame from topology, ρ, log ρ and
the deviator of log S, and rotates it exactly.

The inverse model works in the **canonical frame** of a target, the eigenframe of its dilatational tensor C_ijkk, of
which there are four (proper) versions. It gives (1) the posterior of the topology among all distinct ones, (2) for a
topology a first guess of ρ, left stretch QSQᵀ and Q, and (3) corrections of that guess: the forward model says what
stiffness it has, and a network maps what is missing, seen in the lattice frame, to a change of ρ, S and Q.
"""

import numpy as np
import torch
from torch import nn

from trussmap.errors import InputError
from trussmap.lattice.compound import topology_members
from trussmap.lattice.descriptor import (
    DENSITY,
    DENSITY_RANGE,
    R1,
    R2,
    REPS,
    STRETCH_RANGE,
    TYPES,
    U,
    V,
    deformation_map,
    topology_keys,
)
from trussmap.learning import training
from trussmap.learning.networks import (
    MLP,
    draw,
    hidden_layers_in,
    in_threads,
)
from trussmap.measures import nmse_frobenius
from trussmap.rotation import angle_axis, from_rotation_vector, from_six, nearest_rotation
from trussmap.stiffness import COLUMNS, MULTIPLICITY, ROWS, hencky, rotate, unpack

#: Share of the training designs for which a random first guess is trained, not the best, so that none is left behind.
EXPLORED = 0.05
#: Order of the six entries of a symmetric 3×3 matrix: 11, 22, 33, 23, 13, 12.
_SYM = torch.tensor([[0, 5, 4], [5, 1, 3], [4, 3, 2]])
_WEIGHT = torch.as_tensor(MULTIPLICITY**0.5, dtype=torch.float32)
_FLIPS = torch.tensor([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1.0]])
#: Sign of each of the 21 constants in the four versions of the canonical frame.
_A, _B, _C = _FLIPS.T
_SHEAR_SIGN = torch.stack([torch.ones(4)] * 3 + [_B * _C, _A * _C, _A * _B], 1)
_FLIP_SIGNS = _SHEAR_SIGN[:, ROWS] * _SHEAR_SIGN[:, COLUMNS]


# ------------------------------------------------------------------------------------------- designs and their parts
def polar_parts(designs):
    """Topology (n,), relative density (n,), rotation Q (n, 3, 3) and deviator of log S (n, 6) of designs (n, 19)."""
    designs = np.asarray(designs, float)
    a = deformation_map(designs)
    value, frame = np.linalg.eigh(a.swapaxes(-1, -2) @ a)
    logarithm = 0.5 * np.log(value)
    rotation = a @ (frame * np.exp(-logarithm)[:, None, :]) @ frame.swapaxes(-1, -2)
    logarithm -= logarithm.mean(-1, keepdims=True)
    stretch = (frame * logarithm[:, None, :]) @ frame.swapaxes(-1, -2)
    return topology_keys(designs), designs[:, 0], rotation, _six(stretch)


def published_designs(types, reps, relative_density, rotation, log_stretch):
    """Designs (n, 19) with the polar parts given, and whether each is exactly representable (n,) bool.

    S = W diag(s) Wᵀ, so A = (QW) diag(s) Wᵀ: R2 = QW, V = s up to the scale, R1 = Wᵀ, U = 1. The stiffness is free of
    the scale, which is chosen to centre V in [0.5, 2]. Where the stretches differ by more than the factor 4 that V
    can carry, a part of the stretch is given to U: with U ∝ (lengths of the columns of S)^α, A U⁻¹ is decomposed
    anew, with the smallest α that brings V into its range, or else the U of a grid that brings it closest. What
    then still exceeds the range is clipped, and the design is not marked as representable.
    """
    n = len(relative_density)
    limit = np.log(STRETCH_RANGE[1] / STRETCH_RANGE[0])
    value, frame = np.linalg.eigh(_matrix(np.asarray(log_stretch, float)))
    stretch = (frame * np.exp(value)[:, None, :]) @ frame.swapaxes(-1, -2)
    log_u = np.zeros((n, 3))
    spread = np.ptp(value, axis=-1)
    open_rows = np.flatnonzero(spread > limit)
    columns = np.log(np.linalg.norm(stretch, axis=1))
    columns -= 0.5 * (columns.max(-1, keepdims=True) + columns.min(-1, keepdims=True))
    for alpha in (0.25, 0.5, 0.75, 1.0, 1.25):
        trial = np.clip(alpha * columns[open_rows], -limit / 2, limit / 2)
        better = _spread(stretch[open_rows], trial)
        improved = better < spread[open_rows]
        spread[open_rows[improved]], log_u[open_rows[improved]] = better[improved], trial[improved]
        open_rows = open_rows[spread[open_rows] > limit]
    ticks = np.linspace(-limit / 2, limit / 2, 7)
    grid = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), -1).reshape(-1, 3)
    grid = grid[np.abs(grid).max(-1) == limit / 2]
    for row in open_rows[spread[open_rows] < 2 * limit]:  # the others are beyond any U
        trial = _spread(stretch[row], grid)
        if trial.min() < spread[row]:
            spread[row], log_u[row] = trial.min(), grid[trial.argmin()]
    left, log_v, right = frame, value, frame.swapaxes(-1, -2).copy()  # where U = 1
    parted = log_u.any(-1)
    left[parted], v, right[parted] = np.linalg.svd(stretch[parted] * np.exp(-log_u[parted])[:, None, :])
    log_v[parted] = np.log(v)
    sign = np.linalg.det(left)[:, None]  # of left and right alike, for S is positive definite
    left[..., 2] *= sign
    right[:, 2] *= sign
    log_v -= 0.5 * (log_v.max(-1, keepdims=True) + log_v.min(-1, keepdims=True))
    designs = np.empty((n, 19))
    designs[:, DENSITY] = np.clip(relative_density, *DENSITY_RANGE)[:, None]
    designs[:, TYPES], designs[:, REPS] = types, reps
    designs[:, U], designs[:, V] = np.clip(np.exp(log_u), *STRETCH_RANGE), np.clip(np.exp(log_v), *STRETCH_RANGE)
    designs[:, R1], designs[:, R2] = angle_axis(right), angle_axis(np.asarray(rotation, float) @ left)
    return designs, spread <= limit + 1e-9


def _spread(stretch, log_u):
    """Logarithm of the ratio of the largest to the smallest singular value of S U⁻¹."""
    v = np.linalg.svd(stretch * np.exp(-log_u)[..., None, :], compute_uv=False)
    return np.log(v[..., 0] / v[..., -1])


def _six(matrix):
    return matrix[..., [0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]


def _matrix(six):
    return six[..., _SYM.numpy()] if isinstance(six, np.ndarray) else six[..., _SYM.to(six.device)]


def _deviator(six):
    return torch.cat([six[:, :3] - six[:, :3].mean(-1, keepdim=True), six[:, 3:]], -1)


def _members():
    """Which (type, tessellation) each topology is made of: k lists of 14 zeros and ones."""
    types, reps = topology_members()
    members = np.zeros((len(types), 14), int)
    for slot in range(3):
        members[np.arange(len(types)), 2 * types[:, slot] + reps[:, slot] - 1] = 1
    return members.tolist()


# ----------------------------------------------------------------------------------------------------- forward model
class PolarForward(nn.Module):
    """Topology, ρ, deviator of log S → C/ρ in the lattice frame, then the exact rotation by Q.

    ``topologies`` (k, 14) lists which (type, tessellation) each topology is made of; ``scaling`` holds mean and
    standard deviation of the inputs ρ, log ρ, log S (8) and of the outputs C/ρ (21).
    """

    def __init__(self, hidden, embedding, topologies, scaling, activation="silu"):
        super().__init__()
        if topologies != _members():
            raise InputError("the polar model was trained on another table of topologies; train it again.")
        self.config = {"hidden": hidden, "embedding": embedding, "topologies": topologies, "scaling": scaling}
        self.config["activation"] = activation
        self.register_buffer("members", torch.tensor(topologies, dtype=torch.float32), persistent=False)
        for name, values in scaling.items():
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32), persistent=False)
        self.embedding = nn.Embedding(len(topologies), embedding)
        self.network = MLP(14 + embedding + 8, hidden, 21, activation)

    def scaled(self, topology, log_density, log_stretch):
        """C/ρ in the lattice frame (n, 21), standardised, of topologies (n,), log ρ (n,), deviators of log S (n, 6)."""
        log_density = log_density[:, None]
        inputs = torch.cat([log_density.exp(), log_density, log_stretch], -1)
        inputs = (inputs - self.input_mean) / self.input_std
        return self.network(torch.cat([self.members[topology], self.embedding(topology), inputs], -1))

    def lattice_stiffness(self, topology, log_density, log_stretch):
        """C (n, 21) in the lattice frame, base modulus 1."""
        scaled = self.scaled(topology, log_density, log_stretch) * self.output_std + self.output_mean
        return scaled * log_density[:, None].exp()

    @torch.no_grad()
    def predict(self, designs, batch=16384):
        """Stiffness (n, 21) of designs (n, 19), base modulus 1."""
        designs = np.atleast_2d(np.asarray(designs, float))
        out = np.empty((len(designs), 21))
        where = self.members.device
        for start in range(0, len(designs), batch):
            topology, density, rotation, stretch = polar_parts(designs[start : start + batch])
            c = self.lattice_stiffness(
                torch.as_tensor(topology, device=where),
                torch.as_tensor(np.log(density), dtype=torch.float32, device=where),
                torch.as_tensor(stretch, dtype=torch.float32, device=where),
            ).double()
            q = torch.as_tensor(rotation, device=where)
            out[start : start + batch] = rotate(c, q).cpu().numpy()
        return out


def forward_data(split):
    """Training tensors of the forward model, read from a split block by block."""
    parts = []
    for block in split.blocks(names=("designs", "stiffness")):
        topology, density, rotation, stretch = polar_parts(block["designs"])
        lattice = rotate(torch.as_tensor(block["stiffness"]), torch.as_tensor(rotation).mT)
        parts.append(
            {
                "topology": torch.as_tensor(topology),
                "log_density": torch.as_tensor(np.log(density), dtype=torch.float32),
                "log_stretch": torch.as_tensor(stretch, dtype=torch.float32),
                "specific": (lattice / torch.as_tensor(density)[:, None]).float(),
            }
        )
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def new_forward(settings, data):
    """An untrained forward model with the scaling of its training data."""
    inputs = torch.cat([data["log_density"].exp()[:, None], data["log_density"][:, None], data["log_stretch"]], -1)
    scaling = {
        "input_mean": inputs.mean(0).tolist(),
        "input_std": inputs.std(0).tolist(),
        "output_mean": data["specific"].mean(0).tolist(),
        "output_std": data["specific"].std(0).tolist(),
    }
    return PolarForward(settings["hidden"], settings.get("embedding", 32), _members(), scaling)


def forward_loss(model):
    """Mean squared error of the standardised C/ρ."""

    def loss(batch, _generator):
        scaled = model.scaled(batch["topology"], batch["log_density"], batch["log_stretch"])
        return nn.functional.mse_loss(scaled, (batch["specific"] - model.output_mean) / model.output_std)

    return loss


# ----------------------------------------------------------------------------------------------------- inverse model
def target_features(stiffness):
    """What the inverse model sees of targets (n, 21): a dictionary of float32 tensors.

    ``frame`` (n, 3, 3), the eigenframe of C_ijkk; and in that frame ``shape`` (n, 42): the stiffness over its Frobenius
    norm and the logarithm of that in Mandel form (which resolves soft modes), with ``log_norm`` (n,) beside.
    """
    c = np.asarray(stiffness, float)
    full = unpack(c)
    dilatation = full[:, :3, :3].sum(1), full[:, 3:, :3].sum(2)
    _, frame = np.linalg.eigh(_matrix(np.concatenate(dilatation, 1)))
    frame[..., 2] *= np.linalg.det(frame)[:, None]
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

    ``forward_model`` is a trained PolarForward; it is used, never trained, and not stored with this model. ``config``
    holds the hidden widths of the three networks ``topology``, ``geometry`` and ``refine``; the number of first guesses
    for a topology (``hypotheses``, trained winner-takes-all, for one stiffness often has several geometries), of
    corrections (``steps``) and of topologies tried for a proposal (``candidates``); and the width of the ``embedding``
    of a topology. ``scaling`` holds mean and deviation of the inputs and the deviation of the 21 constants.
    """

    def __init__(self, forward_model, scaling, **config):
        super().__init__()
        self.config = {"activation": "silu"} | config | {"scaling": scaling}
        activation, embedding = self.config["activation"], config["embedding"]
        for name, values in scaling.items():
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32), persistent=False)
        self._forward_model = [forward_model.eval().requires_grad_(False)]  # in a list: not a submodule
        count = len(forward_model.members)
        self.embedding = nn.Embedding(count, embedding)
        self.topology = MLP(43, config["topology"], count, activation)
        self.geometry = MLP(43 + 14 + embedding, config["geometry"], 13 * config["hypotheses"], activation)
        self.refine = MLP(14 + embedding + 7 + 44, config["refine"], 10, activation)

    @property
    def forward_model(self):
        return self._forward_model[0]

    def _apply(self, *args, **kwargs):
        self.forward_model._apply(*args, **kwargs)
        return super()._apply(*args, **kwargs)

    def seen(self, features, flip):
        """Standardised inputs (n, 43) and the frame (n, 3, 3) in version ``flip`` (n,) of the canonical frame."""
        signs = _FLIP_SIGNS.to(flip.device)[flip]
        shape = features["shape"] * torch.cat([signs, signs], -1)
        inputs = (torch.cat([shape, features["log_norm"][:, None]], -1) - self.input_mean) / self.input_std
        return inputs, features["frame"] * _FLIPS.to(flip.device)[flip][:, None, :]

    def code(self, topology):
        return torch.cat([self.forward_model.members[topology], self.embedding(topology)], -1)

    def guesses(self, inputs, frame, topology):
        """First guesses, h for each of n: logit of the density (nh,), deviator of log S (nh, 6), Q (nh, 3, 3)."""
        out = self.geometry(torch.cat([inputs, self.code(topology)], -1)).reshape(-1, 13)
        rotation = from_six(out[:, 7:])
        left = _matrix(_deviator(0.5 * out[:, 1:7]))
        frame = frame.repeat_interleave(self.config["hypotheses"], 0)
        return out[:, 0], _six(rotation.mT @ left @ rotation), frame @ rotation

    def reached(self, topology, guess):
        """Stiffness (n, 21) of a guess, in the lattice frame."""
        return self.forward_model.lattice_stiffness(topology, self.log_density(guess[0]), guess[1])

    def log_density(self, logit):
        low, high = np.log(DENSITY_RANGE)
        return low + (high - low) * torch.sigmoid(logit)

    def correct(self, topology, guess, target, reached):
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
        moved = _matrix(stretch + _deviator(out[:, 1:7]))
        return logit + out[:, 0], _six(turn.mT @ moved @ turn), rotation @ turn

    def first_guess(self, features, flip, topology, explore=None):
        """The best first guess for topologies (n,), its stiffness in the lattice frame (n, 21) and its error (n,).

        ``explore`` (n,) holds numbers of a first guess to be taken instead, or -1.
        """
        count, n = self.config["hypotheses"], len(topology)
        inputs, frame = self.seen(features, flip)
        guesses = self.guesses(inputs, frame, topology)
        with torch.no_grad():
            reached = self.reached(topology.repeat_interleave(count), guesses)
            error = _errors(guesses, reached, features["stiffness"].repeat_interleave(count, 0)).reshape(n, count)
            best = error.argmin(-1)
        if explore is not None:
            best = torch.where(explore >= 0, explore, best)
        row = torch.arange(n, device=best.device) * count + best
        guess = tuple(part[row] for part in guesses)
        return guess, self.reached(topology, guess) if torch.is_grad_enabled() else reached[row], error.flatten()[row]

    def propose(self, targets, draws=1, temperature=1.0, seed=0, candidates=None, batch=4096):
        """Designs (n, draws, 19) for targets (n, 21), base modulus 1, in the published columns and ranges.

        Every draw takes ``candidates`` topologies without replacement from the posterior at ``temperature`` (0: the
        most probable ones), makes first guesses for each, and corrects the one that the forward model finds closest
        (`nmse_frobenius`).
        """
        targets = np.atleast_2d(np.asarray(targets, float))
        types, reps = (torch.as_tensor(x) for x in topology_members())
        count = min(candidates or self.config["candidates"], len(types))
        per_batch = max(1, batch // (count * draws))

        def best_of(start):
            return self._best(targets[start : start + per_batch], draws, count, temperature, int(seed) + start)

        chosen = in_threads(best_of, range(0, len(targets), per_batch), self.input_mean.device)
        topology, logit, stretch, rotation = (torch.cat(x).cpu() for x in zip(*chosen, strict=True))
        density = self.log_density(logit.double()).exp().numpy()
        parts = types[topology].numpy(), reps[topology].numpy(), density
        designs, _ = published_designs(*parts, nearest_rotation(rotation.double().numpy()), stretch.double().numpy())
        return designs.reshape(len(targets), draws, -1)

    @torch.no_grad()
    def _best(self, targets, draws, count, temperature, seed):
        """Topology and guess of the corrected proposals, ``draws`` for each target: tensors with one row for each."""
        where = self.input_mean.device
        generator = torch.Generator(where).manual_seed(seed)
        part = {k: v.to(where) for k, v in target_features(targets).items()}
        with hidden_layers_in(training.precision()):
            flip = torch.randint(4, (len(targets),), generator=generator, device=where)
            logits = self.topology(self.seen(part, flip)[0]).repeat_interleave(draws, 0)
            part = {k: v.repeat_interleave(draws, 0) for k, v in part.items()}
            uniform = torch.rand(logits.shape, generator=generator, device=where).clamp(1e-20, 1 - 1e-7)
            noise = -torch.log(-torch.log(uniform))
            scores = logits if temperature == 0 else logits / temperature + noise
            topology = scores.topk(count, dim=-1).indices.reshape(-1)
            flip = torch.randint(4, topology.shape, generator=generator, device=where)
            tried = {k: v.repeat_interleave(count, 0) for k, v in part.items()}
            guess, reached, error = self.first_guess(tried, flip, topology)
            row = torch.arange(len(logits), device=where) * count + error.reshape(-1, count).argmin(-1)
            topology, *guess, reached = (x[row] for x in (topology, *guess, reached))
            for step in range(self.config["steps"]):
                if step > 0:
                    reached = self.reached(topology, guess)
                guess = self.correct(topology, guess, part["stiffness"], reached)
        return topology, *guess


def _errors(guess, reached, target):
    """`nmse_frobenius` (n,) of guesses that reach a stiffness (n, 21) in the lattice frame, for targets (n, 21)."""
    return nmse_frobenius(reached, rotate(target, guess[2].mT))


def inverse_data(split):
    """Training tensors of the inverse model, read from a split block by block."""
    parts = []
    for block in split.blocks(names=("designs", "stiffness")):
        parts.append(target_features(block["stiffness"]))
        parts[-1]["topology"] = torch.as_tensor(topology_keys(block["designs"]))
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def new_inverse(settings, data, forward_model):
    """An untrained inverse model with the scaling of its training data."""
    inputs = torch.cat([data["shape"], data["log_norm"][:, None]], -1)
    odd = torch.cat([(_FLIP_SIGNS < 0).any(0)] * 2 + [torch.tensor([False])])  # their mean over the four versions is 0
    mean = torch.where(odd, 0.0, inputs.mean(0))
    scaling = {
        "input_mean": mean.tolist(),
        "input_std": ((inputs - mean) ** 2).mean(0).sqrt().tolist(),
        "stiffness_std": data["stiffness"].std(0).tolist(),
    }
    names = ("topology", "geometry", "refine", "steps", "candidates")
    config = {"hypotheses": settings.get("hypotheses", 4), "embedding": settings.get("embedding", 32)}
    config |= {name: settings[name] for name in names}
    return PolarInverse(forward_model, scaling, **config)


def inverse_loss(model, settings):
    """Likelihood of the generating topology plus reconstruction error of proposals through the forward model.

    The reconstruction is compared in the laboratory frame, every constant over its standard deviation (``robust``). A
    share ``posterior_share`` of the proposals is for topologies drawn from the posterior, the rest for the generating
    ones; no gradient passes through that draw.
    """

    def loss(batch, generator):
        where = batch["topology"].device
        flip = torch.randint(4, batch["topology"].shape, generator=generator, device=where)
        logits = model.topology(model.seen(batch, flip)[0])
        likelihood = nn.functional.cross_entropy(logits, batch["topology"])
        drawn = draw(logits.detach(), 1.0, generator)
        keep = torch.rand(drawn.shape, generator=generator, device=where) >= settings["posterior_share"]
        topology = torch.where(keep, batch["topology"], drawn)
        errors = []
        size = (batch["stiffness"] / model.stiffness_std).square().mean(-1)
        explore = torch.randint(model.config["hypotheses"], flip.shape, generator=generator, device=where)
        explore = torch.where(torch.rand(flip.shape, generator=generator, device=where) < EXPLORED, explore, -1)
        guess, reached, _ = model.first_guess(batch, flip, topology, explore)
        for step in range(model.config["steps"] + 1):
            if step > 0:
                still = tuple(part.detach() for part in guess)
                guess = model.correct(topology, still, batch["stiffness"], reached.detach())
                reached = model.reached(topology, guess)
            difference = (rotate(reached, guess[2]) - batch["stiffness"]) / model.stiffness_std
            errors.append(robust(difference, size))
        return {
            "loss": 0.1 * likelihood + sum(errors) / len(errors),
            "likelihood": likelihood,
            "first_guess": errors[0],
            "last_guess": errors[-1],
        }

    return loss


def robust(difference, size):
    """Mean over designs of their error, a compromise between absolute (as in R²) and relative (as in NMSE).

    The mean square of each difference (n, 21) is divided by the root of the target's own mean square ``size`` (n,), and
    grows as its root where the proposal is far off, for there the topology is at fault.
    """
    square = difference.square().mean(-1) / (size + 0.02).sqrt()
    return (square + 0.01).sqrt().mean() - 0.1
