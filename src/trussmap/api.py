"""Lattices, their stiffness, and lattices that have a given stiffness, from Python: ``import trussmap as tm``.

>>> import trussmap as tm
>>> octet = tm.Lattice.from_elementary("octet", relative_density=0.05)
>>> found = tm.homogenize(octet)
>>> found.stiffness[0, :3, :3].round(4)  # Voigt order 11, 22, 33, 23, 13, 12, over the base material's modulus
array([[0.0084, 0.0041, 0.0041],
       [0.0041, 0.0084, 0.0041],
       [0.0041, 0.0041, 0.0084]])
>>> found.stiffness[0].diagonal()[3:].round(4)  # engineering shear strains
array([0.0042, 0.0042, 0.0042])

And back, in MPa for a titanium alloy, with no octet truss allowed:

>>> designs = tm.design(114_000 * found.stiffness[0], youngs_modulus=114_000, topologies=[0, 2, 11], keep=1)
>>> bool(designs.to_frame()["topology"].isin([0, 2, 11]).all())
True

What both return, `Results`, draws itself (``plot``), prints itself (``to_stl``), is a page to turn
and to read (``to_html``) and a table (``to_frame``). Whatever cannot be used ends in `InputError`,
in one sentence that says what would be right.
"""

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, overload

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from trussmap.base.errors import InputError
from trussmap.lattice.compound import superpose, topologies
from trussmap.lattice.descriptor import DENSITY, DESIGN_COLUMNS, check_designs
from trussmap.lattice.drawn import MOST_TOLERANCE, TOLERANCE, DrawnCell, whole_offsets
from trussmap.lattice.elementary import NAMES, elementary_lattice
from trussmap.lattice.graph import PeriodicGraph
from trussmap.mechanics.homogenization import homogenize_cells, homogenize_designs
from trussmap.mechanics.homogenization.engine import mechanism, topology_factorizations
from trussmap.mechanics.strength import check_buckling_length
from trussmap.targets.goal import KINDS, Goal
from trussmap.targets.reading import (
    ASYMMETRY,
    ORDERS,
    SYMMETRY_TOLERANCE,
    check_targets,
    doubts,
    in_voigt_order,
    inverted,
    read_goal,
    symmetric_mean,
)
from trussmap.tensors.engineering import ENGINEERING, engineering_constants
from trussmap.tensors.stiffness import (
    COMPONENTS,
    POISSON_RATIO,
    check_admissible,
    check_poisson_ratio,
    pack,
    unpack,
)

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure

    from trussmap.parts.fill import Part

