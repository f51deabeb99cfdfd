"""Two designs of unlike topologies that fade into each other (paper, p. 5 and Fig. 3B).

The two topologies are superposed in one cell, whose reciprocal basis is interpolated; struts of A
alone fade out towards B, those of B alone fade in, and shared ones change from one diameter to the
other.
"""

from itertools import permutations, product

import numpy as np

from trussmap.base.errors import InputError
from trussmap.lattice.compound import compound, superpose
from trussmap.lattice.descriptor import DENSITY, REPS, TYPES, deformation_map
from trussmap.lattice.graph import PeriodicGraph


class FadedCells:
    """What is prescribed on the way from one design to another; lengths over the size of a cell.

    Attributes
    ----------
    graph : both topologies in one unit cube
    reciprocal : (2, 3, 3) reciprocal bases of the two, one vector in each row
    areas : (2, m) cross-sections of each strut in either, 0 where it has none
    mean_radius : the smaller of the two designs' radii
    """

    def __init__(
        self, graph: PeriodicGraph, maps: np.ndarray, density: np.ndarray, present: np.ndarray
    ) -> None:
        self.graph = graph
        self.density = density
        self.reciprocal = np.linalg.inv(maps)
        lengths = np.linalg.norm(np.einsum("dij,mj->dmi", maps, graph.fractional_vectors), axis=2)
        self.areas = present * (density / (present * lengths).sum(1))[:, None]
        self.mean_radius = np.sqrt(self.areas.max(1) / np.pi).min()

    def sections(self, progress: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """Cross-sections (n, m) at progress (n,) in cells (n, 3, 3), so that the relative density
        changes linearly.
        """
        areas = np.outer(1 - progress, self.areas[0]) + np.outer(progress, self.areas[1])
        lengths = np.linalg.norm(
            np.einsum("nij,mj->nmi", cells, self.graph.fractional_vectors), axis=2
        )
        wanted = (1 - progress) * self.density[0] + progress * self.density[1]
        return areas * (wanted * np.abs(np.linalg.det(cells)) / (areas * lengths).sum(1))[:, None]


def faded_cells(designs: np.ndarray) -> FadedCells:
    """The FadedCells of two designs (2, 19); raises InputError where no path of positive cell
    volume joins them.
    """
    maps = deformation_map(designs)
    maps /= np.cbrt(np.linalg.det(maps))[:, None, None]
    graph, maps, in_a, in_b = _common_cell(designs, maps)
    return FadedCells(graph, maps, designs[:, DENSITY], np.stack([in_a, in_b]))


def _common_cell(designs, maps):
    """The superposed unit cell, the two maps with the closest reciprocal bases, and which struts
    belong to A and B.

    A lattice stays the same when its unit cube is turned by a rotation of the cube and its map
    turned back. Of these 24 descriptions of B, the one whose reciprocal basis is closest to A's
    makes the gentlest path.
    """
    cells = [compound(design[TYPES], design[REPS]) for design in designs]
    reciprocal_a = np.linalg.inv(maps[0])
    candidates = []
    for order, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        turn = np.zeros((3, 3), dtype=int)
        turn[np.arange(3), order] = signs
        if np.linalg.det(turn) > 0:
            reciprocal_b = turn @ np.linalg.inv(maps[1])
            steps = np.linspace(0, 1, 21)[:, None, None]
            smallest = np.linalg.det((1 - steps) * reciprocal_a + steps * reciprocal_b).min()
            candidates.append(
                (smallest < 0.2, np.linalg.norm(reciprocal_a - reciprocal_b), smallest, turn)
            )
    candidates.sort(key=lambda c: c[:2])
    for _, _, smallest, turn in candidates:
        if smallest <= 0.02:
            continue
        turned = _turned(cells[1], turn)
        try:
            graph = superpose([cells[0], turned])
        except (
            ValueError
        ):  # a crossing off the grid of the elementary lattices; the identity has none
            continue
        return (
            graph,
            np.stack([maps[0], maps[1] @ turn.T]),
            _contains(cells[0], graph),
            _contains(turned, graph),
        )
    raise InputError(
        "grading: no path of positive cell volume joins the two designs; choose another pair."
    )


def _turned(graph, turn):
    """The lattice of the unit cube turned by the integer rotation ``turn``."""
    nodes = np.round(graph.nodes @ turn.T, 12)
    shift = np.floor(nodes).astype(int)
    i, j = graph.struts.T
    return PeriodicGraph(nodes - shift, graph.struts, graph.offsets @ turn.T + shift[j] - shift[i])


def _contains(lattice, graph):
    """Which struts (m,) of ``graph`` lie on a strut of ``lattice``."""
    tiles = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3, indexing="ij"), -1).reshape(-1, 1, 3)
    start = (lattice.nodes[lattice.struts[:, 0]] + tiles).reshape(-1, 3)
    along = np.tile(lattice.fractional_vectors, (len(tiles), 1))
    near = (
        (np.minimum(start, start + along) < 1.6) & (np.maximum(start, start + along) > -0.6)
    ).all(1)
    start = start[near]
    along = along[near]
    middle = graph.nodes[graph.struts[:, 0]] + graph.fractional_vectors / 2
    middle -= np.floor(middle)
    inside = []
    for point, vector in zip(middle, graph.fractional_vectors, strict=True):
        gap = point - start
        share = (gap * along).sum(1) / (along**2).sum(1)
        off = np.linalg.norm(gap - share[:, None] * along, axis=1)
        parallel = np.linalg.norm(np.cross(along, vector), axis=1) < 1e-7
        inside.append(np.any((off < 1e-7) & parallel & (share > 0) & (share < 1)))
    return np.array(inside)
