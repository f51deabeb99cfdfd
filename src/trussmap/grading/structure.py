"""Finite strut structures: cells that vary in space, put where the phases want them, within a
region.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import binary_dilation
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from trussmap.base.errors import InputError
from trussmap.grading.phases import Phases
from trussmap.lattice.graph import PeriodicGraph
from trussmap.mechanics.solver import Solver
from trussmap.parts.region import Region, inside

# Points at which phases are sampled to find the cells of a region, over the size of a cell.
_SAMPLE = 0.5
# Distance from a face of a box, over the size of a cell, within which a node is in it.
_FACE = 1e-6


@dataclass(frozen=True)
class GradedCells:
    """One lattice whose cross-sections and nodes vary in space: known at stations on a grid, linear
    between them.

    Attributes
    ----------
    graph : the lattice in the unit cube
    columns : (m,) which of the sections is that of each strut
    movers, signs : (n,) which of the shifts moves each node, and whether along (+1), against (-1)
        or not at all (0)
    axes : coordinates of the stations along x, y and z in mm
    sections : (stations along x, y and z, k) cross-sections in mm²
    shifts : (stations along x, y and z, l, 3) of nodes, over the edge of the unit cube
    thinnest : radius in mm below which a strut is left out
    """

    graph: PeriodicGraph
    columns: np.ndarray
    movers: np.ndarray
    signs: np.ndarray
    axes: tuple[np.ndarray, np.ndarray, np.ndarray]
    sections: np.ndarray
    shifts: np.ndarray
    thinnest: float = 0.0

    def radii(self, points: np.ndarray, struts: np.ndarray) -> np.ndarray:
        """Radii (n,) in mm of struts (n,) of the cell at points (n, 3); 0 where one is left out."""
        radii = np.sqrt(self._between(points, self.sections, self.columns[struts]) / np.pi)
        return np.where(radii < self.thinnest, 0.0, radii)

    def moved(self, points: np.ndarray, nodes: np.ndarray) -> np.ndarray:
        """Shifts (n, 3) of nodes (n,) of the cell at points (n, 3), over the edge of the unit cube."""
        if not self.shifts.shape[3]:
            return np.zeros((len(points), 3))
        return self.signs[nodes, None] * self._between(points, self.shifts, self.movers[nodes])

    def _between(self, points, values, which):
        """Values (n, …) at points (n, 3), of each the one that is asked for (n,): linear between
        eight stations.
        """
        low = []
        share = []
        for axis, x in zip(self.axes, points.T, strict=True):
            k = np.clip(np.searchsorted(axis, x, side="right") - 1, 0, max(len(axis) - 2, 0))
            step = axis[np.minimum(k + 1, len(axis) - 1)] - axis[k]
            low.append(k)
            share.append(
                np.where(
                    step > 0, np.clip((x - axis[k]) / np.where(step > 0, step, 1.0), 0, 1), 0.0
                )
            )
        total = 0.0
        for corner in np.ndindex(*(min(len(axis), 2) for axis in self.axes)):
            at = [
                np.minimum(k + step, len(axis) - 1)
                for k, step, axis in zip(low, corner, self.axes, strict=True)
            ]
            weight = np.prod(
                [t if step else 1 - t for t, step in zip(share, corner, strict=True)], axis=0
            )
            value = values[(*at, which)]
            total = total + weight.reshape(-1, *[1] * (value.ndim - 1)) * value
        return total

    def local(self, point: np.ndarray, cell: np.ndarray) -> tuple[PeriodicGraph, float]:
        """The periodic lattice as built at a point (3,), on its cell (3, 3) in mm, and its relative
        density.
        """
        struts = np.arange(len(self.graph.struts))
        nodes = np.arange(len(self.graph.nodes))
        radii = self.radii(np.tile(point, (len(struts), 1)), struts)
        there = radii > 0
        places = self.graph.nodes + self.moved(np.tile(point, (len(nodes), 1)), nodes)
        used, ends = np.unique(self.graph.struts[there], return_inverse=True)
        areas = np.pi * radii[there] ** 2
        graph = PeriodicGraph(
            places[used], ends.reshape(-1, 2), self.graph.offsets[there], cell, areas
        )
        return graph, float(areas @ graph.lengths / graph.volume)


def stiffness_as_built(
    cells: GradedCells,
    phases: Phases,
    points: np.ndarray,
    solver: Solver,
) -> tuple[np.ndarray, np.ndarray]:
    """Effective stiffness (n, 21) and relative density (n,) of the local cells as built at points
    (n, 3).

    Of each the periodic lattice of the phases' gradient and the cross-sections and nodes that
    struts there have.
    """
    local = [
        cells.local(*row)
        for row in zip(points, np.linalg.inv(phases.gradient(points)), strict=True)
    ]
    density = np.array([row[1] for row in local])
    graphs = [row[0] for row in local]
    return solver.homogenize_cells(graphs, density), density


@dataclass(frozen=True)
class Structure:
    """A finite strut structure in mm.

    Attributes
    ----------
    nodes : (n, 3)
    struts : (m, 2) indices of nodes
    radii : (m,)
    progress : (m,) how far each strut is on the way from the first site (0) to the last (1)
    share : (m,) of each strut's section within the region: 1/2 in a face of a box that cells fit,
        1/4 in an edge
    places : (n, 3) where the nodes were before cells moved them: of a box that cells fit, in its
        faces or not
    floating, dangling : struts that hung apart or ended free at the surface, and were dropped
    """

    nodes: np.ndarray
    struts: np.ndarray
    radii: np.ndarray
    progress: np.ndarray
    share: np.ndarray
    places: np.ndarray
    floating: int
    dangling: int

    @property
    def lengths(self) -> np.ndarray:
        """Lengths (m,) of the struts."""
        return np.linalg.norm(self.nodes[self.struts[:, 1]] - self.nodes[self.struts[:, 0]], axis=1)


def build(cells: GradedCells, phases: Phases, region: Region, cell: float) -> Structure:
    """The struts in a region whose ends, before cells move them, are within it, in one piece
    without free ends.

    ``cell`` is the size of a cell in mm. Raises InputError where no strut is left. ``progress`` of
    the result is 0.
    """
    graph = cells.graph
    count = len(graph.nodes)
    corners, samples, sample_phases = _cells_of(phases, region, cell, graph)
    shape = np.ptp(corners, axis=0) + 1 + 2 * _reach(graph)
    origin = corners.min(0) - _reach(graph)
    first = np.ravel_multi_index(tuple((corners - origin).T), shape)
    steps = np.ravel_multi_index(
        tuple((graph.offsets + _reach(graph)).T), shape
    ) - np.ravel_multi_index((_reach(graph),) * 3, shape)
    own = np.stack(
        [
            first[:, None] * count + graph.struts[:, 0],
            (first[:, None] + steps) * count + graph.struts[:, 1],
        ],
        -1,
    ).reshape(-1, 2)
    names, struts = np.unique(own, return_inverse=True)
    struts = struts.reshape(-1, 2)
    members = np.tile(np.arange(len(graph.struts)), len(corners))
    number = names % count
    at = np.stack(np.unravel_index(names // count, shape), -1) + origin
    wanted = at + graph.nodes[number]
    places = phases.solve(wanted, samples[cKDTree(sample_phases).query(wanted)[1]])
    there = np.isfinite(places).all(1)
    there[there] = inside(region, places[there], _FACE * cell)
    struts, members = _kept(there[struts].all(1), struts, members)
    radii = cells.radii(places[struts].mean(1), members)
    struts, radii = _kept(radii > 0, struts, radii)
    keep, floating, dangling = _pruned(len(names), struts)
    if not keep.any():
        words = " × ".join(f"{edge:.3g}" for edge in region.high - region.low)
        raise InputError(
            f"grading: cells of {cell:g} mm leave no strut in a region of {words} mm; expected "
            f"smaller cells."
        )
    used, struts = np.unique(struts[keep], return_inverse=True)
    struts = struts.reshape(-1, 2)
    places = places[used]
    number = number[used]
    nodes = phases.solve(wanted[used] + cells.moved(places, number), places)
    share = np.ones(len(struts))
    if region.box:
        for face in (region.low, region.high):
            share *= np.where((np.abs(places - face)[struts] < _FACE * cell).all(1), 0.5, 1.0).prod(
                1
            )
    return Structure(
        nodes, struts, radii[keep], np.zeros(len(struts)), share, places, floating, dangling
    )


def with_progress(structure: Structure, progress: Callable[[np.ndarray], np.ndarray]) -> Structure:
    """The structure with the ``progress`` that a function has at the middles of its struts."""
    return replace(structure, progress=progress(structure.places[structure.struts].mean(1)))


def _kept(keep, *arrays):
    return [array[keep] for array in arrays]


def _reach(graph):
    """Cells that a strut of a graph goes on."""
    return int(np.abs(graph.offsets).max()) + 1


def _cells_of(phases, region, cell, graph):
    """Cells (k, 3) in and around a region; and points (p, 3) with their phases, one close to any of
    it.
    """
    axes = [
        np.arange(a - cell, b + 1.01 * cell, _SAMPLE * cell)
        for a, b in zip(region.low, region.high, strict=True)
    ]
    samples = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    values = phases.value(samples)
    low = np.floor(values.min(0)).astype(int) - 1
    occupied = np.zeros(np.floor(values.max(0)).astype(int) + 2 - low, bool)
    occupied[tuple((np.floor(values).astype(int) - low).T)] = True
    return np.argwhere(binary_dilation(occupied, np.ones((3, 3, 3)))) + low, samples, values


def _pruned(count, struts):
    """Which struts (m,) stay when dangling ones are dropped one by one, then all but the main part;
    how many went.
    """
    keep = np.ones(len(struts), dtype=bool)
    while True:
        ends = np.bincount(struts[keep].ravel(), minlength=count)
        dangling = keep & (ends[struts] == 1).any(1)
        if not dangling.any():
            break
        keep &= ~dangling
    dropped = int((~keep).sum())
    if keep.any():
        labels = parts(count, struts[keep])
        keep[np.flatnonzero(keep)] = labels == np.argmax(np.bincount(labels))
    return keep, int((~keep).sum()) - dropped, dropped


def parts(count: int, struts: np.ndarray) -> np.ndarray:
    """Numbers (m,) of the connected parts that struts (m, 2) between ``count`` nodes belong to."""
    graph = coo_matrix((np.ones(len(struts)), struts.T), (count, count))
    return connected_components(graph, directed=False)[1][struts[:, 0]]