#: Names of the elementary lattices, in the order of their numbers.
ELEMENTARY = tuple(NAMES)
#: A file or folder by its name.
FileName = str | PathLike[str]


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
        _check_graph(self.graph)
        if not _positive(self.relative_density, "relative density") < 1:
            raise InputError(
                f"relative density {self.relative_density:g}: expected a number above 0 and below 1."
            )

    @classmethod
    def from_elementary(
        cls,
        *names: str,
        relative_density: float,
        deformation: ArrayLike | None = None,
        tessellation: int = 1,
    ) -> "Lattice":
        """Elementary lattices superposed, split at their crossings: the design space's, in the unit cube.

        ``names`` are among ``simple_cubic``, ``octet`` … (`ELEMENTARY`); each stands
        ``tessellation`` times along an edge. ``deformation`` (3, 3) is applied afterwards.

        >>> stretched = Lattice.from_elementary("simple_cubic", relative_density=0.03, deformation=np.diag([2, 1, 1]))
        >>> homogenize(stretched).stiffness[0].diagonal()[:3].round(4)
        array([0.015 , 0.0075, 0.0075])
        """
        unknown = [name for name in names if name not in NAMES]
        if unknown or not names:
            raise InputError(
                f"elementary lattices {', '.join(map(str, names)) or '(none)'}: expected some of {', '.join(NAMES)}."
            )
        if tessellation not in (1, 2):
            raise InputError(f"tessellation {tessellation}: expected 1 or 2.")
        parts = [elementary_lattice(NAMES.index(name)).tiled(tessellation) for name in names]
        return cls(_deformed(superpose(parts), deformation), relative_density)

    @classmethod
    def from_topology(
        cls, number: int, relative_density: float, deformation: ArrayLike | None = None
    ) -> "Lattice":
        """One of the 197 topologies, as designs number them (column ``topology``), under a ``deformation`` (3, 3)."""
        graphs = topologies()[0]
        if not (isinstance(number, Integral) and 0 <= number < len(graphs)):
            raise InputError(f"topology {number}: expected a number from 0 to {len(graphs) - 1}.")
        return cls(_deformed(graphs[number], deformation), relative_density)

    @classmethod
    def from_design(cls, design: Mapping[str, object]) -> "Lattice":
        """The lattice of a design: a row of a table with the published columns (`DESIGN_COLUMNS`) or of `Results`.

        >>> from trussmap.lattice.descriptor import DESIGN_COLUMNS, sample_designs
        >>> row = dict(zip(DESIGN_COLUMNS, sample_designs(2022, 0, 1)[0]))
        >>> round(Lattice.from_design(row).relative_density, 3)
        0.049
        """
        theta = _designs(pd.DataFrame([dict(design)]))[0]
        from trussmap.designs.table import row_graph

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
        """A lattice of one's own.

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
            for what is not a lattice, or has no definite stiffness: struts that hang apart; for
            nodes that nearly meet, struts that pass through a node, one strut with two radii, and
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
        points = _array(nodes, (None, 3), "nodes")
        pairs = _strut_ends(struts, len(points))
        shifts = (
            np.zeros((len(pairs), 3))
            if offsets is None
            else _array(offsets, (len(pairs), 3), "offsets")
        )
        thick = None if radii is None else _radii(radii, len(pairs))
        if not _positive(tolerance, "tolerance") <= MOST_TOLERANCE:
            raise InputError(
                f"tolerance {tolerance:g}: expected a share of the shortest strut, up to 0.3."
            )

        vectors = _cell_vectors(cell)
        places = points @ np.linalg.inv(vectors).T
        drawn = DrawnCell(places, pairs, whole_offsets(shifts), vectors, tolerance)
        graph = drawn.graph(thick)
        if fault := mechanism(graph):
            raise InputError(
                f"the lattice has no definite stiffness: {fault}; expected one part that holds together."
            )
        return cls(graph, relative_density)

    @property
    def radii(self) -> np.ndarray:
        """Radii (m,) of the struts, in the graph's unit of length."""
        return self.graph.radii(self.relative_density)

    def to_frame(self) -> pd.DataFrame:
        """The struts: nodes and offsets, vector ``dx, dy, dz``, ``length`` and ``radius``, in the graph's unit."""
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

        The `trussmap.parts.fill.Part` has nodes, struts, radii, and the solid's ``mesh``.

        ``cell_size_mm`` is the edge of a cube of the volume of one cell. The region is a ``box`` in
        line with the axes, (3,) mm, two cell sizes along each edge by default, or the inside of a
        closed surface in a file (``shape``). Without ``free_ends``, struts that are cut at the
        surface are left out.

        >>> part = Lattice.from_elementary("octet", relative_density=0.05).part(cell_size_mm=2, box=(4, 4, 6))
        >>> len(part.struts), part.mesh.is_watertight
        (352, True)
        """
        from trussmap.parts import fill as parts

        if box is not None and shape is not None:
            raise InputError("box and shape: expected one of them.")
        size = (
            np.full(3, 2 * _positive(cell_size_mm, "cell_size_mm"))
            if box is None
            else _array(box, (3,), "box")
        )
        region = parts.box(size) if shape is None else parts.shape(shape)
        return parts.fill(self.graph, self.relative_density, cell_size_mm, region, free_ends)

    def to_stl(self, path: FileName, cell_size_mm: float, **region: object) -> "Part":
        """Write a `part` as watertight STL in mm, and return it."""
        return self._written("write_stl", _named(path, ".stl"), cell_size_mm, region)

    def to_3mf(self, path: FileName, cell_size_mm: float, **region: object) -> "Part":
        """Write a `part` as 3MF with the beam lattice extension, and return it."""
        return self._written("write_3mf", _named(path, ".3mf"), cell_size_mm, region)

    def to_inp(
        self,
        path: FileName,
        cell_size_mm: float,
        youngs_modulus: float,
        solver: str = "calculix",
        elements: int = 2,
        **region: object,
    ) -> "Part":
        """Write a `part` as beams for CalculiX or Abaqus, and return it.

        ``elements``: beams to a strut. The file is described at `trussmap.parts.files.write_inp`.
        """
        options = {"youngs_modulus": _positive(youngs_modulus, "youngs_modulus")}
        options |= {"solver": solver, "elements": elements}
        return self._written("write_inp", _named(path, ".inp"), cell_size_mm, region, **options)

    def _written(self, writer, path, cell_size_mm, region, **options):
        from trussmap.parts import files as export

        part = self.part(cell_size_mm, **region)
        getattr(export, writer)(path, part, **options)
        return part


class Results(Sequence[Lattice]):
    """Lattices and what is known of them: a sequence of `Lattice`, with a row each in ``to_frame()``."""

    def __init__(
        self,
        table: pd.DataFrame,
        lattice_of: Callable[[int], Lattice],
        youngs_modulus: float,
        stiffness: np.ndarray,
        asked: Sequence[Mapping[str, float]] = (),
    ) -> None:
        self._table, self._lattice_of, self._stiffness, self._asked = (
            table,
            lattice_of,
            stiffness,
            asked,
        )
        self.youngs_modulus = youngs_modulus

    def __len__(self) -> int:
        return len(self._table)

    @overload
    def __getitem__(self, index: int) -> Lattice: ...
    @overload
    def __getitem__(self, index: slice) -> list[Lattice]: ...
    def __getitem__(self, index):
        rows = range(len(self))[index]
        return (
            [self._lattice_of(row) for row in rows]
            if isinstance(index, slice)
            else self._lattice_of(rows)
        )

    def __repr__(self) -> str:
        return repr(self._table)

    def _repr_html_(self) -> str:
        return self._table._repr_html_()

    @property
    def stiffness(self) -> np.ndarray:
        """Effective stiffness by finite elements, (n, 6, 6) in Voigt form, in the units of ``youngs_modulus``."""
        return self.youngs_modulus * unpack(self._stiffness)

    def to_frame(self) -> pd.DataFrame:
        """A row for each lattice, stiffness in the units of ``youngs_modulus``."""
        return self._table.copy()

    def plot(self, path: FileName | None = None, which: int = 0) -> "Figure":
        """The cell of one of the lattices beside its directional Young's modulus; also written to ``path`` (PNG)."""
        from trussmap.figures.cell import plot

        lattice = self[which]
        return plot(
            lattice.graph,
            lattice.relative_density,
            self._stiffness[which],
            path and _named(path, ".png"),
        )

    def to_html(
        self,
        path: FileName | None = None,
        which: int = 0,
        cell_size_mm: float | None = None,
        unit: str = "",
        **region: object,
    ) -> str:
        """One self-contained page of one of the lattices, to turn and in numbers, beside its target where there is one.

        Also written to ``path``. With a ``cell_size_mm`` lengths are in mm and a part is shown,
        ``region`` as of `Lattice.part`. ``unit`` is what the units of ``youngs_modulus`` are
        called.

        >>> octet = homogenize(Lattice.from_elementary("octet", relative_density=0.05), youngs_modulus=114_000)
        >>> "pore size" in octet.to_html(cell_size_mm=2, unit="MPa")
        True
        """
        from io import BytesIO

        from trussmap.base.io import atomic_path
        from trussmap.designs.table import in_users_units, sizes_mm
        from trussmap.report.design import design_page

        which, picture = range(len(self))[which], BytesIO()
        lattice, row = self[which], in_users_units(self._table.iloc[[which]], 1.0).iloc[0].to_dict()
        self.plot(which=which).savefig(picture, dpi=200, format="png")
        how = {
            "unit": unit,
            "cell_size_mm": cell_size_mm,
            "graph": lattice.graph,
            "picture": picture,
        }
        if cell_size_mm is not None:
            how["part"] = lattice.part(cell_size_mm, **region)
            row |= sizes_mm(lattice.graph, lattice.relative_density, cell_size_mm)
        made = {"Young's modulus of the base material": self.youngs_modulus}
        page = design_page(row, self._asked[which] if self._asked else None, origin=made, **how)
        if path is not None:
            with atomic_path(path) as temporary:
                temporary.write_text(page, encoding="utf-8")
        return page

    def to_stl(
        self, path: FileName, cell_size_mm: float, which: int = 0, **region: object
    ) -> "Part":
        """Write one of the lattices as `Lattice.to_stl` does."""
        return self[which].to_stl(path, cell_size_mm, **region)


