"""The published architecture: forward networks F1, F2 and inverse networks G1, G2 (Bastek et al. 2022; DESIGN §6).

F1 maps density, U and lattices to the nine orthotropic constants after U. They are rotated by R1; F2 adds the stretch
V; its output Ĉ is rotated by R2. F2 trains on F1's predictions. G1 maps a stiffness to logits of the lattices, drawn
by straight-through Gumbel-softmax; G2 maps stiffness and lattices to density, U, V and two rotations in 6-D form. Both
train through the frozen F. All stiffnesses, ρ, U and V are scaled to [0, 1] by minimum and maximum.
"""

import numpy as np
import torch
from torch import nn

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
)
from trussmap.learning import training
from trussmap.learning.networks import MLP, hidden_layers_in, straight_through_choice
from trussmap.rotation import angle_axis, from_six, rotation
from trussmap.stiffness import rotate, unpack_orthotropic

#: Sizes of the one-hot groups: three lattice types, three tessellations.
_GROUPS = [7, 7, 7, 2, 2, 2]


def encode(designs):
    """Network inputs of designs (n, 19): a dictionary of float32 tensors.

    ``scaled`` (n, 7) are ρ, U, V in [0, 1]; ``lattices`` (n, 27) one-hot types and tessellations; ``r1`` and ``r2``
    (n, 3, 3) rotations.
    """
    designs = np.asarray(designs, float)
    choice = np.hstack([designs[:, TYPES], designs[:, REPS] - 1]).astype(int)
    lattices = np.hstack([np.eye(k)[choice[:, i]] for i, k in enumerate(_GROUPS)])
    scaled = np.hstack([designs[:, DENSITY], designs[:, U], designs[:, V]])
    scaled = (scaled - _low()) / (_high() - _low())
    arrays = {"scaled": scaled, "lattices": lattices, "r1": rotation(designs[:, R1]), "r2": rotation(designs[:, R2])}
    return {name: torch.as_tensor(array, dtype=torch.float32) for name, array in arrays.items()}


def decode(inputs):
    """Designs (n, 19) of network inputs: the inverse of ``encode``."""
    arrays = {name: tensor.detach().cpu().double().numpy() for name, tensor in inputs.items()}
    n = len(arrays["scaled"])
    physical = _low() + np.clip(arrays["scaled"], 0, 1) * (_high() - _low())
    groups = np.split(arrays["lattices"], np.cumsum(_GROUPS)[:-1], axis=1)
    choice = np.stack([group.argmax(1) for group in groups], 1)
    designs = np.empty((n, 19))
    designs[:, DENSITY], designs[:, U], designs[:, V] = physical[:, :1], physical[:, 1:4], physical[:, 4:]
    designs[:, TYPES], designs[:, REPS] = choice[:, :3], choice[:, 3:] + 1
    designs[:, R1], designs[:, R2] = angle_axis(arrays["r1"]), angle_axis(arrays["r2"])
    return designs


def _low():
    return np.array([DENSITY_RANGE[0], *[STRETCH_RANGE[0]] * 6])


def _high():
    return np.array([DENSITY_RANGE[1], *[STRETCH_RANGE[1]] * 6])


class _Scaled(nn.Module):
    """A module with minima and maxima of named quantities, kept in its configuration."""

    def __init__(self, config, scaling):
        super().__init__()
        self.config = config | {"scaling": scaling}
        for name, (low, high) in scaling.items():
            self.register_buffer(f"{name}_low", torch.tensor(low), persistent=False)
            self.register_buffer(f"{name}_span", torch.tensor(high) - torch.tensor(low), persistent=False)

    def scale(self, name, values):
        return (values - getattr(self, f"{name}_low")) / getattr(self, f"{name}_span")

    def unscale(self, name, values):
        return values * getattr(self, f"{name}_span") + getattr(self, f"{name}_low")


