"""Symmetry of a periodic graph: its primitive cell and its inversion centre (architecture.md §4)."""

from dataclasses import dataclass, replace
from functools import reduce
from math import gcd

import numpy as np
from scipy.spatial import cKDTree

from trussmap.lattice.graph import PeriodicGraph, strut_names

# Fractional distance within which two nodes are the same: wider than rounding, far below what a
# strut could bridge.
TOLERANCE = 1e-7


def match_nodes(nodes: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Node at each of the points (..., 3) modulo the cell: indices (...), -1 for none, and its cell
    (..., 3).
    """
    shape = points.shape[:-1]
    points = points.reshape(-1, 3)
    distance, index = cKDTree(_wrap(nodes), boxsize=1.0).query(_wrap(points))
    found = np.where(distance < TOLERANCE, index, -1)
    cell = np.rint(points - nodes[index]).astype(int)
    return found.reshape(shape), cell.reshape(*shape, 3)


def _wrap(points):
    wrapped = points - np.floor(points)
    return np.where(wrapped >= 1.0, 0.0, wrapped)


def _image_of_struts(graph, index, cell, reverse=False):
    """Names of the struts under the node permutation ``index`` with cell shifts ``cell``."""
    i, j = graph.struts.T
    offset = -graph.offsets if reverse else graph.offsets
    return strut_names(index[graph.struts], offset + cell[j] - cell[i])


def _with_areas(graph, names):
    """Set of the struts by name and cross-section, in billionths of the mean: what a symmetry must
    leave alike.
    """
    areas = (
        np.zeros(len(names))
        if graph.areas is None
        else np.rint(graph.areas / graph.areas.mean() * 1e9)
    )
    return {
        (*row, area) for row, area in zip(map(tuple, names.tolist()), areas.tolist(), strict=True)
    }


def translations(graph: PeriodicGraph) -> np.ndarray:
    """Translations (t, 3) in cell coordinates, the zero one first, that map the lattice onto
    itself.

    Few candidates are compared with the whole lattice: those that map a node of the rarest kind to
    its like, and of these none that follows from others.
    """
    struts = _with_areas(graph, strut_names(graph.struts, graph.offsets))
    alike = _rarest_nodes(graph)
    count = len(graph.nodes)
    undecided = np.zeros(count, bool)
    undecided[alike[1:]] = True
    generators: list[np.ndarray] = []
    while undecided.any():
        node = int(undecided.argmax())
        moved = graph.nodes + (graph.nodes[node] - graph.nodes[alike[0]])
        permutation, cell = match_nodes(graph.nodes, moved)
        if (permutation >= 0).all() and struts == _with_areas(
            graph, _image_of_struts(graph, permutation, cell)
        ):
            generators.append(permutation)
            undecided &= ~_orbit(alike[0], generators, count)
        # Where one translation fails, so do all that differ from it by one that holds.
        undecided &= ~_orbit(node, generators, count)
    shifts = graph.nodes[_orbit(0, generators, count)] - graph.nodes[0]
    return shifts if _is_group(shifts) else shifts[:1]


def _is_group(shifts: np.ndarray) -> bool:
    """Whether sums of the shifts (t, 3) are among them, up to cell vectors.

    Of a lattice that is periodic up to rounding, some translations may pass the tolerance and their
    sums may not: the cell that these span would be smaller than the struts in it allow.
    """
    order = len(shifts)
    multiples = np.rint(shifts * order).astype(int)
    if np.abs(shifts - multiples / order).max() > 2 * TOLERANCE:
        return False
    basis = integer_basis(np.concatenate([multiples, order * np.eye(3, dtype=int)]))
    return round(abs(np.linalg.det(basis))) == order**2


def _rarest_nodes(graph):
    """Nodes (k,) of the rarest kind: a translation or an inversion of the lattice maps them onto
    each other.
    """
    i, j = graph.struts.T
    squares = graph.lengths**2 * (1 if graph.areas is None else graph.areas)
    sums = (
        np.bincount(np.append(i, j), np.append(squares, squares), len(graph.nodes)) / squares.mean()
    )
    order = np.argsort(sums)
    kind = np.empty(len(sums), int)
    # A gap far above rounding separates two kinds.
    kind[order] = np.cumsum(np.diff(sums[order], prepend=sums[order[0]]) > 1e-4)
    # Nodes with other neighbours are of another kind; a few steps tell the places of a defect
    # apart.
    for _ in range(4):
        marks = np.random.default_rng(0).integers(2**32, size=kind.max() + 1)
        around = np.zeros(len(kind), int)
        np.add.at(around, i, marks[kind[j]])
        np.add.at(around, j, marks[kind[i]])
        kind = np.unique(np.column_stack([kind, around]), axis=0, return_inverse=True)[1].ravel()
    return np.flatnonzero(kind == np.bincount(kind).argmin())


def _orbit(node, permutations, count):
    """Which of ``count`` nodes are images of one under products of permutations, a mask (count,)."""
    reached = np.zeros(count, bool)
    reached[node] = True
    size = 0
    while reached.sum() > size:
        size = reached.sum()
        for permutation in permutations:
            reached[permutation[reached]] = True
    return reached


def primitive_cell(graph: PeriodicGraph) -> PeriodicGraph:
    """The same lattice described on its primitive cell.

    >>> from trussmap.lattice.elementary import elementary_lattice
    >>> len(elementary_lattice(1).nodes), len(primitive_cell(elementary_lattice(1)).nodes)  # octet, face-centred
    (4, 1)
    """
    return _primitive(graph)[0]


def _primitive(graph):
    """The primitive cell, and which of its nodes (n,) and struts (m,) each of the graph's is."""
    shifts = translations(graph)
    order = len(shifts)
    if order == 1:
        return graph, np.arange(len(graph.nodes)), np.arange(len(graph.struts))
    # Every translation is a multiple of 1/order, so the finer lattice has an integer basis in that
    # unit.
    generators = np.concatenate([np.rint(shifts * order).astype(int), order * np.eye(3, dtype=int)])
    basis = _reduced(integer_basis(generators) / order @ graph.cell.T) @ np.linalg.inv(
        graph.cell.T
    )  # rows
    inverse = np.linalg.inv(basis)
    nodes = _wrap(graph.nodes @ inverse)
    tree = cKDTree(nodes, boxsize=1.0)
    first = np.full(len(nodes), -1)
    for node in range(len(nodes)):
        if first[node] < 0:
            first[tree.query_ball_point(nodes[node], TOLERANCE * 10)] = node
    kept, index = np.unique(first, return_inverse=True)
    vectors = graph.fractional_vectors @ inverse
    i, j = index[graph.struts.T]
    offset = np.rint(vectors - nodes[kept][j] + nodes[kept][i]).astype(int)
    names = strut_names(np.column_stack([i, j]), offset)
    names, first, strut = np.unique(names, axis=0, return_index=True, return_inverse=True)
    areas = None if graph.areas is None else graph.areas[first]
    return (
        PeriodicGraph(nodes[kept], names[:, :2], names[:, 2:], graph.cell @ basis.T, areas),
        index,
        strut.ravel(),
    )


def integer_basis(generators: np.ndarray) -> np.ndarray:
    """Basis (3, 3) of the integer lattice spanned by ``generators`` (n, 3), by column-wise
    elimination.
    """
    rows = [list(map(int, row)) for row in generators]
    basis = []
    for column in range(3):
        while sum(row[column] != 0 for row in rows) > 1:
            pivot = min((row for row in rows if row[column]), key=lambda row: abs(row[column]))
            rows = [
                row
                if row is pivot
                else [a - row[column] // pivot[column] * b for a, b in zip(row, pivot, strict=True)]
                for row in rows
            ]
        pivot = next(row for row in rows if row[column])
        basis.append(pivot)
        rows = [row for row in rows if row is not pivot and reduce(gcd, row)]
    return np.array(basis)


def _reduced(basis):
    """A basis (rows) of the same lattice with short vectors, by pairwise reduction."""
    basis = basis.copy()
    while True:
        for i, j in ((0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)):
            step = np.rint(basis[i] @ basis[j] / (basis[j] @ basis[j]) - 1e-9)
            if (
                step
                and np.linalg.norm(basis[i] - step * basis[j]) < np.linalg.norm(basis[i]) - 1e-9
            ):
                basis[i] -= step * basis[j]
                break
        else:
            return basis


def inversion(graph: PeriodicGraph) -> tuple[np.ndarray, np.ndarray] | None:
    """Inversion of the lattice: (partner node (n,), its cell (n, 3)) such that x_n ↦ partner +
    cell, or None.
    """
    struts = _with_areas(graph, strut_names(graph.struts, graph.offsets))
    alike = _rarest_nodes(graph)
    for node in alike:
        partner, cell = match_nodes(
            graph.nodes, graph.nodes[alike[0]] + graph.nodes[node] - graph.nodes
        )
        if (partner >= 0).all() and struts == _with_areas(
            graph, _image_of_struts(graph, partner, cell, reverse=True)
        ):
            # The cells count from the image of the first node.
            return match_nodes(graph.nodes, graph.nodes[0] + graph.nodes[partner[0]] - graph.nodes)
    return None


@dataclass(frozen=True)
class ReducedLattice:
    """What is left of a lattice after its primitive cell and its inversion centre are used.

    Fluctuation displacements are odd and rotations even under inversion, so one node of each pair
    carries both, a node on an inversion centre carries its rotation only, and one strut of each
    pair stands for both.

    Attributes
    ----------
    vectors : (m, 3) strut vectors in the coordinates of the unmapped cell
    weights : (m,) 2 for a strut that stands for a pair, 1 otherwise
    nodes : (m, 2) independent node at each end
    signs : (m, 2) +1 or -1: sign of the end's displacement; 0 where it vanishes
    moving : (n,) whether a node has a displacement fluctuation besides its rotation
    volume : of the primitive cell, unmapped
    areas : (m,) cross-sections relative to each other
    graph_struts : (struts of the graph,) which of the m each stands for or is the image of
    graph_nodes, graph_signs : (nodes of the graph,) independent node that each moves with, and
        whether along (+1), against (-1) or, where inversion holds it, not at all (0)
    """

    vectors: np.ndarray
    weights: np.ndarray
    nodes: np.ndarray
    signs: np.ndarray
    moving: np.ndarray
    volume: float
    areas: np.ndarray
    graph_struts: np.ndarray
    graph_nodes: np.ndarray
    graph_signs: np.ndarray

    def expand(
        self,
        graph: PeriodicGraph,
        areas: np.ndarray | None = None,
        shifts: np.ndarray | None = None,
    ) -> PeriodicGraph:
        """The graph that this was reduced from, with other cross-sections (m,) or moved nodes
        (moving nodes, 3).

        Shifts are in the Cartesian frame of the graph's cell; images of struts and nodes follow.
        Struts of no cross-section are left out, and with them the nodes that have no others.
        """
        nodes = graph.nodes
        if shifts is not None:
            moved = np.zeros((len(self.moving), 3))
            moved[self.moving] = shifts
            nodes = (
                nodes
                + self.graph_signs[:, None] * moved[self.graph_nodes] @ np.linalg.inv(graph.cell).T
            )
        areas = graph.areas if areas is None else np.asarray(areas)[self.graph_struts]
        expanded = replace(graph, nodes=nodes, areas=areas)
        return expanded if areas is None else expanded.with_struts(areas > 0)


def reduce_by_symmetry(graph: PeriodicGraph) -> ReducedLattice:
    """ReducedLattice of any periodic graph; where there is no inversion centre, the first node is
    held instead.
    """
    primitive, primitive_node, primitive_strut = _primitive(graph)
    partners = inversion(primitive)
    count = len(primitive.nodes)
    if partners is None:
        node = np.arange(count)
        sign = np.ones(count, dtype=int)
        moving = np.arange(count) > 0
        image = np.arange(len(primitive.struts))
        kept = image
        weights = np.ones(len(image))
    else:
        partner, cell = partners
        node = np.minimum(np.arange(count), partner)
        sign = np.where(np.arange(count) <= partner, 1, -1)
        moving = partner != np.arange(count)
        names = strut_names(primitive.struts, primitive.offsets)
        images = _image_of_struts(primitive, partner, cell, reverse=True)
        position = {tuple(row): k for k, row in enumerate(names.tolist())}
        image = np.array([position[tuple(row)] for row in images.tolist()])
        kept = np.flatnonzero(np.arange(len(image)) <= image)
        weights = np.where(image[kept] == kept, 1.0, 2.0)
    independent, index = np.unique(node, return_inverse=True)
    ends = primitive.struts[kept]
    moving = moving[independent]
    sign = np.where(moving[index], sign, 0)
    return ReducedLattice(
        vectors=primitive.vectors[kept],
        weights=weights,
        nodes=index[ends],
        signs=sign[ends],
        moving=moving,
        volume=primitive.volume,
        areas=np.ones(len(kept)) if primitive.areas is None else primitive.areas[kept],
        graph_struts=np.searchsorted(kept, np.minimum(np.arange(len(image)), image))[
            primitive_strut
        ],
        graph_nodes=index[primitive_node],
        graph_signs=sign[primitive_node],
    )