def homogenize(
    lattices: Lattice | Sequence[Lattice] | pd.DataFrame,
    youngs_modulus: float = 1.0,
    poisson_ratio: float = POISSON_RATIO,
    threads: int | None = None,
) -> Results:
    """Effective stiffness of lattices by finite elements of Timoshenko beams.

    Parameters
    ----------
    lattices
        one, several, or a table of designs in the published columns (`DESIGN_COLUMNS`), of any
        number of rows
    youngs_modulus
        of the base material; the stiffness is in its units
    poisson_ratio
        of the base material
    threads
        all cores by default

    Returns
    -------
    Results
        whose table has ``relative_density``, ``C11`` … ``C66`` and the engineering constants ``E1``
        … ``nu23``

    Raises
    ------
    InputError
        for a lattice without a definite stiffness

    Examples
    --------
    >>> cubic = Lattice.from_elementary("simple_cubic", relative_density=0.03)
    >>> homogenize(cubic, youngs_modulus=210.0).to_frame()[["E1", "G12"]].round(3).to_dict("records")
    [{'E1': 2.1, 'G12': 0.01}]
    """
    youngs_modulus = _positive(youngs_modulus, "youngs_modulus")
    how = {"threads": threads, "poisson_ratio": check_poisson_ratio(poisson_ratio, "poisson_ratio")}
    if isinstance(lattices, pd.DataFrame):
        theta, rows = _designs(lattices), lattices
        density, stiffness = theta[:, DENSITY], homogenize_designs(theta, **how)
        check_admissible(stiffness, density, "designs, row", 1, poisson_ratio)

        def lattice_of(row):
            return Lattice.from_design(rows.iloc[row].to_dict())
    else:
        lattices = [lattices] if isinstance(lattices, Lattice) else list(lattices)
        if not lattices or not all(isinstance(lattice, Lattice) for lattice in lattices):
            raise InputError("homogenize: expected a Lattice, several, or a table of designs.")
        density = np.array([lattice.relative_density for lattice in lattices])
        stiffness = homogenize_cells([lattice.graph for lattice in lattices], density, **how)
        lattice_of = lattices.__getitem__
    table = pd.DataFrame({"relative_density": density})
    table[COMPONENTS] = youngs_modulus * stiffness
    compliance = pack(np.linalg.inv(unpack(table[COMPONENTS].to_numpy())))
    table[list(ENGINEERING)] = engineering_constants(compliance)[0]
    return Results(table, lattice_of, youngs_modulus, stiffness)


