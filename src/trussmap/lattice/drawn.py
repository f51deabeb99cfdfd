"""Unit cells as people give them: rounded, with nodes and struts on opposite faces.

Nodes that are one up to rounding become one. Input that leaves in doubt what the lattice is ends in
`InputError`, in a sentence that names nodes from 0, as struts do, and rows from 1.
"""

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

from trussmap.base.errors import InputError
from trussmap.lattice.graph import (
    PeriodicGraph,
    cell_heights,
    close_nodes,
    first_alike,
    in_one_cell,
    periodic_graph,
    without_duplicates,
)

#: Distance within which two nodes are one, as a share of the shortest strut. Four decimals of nodes
#: and cell vectors differ by less in a cell of edge 1 whose struts are 0.35 long or more.
TOLERANCE = 1e-3
#: Largest tolerance: the two ends of a strut stay apart.
MOST_TOLERANCE = 0.3
#: Share of the shortest strut below which two nodes that are not one are a slip. The nearest two
#: nodes of the 197 topologies are 0.71 apart, of 400 designs 0.33, of 30 labelled catalogue cells
#: 0.48.
NEAR = 0.1
#: Near misses reach no further than this many tolerances: a small tolerance admits close nodes.
NEAR_TOLERANCES = 100
#: Share of the shortest strut within which a strut passes through a node. The least distance of the
#: 197 topologies is 0.5, of 400 designs 0.16, of 30 labelled catalogue cells 0.36.
PASSING = 0.02
#: Share of the median length below which a strut is a slip; the least of 400 designs is 0.07.
SHORTEST = 1e-3
#: Longest strut over the least height of the cell.
LONGEST = 100
#: Difference from a whole number up to which an offset is that number.
WHOLE = 1e-3


@dataclass(frozen=True)
class DrawnCell:
    """A cell in which one node may stand several times, on opposite faces.

    Attributes
    ----------
    nodes : (n, 3) fractional coordinates, perhaps outside the cell
    struts : (m, 2) nodes from 0
    offsets : (m, 3) integer cell of the second node
    cell : (3, 3) vectors as columns
    tolerance : distance within which nodes are one, as a share of ``scale``
    """

    nodes: np.ndarray
    struts: np.ndarray
    offsets: np.ndarray
    cell: np.ndarray
    tolerance: float = TOLERANCE

    @cached_property
    def vectors(self) -> np.ndarray:
        """Fractional strut vectors (m, 3)."""
        return self.nodes[self.struts[:, 1]] + self.offsets - self.nodes[self.struts[:, 0]]

    @cached_property
    def lengths(self) -> np.ndarray:
        """Strut lengths (m,)."""
        return np.linalg.norm(self.vectors @ self.cell.T, axis=1)

    @cached_property
    def scale(self) -> float:
        """The shortest strut, or the least height of the cell if that is less."""
        return min(self.lengths.min(), cell_heights(self.cell).min())

    @property
    def near(self) -> float:
        """Distance up to which nodes that are not one are a slip."""
        reach = max(self.tolerance, min(NEAR_TOLERANCES * self.tolerance, NEAR))
        return reach * self.scale

    @cached_property
    def first(self) -> np.ndarray:
        """First node (n,) of those that are one with each."""
        return first_alike(self.nodes, self.cell, self.tolerance * self.scale)

    def graph(self, radii: np.ndarray | None = None) -> PeriodicGraph:
        """The lattice, whose struts have radii (m,) relative to each other, alike by default.

        Raises
        ------
        InputError
            for struts without length, with two radii, or that pass through a node; for nodes that
            nearly meet; for ends on a face of the cell without a partner on the opposite one

        Warns
        -----
        UserWarning
            for struts that end free inside the cell
        """
        _check_lengths(self)
        _check_chains(self)
        _check_near(self)
        _check_passing(self)

        reach = self.tolerance * self.scale
        graph = periodic_graph(self.nodes, self.struts, self.offsets, self.cell, reach)
        if radii is not None:
            graph = PeriodicGraph(graph.nodes, graph.struts, graph.offsets, graph.cell, radii**2)
        graph = without_duplicates(graph)
        _check_ends(self, graph)
        return graph


def whole_offsets(offsets: np.ndarray) -> np.ndarray:
    """Offsets (m, 3) as integers; raises InputError for a row that is not of whole numbers."""
    whole = np.rint(offsets)
    bad = np.flatnonzero((np.abs(offsets - whole) > WHOLE).any(1))
    if len(bad):
        row = ", ".join(f"{value:.6g}" for value in offsets[bad[0]])
        raise InputError(f"offsets, row {bad[0] + 1}: {row}; expected whole numbers of cells.")
    return whole.astype(int)


