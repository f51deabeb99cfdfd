"""Lattices as periodic graphs."""

from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from trussmap.base.errors import InputError

#: Relative difference up to which two radii of one strut are one.
SAME_RADIUS = 1e-6
# Pairs of close nodes that memory holds for sure, and further ones for each node.
_PAIRS = 1_000_000
_NEIGHBOURS = 100
# Fractional distance from a face of the cell that is a rounding error.
_NOISE = 1e-9
#: An array, or a number in compiled code.
Numbers = TypeVar("Numbers", bound=Any)


@dataclass(frozen=True)
class PeriodicGraph:
    """A periodic strut lattice.

    Attributes
    ----------
    nodes : (n, 3) fractional coordinates in the cell
    struts : (m, 2) indices of the two end nodes; every strut of the infinite lattice stands here
        once
    offsets : (m, 3) integer cell of the second end node
    cell : (3, 3) cell vectors as columns, the unit cube by default
    areas : (m,) cross-sections of the struts relative to each other; None where all are alike
    """

    nodes: np.ndarray
    struts: np.ndarray
    offsets: np.ndarray
    cell: np.ndarray = field(default_factory=lambda: np.eye(3))
    areas: np.ndarray | None = None

    @property
    def fractional_vectors(self) -> np.ndarray:
        """Strut vectors (m, 3) in cell coordinates."""
        return self.nodes[self.struts[:, 1]] + self.offsets - self.nodes[self.struts[:, 0]]

    @property
    def vectors(self) -> np.ndarray:
        """Cartesian strut vectors (m, 3)."""
        return self.fractional_vectors @ self.cell.T

    @property
    def lengths(self) -> np.ndarray:
        """Strut lengths (m,)."""
        return np.linalg.norm(self.vectors, axis=1)

    @property
    def volume(self) -> float:
        """Cell volume."""
        return abs(np.linalg.det(self.cell))

    def radii(self, relative_density: float) -> np.ndarray:
        """Strut radii (m,) at a relative density, nodes not subtracted (architecture.md §3)."""
        areas = np.ones(len(self.struts)) if self.areas is None else self.areas
        return np.sqrt(relative_density * self.volume / (np.pi * (areas @ self.lengths)) * areas)

    def mapped(self, deformation: np.ndarray) -> "PeriodicGraph":
        """The lattice under the linear map ``deformation`` (3, 3)."""
        return replace(self, cell=deformation @ self.cell)

    def with_struts(self, kept: np.ndarray) -> "PeriodicGraph":
        """The lattice of those struts alone that ``kept`` (m,) marks, without the nodes that have
        none.
        """
        if kept.all():
            return self
        used, index = np.unique(self.struts[kept], return_inverse=True)
        areas = None if self.areas is None else self.areas[kept]
        return replace(
            self,
            nodes=self.nodes[used],
            struts=index.reshape(-1, 2),
            offsets=self.offsets[kept],
            areas=areas,
        )

    def sized(self, edge: float) -> "PeriodicGraph":
        """The lattice at the size at which its cell has the volume of a cube of this edge."""
        return self.mapped(np.eye(3) * edge / self.volume ** (1 / 3))

    def tiled(self, n: int) -> "PeriodicGraph":
        """The same lattice described on an n × n × n block of cells, scaled back into one cell."""
        shifts = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), -1).reshape(-1, 3)
        nodes = (self.nodes[None] + shifts[:, None]).reshape(-1, 3) / n
        target = shifts[:, None] + self.offsets[None]
        block = np.ravel_multi_index(np.moveaxis(target % n, -1, 0), (n, n, n))
        first = np.arange(n**3)[:, None] * len(self.nodes) + self.struts[:, 0]
        second = block * len(self.nodes) + self.struts[:, 1]
        struts = np.stack([first, second], -1).reshape(-1, 2)
        areas = None if self.areas is None else np.tile(self.areas, n**3)
        return PeriodicGraph(nodes, struts, (target // n).reshape(-1, 3), self.cell, areas)

    def overlaps(self, radii: np.ndarray) -> np.ndarray:
        """Length (m, 2) by which each strut, from its first and second node on, runs beside and
        inside another one.

        The surfaces of two round struts of radii r and R (m,) whose axes meet at an angle θ part,
        on the inner side, at (R + r cos θ) / sin θ along the first; for equal ones that is r /
        tan(θ/2).
        """
        ends = self.struts.T.ravel()
        own = np.tile(radii, 2)
        outward = np.concatenate([self.vectors, -self.vectors]) / np.tile(self.lengths, 2)[:, None]
        cosine = outward @ outward.T
        sine = np.sqrt(np.maximum(1 - cosine**2, 0))
        meet = (ends[:, None] == ends) & (sine > 1e-6)  # not with itself, nor with one in line
        reach = np.where(meet, (own + own[:, None] * cosine) / np.where(meet, sine, 1.0), 0.0)
        return reach.max(1).reshape(2, -1).T

    def close_struts(self, reach: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pairs of struts without a common node, perhaps closer than ``reach``: (k,), and (k,) in
        the cells (k, 3).
        """
        shifts = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3, indexing="ij"), -1).reshape(-1, 1, 3)
        start = self.nodes[self.struts[:, 0]] @ self.cell.T
        along = self.vectors
        length = self.lengths
        middles = start + along / 2 + shifts @ self.cell.T
        # An end is a node in a cell: node and cell of both ends of every image.
        cells = np.stack([shifts + 0 * self.offsets, shifts + self.offsets], 2)
        tree = cKDTree(middles.reshape(-1, 3))
        own = start + along / 2
        near = tree.query_ball_point(own, (length + length.max()) / 2 + reach)
        strut = np.repeat(np.arange(len(own)), [len(hits) for hits in near])
        shift, other = np.unravel_index(np.concatenate(near).astype(int), middles.shape[:2])
        between = np.linalg.norm(middles[shift, other] - own[strut], axis=-1)
        kept = between - (length[other] + length[strut]) / 2 < reach
        for end, cell in ((0, 0 * self.offsets), (1, self.offsets)):
            node = self.struts[strut, end][:, None]
            kept &= ~(
                (self.struts[other] == node) & (cells[shift, other] == cell[strut][:, None]).all(-1)
            ).any(-1)
        return strut[kept], other[kept], shifts[shift[kept], 0]

    def axis_distances(self, first: np.ndarray, second: np.ndarray, cell: np.ndarray) -> np.ndarray:
        """Distances (k,) between the axes of struts (k,) and struts (k,) in cells (k, 3)."""
        start = self.nodes[self.struts[:, 0]]
        along = self.vectors
        gap = (start[second] + cell - start[first]) @ self.cell.T
        return segment_distance(along[first], along[second], gap)

    def smallest_gap(self, radii: float | np.ndarray = 0.0) -> float:
        """Least distance between the surfaces of two struts that share no node, for radii (m,);
        negative: they overlap.

        Without radii it is that of their axes.
        """
        least = np.linalg.norm(
            self.cell, axis=0
        ).min()  # between a strut and its own image at the most
        radii = np.broadcast_to(radii, len(self.struts))
        reach = least / 16  # the nearer struts are looked for, the fewer have to be measured
        while True:
            first, second, cell = self.close_struts(reach)
            gaps = self.axis_distances(first, second, cell) - radii[first] - radii[second]
            gap = gaps.min(initial=least)
            if gap <= reach - 2 * radii.max() or reach >= least:
                return float(gap)
            reach *= 2

    def largest_void(self, radii: np.ndarray) -> float:
        """Diameter of the largest sphere that fits between struts of radii (m,), to about a
        hundredth of it.

        Struts count as rows of close points; the centre is searched for on a grid that is refined
        where it matters.
        """
        step = 0.03
        edge = self.volume ** (1 / 3)
        shifts = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3, indexing="ij"), -1).reshape(-1, 1, 3)
        start = self.nodes[self.struts[:, 0]]
        along = self.fractional_vectors
        count = np.ceil(self.lengths / (step * edge)).astype(int) + 1
        own = np.repeat(np.arange(len(count)), count)
        share = np.concatenate([np.linspace(0, 1, k) for k in count])
        points = (start[own] + share[:, None] * along[own]) % 1
        trees = []
        for radius in np.unique(radii.round(9)):
            places = (points[radii.round(9)[own] == radius] + shifts).reshape(-1, 3)
            trees.append((cKDTree(places @ self.cell.T), radius))

        def room(places):
            return np.min(
                [tree.query(places @ self.cell.T)[0] - radius for tree, radius in trees], 0
            )

        spacing = 1 / 12
        places = np.stack(np.meshgrid(*[np.arange(12) * spacing] * 3, indexing="ij"), -1).reshape(
            -1, 3
        )
        around = np.stack(np.meshgrid(*[np.linspace(-1, 1, 5)] * 3, indexing="ij"), -1).reshape(
            -1, 3
        )
        for _ in range(5):
            best = places[np.argsort(room(places))[-12:]]
            places = (best[:, None] + spacing * around).reshape(-1, 3)
            spacing /= 2.5
        return float(2 * room(best).max())


def undirected(forward: np.ndarray, backward: np.ndarray) -> np.ndarray:
    """One name for a strut, whichever end it starts from: of its two rows (n, k) each, the
    lexicographically smaller.

    >>> undirected(np.array([[2, 0, 1]]), np.array([[0, 2, -1]]))
    array([[ 0,  2, -1]])
    """
    first = (forward != backward).argmax(1)[:, None]
    swap = np.take_along_axis(backward, first, 1) < np.take_along_axis(forward, first, 1)
    return np.where(swap, backward, forward)


def strut_names(struts: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Rows (m, 5), nodes and offset, that are equal for equal struts (m, 2) with offsets (m, 3) and
    their reverses.

    >>> names = strut_names(np.array([[0, 1], [1, 0]]), np.array([[0, 0, 1], [0, 0, -1]]))
    >>> bool((names[0] == names[1]).all())
    True
    """
    return undirected(
        np.column_stack([struts, offsets]), np.column_stack([struts[:, ::-1], -offsets])
    )


def close_nodes(nodes: np.ndarray, cell: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (k, 2) of nodes with images within ``reach``, and distances.

    ``nodes`` (n, 3) are fractional, ``cell`` has its vectors as columns. ``reach`` and the
    distances (k,) are in the unit of the cell; ``reach`` is below half the least height of the
    cell. Raises InputError for so many pairs that memory would not hold them.

    >>> close_nodes(np.array([[0.1, 0, 0], [0.9, 0, 0]]), 2 * np.eye(3), 0.5)
    (array([[0, 1]]), array([0.4]))
    """
    # Along a height of the cell, nodes are at most as far apart as in space.
    heights = cell_heights(cell)
    tree = cKDTree(in_one_cell(nodes, heights), boxsize=heights)
    if tree.count_neighbors(tree, reach, p=np.inf) > _PAIRS + _NEIGHBOURS * len(nodes):
        raise InputError(
            f"nodes: most of the {len(nodes)} have hundreds of others within {reach:.3g}; expected "
            "nodes further apart, or a smaller tolerance."
        )
    pairs = tree.query_pairs(reach, p=np.inf, output_type="ndarray")

    gap = nodes[pairs[:, 0]] - nodes[pairs[:, 1]]
    distance = np.linalg.norm((gap - np.rint(gap)) @ cell.T, axis=1)
    near = distance <= reach
    return pairs[near], distance[near]


def cell_heights(cell: np.ndarray) -> np.ndarray:
    """Distances (3,) between opposite faces of a cell (3, 3)."""
    return 1 / np.linalg.norm(np.linalg.inv(cell), axis=1)


def in_one_cell(nodes: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Places (n, 3) in the box of the heights (3,) of fractional nodes (n, 3)."""
    places = nodes % 1.0 * heights
    return np.where(places < heights, places, 0.0)


def first_alike(nodes: np.ndarray, cell: np.ndarray, tolerance: float) -> np.ndarray:
    """First node (n,) of the group of each: chains of nodes within ``tolerance``.

    Arguments are those of `close_nodes`.
    """
    count = len(nodes)
    pairs = close_nodes(nodes, cell, tolerance)[0]
    joined = coo_matrix((np.ones(len(pairs)), pairs.T), (count, count))
    group = connected_components(joined, directed=False)[1]
    return np.unique(group, return_index=True)[1][group]


def periodic_graph(
    nodes: np.ndarray,
    struts: np.ndarray,
    offsets: np.ndarray,
    cell: np.ndarray,
    tolerance: float = 1e-6,
) -> PeriodicGraph:
    """The lattice of nodes and struts that may name one node several times.

    Nodes (n, 3) are fractional and may lie outside the cell (3, 3), whose vectors are columns.
    Struts (m, 2) go to the cells (m, 3). Nodes are one if chains of nodes or images of nodes within
    ``tolerance``, in the unit of the cell, link them; the first one gives the place. Nodes without
    struts are left out. A strut that is given twice stays so (`without_duplicates`).

    >>> ends, across = np.array([[0, 0, 0], [0, 0, 1.0]]), np.array([[0, 1]])
    >>> graph = periodic_graph(ends, across, np.zeros((1, 3), int), np.eye(3))
    >>> len(graph.nodes), graph.offsets.tolist()
    (1, [[0, 0, 1]])
    """
    shift = np.floor(nodes + _NOISE).astype(int)
    nodes = nodes - shift
    first = first_alike(nodes, cell, tolerance)
    shift = shift + np.rint(nodes - nodes[first]).astype(int)
    offsets = offsets + shift[struts[:, 1]] - shift[struts[:, 0]]
    used, index = np.unique(first[struts], return_inverse=True)
    return PeriodicGraph(np.maximum(nodes[used], 0.0), index.reshape(-1, 2), offsets, cell)


def without_duplicates(graph: PeriodicGraph) -> PeriodicGraph:
    """The lattice with each strut once, also those drawn on opposite faces.

    Raises
    ------
    InputError
        for a strut that is given with two radii; rows are numbered from 1
    """
    names = strut_names(graph.struts, graph.offsets)
    _, first, group = np.unique(names, axis=0, return_index=True, return_inverse=True)
    if graph.areas is not None:
        _check_one_radius(np.sqrt(graph.areas), first[group.ravel()])

    first = np.sort(first)
    areas = None if graph.areas is None else graph.areas[first]
    return replace(graph, struts=names[first, :2], offsets=names[first, 2:], areas=areas)


def _check_one_radius(radii: np.ndarray, first: np.ndarray) -> None:
    """Raise InputError unless radii (m,) are those of the first of equal struts."""
    differ = np.flatnonzero(~np.isclose(radii, radii[first], rtol=SAME_RADIUS, atol=0))
    if len(differ):
        again = differ[0]
        raise InputError(
            f"struts, rows {first[again] + 1} and {again + 1}: one strut, itself or a periodic "
            f"image, "
            f"with the radii {radii[first[again]]:g} and {radii[again]:g}; expected one radius a "
            f"strut."
        )


def closest_points(
    uu: Numbers, vv: Numbers, uv: Numbers, ug: Numbers, vg: Numbers
) -> tuple[Numbers, Numbers]:
    """Parameters s, t in [0, 1] at which the segments s·u and g + t·v are closest, by the vectors'
    scalar products.

    Ericson, Real-Time Collision Detection (2005), section 5.1.9. Arrays, or numbers in compiled
    code.

    >>> [float(x) for x in closest_points(1.0, 4.0, 0.0, 0.5, 0.0)]  # u along x, v along y from (0.5, 0, 1)
    [0.5, 0.0]
    """
    determinant = uu * vv - uv * uv
    apart = determinant > 1e-12 * uu * vv  # of parallel ones, any point will do to begin with
    s = np.where(apart, (ug * vv - uv * vg) / np.where(apart, determinant, 1.0), 0.0)
    t = np.minimum(np.maximum((uv * np.minimum(np.maximum(s, 0.0), 1.0) - vg) / vv, 0.0), 1.0)
    return np.minimum(np.maximum((ug + uv * t) / uu, 0.0), 1.0), t


def segment_distance(a: np.ndarray, b: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """Distances (...) between the segments [0, 1] a and ``gap`` + [0, 1] b, (..., 3) each."""
    products = [(x * y).sum(-1) for x, y in ((a, a), (b, b), (a, b), (a, gap), (b, gap))]
    s, t = closest_points(*products)
    return np.linalg.norm(gap + t[..., None] * b - s[..., None] * a, axis=-1)