def design(
    targets: ArrayLike | FileName,
    youngs_modulus: float,
    *,
    keep: int = 2,
    refine: str = "quick",
    family: str = "published",
    objective: str | None = None,
    cell_size_mm: float | None = None,
    minimum_strut_mm: float | None = None,
    maximum_strut_mm: float | None = None,
    minimum_gap_mm: float | None = None,
    minimum_density: float | None = None,
    maximum_density: float | None = None,
    radius_ratio: float | None = None,
    topologies: Sequence[int] | None = None,
    closeness: str = "frobenius",
    diameter_error_percent: float | None = None,
    diameter_error_mm: float | None = None,
    node_error_mm: float | None = None,
    yield_stress: float | None = None,
    buckling_length: float = 1.0,
    load: ArrayLike | None = None,
    draws: int = 300,
    temperature: float = 1.0,
    poisson_ratio: float | None = None,
    seed: int = 0,
    study: FileName | None = None,
    order: str = "voigt",
    compliance: bool = False,
) -> Results:
    """Lattices that have given stiffnesses, best first, each verified by finite elements.

    Parameters
    ----------
    targets
        (6, 6) or (n, 6, 6) in Voigt form with engineering shear strains, (21,) or (n, 21), or the
        path of a file as `trussmap design` takes
    youngs_modulus
        of the base material, in the units of the targets
    keep
        lattices of each target, all of different topology
    refine
        how long to search by finite elements: ``none``, ``quick``, ``thorough``
    family
        ``published``; ``areas``, every strut that symmetry tells apart with a cross-section of its
        own; ``geometry``, where nodes move too
    objective
        what is best among lattices that meet a target: small ``density``, small ``radius_ratio``,
        large ``diameter`` of the thinnest strut, or of all small ``printed_error``
    cell_size_mm
        edge of a cube of the unit cell's volume; lengths in mm are known with it
    minimum_strut_mm
        bound of strut diameters, which comes before the stiffness, as the next two do (not in
        family ``published``)
    maximum_strut_mm
        bound of strut diameters
    minimum_gap_mm
        bound of the gaps between struts that do not meet
    minimum_density
        bound of the relative density
    maximum_density
        bound of the relative density
    radius_ratio
        largest ratio of two struts' radii, 10 by default
    topologies
        numbers of those allowed, all 197 by default
    closeness
        what counts as close: ``frobenius``, ``log-euclidean``, ``compliance``
    diameter_error_percent
        standard deviation of the diameter of a printed strut
    diameter_error_mm
        a further one in mm, whatever the diameter
    node_error_mm
        standard deviation of each coordinate of a printed node
    yield_stress
        of the base material, in the units of the targets
    buckling_length
        of a strut over its length: 0.5 fixed, 1 hinged, up to 2
    load
        (6,) macroscopic stress to carry, 11, 22, 33, 23, 13, 12, in the units of the targets
    draws
        candidates drawn for a target
    temperature
        how diverse they are
    poisson_ratio
        of the base material; that of the networks' study by default
    seed
        of the draws
    study
        the folder of a finished study whose networks propose; those that come with the package by
        default
    order
        of the components of ``targets``, one of `trussmap.targets.reading.ORDERS`; results are in
        Voigt's
    compliance
        whether ``targets`` are compliances, per unit of ``youngs_modulus``, with engineering shear
        strains (S44 = 1/G23); they are inverted

    Returns
    -------
    Results
        whose table is that of `trussmap.search.design.design_lattices` with ``name``, ``remark``
        and what the lattices carry (`trussmap.designs.table.strength_columns`), stiffness and
        stresses in the units of ``youngs_modulus``

    Raises
    ------
    InputError
        for targets that no material has, and for options that do not go together
    """
    youngs_modulus = _positive(youngs_modulus, "youngs_modulus")
    if poisson_ratio is not None:
        check_poisson_ratio(poisson_ratio, "poisson_ratio")
    _positive(temperature, "temperature")
    if yield_stress is not None:
        _positive(yield_stress, "yield_stress")
    check_buckling_length(buckling_length, "buckling_length")
    load = None if load is None else _array(load, (6,), "load")
    for name, value in (("keep", keep), ("draws", draws)):
        if not value >= 1:
            raise InputError(f"{name} {value}: expected a whole number from 1 on.")
    for name, value, known in (
        ("refine", refine, ("none", "quick", "thorough")),
        ("closeness", closeness, KINDS),
    ):
        if value not in known:
            raise InputError(f"{name} {value}: expected {', '.join(known)}.")
    from trussmap.learning.study import load_models, trained_poisson_ratio

    base = trained_poisson_ratio(study) if poisson_ratio is None else poisson_ratio
    if isinstance(targets, str | PathLike):
        goal, names = read_goal(targets, youngs_modulus, closeness, order, base, compliance)
    else:
        goal = Goal(_targets(targets, youngs_modulus, order, base, compliance), closeness)
        for doubt in doubts(goal, order, base, compliance):
            warnings.warn(f"targets: {doubt}", stacklevel=2)
        names = [f"target_{k + 1}" for k in range(len(goal))]
    from trussmap.search.design import design_lattices, request_of

    settings = {
        "family": family,
        "objective": objective,
        "radius_ratio": radius_ratio,
        "minimum_strut_mm": minimum_strut_mm,
        "maximum_strut_mm": maximum_strut_mm,
        "minimum_gap_mm": minimum_gap_mm,
        "minimum_density": minimum_density,
        "maximum_density": maximum_density,
        "topologies": None if topologies is None else list(topologies),
        "diameter_error_percent": diameter_error_percent,
        "diameter_error_mm": diameter_error_mm,
        "node_error_mm": node_error_mm,
    }
    request = request_of(settings, cell_size_mm)

    from trussmap.designs.table import printability, remarks, row_graph, strength_columns
    from trussmap.search.objective import PrintLimits

    forward, inverse, trained = load_models(study)
    options = {
        "draws": draws,
        "temperature": temperature,
        "keep": keep,
        "refine": refine,
        "seed": seed,
    }
    poisson_ratio = trained if poisson_ratio is None else poisson_ratio
    options |= {"poisson_ratio": poisson_ratio, "request": request, "goal": goal}
    found = design_lattices(goal.targets, forward, inverse, **options)
    stiffness = found[COMPONENTS].to_numpy()
    if cell_size_mm:
        found = found.assign(**printability(found, cell_size_mm))
    wanted = PrintLimits(minimum_strut_mm, maximum_strut_mm, minimum_gap_mm)
    table = found.assign(remark=remarks(found, goal.targets, youngs_modulus, cell_size_mm, wanted))
    table.insert(1, "name", np.asarray(names)[found["target"] - 1])
    carried = strength_columns(
        found, youngs_modulus, yield_stress, buckling_length, load, poisson_ratio
    )
    table = pd.concat([table, pd.DataFrame(carried)], axis=1)
    scaled = [*COMPONENTS, *(f"predicted_{name}" for name in COMPONENTS)]
    table[scaled] *= youngs_modulus

    def lattice_of(row):
        own = found.iloc[row].to_dict()
        return Lattice(row_graph(own), own["relative_density"])

    asked = goal.asked(youngs_modulus)
    return Results(
        table,
        lattice_of,
        youngs_modulus,
        stiffness,
        [asked[target - 1] for target in table["target"]],
    )


