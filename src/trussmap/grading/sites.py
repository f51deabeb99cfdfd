"""Stiffness prescribed at sites in space, and what it is between them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.interpolate import RBFInterpolator
from scipy.spatial.distance import pdist

from trussmap.base.errors import InputError
from trussmap.targets.hints import doubts
from trussmap.targets.orders import VOIGT, Layout
from trussmap.targets.reading import read_targets
from trussmap.targets.sheets import read_sheet
from trussmap.tensors.material import Material
from trussmap.tensors.stiffness import MANDEL_WEIGHT, hencky, pack, unpack

_AXES = ("x_mm", "y_mm", "z_mm")


class Sites(NamedTuple):
    """Where stiffness is prescribed.

    Attributes
    ----------
    positions : (s, 3) in mm
    targets : (s, 21) stiffness, base modulus 1
    names : s names
    notes : sentences on what was assumed of their file and what looks like a slip
    """

    positions: np.ndarray
    targets: np.ndarray
    names: list[str]
    notes: tuple[str, ...] = ()

    def weights(self, points: np.ndarray) -> np.ndarray:
        """Shares (n, s) of the sites in the stiffness at points (n, 3); they add up to 1.

        Along the line or in the plane of the sites, where they span no more, by the kernel |r| (the
        biharmonic one in space), so that between two neighbours on a line they are linear and
        beyond its ends constant.
        """
        if len(self.positions) == 1:
            return np.ones((len(points), 1))
        centre = self.positions.mean(0)
        _, size, axes = np.linalg.svd(self.positions - centre)
        axes = axes[: (size > 1e-9 * size[0]).sum()]
        places, own = ((at - centre) @ axes.T for at in (self.positions, points))
        return RBFInterpolator(places, np.eye(len(places)), kernel="linear", degree=0)(own)

    def stiffness(self, points: np.ndarray) -> np.ndarray:
        """Prescribed stiffness (n, 21) at points (n, 3)."""
        return log_euclidean_mean(self.targets, self.weights(points))

    def progress(self, points: np.ndarray) -> np.ndarray:
        """How far points (n, 3) are on the way from the first site (0) to the last (1)."""
        steps = np.linspace(0, 1, len(self.positions)) if len(self.positions) > 1 else np.zeros(1)
        return np.clip(self.weights(points) @ steps, 0, 1)


def log_euclidean_mean(stiffness: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Means (n, 21) of stiffnesses (s, 21) by weights (n, s): exp Σ w log C in Mandel form.

    It is positive definite whatever the weights, the same in every frame, and its inverse is the
    mean of the compliances (Arsigny, Fillard, Pennec & Ayache 2007; for elasticity Moakher & Norris
    2006).

    >>> c = np.array([[1.0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 1]])
    >>> float(log_euclidean_mean(np.vstack([c, 4 * c]), np.array([[0.5, 0.5]]))[0, 0].round(9))
    2.0
    """
    value, mode = np.linalg.eigh(unpack(np.atleast_2d(weights) @ hencky(stiffness)))
    return pack((mode * np.exp(value)[..., None, :]) @ mode.swapaxes(-1, -2)) / MANDEL_WEIGHT


def check_sites(sites: Sites, where: str) -> Sites:
    """The sites, or InputError where two of them coincide, a position is no number, or a target no
    stiffness.
    """
    shapes = np.shape(sites.positions), np.shape(sites.targets)
    if not (len(sites.names) and shapes == ((len(sites.names), 3), (len(sites.names), 21))):
        raise InputError(
            f"{where}: positions and targets of shapes {shapes}; expected (s, 3) and (s, 21) of s "
            f"names."
        )
    for k, (place, target) in enumerate(zip(sites.positions, sites.targets, strict=True), 1):
        if not np.isfinite(place).all():
            raise InputError(
                f"{where}, row {k}: a position of {place.tolist()}; expected numbers in mm."
            )
        if not np.isfinite(target).all() or np.linalg.eigvalsh(unpack(target)).min() <= 0:
            raise InputError(f"{where}, row {k}: the stiffness is not positive definite.")
    if len(sites.positions) > 1:
        size = np.ptp(sites.positions, axis=0).max()
        near = pdist(sites.positions) <= 1e-6 * size
        if near.any():
            first, second = (k[near][0] for k in np.triu_indices(len(sites.positions), 1))
            place = ", ".join(f"{x:g}" for x in sites.positions[second])
            raise InputError(
                f"{where}, rows {first + 1} and {second + 1}: two sites at ({place}) mm; expected "
                f"one stiffness at "
                "each place."
            )
    return sites


def read_sites(path: str | Path, material: Material, layout: Layout = VOIGT) -> Sites:
    """Read sites from a table with columns x_mm, y_mm, z_mm and constants.

    The constants are those of `trussmap.targets.reading.read_targets`.

    Raises InputError for a row that cannot be read, naming file, row (1 = first below the header)
    and column, and for sites that coincide.
    """
    targets = read_targets(path, material, layout=layout)
    if targets.faults:
        raise InputError(targets.faults[0])
    if not targets.goal.whole:
        raise InputError(f"{path}: a constant is left free; expected all 21 of each site.")
    table = read_sheet(path, worksheet=layout.worksheet).table
    positions = np.zeros((len(table), 3))
    for k, axis in enumerate(_AXES):
        if axis not in table:
            raise InputError(
                f"{path}: missing column {axis}; expected the position of each site, x_mm, y_mm, "
                f"z_mm."
            )
        positions[:, k] = pd.to_numeric(table[axis], errors="coerce")
        if (bad := np.flatnonzero(~np.isfinite(positions[:, k]))).size:
            text = table[axis].iloc[bad[0]]
            raise InputError(
                f"{path}, row {bad[0] + 1}, column {axis}: {text or 'nothing'}; expected a number "
                f"in mm."
            )
    notes = (*targets.notes, *doubts(targets, material))
    sites = Sites(positions, targets.stiffness, targets.names, notes)
    return check_sites(sites, str(path))
