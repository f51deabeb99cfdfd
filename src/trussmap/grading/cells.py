"""One topology for all sites: which of the 197 has them all, and its cells from site to site.

In the family ``geometry`` a topology has more freedoms than a stiffness has constants. The cell
itself, its edges and angles, then need not change: cross-sections and node positions alone take a
lattice from one site to the next. Where they do not suffice, maps change too, by as little as does.
"""

from typing import NamedTuple

import numpy as np

from trussmap.base.errors import InputError
from trussmap.grading.sites import Sites, log_euclidean_mean
from trussmap.lattice.compound import topology_members
from trussmap.lattice.descriptor import DENSITY, R1, R2, REPS, TYPES, U, V, deformation_map
from trussmap.mechanics.solver import Solver
from trussmap.search.lattices import Lattices, freedoms, plain_lattices
from trussmap.search.objective import measured_struts
from trussmap.search.refine import refine_lattices
from trussmap.search.request import LIMITS
from trussmap.targets.goal import Goal
from trussmap.tensors.measures import relative_error
from trussmap.tensors.rotation import angle_axis

# Freedoms from which on a topology is tried, and up to which: beyond, cells have hundreds of
# struts.
_FREEDOMS = (40, 170)
# Relative error up to which a site is met, and topologies that are followed from the mean to the
# sites.
MET = 1e-4
_FOLLOWED = 64
#: Of the thickest to the thinnest strut of a cell, at most: what all four specimens of bone can be
#: met with.
RADIUS_RATIO = 3.0
# Change of cells from site to site up to which the thickest struts decide, over that of the cells
# that change least.
_CHANGE = 2.0
# What a step may take of the map where the map has to change.
_RELUCTANT = 0.05
_MEAN_STEPS = 40
_SITE_STEPS = 12
_STATION_STEPS = 12
_STRETCH = (0.15, 7.0)  # of a cell, at most
_PARTS = (0.5, 1.0)  # of the way from the mean to a site


class SiteCells(NamedTuple):
    """Cells of one topology at the sites.

    Attributes
    ----------
    lattices : s
    reciprocal : (s, 3, 3) reciprocal bases, one vector in each row, of cells of volume 1
    error : (s,) relative errors
    """

    lattices: Lattices
    reciprocal: np.ndarray
    error: np.ndarray

    @property
    def one_cell(self) -> bool:
        """Whether the cell is the same at all sites, so that phases are linear."""
        return bool(np.abs(self.reciprocal - self.reciprocal[0]).max() < 1e-12)


def site_cells(
    sites: Sites,
    cell: np.ndarray,
    solver: Solver,
    topologies: np.ndarray | None = None,
    radius_ratio: float = RADIUS_RATIO,
) -> SiteCells:
    """Cells of the topology that has the stiffness of all sites, with the thickest struts and gaps.

    Parameters
    ----------
    cell : (3, 3) map of the unit cube that is tried first, held at all sites
    topologies : numbers of those allowed, or None for all
    radius_ratio : of the thickest to the thinnest strut of a cell, at most

    From the log-Euclidean mean of the sites, lattices of every topology are followed to each site,
    so that cells change no more than they must.
    """
    struts, nodes = _freedoms()
    free = struts + 3 * nodes
    keys = (
        np.flatnonzero((free >= _FREEDOMS[0]) & (free <= _FREEDOMS[1]))
        if topologies is None
        else topologies
    )
    count = len(sites.targets)
    mean = log_euclidean_mean(sites.targets, np.full((1, count), 1 / count))
    starts = on_maps(keys, np.broadcast_to(cell, (len(keys), 3, 3)), np.full(len(keys), 0.04))
    for held in (True, False):
        limits = LIMITS._replace(cell_reach=0.0 if held else _RELUCTANT, radius_ratio=radius_ratio)
        middle, stiffness = refine_lattices(
            Goal(np.repeat(mean, len(starts.designs), 0)), starts, solver, _MEAN_STEPS, limits
        )
        missed = np.maximum(relative_error(stiffness, mean), MET)
        best = np.lexsort((-measured_struts(middle, gap=False)[:, 0], missed))[:_FOLLOWED]
        lattices = middle.take(np.repeat(best, count))
        own = np.tile(np.arange(count), len(best))
        for part in _PARTS:
            weights = (1 - part) / count + part * np.eye(count)
            goal = log_euclidean_mean(sites.targets, weights)[own]
            lattices, stiffness = refine_lattices(Goal(goal), lattices, solver, _SITE_STEPS, limits)
        error = relative_error(stiffness, sites.targets[own]).reshape(-1, count)
        reciprocal = np.linalg.inv(unit_maps(lattices)).reshape(-1, count, 3, 3)
        change = np.linalg.norm(reciprocal - reciprocal.mean(1, keepdims=True), axis=(2, 3)).max(1)
        met = error.max(1) <= MET
        finest = np.full(len(best), -np.inf)
        small = change <= _CHANGE * change[met].min(initial=np.inf)
        for k in np.flatnonzero(met & small).tolist():
            finest[k] = _finest(lattices.take(own_rows(k, count)))
        choice = int(np.lexsort((-finest, np.maximum(error.max(1), MET)))[0])
        found = SiteCells(lattices.take(own_rows(choice, count)), reciprocal[choice], error[choice])
        if found.error.max() <= MET:
            break
    return found