def differentiable_stiffness(
    lattices: "torch.Tensor | Sequence[Lattice]",
    relative_density: "torch.Tensor",
    deformation: "torch.Tensor | None" = None,
    poisson_ratio: float = POISSON_RATIO,
) -> "torch.Tensor":
    """Effective stiffness (n, 21), base modulus 1, that PyTorch can differentiate once, by exact gradients.

    Parameters
    ----------
    lattices
        n lattices, of which the density is not read, or numbers (n,) of topologies, also an integer
        tensor
    relative_density
        (n,)
    deformation
        (n, 3, 3) applied to each lattice; none by default
    poisson_ratio
        of the base material

    Examples
    --------
    >>> import torch
    >>> cubic = Lattice.from_elementary("simple_cubic", relative_density=0.03)
    >>> density = torch.tensor([0.03], dtype=torch.float64, requires_grad=True)
    >>> differentiable_stiffness([cubic], density)[0, 0].backward()  # C11 = ρ/3, with little from bending
    >>> round(density.grad.item(), 4)
    0.3333
    """
    import torch

    from trussmap.mechanics.homogenization import autograd

    check_poisson_ratio(poisson_ratio, "poisson_ratio")
    if not isinstance(lattices, torch.Tensor) and all(
        isinstance(lattice, Lattice) for lattice in lattices
    ):
        count = len(lattices)
        solve = partial(autograd.homogenize_lattices, [lattice.graph for lattice in lattices])
    else:
        topology = torch.as_tensor(lattices)
        known = len(topology_factorizations().volumes)
        if (
            topology.is_floating_point()
            or topology.ndim != 1
            or not ((topology >= 0) & (topology < known)).all()
        ):
            raise InputError(
                f"lattices: expected numbers of topologies from 0 to {known - 1}, or lattices."
            )
        count = len(topology)
        solve = partial(autograd.homogenize, topology)
    if isinstance(relative_density, torch.Tensor) and deformation is None:
        deformation = torch.eye(3).to(relative_density).expand(count, 3, 3)
    _check_tensors(relative_density, deformation, count)
    return solve(deformation, relative_density, poisson_ratio=poisson_ratio)