def _check_lengths(drawn: DrawnCell) -> None:
    """Raise InputError for struts without length, and for struts of a hundred cells."""
    usual = np.median(drawn.lengths)
    short = np.flatnonzero(drawn.lengths <= SHORTEST * usual)
    if len(short):
        first, second = drawn.struts[short[0]]
        raise InputError(
            f"struts, row {short[0] + 1}: its ends, nodes {first} and {second}, are "
            f"{drawn.lengths[short[0]]:.3g} apart, where the median strut has {usual:.3g}; "
            f"expected "
            "a strut between two different places."
        )

    height = cell_heights(drawn.cell).min()
    long = np.flatnonzero(drawn.lengths > LONGEST * height)
    if len(long):
        raise InputError(
            f"struts, row {long[0] + 1}: {drawn.lengths[long[0]]:.3g} long in a cell of height "
            f"{height:.3g}; expected nodes and cell in one unit, and at most {LONGEST} heights."
        )


def _check_chains(drawn: DrawnCell) -> None:
    """Raise InputError for nodes far apart that nodes in between make one."""
    gap = drawn.nodes - drawn.nodes[drawn.first]
    width = np.linalg.norm((gap - np.rint(gap)) @ drawn.cell.T, axis=1)
    last = width.argmax()
    if width[last] > drawn.near:
        raise InputError(
            f"nodes {drawn.first[last]} and {last}: {width[last]:.3g} apart, yet linked by nodes "
            f"each "
            f"within the tolerance of {drawn.tolerance * drawn.scale:.3g}; expected nodes that "
            f"coincide "
            "or are clearly apart, or a smaller tolerance."
        )


def _check_near(drawn: DrawnCell) -> None:
    """Raise InputError for nodes with struts that are neither one nor clearly apart."""
    used = np.unique(drawn.struts)
    pairs, distance = close_nodes(drawn.nodes[used], drawn.cell, drawn.near)
    pairs = used[pairs]
    missed = np.flatnonzero(drawn.first[pairs[:, 0]] != drawn.first[pairs[:, 1]])
    if len(missed) == 0:
        return

    shares = distance[missed] / drawn.scale
    one, other = pairs[missed[shares.argmax()]]
    further = f", as do {len(missed) - 1} further pairs" if len(missed) > 1 else ""
    raise InputError(
        f"nodes {one} and {other}: up to cell vectors they are {distance[missed].max():.3g} apart, "
        f"{shares.max():.2g} of the shortest strut{further}; expected one place within "
        f"{drawn.tolerance:g} of it, or two well apart: give more decimals, "
        f"tolerance={_one_digit(shares.max(), np.ceil):g} to make them one, or "
        f"tolerance={_one_digit(shares.min() / NEAR_TOLERANCES, np.floor):g} to keep them two."
    )


def _one_digit(share, rounded):
    """A number of one digit, rounded up or down."""
    unit = 10.0 ** np.floor(np.log10(share))
    return rounded(share / unit) * unit


def _check_passing(drawn: DrawnCell) -> None:
    """Raise InputError for a strut that passes through a node without an end there."""
    strut, node, place = _nodes_beside(drawn)
    axis = (drawn.vectors @ drawn.cell.T)[strut]
    share = (place * axis).sum(1) / (axis**2).sum(1)
    away = np.linalg.norm(place - share[:, None] * axis, axis=1)

    length = drawn.lengths[strut]
    group = drawn.first[node]
    ends = drawn.first[drawn.struts[strut]]
    at_end = (group == ends[:, 0]) & (share * length < drawn.near)
    at_end |= (group == ends[:, 1]) & ((1 - share) * length < drawn.near)
    inside = (share > 0) & (share < 1) & ~at_end
    reach = min(PASSING * drawn.scale, drawn.near / 2)
    through = np.flatnonzero(inside & (away < reach))
    if len(through):
        k = through[0]
        raise InputError(
            f"struts, row {strut[k] + 1}: it passes node {node[k]} at a distance of {away[k]:.2g} "
            "without an end there; expected two struts that meet in the node."
        )