class Forward1(_Scaled):
    """F1: density, U, lattices → nine orthotropic constants after U."""

    def __init__(self, hidden, scaling):
        super().__init__({"hidden": hidden}, scaling)
        self.network = MLP(31, hidden, 9)

    def forward(self, scaled, lattices):
        """Scaled output (n, 9) of ρ, U, V in [0, 1] (n, 7; V is not used) and lattices (n, 27)."""
        return self.network(torch.cat([scaled[:, :4], lattices], -1))

    def orthotropic(self, scaled, lattices):
        """The nine constants (n, 9), base modulus 1."""
        return self.unscale("orthotropic", self(scaled, lattices))


class Forward2(_Scaled):
    """F2: C̃ (stiffness after U and R1) and V → Ĉ (after V)."""

    def __init__(self, hidden, scaling):
        super().__init__({"hidden": hidden}, scaling)
        self.network = MLP(24, hidden, 21)

    def forward(self, turned, scaled):
        """Scaled Ĉ (n, 21) of C̃ (n, 21) and ρ, U, V in [0, 1] (n, 7; only V is used)."""
        return self.network(torch.cat([self.scale("turned", turned), scaled[:, 4:]], -1))


class Forward:
    """F = F2 ∘ F1 with the exact rotations: designs → stiffness."""

    def __init__(self, forward_1, forward_2):
        self.forward_1, self.forward_2 = (m.eval().requires_grad_(False) for m in (forward_1, forward_2))

    def to(self, where):
        self.forward_1.to(where)
        self.forward_2.to(where)
        return self

    def stiffness(self, scaled, lattices, r1, r2):
        """Stiffness (n, 21) as a differentiable function of the network inputs."""
        nine = self.forward_1.orthotropic(scaled, lattices)
        turned = rotate(unpack_orthotropic(nine), r1)
        stretched = self.forward_2.unscale("stretched", self.forward_2(turned, scaled))
        return rotate(stretched, r2)

    @torch.no_grad()
    def predict(self, designs, batch=16384):
        """Stiffness (n, 21) of designs (n, 19), base modulus 1."""
        return self._in_batches(designs, batch, lambda inputs: self.stiffness(**inputs))

    @torch.no_grad()
    def predict_orthotropic(self, designs, batch=16384):
        """Orthotropic constants (n, 9) after U alone, by F1."""
        run = lambda inputs: self.forward_1.orthotropic(inputs["scaled"], inputs["lattices"])  # noqa: E731
        return self._in_batches(designs, batch, run)

    def _in_batches(self, designs, batch, run):
        where = self.forward_1.orthotropic_low.device
        out = []
        for start in range(0, len(designs), batch):
            inputs = {k: v.to(where) for k, v in encode(designs[start : start + batch]).items()}
            out.append(run(inputs).double().cpu().numpy())
        return np.concatenate(out)


class Inverse(_Scaled):
    """G1 and G2: stiffness → lattices → density, U, V and rotations."""

    def __init__(self, topology, geometry, scaling, forward_model):
        super().__init__({"topology": topology, "geometry": geometry}, scaling)
        self._forward_model = [forward_model]  # in a list: not a submodule
        self.topology = MLP(21, topology, sum(_GROUPS))
        self.geometry = MLP(21 + sum(_GROUPS), geometry, 19)

    @property
    def forward_model(self):
        return self._forward_model[0]

    def _apply(self, function, *args, **kwargs):
        for part in (self.forward_model.forward_1, self.forward_model.forward_2):
            part._apply(function, *args, **kwargs)
        return super()._apply(function, *args, **kwargs)

    def inputs(self, stiffness, temperature, generator):
        """Network inputs (as of ``encode``) of one design drawn for each stiffness (n, 21)."""
        seen = self.scale("stiffness", stiffness)
        logits = self.topology(seen).split(_GROUPS, dim=-1)
        lattices = torch.cat([straight_through_choice(group, temperature, generator) for group in logits], -1)
        out = self.geometry(torch.cat([seen, lattices], -1))
        return {
            "scaled": torch.sigmoid(out[:, :7]),
            "lattices": lattices,
            "r1": from_six(out[:, 7:13]),
            "r2": from_six(out[:, 13:]),
        }

    @torch.no_grad()
    def propose(self, targets, draws=1, temperature=1.0, seed=0, batch=16384):
        """Designs (n, draws, 19) for targets (n, 21), base modulus 1, in the published columns and ranges.

        Lattices are drawn from softmax(logits / temperature); temperature 0 takes the most probable ones.
        """
        targets = np.repeat(np.atleast_2d(np.asarray(targets, float)), draws, axis=0)
        where = self.stiffness_low.device
        generator = torch.Generator(where).manual_seed(int(seed))
        designs = []
        for start in range(0, len(targets), batch):
            part = torch.as_tensor(targets[start : start + batch], dtype=torch.float32, device=where)
            with hidden_layers_in(training.precision()):
                designs.append(decode(self.inputs(part, max(temperature, 1e-6), generator)))
        return np.concatenate(designs).reshape(-1, draws, 19)


