"""Both black boxes, and the 40 numbers by which they see a design."""

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
import torch
from torch import nn

from trussmap.lattice.descriptor import R1, R2
from trussmap.learning.features import moments
from trussmap.learning.networks import (
    AT_ONCE,
    MLP,
    Parents,
    Settings,
    Tensors,
    TrainableNetwork,
    hidden_layers_in,
)
from trussmap.learning.paper import encoding

# Smallest values and ranges of the six numbers of both rotations.
_LOW = np.array([0, -1, -1] * 2)
_SPAN = np.array([2 * np.pi, 2, 2] * 2)


def encode(designs: np.ndarray) -> torch.Tensor:
    """Encode designs (n, 19) as a float32 tensor (n, 40)."""
    inputs = encoding.encode(designs)
    turns = (np.hstack([designs[:, R1], designs[:, R2]]) - _LOW) / _SPAN
    scaled_turns = torch.as_tensor(turns, dtype=torch.float32)
    return torch.cat([inputs["scaled"], inputs["lattices"], scaled_turns], -1)


def decode(encoded: torch.Tensor) -> np.ndarray:
    """Decode designs (n, 19) from (n, 40).

    Lattices are those of the largest entry; all other numbers are clipped to their ranges.
    """
    n = len(encoded)
    identity = torch.eye(3).expand(n, 3, 3)
    inputs = {
        "scaled": encoded[:, :7],
        "lattices": encoded[:, 7:34],
        "r1": identity,
        "r2": identity,
    }
    designs = encoding.decode(inputs)

    turns = np.clip(encoded[:, 34:].double().cpu().numpy(), 0, 1) * _SPAN + _LOW
    for columns, turn in ((R1, turns[:, :3]), (R2, turns[:, 3:])):
        length = np.linalg.norm(turn[:, 1:], axis=1, keepdims=True)
        designs[:, columns] = np.hstack([turn[:, :1], turn[:, 1:] / np.maximum(length, 1)])
    return designs


class _Direct(TrainableNetwork):
    """Network between descriptor (n, 40) and 21 constants, standardised."""

    columns = ("designs", "stiffness")
    #: Widths of the first and the last layer.
    inputs: ClassVar[int]
    outputs: ClassVar[int]
    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, hidden: Sequence[int], scaling: dict[str, list[float]]) -> None:
        super().__init__()
        self.config = {"hidden": hidden, "scaling": scaling}
        for name, values in scaling.items():
            self.register_buffer(name, torch.tensor(values), persistent=False)
        self.network = MLP(self.inputs, hidden, self.outputs)

    @staticmethod
    def features(block: dict[str, np.ndarray], parents: Parents) -> Tensors:
        """Compute training tensors ``design`` (n, 40), ``stiffness`` (n, 21)."""
        stiffness = torch.as_tensor(block["stiffness"], dtype=torch.float32)
        return {"design": encode(block["designs"]), "stiffness": stiffness}

    @classmethod
    def from_data(cls, settings: Settings, data: Tensors) -> Self:
        """Make an untrained network that standardises the stiffness in ``data``."""
        mean, deviation = moments(data["stiffness"])
        return cls(settings["hidden"], {"mean": mean.tolist(), "std": deviation.tolist()})

    def standardised(self, stiffness: torch.Tensor) -> torch.Tensor:
        """Standardise stiffnesses (n, 21) by mean and deviation in training."""
        return (stiffness - self.mean) / self.std


class DirectForward(_Direct):
    """Network from the descriptor (n, 40) to the 21 constants, standardised."""

    inputs = 40
    outputs = 21

    def loss(
        self, batch: Tensors, generator: torch.Generator, parents: Parents, settings: Settings
    ) -> torch.Tensor:
        """Compute the mean squared error of the standardised stiffness."""
        predicted = self.network(batch["design"])
        return nn.functional.mse_loss(predicted, self.standardised(batch["stiffness"]))

    @torch.no_grad()
    def predict(self, designs: np.ndarray) -> np.ndarray:
        """Predict the stiffness (n, 21) of designs (n, 19), base modulus 1."""
        stiffness = []
        for start in range(0, len(designs), AT_ONCE):
            encoded = encode(designs[start : start + AT_ONCE]).to(self.mean.device)
            predicted = self.network(encoded) * self.std + self.mean
            stiffness.append(predicted.double().cpu().numpy())
        return np.concatenate(stiffness)


class DirectInverse(_Direct):
    """Network from the 21 constants, standardised, to the descriptor (n, 40)."""

    inputs = 21
    outputs = 40

    def loss(
        self, batch: Tensors, generator: torch.Generator, parents: Parents, settings: Settings
    ) -> torch.Tensor:
        """Compute the mean squared error of the descriptor (paper, Eq. 2)."""
        predicted = self.network(self.standardised(batch["stiffness"]))
        return nn.functional.mse_loss(predicted, batch["design"])

    @torch.no_grad()
    def propose(
        self,
        targets: np.ndarray,
        parents: Parents,
        draws: int = 1,
        temperature: float = 1.0,
        seed: int = 0,
    ) -> np.ndarray:
        """Propose designs (n, draws, 19) for targets (n, 21).

        There is one answer to a target, so all draws are the same.
        """
        device = self.mean.device
        designs = []
        for start in range(0, len(targets), AT_ONCE):
            rows = targets[start : start + AT_ONCE]
            stiffness = torch.as_tensor(rows, dtype=torch.float32, device=device)
            with hidden_layers_in(self.precision):
                designs.append(decode(self.network(self.standardised(stiffness))))
        return np.repeat(np.concatenate(designs)[:, None], draws, axis=1)