def _nodes_beside(drawn):
    """Struts (k,), nodes (k,) near them, and where these are from the first end (k, 3)."""
    used = np.unique(drawn.struts)
    heights = cell_heights(drawn.cell)
    tree = cKDTree(in_one_cell(drawn.nodes[used], heights), boxsize=heights)

    # The tree returns one image of a node, so the pieces of a strut are shorter than half a cell; a
    # piece of a few spacings of the nodes has few of them beside it.
    spacing = (abs(np.linalg.det(drawn.cell)) / len(used)) ** (1 / 3)
    step = min(heights.min() / 2, 2 * spacing)
    count = np.ceil(drawn.lengths / step).astype(int)
    strut = np.repeat(np.arange(len(count)), count)
    piece = np.arange(len(strut)) - np.repeat(np.cumsum(count) - count, count)
    share = (piece + 0.5) / count[strut]
    middle = drawn.nodes[drawn.struts[strut, 0]] + share[:, None] * drawn.vectors[strut]
    reach = drawn.lengths[strut] / count[strut] / 2 + PASSING * drawn.scale
    hits = tree.query_ball_point(in_one_cell(middle, heights), reach, p=np.inf)

    which = np.repeat(np.arange(len(strut)), [len(near) for near in hits])
    node = used[np.concatenate(hits).astype(int)]
    gap = drawn.nodes[node] - middle[which]
    gap += share[which, None] * drawn.vectors[strut[which]] - np.rint(gap)
    return strut[which], node, gap @ drawn.cell.T


def _check_ends(drawn: DrawnCell, graph: PeriodicGraph) -> None:
    """Raise InputError for ends on a face without a partner; warn of ends inside the cell."""
    degree = np.bincount(graph.struts.ravel(), minlength=len(graph.nodes))
    # A cell with offsets names its neighbours by them and needs no partners.
    if not drawn.offsets.any():
        for direction in range(3):
            _check_partners(drawn, graph, degree, direction)

    free = np.flatnonzero(degree == 1)
    if len(free):
        node = np.unique(drawn.first[drawn.struts])[free[0]]
        further = f" and {len(free) - 1} further ones" if len(free) > 1 else ""
        warnings.warn(
            f"node {node}{further}: a strut ends free there; it counts in the density and carries "
            f"no load.",
            stacklevel=4,
        )


def _check_partners(drawn, graph, degree, direction):
    """Raise InputError for struts that end on a face across a cell vector without a partner.

    A node without a partner is no slip in itself: its images may carry the further struts. It is a
    slip if no strut goes on beyond the face, or if a strut in the face has no copy on the opposite
    one where struts in faces are given twice.
    """
    margin = 2 * drawn.tolerance * drawn.scale / cell_heights(drawn.cell)[direction]
    closed, alone, within = _nodes_without_partner(drawn, direction, margin)
    used = np.unique(drawn.first[drawn.struts])
    group = np.searchsorted(used, drawn.first[alone])
    slip = degree[group] == 1
    if closed:
        twice = len(graph.struts) < len(drawn.struts)
        slip |= (within & twice) | _one_sided(graph, direction, margin)[group]
    if slip.any():
        node = alone[slip.argmax()]
        place = ", ".join(f"{value:.4g}" for value in drawn.nodes[node].round(9) + 0.0)
        raise InputError(
            f"node {node}: struts end at it on a face across cell vector {direction + 1} "
            f"(fractional "
            f"{place}), but no node has its place on the opposite face; expected a node there too, "
            "without struts if none ends there, or a node that is moved onto its partner."
        )


def _nodes_without_partner(drawn, direction, margin):
    """Whether nodes reach from face to face; nodes (k,) on one that struts leave into the cell and
    that
    have no partner on the opposite one; whether they also have a strut in the face (k,)."""
    along = drawn.nodes[:, direction]
    low = along.min()
    high = along.max()
    closed = abs(high - low - 1) < margin
    if not closed and low > -margin and high < 1 + margin:
        low = 0.0
        high = 1.0
    side = (np.abs(along - low) < margin) * 1 - (np.abs(along - high) < margin) * 1

    leaving = np.abs(drawn.vectors[:, direction]) > margin
    ends = np.unique(drawn.struts[leaving])
    ends = ends[side[ends] != 0]
    shift = np.rint(drawn.nodes - drawn.nodes[drawn.first]).astype(int)
    places = set(map(tuple, np.column_stack([drawn.first, shift]).tolist()))
    image = shift[ends]
    image[:, direction] += side[ends]
    images = np.column_stack([drawn.first[ends], image]).tolist()
    alone = ends[np.array([tuple(place) not in places for place in images], bool)]
    return closed, alone, np.isin(alone, drawn.struts[~leaving])


def _one_sided(graph, direction, margin):
    """Whether the struts of each node (n,) go to one side across a cell vector alone."""
    ends = graph.struts.T.ravel()
    outward = graph.fractional_vectors[:, direction]
    outward = np.concatenate([outward, -outward])
    nodes = np.arange(len(graph.nodes))
    return np.isin(nodes, ends[outward > margin]) ^ np.isin(nodes, ends[outward < -margin])
