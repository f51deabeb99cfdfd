"""The baselines of all networks: designs of the data set whose stiffness is closest to the one asked for."""

import numpy as np

from trussmap.dataset import Split
from trussmap.lattice.descriptor import DENSITY, DENSITY_RANGE, R2
from trussmap.rotation import angle_axis, rotation
from trussmap.stiffness import FLIP_SIGNS, FLIPS, MULTIPLICITY, TENSOR_WEIGHT, canonical_frame, rotate, tensor_norm

# Targets and designs that are compared at once.
_BLOCK = 8192


def closest_designs(
    split: Split, targets: np.ndarray, count: int = 1, symmetric: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The ``count`` designs (n, count, 19) in a split that are closest to targets (n, 21), and their stiffness.

    Distances are those of `nmse_frobenius`, in single precision, block by block (paper, SI 3.G). With ``symmetric``,
    what one knows without finite elements is used: a rotated design has the rotated stiffness, and stiffness is about
    proportional to density. Targets and data are then compared over their norms and in their canonical frames, whose
    four versions all count; the design found is turned and given the density that brings its norm to the target's, as
    far as its range allows. Its stiffness (n, count, 21) is then an estimate, turned and scaled alike.
    """
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    as_tensor = lambda x: torch.as_tensor(x, dtype=torch.float32, device=device)  # noqa: E731
    targets = np.atleast_2d(targets)
    frame = canonical_frame(targets) if symmetric else None
    wanted = as_tensor(_comparable(targets, frame))
    versions = as_tensor(FLIP_SIGNS) if symmetric else as_tensor(np.ones((1, 21)))
    best = torch.full((len(targets), count), torch.inf, device=device)
    row, version = (torch.zeros((len(targets), count), dtype=torch.long, device=device) for _ in range(2))
    for first in range(0, len(split), _BLOCK):
        known = split.read(slice(first, first + _BLOCK), ("stiffness",))["stiffness"]
        known = as_tensor(_comparable(known, canonical_frame(known) if symmetric else None))
        size = (known**2).sum(-1)
        for start in range(0, len(wanted), _BLOCK):
            rows = slice(start, start + _BLOCK)
            for number, signs in enumerate(versions):
                value = torch.addmm(size, wanted[rows] * signs, known.T, alpha=-2)
                if count == 1:
                    value, index = value.min(-1, keepdim=True)
                else:
                    value, index = value.topk(min(count, len(known)), -1, False)
                value, place = torch.cat([best[rows], value], 1).topk(count, -1, False)
                best[rows] = value
                row[rows] = torch.cat([row[rows], first + index], 1).gather(1, place)
                version[rows] = torch.cat([version[rows], torch.full_like(index, number)], 1).gather(1, place)
    designs, stiffness = _rows(split, row.cpu().numpy())
    return _moved(targets, frame, version.cpu().numpy(), designs, stiffness) if symmetric else (designs, stiffness)


def _rows(split, row):
    """Designs (..., 19) and stiffness (..., 21) of rows (...,) of a split, read block by block."""
    found = {"designs": np.empty((*row.shape, 19)), "stiffness": np.empty((*row.shape, 21))}
    for first in range(0, len(split), _BLOCK):
        inside = (row >= first) & (row < first + _BLOCK)
        if inside.any():
            block = split.read(slice(first, first + _BLOCK), tuple(found))
            for name, values in found.items():
                values[inside] = block[name][row[inside] - first]
    return found["designs"], found["stiffness"]


def _comparable(stiffness, frame):
    """Stiffnesses (n, 21) whose squared distance is that of the tensors; over the norm and in the frame, if any."""
    if frame is None:
        return stiffness * MULTIPLICITY**0.5
    return rotate(stiffness / tensor_norm(stiffness)[:, None], frame.swapaxes(-1, -2)) * TENSOR_WEIGHT**0.5


def _moved(targets, frame, version, designs, stiffness):
    """Designs (n, count, 19) and their stiffness turned into the targets' frames and scaled to their norms."""
    own = canonical_frame(stiffness.reshape(-1, 21)).reshape(*stiffness.shape[:-1], 3, 3)
    turn = (frame[:, None] * FLIPS[version][:, :, None, :]) @ own.swapaxes(-1, -2)
    density = designs[..., DENSITY] * tensor_norm(targets)[:, None] / tensor_norm(stiffness)
    density = np.clip(density, *DENSITY_RANGE)
    scale = density / designs[..., DENSITY]
    moved = designs.copy()
    moved[..., DENSITY] = density
    moved[..., R2] = angle_axis(turn @ rotation(designs[..., R2]))
    return moved, rotate(stiffness, turn) * scale[..., None]
