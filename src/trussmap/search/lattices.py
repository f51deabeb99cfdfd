"""Lattices of one topology each: designs, and the cross-sections and node positions left free."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from trussmap.lattice.compound import reduced_topology, topologies
from trussmap.lattice.descriptor import DENSITY, deformation_map, design_topology
from trussmap.lattice.graph import PeriodicGraph
from trussmap.mechanics.homogenization import homogenize_topologies
from trussmap.mechanics.homogenization.engine import topology_factorizations
from trussmap.mechanics.solver import Solver

#: Families of lattices, each with the freedoms of the one before.
FAMILIES = ("published", "areas", "geometry")


class Lattices(NamedTuple):
    """Designs with the cross-sections and node positions that symmetry leaves free.

    Attributes
    ----------
    designs : (n, 19) descriptors Θ
    areas : (n, struts) relative cross-sections of the struts that symmetry tells apart, 0 where
        they are left out, 1 in columns that a topology does not need (`homogenize_topologies`)
    shifts : (n, nodes, 3) of the nodes that symmetry lets move, before the map, 0 in columns not
        needed
    """

    designs: np.ndarray
    areas: np.ndarray
    shifts: np.ndarray

    def take(self, rows: np.ndarray | slice) -> "Lattices":
        """Select some of them."""
        return Lattices(self.designs[rows], self.areas[rows], self.shifts[rows])

    def copied(self) -> "Lattices":
        """Copy the arrays, to write into them."""
        return Lattices(self.designs.copy(), self.areas.copy(), self.shifts.copy())

    def trimmed(self, struts: int, nodes: int) -> "Lattices":
        """Cut the columns that are not needed."""
        return Lattices(self.designs, self.areas[:, :struts], self.shifts[:, :nodes])

    @property
    def topology(self) -> np.ndarray:
        """Numbers (n,) of their topologies."""
        return design_topology(self.designs)

    @property
    def density(self) -> np.ndarray:
        """Relative densities (n,)."""
        return self.designs[:, DENSITY]

    def stiffness(self, solver: Solver) -> np.ndarray:
        """Effective stiffness (n, 21), base modulus 1."""
        return homogenize_topologies(
            self.topology,
            deformation_map(self.designs),
            self.density,
            threads=solver.threads,
            poisson_ratio=solver.poisson_ratio,
            areas=self.areas,
            shifts=self.shifts,
        )

    def graph(self, row: int) -> PeriodicGraph:
        """Graph of one lattice, on the cell of its topology."""
        key = int(self.topology[row])
        reduced = reduced_topology(key)
        struts = len(reduced.vectors)
        nodes = int(reduced.moving.sum())
        areas = self.areas[row, :struts] if self.areas.shape[1] else None
        shifts = self.shifts[row, :nodes] if self.shifts.shape[1] else None
        graph = reduced.expand(topologies()[0][key], areas, shifts)
        return graph.mapped(deformation_map(self.designs[row : row + 1])[0])


def plain_lattices(designs: np.ndarray, family: str = "published") -> Lattices:
    """Lattices of a family for designs (n, 19), all struts alike and all nodes in their places."""
    struts, nodes = freedoms(design_topology(designs), family)
    count = len(designs)
    areas = np.ones((count, struts.max(initial=0)))
    return Lattices(designs, areas, np.zeros((count, nodes.max(initial=0), 3)))


def joined(groups: Sequence[Lattices]) -> Lattices:
    """Lattices of several groups one after the other, as wide as the widest."""
    struts = max(group.areas.shape[1] for group in groups)
    nodes = max(group.shifts.shape[1] for group in groups)
    areas = [
        np.pad(group.areas, ((0, 0), (0, struts - group.areas.shape[1])), constant_values=1.0)
        for group in groups
    ]
    shifts = [
        np.pad(group.shifts, ((0, 0), (0, nodes - group.shifts.shape[1]), (0, 0)))
        for group in groups
    ]
    designs = [group.designs for group in groups]
    return Lattices(np.concatenate(designs), np.concatenate(areas), np.concatenate(shifts))


def freedoms(topology: np.ndarray, family: str) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of free cross-sections and of free nodes (n,) of topologies (n,) in a family."""
    struts = np.diff(topology_factorizations().starts["struts"])
    nodes = topology_factorizations().freedoms
    rank = FAMILIES.index(family)
    return struts[topology] * (rank > 0), nodes[topology] * (rank > 1)
