"""Designs as the published networks see them, and the scaling to [0, 1]."""

from typing import Any

import numpy as np
import torch

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
from trussmap.learning.networks import Tensors, TrainableNetwork
from trussmap.tensors.rotation import angle_axis, rotation

#: Sizes of the one-hot groups: three lattice types, three tessellations.
GROUPS = [7, 7, 7, 2, 2, 2]


def encode(designs: np.ndarray) -> Tensors:
    """Encode designs (n, 19) as network inputs: float32 tensors by name.

    ``scaled`` (n, 7) are ρ, U, V in [0, 1]; ``lattices`` (n, 27) one-hot types and tessellations;
    ``r1`` and ``r2`` (n, 3, 3) rotations.

    >>> from trussmap.lattice.descriptor import sample_designs
    >>> inputs = encode(sample_designs(2022, 0, 5))
    >>> {name: tuple(tensor.shape) for name, tensor in inputs.items()}
    {'scaled': (5, 7), 'lattices': (5, 27), 'r1': (5, 3, 3), 'r2': (5, 3, 3)}
    """
    designs = np.asarray(designs, float)
    choice = np.hstack([designs[:, TYPES], designs[:, REPS] - 1]).astype(int)
    lattices = np.hstack([np.eye(k)[choice[:, i]] for i, k in enumerate(GROUPS)])
    physical = np.column_stack([designs[:, DENSITY], designs[:, U], designs[:, V]])
    arrays = {
        "scaled": (physical - _low()) / (_high() - _low()),
        "lattices": lattices,
        "r1": rotation(designs[:, R1]),
        "r2": rotation(designs[:, R2]),
    }
    return {name: torch.as_tensor(array, dtype=torch.float32) for name, array in arrays.items()}


def decode(inputs: Tensors) -> np.ndarray:
    """Decode designs (n, 19) from network inputs: the inverse of `encode`."""
    arrays = {name: tensor.detach().cpu().double().numpy() for name, tensor in inputs.items()}
    physical = _low() + np.clip(arrays["scaled"], 0, 1) * (_high() - _low())
    groups = np.split(arrays["lattices"], np.cumsum(GROUPS)[:-1], axis=1)
    choice = np.stack([group.argmax(1) for group in groups], 1)

    designs = np.empty((len(physical), 19))
    designs[:, DENSITY] = physical[:, 0]
    designs[:, U] = physical[:, 1:4]
    designs[:, V] = physical[:, 4:]
    designs[:, TYPES] = choice[:, :3]
    designs[:, REPS] = choice[:, 3:] + 1
    designs[:, R1] = angle_axis(arrays["r1"])
    designs[:, R2] = angle_axis(arrays["r2"])
    return designs


def _low() -> np.ndarray:
    """Smallest ρ, U and V (7,)."""
    return np.array([DENSITY_RANGE[0], *[STRETCH_RANGE[0]] * 6])


def _high() -> np.ndarray:
    """Largest ρ, U and V (7,)."""
    return np.array([DENSITY_RANGE[1], *[STRETCH_RANGE[1]] * 6])


class Scaled(TrainableNetwork):
    """Network with minima and maxima of named quantities in its configuration."""

    def __init__(self, config: dict[str, Any], scaling: dict[str, list[list[float]]]) -> None:
        super().__init__()
        self.config = config | {"scaling": scaling}
        for name, (low, high) in scaling.items():
            span = np.asarray(high, np.float32) - np.asarray(low, np.float32)
            self.register_buffer(f"{name}_low", torch.tensor(low), persistent=False)
            self.register_buffer(f"{name}_span", torch.tensor(span), persistent=False)

    def scale(self, name: str, values: torch.Tensor) -> torch.Tensor:
        """Scale the quantity ``name`` to [0, 1] by its range in training."""
        return (values - getattr(self, f"{name}_low")) / getattr(self, f"{name}_span")

    def unscale(self, name: str, values: torch.Tensor) -> torch.Tensor:
        """Scale the quantity ``name`` back: the inverse of `scale`."""
        return values * getattr(self, f"{name}_span") + getattr(self, f"{name}_low")
