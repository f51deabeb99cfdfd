"""Lattices from Python: elementary ones, topologies, designs, struts of one's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, TypedDict, Unpack

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from trussmap.api.checks import (
    FileName,
    array,
    cell_vectors,
    designs,
    positive,
    radii_of,
    strut_ends,
    with_ending,
)
from trussmap.base.errors import InputError
from trussmap.lattice.compound import superpose, topologies
from trussmap.lattice.descriptor import DENSITY
from trussmap.lattice.drawn import MOST_TOLERANCE, TOLERANCE, DrawnCell, whole_offsets
from trussmap.lattice.elementary import NAMES, elementary_lattice
from trussmap.lattice.graph import PeriodicGraph
from trussmap.mechanics.homogenization.engine import mechanism

if TYPE_CHECKING:
    from trussmap.parts.fill import Part

#: Names of the elementary lattices, in the order of their numbers.
ELEMENTARY = tuple(NAMES)


class PartRegion(TypedDict, total=False):
    """Region of `Lattice.part`, and what becomes of the struts that its surface cuts."""

    box: ArrayLike | None
    shape: FileName | None
    free_ends: bool


@dataclass(frozen=True)
class Lattice:
    """A periodic lattice of round struts, rigidly joined.

    Attributes
    ----------
    graph
        nodes, struts and cell
    relative_density
        cross-section times length of the struts over the volume of the cell
    """

    graph: PeriodicGraph
    relative_density: float

    def __repr__(self) -> str:
        return f"Lattice({len(self.graph.struts)} struts, relative density {self.relative_density:.4g})"

    def __post_init__(self) -> None:
        check_graph(self.graph)
        if not positive(self.relative_density, "relative density") < 1:
            raise InputError(
                f"relative density {self.relative_density:g}: expected a number above 0 and below "
                f"1."
            )

    @classmethod
    def from_elementary(
        cls,
        *names: str,
        relative_density: float,
        deformation: ArrayLike | None = None,
        tessellation: int = 1,
    ) -> "Lattice":
        """Superpose elementary lattices of the design space, split at their crossings.

        ``names`` are among ``simple_cubic``, ``octet`` … (`ELEMENTARY`); each is repeated
        ``tessellation`` times along an edge. ``deformation`` (3, 3) is applied afterwards.

        >>> import trussmap as tm
        >>> stretch = np.diag([2, 1, 1])
        >>> stretched = tm.Lattice.from_elementary(
        ...     "simple_cubic", relative_density=0.03, deformation=stretch
        ... )
        >>> tm.homogenize(stretched).stiffness[0].diagonal()[:3].round(4)
        array([0.015 , 0.0075, 0.0075])
        """
        unknown = [name for name in names if name not in NAMES]
        if unknown or not names:
            raise InputError(
                f"elementary lattices {', '.join(map(str, names)) or '(none)'}: expected some of "
                f"{', '.join(NAMES)}."
            )
        if tessellation not in (1, 2):
            raise InputError(f"tessellation {tessellation}: expected 1 or 2.")
        parts = [elementary_lattice(NAMES.index(name)).tiled(tessellation) for name in names]
        return cls(deformed(superpose(parts), deformation), relative_density)

    @classmethod
    def from_topology(
        cls, number: int, relative_density: float, deformation: ArrayLike | None = None
    ) -> "Lattice":
        """One of the 197 topologies, under a ``deformation`` (3, 3).

        Designs number them in the column ``topology``.
        """
        graphs = topologies()[0]
        if not (isinstance(number, Integral) and 0 <= number < len(graphs)):
            raise InputError(f"topology {number}: expected a number from 0 to {len(graphs) - 1}.")
        return cls(deformed(graphs[number], deformation), relative_density)

    @classmethod
    def from_design(cls, design: Mapping[str, object]) -> "Lattice":
        """Lattice of a design: a row of a table with the published columns, or of `Results`.

        The columns are `trussmap.lattice.descriptor.DESIGN_COLUMNS`.

        >>> from trussmap.lattice.descriptor import DESIGN_COLUMNS, sample_designs
        >>> row = dict(zip(DESIGN_COLUMNS, sample_designs(2022, 0, 1)[0]))
        >>> round(Lattice.from_design(row).relative_density, 3)
        0.049
        """
        from trussmap.designs.table import row_graph

        theta = designs(pd.DataFrame([dict(design)]))[0]

        return cls(row_graph(design), float(theta[DENSITY]))

    @classmethod
    def from_struts(
        cls,
        nodes: ArrayLike,
        struts: ArrayLike,
        relative_density: float,
        cell: ArrayLike | None = None,
        offsets: ArrayLike | None = None,
        radii: ArrayLike | None = None,
        tolerance: float = TOLERANCE,
    ) -> "Lattice":
        """Lattice of the struts given.

        Parameters
        ----------
        nodes
            (n, 3) cartesian, in any unit of length
        struts
            (m, 2) nodes that each strut joins, from 0. Struts that cross without a node there are
            not joined.
        relative_density
            cross-section times length of the struts over the volume of the cell
        cell
            the edges of a box, (3,), or cell vectors as rows, (3, 3); the unit cube by default.
            Nodes that are apart by cell vectors are one, so that a cell with nodes and struts on
            opposite faces can be given as it is drawn; such a strut is one, of the radius given.
        offsets
            (m, 3) cell in which the second node of each strut lies, whole numbers up to 0.001; none
            by default
        radii
            (m,) of the struts, relative to each other; alike by default
        tolerance
            distance within which nodes are one, as a share of the shortest strut (of the least
            height of the cell if that is less), up to 0.3. Nodes linked by others within it are one
            too. By default 0.001: rotated cells of edge 1 with coordinates of four decimals or more
            are read right. Nodes that miss each other by more, up to a tenth of the shortest strut,
            are refused; a tolerance below 0.001 refuses up to its hundredfold.

        Raises
        ------
        InputError
            for what is not a lattice, or has no definite stiffness: struts that are not connected;
            for nodes that nearly meet, struts that pass through a node, one strut with two radii, and
            struts that end on a face of the cell without a node on the opposite one

        Warns
        -----
        UserWarning
            for struts that end free inside the cell

        Examples
        --------
        >>> corners = [[x, y, z] for x in (0, 2) for y in (0, 2) for z in (0, 2)]
        >>> nodes, struts = [*corners, [1, 1, 1]], [[corner, 8] for corner in range(8)]
        >>> body_centred = Lattice.from_struts(nodes, struts, relative_density=0.05, cell=[2, 2, 2])
        >>> len(body_centred.graph.nodes), len(body_centred.graph.struts)
        (2, 8)
        """
        points = array(nodes, (None, 3), "nodes")
        pairs = strut_ends(struts, len(points))
        shifts = (
            np.zeros((len(pairs), 3))
            if offsets is None
            else array(offsets, (len(pairs), 3), "offsets")
        )
        thickness = None if radii is None else radii_of(radii, len(pairs))
        if not positive(tolerance, "tolerance") <= MOST_TOLERANCE:
            raise InputError(
                f"tolerance {tolerance:g}: expected a share of the shortest strut, up to 0.3."
            )

        vectors = cell_vectors(cell)
        places = points @ np.linalg.inv(vectors).T
        drawn = DrawnCell(places, pairs, whole_offsets(shifts), vectors, tolerance)
        graph = drawn.graph(thickness)
        if fault := mechanism(graph):
            raise InputError(
                f"the lattice has no definite stiffness: {fault}; expected one part that holds "
                f"together."
            )
        return cls(graph, relative_density)

    @property
    def radii(self) -> np.ndarray:
        """Radii (m,) of the struts, in the graph's unit of length."""
        return self.graph.radii(self.relative_density)

    def to_frame(self) -> pd.DataFrame:
        """Table of the struts: nodes, offsets, vector ``dx, dy, dz``, ``length``, ``radius``."""
        table = pd.DataFrame(self.graph.struts, columns=["node_1", "node_2"])
        table[["offset_1", "offset_2", "offset_3"]] = self.graph.offsets
        table[["dx", "dy", "dz"]] = self.graph.vectors
        return table.assign(length=self.graph.lengths, radius=self.radii)

    def part(
        self,
        cell_size_mm: float,
        box: ArrayLike | None = None,
        shape: FileName | None = None,
        free_ends: bool = True,
    ) -> "Part":
        """Region filled with the lattice.

        ``cell_size_mm`` is the edge of a cube of the volume of one cell. The region is a ``box`` in
        line with the axes, (3,) mm, two cell sizes along each edge by default, or the inside of a
        closed surface in a file (``shape``). Without ``free_ends``, struts that are cut at the
        surface are left out. The `trussmap.parts.fill.Part` returned has nodes, struts, radii, and
        the solid's ``mesh``.

        >>> octet = Lattice.from_elementary("octet", relative_density=0.05)
        >>> part = octet.part(cell_size_mm=2, box=(4, 4, 6))
        >>> len(part.struts), part.mesh.is_watertight
        (352, True)
        """
        from trussmap.parts import region
        from trussmap.parts.fill import fill

        if box is not None and shape is not None:
            raise InputError("box and shape: expected one of them.")
        size = np.full(3, 2 * positive(cell_size_mm, "cell_size_mm"))
        if box is not None:
            size = array(box, (3,), "box")
        space = region.box(size) if shape is None else region.shape(shape)
        return fill(self.graph, self.relative_density, cell_size_mm, space, free_ends)

    def to_stl(self, path: FileName, cell_size_mm: float, **region: Unpack[PartRegion]) -> "Part":
        """Write a `part` as watertight STL in mm, and return it."""
        from trussmap.parts.files import write_stl

        path = with_ending(path, ".stl")
        part = self.part(cell_size_mm, **region)
        write_stl(path, part)
        return part

    def to_3mf(self, path: FileName, cell_size_mm: float, **region: Unpack[PartRegion]) -> "Part":
        """Write a `part` as 3MF with the beam lattice extension, and return it."""
        from trussmap.parts.files import write_3mf

        path = with_ending(path, ".3mf")
        part = self.part(cell_size_mm, **region)
        write_3mf(path, part)
        return part

    def to_inp(
        self,
        path: FileName,
        cell_size_mm: float,
        youngs_modulus: float,
        solver: str = "calculix",
        elements: int = 2,
        **region: Unpack[PartRegion],
    ) -> "Part":
        """Write a `part` as beams for CalculiX or Abaqus, and return it.

        ``elements``: beams to a strut. The file is described at `trussmap.parts.files.write_inp`.
        """
        from trussmap.parts.files import write_inp

        path = with_ending(path, ".inp")
        modulus = positive(youngs_modulus, "youngs_modulus")
        part = self.part(cell_size_mm, **region)
        write_inp(path, part, youngs_modulus=modulus, solver=solver, elements=elements)
        return part


def deformed(graph: PeriodicGraph, deformation: ArrayLike | None) -> PeriodicGraph:
    """Graph under a deformation (3, 3), or as it is."""
    if deformation is None:
        return graph
    matrix = array(deformation, (3, 3), "deformation")
    if not abs(np.linalg.det(matrix)) > 1e-9 * np.linalg.norm(matrix) ** 3:
        raise InputError(
            "deformation: it flattens the cell; expected a matrix that keeps a volume."
        )
    return graph.mapped(matrix)


def check_graph(graph: PeriodicGraph) -> None:
    """Raise InputError for arrays that are no lattice."""
    if not isinstance(graph, PeriodicGraph):
        raise InputError("graph: expected a PeriodicGraph, such as that of another lattice.")
    count = len(array(graph.nodes, (None, 3), "nodes"))
    pairs = strut_ends(graph.struts, count)
    whole_offsets(array(graph.offsets, (len(pairs), 3), "offsets"))
    cell_vectors(graph.cell)
    if graph.areas is not None:
        radii_of(graph.areas, len(pairs), "areas")
