"""The polar decomposition A = Q·S of a design's map: what its stiffness depends on, and designs
with given parts.
"""

import numpy as np

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
    design_topology,
)
from trussmap.tensors.rotation import Array, angle_axis

#: Place of each entry of a symmetric 3×3 matrix among its six, 11, 22, 33, 23, 13, 12.
_SYMMETRIC = np.array([[0, 5, 4], [5, 1, 3], [4, 3, 2]])


def polar_parts(designs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Topology (n,), relative density (n,), rotation Q (n, 3, 3) and deviator of log S (n, 6) of
    designs (n, 19).
    """
    designs = np.asarray(designs, float)
    a = deformation_map(designs)
    value, frame = np.linalg.eigh(a.swapaxes(-1, -2) @ a)
    logarithm = 0.5 * np.log(value)
    rotation = a @ (frame * np.exp(-logarithm)[:, None, :]) @ frame.swapaxes(-1, -2)
    logarithm -= logarithm.mean(-1, keepdims=True)
    stretch = (frame * logarithm[:, None, :]) @ frame.swapaxes(-1, -2)
    return design_topology(designs), designs[:, DENSITY], rotation, six_of(stretch)


def published_designs(
    types: np.ndarray,
    reps: np.ndarray,
    relative_density: np.ndarray,
    rotation: np.ndarray,
    log_stretch: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Designs (n, 19) with the polar parts given, and whether each is exactly representable (n,)
    bool.

    S = W diag(s) Wᵀ, so A = (QW) diag(s) Wᵀ: R2 = QW, V = s up to the scale, R1 = Wᵀ, U = 1. The
    stiffness is free of the scale, which is chosen to centre V in [0.5, 2]. Where the stretches
    differ by more than the factor 4 that V can carry, a part of the stretch is given to U: with U ∝
    (lengths of the columns of S)^α, A U⁻¹ is decomposed anew, with the smallest α that brings V
    into its range, or else the U of a grid that brings it closest. What then still exceeds the
    range is clipped, and the design is not marked as representable.
    """
    n = len(relative_density)
    limit = np.log(STRETCH_RANGE[1] / STRETCH_RANGE[0])
    value, frame = np.linalg.eigh(symmetric_matrix(np.asarray(log_stretch, float)))
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
            spread[row] = trial.min()
            log_u[row] = grid[trial.argmin()]
    # where U = 1
    left = frame
    log_v = value
    right = frame.swapaxes(-1, -2).copy()
    parted = log_u.any(-1)
    left[parted], v, right[parted] = np.linalg.svd(
        stretch[parted] * np.exp(-log_u[parted])[:, None, :]
    )
    log_v[parted] = np.log(v)
    sign = np.linalg.det(left)[:, None]  # of left and right alike, for S is positive definite
    left[..., 2] *= sign
    right[:, 2] *= sign
    log_v -= 0.5 * (log_v.max(-1, keepdims=True) + log_v.min(-1, keepdims=True))
    designs = np.empty((n, 19))
    designs[:, DENSITY] = np.clip(relative_density, *DENSITY_RANGE)
    designs[:, TYPES] = types
    designs[:, REPS] = reps
    designs[:, U] = np.clip(np.exp(log_u), *STRETCH_RANGE)
    designs[:, V] = np.clip(np.exp(log_v), *STRETCH_RANGE)
    designs[:, R1] = angle_axis(right)
    designs[:, R2] = angle_axis(np.asarray(rotation, float) @ left)
    return designs, spread <= limit + 1e-9


def _spread(stretch, log_u):
    """Logarithm of the ratio of the largest to the smallest singular value of S U⁻¹."""
    v = np.linalg.svd(stretch * np.exp(-log_u)[..., None, :], compute_uv=False)
    return np.log(v[..., 0] / v[..., -1])


def six_of(matrix: Array) -> Array:
    """The entries 11, 22, 33, 23, 13, 12 (..., 6) of symmetric matrices (..., 3, 3); arrays or
    tensors.

    >>> six_of(np.array([[1, 6, 5], [6, 2, 4], [5, 4, 3]]))
    array([1, 2, 3, 4, 5, 6])
    """
    return matrix[..., [0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]


def symmetric_matrix(six: Array) -> Array:
    """Symmetric matrices (..., 3, 3) with given six entries (..., 6): the inverse of ``six_of``;
    arrays or tensors.

    >>> symmetric_matrix(np.arange(1, 7))[0]
    array([1, 6, 5])
    """
    return six[..., _SYMMETRIC]
