"""The `direct` architecture: what the paper says does not work, so that the claim can be checked.

Its forward model is one black box from the whole descriptor to the 21 constants, without the physical structure of
F2∘F1. Its inverse model regresses the descriptor on the stiffness (Bastek et al. 2022, Eq. 2), although many designs
share a stiffness. Both see the descriptor Θ as 40 numbers: ρ, U, V in [0, 1], lattices one-hot, and the six numbers of
the rotations in [0, 1].
"""

import numpy as np
import torch
from torch import nn

from trussmap.lattice.descriptor import R1, R2
from trussmap.learning import paper
from trussmap.learning.networks import MLP

_LOW = np.array([0, -1, -1] * 2)
_SPAN = np.array([2 * np.pi, 2, 2] * 2)


def encode(designs):
    """Designs (n, 19) as float32 tensor (n, 40)."""
    inputs = paper.encode(designs)
    turns = (np.hstack([designs[:, R1], designs[:, R2]]) - _LOW) / _SPAN
    return torch.cat([inputs["scaled"], inputs["lattices"], torch.as_tensor(turns, dtype=torch.float32)], -1)


def decode(encoded):
    """Designs (n, 19) of (n, 40): lattices by the largest entry, everything else clipped to its range."""
    n = len(encoded)
    identity = torch.eye(3).expand(n, 3, 3)
    parts = {"scaled": encoded[:, :7], "lattices": encoded[:, 7:34], "r1": identity, "r2": identity}
    designs = paper.decode(parts)
    turns = np.clip(encoded[:, 34:].double().cpu().numpy(), 0, 1) * _SPAN + _LOW
    for columns, turn in ((R1, turns[:, :3]), (R2, turns[:, 3:])):
        length = np.linalg.norm(turn[:, 1:], axis=1, keepdims=True)
        designs[:, columns] = np.hstack([turn[:, :1], turn[:, 1:] / np.maximum(length, 1)])
    return designs


class DirectForward(nn.Module):
    """Descriptor (n, 40) → 21 constants, standardised, by one network."""

    def __init__(self, hidden, scaling):
        super().__init__()
        self.config = {"hidden": hidden, "scaling": scaling}
        for name, values in scaling.items():
            self.register_buffer(name, torch.tensor(values), persistent=False)
        self.network = MLP(40, hidden, 21)

    @torch.no_grad()
    def predict(self, designs, batch=16384):
        """Stiffness (n, 21) of designs (n, 19), base modulus 1."""
        out = []
        for start in range(0, len(designs), batch):
            scaled = self.network(encode(designs[start : start + batch]).to(self.mean.device))
            out.append((scaled * self.std + self.mean).double().cpu().numpy())
        return np.concatenate(out)


class DirectInverse(nn.Module):
    """21 constants, standardised → descriptor (n, 40), by one network."""

    def __init__(self, hidden, scaling):
        super().__init__()
        self.config = {"hidden": hidden, "scaling": scaling}
        for name, values in scaling.items():
            self.register_buffer(name, torch.tensor(values), persistent=False)
        self.network = MLP(21, hidden, 40)

    @torch.no_grad()
    def propose(self, targets, draws=1, temperature=1.0, seed=0, batch=16384):
        """Designs (n, draws, 19) for targets (n, 21); there is one answer to a target, so all draws are the same."""
        out = []
        for start in range(0, len(targets), batch):
            part = torch.as_tensor(targets[start : start + batch], dtype=torch.float32, device=self.mean.device)
            out.append(decode(self.network((part - self.mean) / self.std)))
        return np.repeat(np.concatenate(out)[:, None], draws, axis=1)


def training_data(split):
    """Training tensors of both."""
    blocks = split.blocks(names=("designs", "stiffness"))
    parts = [(encode(b["designs"]), torch.as_tensor(b["stiffness"], dtype=torch.float32)) for b in blocks]
    design, stiffness = (torch.cat(x) for x in zip(*parts, strict=True))
    return {"design": design, "stiffness": stiffness}


def new_model(kind, settings, data):
    scaling = {"mean": data["stiffness"].mean(0).tolist(), "std": data["stiffness"].std(0).tolist()}
    return kind(settings["hidden"], scaling)


def forward_loss(model):
    """Mean squared error of the standardised stiffness."""

    def loss(batch, _generator):
        return nn.functional.mse_loss(model.network(batch["design"]), (batch["stiffness"] - model.mean) / model.std)

    return loss


def inverse_loss(model):
    """Mean squared error of the descriptor (paper, Eq. 2)."""

    def loss(batch, _generator):
        return nn.functional.mse_loss(model.network((batch["stiffness"] - model.mean) / model.std), batch["design"])

    return loss