def own_rows(group: int, count: int) -> np.ndarray:
    """Rows of a group of ``count`` that stand together."""
    return group * count + np.arange(count)


def _freedoms():
    return freedoms(np.arange(len(topology_members()[0])), "geometry")


def on_maps(topology: np.ndarray, maps: np.ndarray, density: np.ndarray) -> Lattices:
    """Lattices of topologies (n,) under maps (n, 3, 3), whose size does not count, at relative
    densities (n,).

    Raises InputError for a map that stretches more than the family allows.
    """
    first, stretch, last = np.linalg.svd(maps)
    stretch /= np.cbrt(stretch.prod(1))[:, None]
    if (
        (np.linalg.det(maps) <= 0).any()
        or stretch.max() > _STRETCH[1]
        or stretch.min() < _STRETCH[0]
    ):
        raise InputError(
            f"grading: cells would be stretched {stretch.max() / stretch.min():.2g} times; "
            f"expected stretches within "
            f"{_STRETCH[0]:g} to {_STRETCH[1]:g}, as of sites that differ less or lie farther "
            f"apart."
        )
    turned = np.linalg.det(first) < 0
    first[turned, :, 2] *= -1
    last[turned, 2] *= -1
    types, reps = topology_members()
    designs = np.zeros((len(topology), 19))
    designs[:, TYPES] = types[topology]
    designs[:, REPS] = reps[topology]
    designs[:, DENSITY] = density
    designs[:, U] = 1.0
    designs[:, V] = stretch
    designs[:, R1] = angle_axis(last)
    designs[:, R2] = angle_axis(first)
    return plain_lattices(designs, "geometry")


def unit_maps(lattices: Lattices) -> np.ndarray:
    """Maps (n, 3, 3) of lattices, of volume 1."""
    maps = deformation_map(lattices.designs)
    return maps / np.cbrt(np.linalg.det(maps))[:, None, None]


def _finest(lattices):
    """The smallest diameter or gap of lattices, over the size of the cell: negative where struts
    overlap.
    """
    return measured_struts(lattices)[:, [0, 2]].min()


def station_cells(
    sites: Sites,
    cells: SiteCells,
    points: np.ndarray,
    maps: np.ndarray,
    solver: Solver,
    radius_ratio: float = RADIUS_RATIO,
) -> Lattices:
    """Cells at points (n, 3) with the stiffness prescribed there, under the maps (n, 3, 3) that
    they have as built.

    Each starts from the interpolated cells of the sites and changes as little as does.
    """
    weights = sites.weights(points)
    own = cells.lattices
    density = np.exp(weights @ np.log(own.designs[:, DENSITY]))
    lattices = on_maps(np.full(len(points), own.topology[0]), maps, density)
    logs = np.log(own.areas)
    lattices = lattices._replace(
        areas=np.exp(weights @ (logs - logs.mean(1, keepdims=True))),
        shifts=np.einsum("ns,skd->nkd", weights, own.shifts),
    )
    goal = Goal(log_euclidean_mean(sites.targets, weights))
    limits = LIMITS._replace(cell_reach=0.0, stretch=_STRETCH, radius_ratio=radius_ratio)
    return refine_lattices(goal, lattices, solver, _STATION_STEPS, limits)[0]