def _check_tensors(
    relative_density: "torch.Tensor", deformation: "torch.Tensor", count: int
) -> None:
    """Raise InputError unless tensors are densities (count,) and maps (count, 3, 3)."""
    import torch

    for name, value in (("relative_density", relative_density), ("deformation", deformation)):
        if not isinstance(value, torch.Tensor):
            raise InputError(f"{name}: expected a tensor of PyTorch.")
    shapes = tuple(relative_density.shape), tuple(deformation.shape)
    if shapes != ((count,), (count, 3, 3)):
        raise InputError(
            f"relative_density of shape {shapes[0]} and deformation of shape {shapes[1]}: expected "
            f"({count},) and ({count}, 3, 3), as there are lattices."
        )
    if not ((relative_density > 0) & (relative_density < 1)).all():
        raise InputError("relative_density: expected numbers above 0 and below 1.")
    if not (deformation.isfinite().all() and (torch.linalg.det(deformation) != 0).all()):
        raise InputError("deformation: expected finite matrices that keep a volume.")


def _cell_vectors(cell: ArrayLike | None) -> np.ndarray:
    """Cell vectors as columns (3, 3) of edges (3,) or rows (3, 3); the unit cube of None."""
    if cell is None:
        return np.eye(3)
    edges = _floats(cell).ndim == 1
    vectors = np.diag(_array(cell, (3,), "cell")) if edges else _array(cell, (3, 3), "cell").T
    if not abs(np.linalg.det(vectors)) > 1e-9 * np.linalg.norm(vectors) ** 3:
        raise InputError(
            "cell: it has no volume; expected the edges of a box or three vectors that span one."
        )
    return vectors


