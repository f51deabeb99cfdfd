"""Both black boxes and what they see of a design."""

import numpy as np
import torch
from torch import nn

from trussmap.lattice.descriptor import R1, R2
from trussmap.learning.features import moments
from trussmap.learning.networks import AT_ONCE, MLP, Parents, Tensors, hidden_layers_in
from trussmap.learning.paper import encoding

_LOW = np.array([0, -1, -1] * 2)
_SPAN = np.array([2 * np.pi, 2, 2] * 2)


def encode(designs: np.ndarray) -> torch.Tensor:
    """Designs (n, 19) as float32 tensor (n, 40)."""
    inputs = encoding.encode(designs)
    turns = (np.hstack([designs[:, R1], designs[:, R2]]) - _LOW) / _SPAN
    return torch.cat([inputs["scaled"], inputs["lattices"], torch.as_tensor(turns, dtype=torch.float32)], -1)


def decode(encoded: torch.Tensor) -> np.ndarray:
    """Designs (n, 19) of (n, 40): lattices by the largest entry, everything else clipped to its range."""
    n = len(encoded)
    identity = torch.eye(3).expand(n, 3, 3)
    parts = {"scaled": encoded[:, :7], "lattices": encoded[:, 7:34], "r1": identity, "r2": identity}
    designs = encoding.decode(parts)
    turns = np.clip(encoded[:, 34:].double().cpu().numpy(), 0, 1) * _SPAN + _LOW
    for columns, turn in ((R1, turns[:, :3]), (R2, turns[:, 3:])):
        length = np.linalg.norm(turn[:, 1:], axis=1, keepdims=True)
        designs[:, columns] = np.hstack([turn[:, :1], turn[:, 1:] / np.maximum(length, 1)])
    return designs


class _Direct(nn.Module):
    """One network between the descriptor (n, 40) and the 21 constants, standardised."""

    columns = ("designs", "stiffness")
    precision = torch.float32  #: of the hidden layers in training, and so in proposals

    def __init__(self, inputs, hidden, outputs, scaling):
        super().__init__()
        self.config = {"hidden": hidden, "scaling": scaling}
        for name, values in scaling.items():
            self.register_buffer(name, torch.tensor(values), persistent=False)
        self.network = MLP(inputs, hidden, outputs)

    @staticmethod
    def features(block: dict[str, np.ndarray], parents: Parents) -> Tensors:
        """Training tensors: ``design`` (n, 40) and ``stiffness`` (n, 21)."""
        stiffness = torch.as_tensor(block["stiffness"], dtype=torch.float32)
        return {"design": encode(block["designs"]), "stiffness": stiffness}

    @classmethod
    def from_data(cls, settings: dict, data: Tensors) -> "_Direct":
        """An untrained network that standardises the stiffness by its moments in ``data``."""
        mean, deviation = moments(data["stiffness"])
        return cls(settings["hidden"], {"mean": mean.tolist(), "std": deviation.tolist()})

    def standardised(self, stiffness: torch.Tensor) -> torch.Tensor:
        """Stiffness (n, 21) less its mean, over its deviation in training."""
        return (stiffness - self.mean) / self.std


class DirectForward(_Direct):
    """Descriptor (n, 40) → 21 constants, standardised."""

    def __init__(self, hidden, scaling):
        super().__init__(40, hidden, 21, scaling)

    def loss(self, batch: Tensors, generator: torch.Generator, parents: Parents, settings: dict) -> torch.Tensor:
        """Mean squared error of the standardised stiffness."""
        return nn.functional.mse_loss(self.network(batch["design"]), self.standardised(batch["stiffness"]))

    @torch.no_grad()
    def predict(self, designs: np.ndarray) -> np.ndarray:
        """Stiffness (n, 21) of designs (n, 19), base modulus 1."""
        out = []
        for start in range(0, len(designs), AT_ONCE):
            scaled = self.network(encode(designs[start : start + AT_ONCE]).to(self.mean.device))
            out.append((scaled * self.std + self.mean).double().cpu().numpy())
        return np.concatenate(out)


class DirectInverse(_Direct):
    """21 constants, standardised → descriptor (n, 40)."""

    def __init__(self, hidden, scaling):
        super().__init__(21, hidden, 40, scaling)

    def loss(self, batch: Tensors, generator: torch.Generator, parents: Parents, settings: dict) -> torch.Tensor:
        """Mean squared error of the descriptor (paper, Eq. 2)."""
        return nn.functional.mse_loss(self.network(self.standardised(batch["stiffness"])), batch["design"])

    @torch.no_grad()
    def propose(
        self, targets: np.ndarray, parents: Parents, draws: int = 1, temperature: float = 1.0, seed: int = 0
    ) -> np.ndarray:
        """Designs (n, draws, 19) for targets (n, 21); there is one answer to a target, so all draws are the same."""
        out = []
        for start in range(0, len(targets), AT_ONCE):
            part = torch.as_tensor(targets[start : start + AT_ONCE], dtype=torch.float32, device=self.mean.device)
            with hidden_layers_in(self.precision):
                out.append(decode(self.network(self.standardised(part))))
        return np.repeat(np.concatenate(out)[:, None], draws, axis=1)
