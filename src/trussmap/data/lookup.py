"""Closest known designs: the baseline of all networks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from trussmap.data.dataset import Split
from trussmap.lattice.descriptor import DENSITY, DENSITY_RANGE, R2
from trussmap.tensors.rotation import angle_axis, rotation
from trussmap.tensors.stiffness import (
    FLIP_SIGNS,
    FLIPS,
    MULTIPLICITY,
    TENSOR_WEIGHT,
    canonical_frame,
    rotate,
    tensor_norm,
)

if TYPE_CHECKING:
    import torch

# Targets and designs that are compared at once.
_BLOCK = 8192


def closest_designs(
    split: Split, targets: np.ndarray, count: int = 1, symmetric: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Find the ``count`` designs of a split closest to targets (n, 21).

    Distances are those of `nmse_frobenius`, in single precision, block by block (paper, SI 3.G).
    With ``symmetric``, the search uses two facts that need no finite elements: a rotated design has
    the rotated stiffness, and stiffness is about proportional to density. Targets and data are then
    compared over their norms and in their canonical frames, all four versions of these. The closest
    design is turned, and gets the density that brings its norm to the target's, as far as its range
    allows.

    Returns
    -------
    designs : (n, count, 19)
    stiffness : (n, count, 21), with ``symmetric`` an estimate, turned and scaled like the design
    """
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def as_tensor(array: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(array, dtype=torch.float32, device=device)

    targets = np.atleast_2d(targets)
    frame = canonical_frame(targets) if symmetric else None
    signs = FLIP_SIGNS if symmetric else np.ones((1, 21))
    nearest = _Nearest(
        as_tensor(_comparable(targets, frame)), [as_tensor(row) for row in signs], count
    )
    for first in range(0, len(split), _BLOCK):
        known = split.read(slice(first, first + _BLOCK), ("stiffness",))["stiffness"]
        known_frame = canonical_frame(known) if symmetric else None
        nearest.add(as_tensor(_comparable(known, known_frame)), first)

    designs, stiffness = _rows(split, nearest.row.cpu().numpy())
    if frame is None:
        return designs, stiffness
    return _moved(targets, frame, nearest.version.cpu().numpy(), designs, stiffness)


class _Nearest:
    """The nearest rows (n, count) of all that were added, for targets (n, 21).

    ``signs`` are those of the versions of the targets that are compared.
    """

    def __init__(
        self, targets: "torch.Tensor", signs: Sequence["torch.Tensor"], count: int
    ) -> None:
        import torch

        shape = (len(targets), count)
        self.targets = targets
        self.signs = signs
        self.count = count
        #: Squared distances less the squares of the targets, rows, and versions of the targets.
        self.distance = torch.full(shape, torch.inf, device=targets.device)
        self.row = torch.zeros(shape, dtype=torch.long, device=targets.device)
        self.version = torch.zeros(shape, dtype=torch.long, device=targets.device)

    def add(self, known: "torch.Tensor", first: int) -> None:
        """Compare further rows (m, 21), which are ``first``, ``first + 1``, …"""
        size = (known**2).sum(-1)
        for start in range(0, len(self.targets), _BLOCK):
            rows = slice(start, start + _BLOCK)
            for version, signs in enumerate(self.signs):
                self._add_version(known, size, first, rows, version, self.targets[rows] * signs)

    def _add_version(
        self,
        known: "torch.Tensor",
        size: "torch.Tensor",
        first: int,
        rows: slice,
        version: int,
        targets: "torch.Tensor",
    ) -> None:
        """Compare rows (m, 21) with one version of a block of the targets."""
        import torch

        distance = torch.addmm(size, targets, known.T, alpha=-2)
        if self.count == 1:
            distance, index = distance.min(-1, keepdim=True)
        else:
            distance, index = distance.topk(min(self.count, len(known)), -1, False)

        joined = torch.cat([self.distance[rows], distance], 1)
        distance, place = joined.topk(self.count, -1, False)
        versions = torch.cat([self.version[rows], torch.full_like(index, version)], 1)
        self.distance[rows] = distance
        self.row[rows] = torch.cat([self.row[rows], first + index], 1).gather(1, place)
        self.version[rows] = versions.gather(1, place)


def _rows(split: Split, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Read designs (..., 19) and stiffness (..., 21) of rows (...,)."""
    arrays = {"designs": np.empty((*row.shape, 19)), "stiffness": np.empty((*row.shape, 21))}
    for first in range(0, len(split), _BLOCK):
        inside = (row >= first) & (row < first + _BLOCK)
        if inside.any():
            block = split.read(slice(first, first + _BLOCK), tuple(arrays))
            for name, values in arrays.items():
                values[inside] = block[name][row[inside] - first]
    return arrays["designs"], arrays["stiffness"]


def _comparable(stiffness: np.ndarray, frame: np.ndarray | None) -> np.ndarray:
    """Scale stiffnesses (n, 21): squared distances become the tensors'.

    With a frame (n, 3, 3), they are also divided by their norm and turned into the frame.
    """
    if frame is None:
        return stiffness * MULTIPLICITY**0.5
    normed = stiffness / tensor_norm(stiffness)[:, None]
    return rotate(normed, frame.swapaxes(-1, -2)) * TENSOR_WEIGHT**0.5


def _moved(
    targets: np.ndarray,
    frame: np.ndarray,
    version: np.ndarray,
    designs: np.ndarray,
    stiffness: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Turn and scale designs (n, count, 19) and stiffness like targets."""
    frames = canonical_frame(stiffness.reshape(-1, 21)).reshape(*stiffness.shape[:-1], 3, 3)
    turn = (frame[:, None] * FLIPS[version][:, :, None, :]) @ frames.swapaxes(-1, -2)
    density = designs[..., DENSITY] * tensor_norm(targets)[:, None] / tensor_norm(stiffness)
    density = np.clip(density, *DENSITY_RANGE)
    scale = density / designs[..., DENSITY]

    moved = designs.copy()
    moved[..., DENSITY] = density
    moved[..., R2] = angle_axis(turn @ rotation(designs[..., R2]))
    return moved, rotate(stiffness, turn) * scale[..., None]
