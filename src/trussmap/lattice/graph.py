"""Lattices as periodic graphs."""

from dataclasses import dataclass, field, replace

import numpy as np


@dataclass(frozen=True)
class PeriodicGraph:
    """A periodic strut lattice.

    Attributes
    ----------
    nodes : (n, 3) fractional coordinates in the cell
    struts : (m, 2) indices of the two end nodes; every strut of the infinite lattice stands here once
    offsets : (m, 3) integer cell of the second end node
    cell : (3, 3) cell vectors as columns, the unit cube by default
    """

    nodes: np.ndarray
    struts: np.ndarray
    offsets: np.ndarray
    cell: np.ndarray = field(default_factory=lambda: np.eye(3))

    @property
    def fractional_vectors(self):
        """Strut vectors (m, 3) in cell coordinates."""
        return self.nodes[self.struts[:, 1]] + self.offsets - self.nodes[self.struts[:, 0]]

    @property
    def vectors(self):
        """Cartesian strut vectors (m, 3)."""
        return self.fractional_vectors @ self.cell.T

    @property
    def lengths(self):
        """Strut lengths (m,)."""
        return np.linalg.norm(self.vectors, axis=1)

    @property
    def volume(self):
        """Cell volume."""
        return abs(np.linalg.det(self.cell))

    def radius(self, relative_density):
        """Strut radius at a relative density, all struts alike, overlap at nodes not subtracted (DESIGN §3)."""
        return np.sqrt(relative_density * self.volume / (np.pi * self.lengths.sum()))

    def mapped(self, deformation):
        """The lattice under the linear map ``deformation`` (3, 3)."""
        return replace(self, cell=deformation @ self.cell)

    def tiled(self, n):
        """The same lattice described on an n × n × n block of cells, scaled back into one cell."""
        shifts = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), -1).reshape(-1, 3)
        nodes = (self.nodes[None] + shifts[:, None]).reshape(-1, 3) / n
        target = shifts[:, None] + self.offsets[None]
        block = np.ravel_multi_index(np.moveaxis(target % n, -1, 0), (n, n, n))
        first = np.arange(n**3)[:, None] * len(self.nodes) + self.struts[:, 0]
        second = block * len(self.nodes) + self.struts[:, 1]
        struts = np.stack([first, second], -1).reshape(-1, 2)
        return PeriodicGraph(nodes, struts, (target // n).reshape(-1, 3), self.cell)