def _deformed(graph, deformation):
    if deformation is None:
        return graph
    matrix = _array(deformation, (3, 3), "deformation")
    if not abs(np.linalg.det(matrix)) > 1e-9 * np.linalg.norm(matrix) ** 3:
        raise InputError(
            "deformation: it flattens the cell; expected a matrix that keeps a volume."
        )
    return graph.mapped(matrix)


def _floats(values: ArrayLike) -> np.ndarray:
    """Values as an array of floats, NaN for what is not an array of real numbers."""
    try:
        array = np.asanyarray(values)
        if array.dtype.kind in "iufOUS" and not np.ma.is_masked(array):
            return np.asarray(array, float)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        pass
    return np.array(np.nan)


def _array(values: ArrayLike, shape: tuple[int | None, ...], what: str) -> np.ndarray:
    """Finite numbers of a shape, in which None is any length."""
    array = _floats(values)
    fits = array.ndim == len(shape) and all(
        n in (None, m) for n, m in zip(shape, array.shape, strict=True)
    )
    if not (fits and np.isfinite(array).all()):
        size = " × ".join("n" if n is None else str(n) for n in shape)
        raise InputError(f"{what}: expected {size} finite numbers.")
    return array


def _positive(value: float, what: str) -> float:
    """A finite number above 0."""
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not (number and 0 < value <= sys.float_info.max):
        raise InputError(f"{what} {value}: expected a number above 0.")
    return float(value)


