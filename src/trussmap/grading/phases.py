"""Phase fields: three functions of space whose gradients are the reciprocal vectors of the local
cell.

A node with fractional coordinates f in cell n lies where φ = n + f, so that every cell shares its
nodes with its neighbours, whatever the change between them (Pantz & Trabelsi 2008, Groen & Sigmund
2018). Reciprocal vectors that vary need not be gradients; then the phases are the least-squares
fit, and how far the cells are from those prescribed is measured (`distortion`).
"""

from collections.abc import Callable

import numpy as np
from scipy import sparse
from scipy.interpolate import BSpline, NdBSpline
from scipy.sparse.linalg import splu

from trussmap.parts.region import Region

# Cells between two knots of the splines, and intervals of an axis at most.
_KNOT = 1.0
_MOST = 14
# How far the phases are defined beyond the region, in cells.
OVERHANG = 2.0


class Phases:
    """Tensor-product cubic splines over a region and a little beyond.

    Parameters
    ----------
    region : in mm
    reciprocal : prescribed reciprocal bases (n, 3, 3), one vector in each row, in 1/mm, at points
        (n, 3)
    cell : size of a cell in mm
    """

    def __init__(
        self, region: Region, reciprocal: Callable[[np.ndarray], np.ndarray], cell: float
    ) -> None:
        low = region.low - OVERHANG * cell
        high = region.high + OVERHANG * cell
        counts = np.clip(np.ceil((high - low) / (_KNOT * cell)), 4, _MOST).astype(int)
        inner = [np.linspace(a, b, n + 1) for a, b, n in zip(low, high, counts, strict=True)]
        self.knots = tuple(np.concatenate([[t[0]] * 3, t, [t[-1]] * 3]) for t in inner)
        # Two points of Gauss an interval, of those that are in the region or half a cell around it.
        points = []
        weights = []
        for t, a, b in zip(inner, region.low, region.high, strict=True):
            half = np.diff(t) / 2
            at = ((t[:-1] + half)[:, None] + half[:, None] * np.array([-1, 1]) / 3**0.5).ravel()
            inside = (at > a - cell / 2) & (at < b + cell / 2)
            points.append(at)
            weights.append(np.where(inside, 1.0, 1e-3))  # beyond, enough to define them
        grid = np.stack(np.meshgrid(*points, indexing="ij"), -1).reshape(-1, 3)
        weight = np.sqrt(np.einsum("i,j,k->ijk", *weights).ravel())
        cells = np.linalg.inv(reciprocal(grid))
        values = [
            [_basis(t, at, nu) for nu in (0, 1)] for t, at in zip(self.knots, points, strict=True)
        ]
        slopes = [
            sparse.kron(
                sparse.kron(values[0][d == 0], values[1][d == 1]), values[2][d == 2]
            ).tocsr()
            for d in range(3)
        ]
        # ∇φ·F against the identity: what is missed is relative to the local cell.
        rows = [
            sum(sparse.diags_array(weight * cells[:, d, j]) @ slopes[d] for d in range(3))
            for j in range(3)
        ]
        anchor = [_basis(t, [a], 0) for t, a in zip(self.knots, region.low, strict=True)]
        pin = sparse.kron(sparse.kron(anchor[0], anchor[1]), anchor[2])
        normal = sum(row.T @ row for row in rows) + pin.T @ pin
        right = np.column_stack([row.T @ weight for row in rows])
        solution = splu(
            normal.tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}
        ).solve(right)
        shape = tuple(len(t) - 4 for t in self.knots)
        self.spline = NdBSpline(self.knots, solution.reshape(*shape, 3), 3, extrapolate=True)

    def value(self, points: np.ndarray) -> np.ndarray:
        """The phases (n, 3) at points (n, 3)."""
        return self.spline(points)

    def gradient(self, points: np.ndarray) -> np.ndarray:
        """Gradients (n, 3, 3) at points (n, 3), that of one phase in each row: the reciprocal basis
        as built.
        """
        return np.stack([self.spline(points, nu=np.eye(3, dtype=int)[d]) for d in range(3)], -1)

    def solve(self, wanted: np.ndarray, guess: np.ndarray) -> np.ndarray:
        """Points (n, 3) at which the phases have the values ``wanted`` (n, 3): Newton's method, nan
        where it fails.
        """
        points = guess.copy()
        reach = np.linalg.norm(np.linalg.inv(self.gradient(guess[:1])[0]), 2)
        left = np.arange(len(points))
        for _ in range(12):
            missed = wanted[left] - self.value(points[left])
            left, missed = (part[np.abs(missed).max(1) > 1e-10] for part in (left, missed))
            if not len(left):
                return points
            step = np.linalg.solve(self.gradient(points[left]), missed[:, :, None])[:, :, 0]
            size = np.linalg.norm(step, axis=1, keepdims=True)
            points[left] += step * np.minimum(1, reach / np.maximum(size, 1e-300))
        points[left[np.abs(missed).max(1) > 1e-6]] = np.nan
        return points


def _basis(knots, points, derivative):
    """Cubic basis functions, or their slopes, at points: sparse (n, k)."""
    spline = BSpline(knots, np.eye(len(knots) - 4), 3)
    return sparse.csr_array(
        (spline.derivative() if derivative else spline)(np.asarray(points, float))
    )


def distortion(prescribed: np.ndarray, built: np.ndarray) -> np.ndarray:
    """Relative distance (n,) of reciprocal bases as built (n, 3, 3) from those prescribed."""
    return np.linalg.norm(built - prescribed, axis=(1, 2)) / np.linalg.norm(prescribed, axis=(1, 2))