# ---------------------------------------------------------------------------------------------------------- training
def forward_1_data(split):
    """Training tensors of F1."""
    parts = []
    for block in split.blocks(names=("designs", "stiffness_orthotropic")):
        inputs = encode(block["designs"])
        nine = torch.as_tensor(block["stiffness_orthotropic"], dtype=torch.float32)
        parts.append({"scaled": inputs["scaled"], "lattices": inputs["lattices"], "orthotropic": nine})
    return _concatenate(parts)


def new_forward_1(settings, data):
    return Forward1(settings["hidden"], {"orthotropic": _range(data["orthotropic"])})


def forward_1_loss(model):
    def loss(batch, _generator):
        return nn.functional.mse_loss(
            model(batch["scaled"], batch["lattices"]), model.scale("orthotropic", batch["orthotropic"])
        )

    return loss


@torch.no_grad()
def forward_2_data(split, forward_1):
    """Training tensors of F2: inputs are F1's predictions, rotated by R1; outputs the stiffness without R2."""
    parts = []
    for block in split.blocks(names=("designs", "stiffness")):
        inputs = encode(block["designs"])
        nine = forward_1.cpu().orthotropic(inputs["scaled"], inputs["lattices"])
        stiffness = torch.as_tensor(block["stiffness"], dtype=torch.float32)
        parts.append(
            {
                "turned": rotate(unpack_orthotropic(nine), inputs["r1"]),
                "scaled": inputs["scaled"],
                "stretched": rotate(stiffness, inputs["r2"].mT),
            }
        )
    return _concatenate(parts)


def new_forward_2(settings, data):
    return Forward2(settings["hidden"], {name: _range(data[name]) for name in ("turned", "stretched")})


def forward_2_loss(model):
    def loss(batch, _generator):
        return nn.functional.mse_loss(
            model(batch["turned"], batch["scaled"]), model.scale("stretched", batch["stretched"])
        )

    return loss


def inverse_data(split):
    """Training tensors of G1 and G2: the stiffness alone."""
    blocks = split.blocks(names=("stiffness",))
    return _concatenate([{"stiffness": torch.as_tensor(b["stiffness"], dtype=torch.float32)} for b in blocks])


def new_inverse(settings, data, forward_model):
    scaling = {"stiffness": _range(data["stiffness"])}
    return Inverse(settings["topology"], settings["geometry"], scaling, forward_model)


def inverse_loss(model, settings):
    """Squared error of the scaled stiffness, reconstructed by the frozen forward model."""

    def loss(batch, generator):
        inputs = model.inputs(batch["stiffness"], settings["temperature"], generator)
        reached = model.forward_model.stiffness(**inputs)
        return nn.functional.mse_loss(model.scale("stiffness", reached), model.scale("stiffness", batch["stiffness"]))

    return loss


def _range(values):
    return [values.amin(0).tolist(), values.amax(0).tolist()]


def _concatenate(parts):
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