def _strut_ends(struts: ArrayLike, count: int) -> np.ndarray:
    """Numbers (m, 2) of two of ``count`` nodes for each strut."""
    pairs = _array(struts, (None, 2), "struts")
    if not len(pairs):
        raise InputError("struts: none; expected one at least.")
    bad = np.flatnonzero(((pairs < 0) | (pairs >= count) | (pairs != np.rint(pairs))).any(1))
    if len(bad):
        raise InputError(
            f"struts, row {bad[0] + 1}: expected two of the {count} nodes, numbered from 0."
        )
    return pairs.astype(int)


def _radii(radii: ArrayLike, count: int, what: str = "radii") -> np.ndarray:
    """Numbers (count,) above 0."""
    thick = _array(radii, (count,), what)
    if not (thick > 0).all():
        raise InputError(f"{what}, row {int(np.argmin(thick > 0)) + 1}: expected numbers above 0.")
    return thick


def _check_graph(graph: PeriodicGraph) -> None:
    """Raise InputError for arrays that are no lattice."""
    if not isinstance(graph, PeriodicGraph):
        raise InputError("graph: expected a PeriodicGraph, such as that of another lattice.")
    count = len(_array(graph.nodes, (None, 3), "nodes"))
    pairs = _strut_ends(graph.struts, count)
    whole_offsets(_array(graph.offsets, (len(pairs), 3), "offsets"))
    _cell_vectors(graph.cell)
    if graph.areas is not None:
        _radii(graph.areas, len(pairs), "areas")


def _named(path, ending):
    if Path(path).suffix.lower() != ending:
        raise InputError(f"{path}: expected a name that ends in {ending}.")
    return path


def _designs(table):
    """Descriptors (n, 19) of a table with the published columns."""
    missing = [name for name in DESIGN_COLUMNS if name not in table]
    if missing:
        raise InputError(
            f"designs: missing column {', '.join(missing)}; expected the columns of a design."
        )
    theta = _array(table[DESIGN_COLUMNS], (None, len(DESIGN_COLUMNS)), "designs")
    check_designs(theta, "designs")
    return theta


@np.errstate(over="ignore", invalid="ignore")  # check_targets refuses what is too large
def _targets(
    values: ArrayLike, youngs_modulus: float, order: str, poisson_ratio: float, compliance: bool
) -> np.ndarray:
    """Targets (n, 21), base modulus 1, of matrices or constants in one of ``ORDERS``, or of compliances."""
    array = _floats(values)
    if array.shape[-2:] == (6, 6):
        array = _array(array if array.ndim == 3 else array[None], (None, 6, 6), "targets")
        array, skew = symmetric_mean(array)
        if (bad := np.flatnonzero(skew > ASYMMETRY)).size:
            raise InputError(
                f"targets, row {bad[0] + 1}: the matrix is not symmetric; expected a symmetric one."
            )
        if (near := np.flatnonzero(skew > SYMMETRY_TOLERANCE)).size:
            warnings.warn(
                f"targets, row {near[0] + 1}: C_ij and C_ji differ by up to {skew[near[0]]:.2g} of the largest "
                "constant; the mean of both is taken",
                stacklevel=3,
            )
        array = pack(array)
    else:
        array = _array(
            np.atleast_2d(array), (None, 21), "targets, either 6 × 6 or 21 constants each"
        )
    if not len(array):
        raise InputError("targets: none; expected one at least.")
    if order not in ORDERS:
        raise InputError(f"order {order}: expected {', '.join(ORDERS)}.")
    if compliance:
        array = inverted(array, "targets")
    array = pack(in_voigt_order(unpack(array), order)) / youngs_modulus
    check_targets(array, youngs_modulus, "targets", poisson_ratio)
    return array
