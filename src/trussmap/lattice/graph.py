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
        """Strut radius at a relative density, all struts alike, nodes not subtracted (architecture.md §3)."""
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

    def smallest_distance(self):
        """Least distance between the axes of two struts that share no node; less their diameter, the smallest gap."""
        shifts = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3, indexing="ij"), -1).reshape(-1, 1, 3)
        start, along, length = self.nodes[self.struts[:, 0]] @ self.cell.T, self.vectors, self.lengths
        images = start + shifts @ self.cell.T
        # An end is a node in a cell: node and cell of both ends of every image.
        cells = np.stack([shifts + 0 * self.offsets, shifts + self.offsets], 2)
        least = np.linalg.norm(self.cell, axis=0).min()  # between a strut and its own image at the most
        for strut, ends in enumerate(self.struts):
            own = start[strut] + along[strut] / 2
            between = np.linalg.norm(images + along / 2 - own, axis=-1) - (length + length[strut]) / 2
            shift, other = np.nonzero(between < least)
            shared = np.zeros(len(other), bool)
            for node, cell in zip(ends, (np.zeros(3, int), self.offsets[strut]), strict=True):
                shared |= ((self.struts[other] == node) & (cells[shift, other] == cell).all(-1)).any(-1)
            shift, other = shift[~shared], other[~shared]
            gap = _segment_distance(start[strut], along[strut], images[shift, other], along[other])
            least = min(least, gap.min(initial=np.inf))
        return float(least)


def _segment_distance(p, a, q, b):
    """Distance between the segment p + [0, 1] a and each of the segments q + [0, 1] b (…, 3)."""
    d = q - p
    aa, ab, bb = a @ a, (a * b).sum(-1), (b * b).sum(-1)
    da, db = (d * a).sum(-1), (d * b).sum(-1)
    determinant = aa * bb - ab**2
    s = np.clip(np.where(determinant > 1e-12 * aa * bb, (da * bb - db * ab) / np.maximum(determinant, 1e-300), 0), 0, 1)
    t = np.clip((s * ab - db) / bb, 0, 1)
    s = np.clip((da + t * ab) / aa, 0, 1)
    return np.linalg.norm(d + t[..., None] * b - s[..., None] * a, axis=-1)
