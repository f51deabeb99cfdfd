"""From sites to a graded structure, and what it is worth."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trussmap.base.errors import InputError
from trussmap.grading.cells import RADIUS_RATIO, site_cells, station_cells
from trussmap.grading.fading import faded_cells
from trussmap.grading.phases import Phases, distortion
from trussmap.grading.sites import Sites, check_sites
from trussmap.grading.structure import (
    GradedCells,
    Structure,
    build,
    parts,
    stiffness_as_built,
    with_progress,
)
from trussmap.lattice.compound import reduced_topology, topologies
from trussmap.lattice.descriptor import DENSITY, DENSITY_RANGE, check_designs
from trussmap.mechanics.solver import Solver
from trussmap.parts.region import Region, inside, thickness
from trussmap.search.objective import diameters_and_gap
from trussmap.tensors.measures import modulus_error, nmse_frobenius, relative_error
from trussmap.tensors.stiffness import COMPONENTS

#: Cells that a structure may have, of some hundred struts each.
MOST_CELLS = 30_000
# Distance of stations over the size of a cell, and how many there are at most.
_SPACING = 0.5
_STATIONS = 3000
# Points between two sites at which local cells are measured.
_BETWEEN = 8
# Relative error from which on a target counts as out of reach of any cell.
_HOPELESS = 0.5


@dataclass(frozen=True)
class Graded:
    """A graded structure and how it came about.

    Attributes
    ----------
    structure, cells, phases, sites, region : see there
    cell : size of a cell in mm, the edge of a cube of its volume
    points : (n, 3) at which local cells were measured, those of the sites first where they are in
        the region
    along : (n,) where these are on the way through the sites in their order, from 0 to 1
    at_sites : how many of them are sites
    prescribed, built : (n, 21) stiffness at these points
    density : (n,) relative density there
    metrics : see `grade`
    """

    structure: Structure
    cells: GradedCells
    phases: Phases
    sites: Sites
    region: Region
    cell: float
    points: np.ndarray
    along: np.ndarray
    at_sites: int
    prescribed: np.ndarray
    built: np.ndarray
    density: np.ndarray
    metrics: dict

    def path_table(self, youngs_modulus: float = 1.0) -> pd.DataFrame:
        """A row for each of ``points``, in their order along the way: place, errors, prescribed and
        local stiffness.

        Stiffness is in the units of ``youngs_modulus``, that of the base material.
        """
        table = pd.DataFrame(self.points, columns=["x_mm", "y_mm", "z_mm"])
        table["progress"] = self.along
        table["at_site"] = np.isin(np.arange(len(table)), np.arange(self.at_sites))
        table["relative_density"] = self.density
        table["relative_error"] = relative_error(self.built, self.prescribed)
        table["modulus_error_median"], table["modulus_error_largest"] = modulus_error(
            self.built, self.prescribed
        )
        table[[f"prescribed_{name}" for name in COMPONENTS]] = youngs_modulus * self.prescribed
        table[COMPONENTS] = youngs_modulus * self.built
        return table.sort_values("progress", kind="stable", ignore_index=True)


def grade(
    sites: Sites,
    region: Region,
    cell_size_mm: float,
    solver: Solver,
    topologies: np.ndarray | None = None,
    radius_ratio: float = RADIUS_RATIO,
) -> Graded:
    """Fill a region with one topology that has the stiffness of all sites.

    Between the sites, it has the stiffness interpolated.

    Parameters
    ----------
    cell_size_mm : edge of a cube of a cell's volume; in a box cells are made to fit, where one cell
        does for all sites
    topologies : numbers of those allowed, or None for all
    radius_ratio : of the thickest to the thinnest strut of a cell, at most; the larger, the more
        sites one cell suits

    Returns
    -------
    Graded, with ``metrics``

        - ``site_relative_error_max``: the largest at the sites in the region; ``path_relative_error``,
          ``path_relative_error_max``, ``path_modulus_error_median``, ``path_modulus_error_max``:
          mean and largest over all points measured, of the local cell as built against the
          stiffness prescribed there; ``path_error``, ``path_error_max``: the same of
          ``nmse_frobenius``
        - ``control_point_error``, ``phase_error``: relative distance of the cells' edges, as built, from those
          prescribed: largest on the points measured, and root mean square over the region
        - ``floating_struts``, ``dangling_struts``: of the structure as it is, 0; ``…_dropped`` in making it
        - ``nodes``, ``struts``, ``relative_density_min``, ``relative_density_max``, ``diameter_min_mm``,
          ``diameter_max_mm``, and ``gap_min_mm`` between struts that do not meet, in the cells at
          the sites, negative where they overlap
        - ``topology``, ``one_cell``: whether only cross-sections and nodes change

    Raises
    ------
    InputError : a size out of range, a region thinner than a cell or away from the sites, sites
        that coincide or have no stiffness, a stiffness that no cell reaches
    """
    _check_size(region, cell_size_mm)
    _check_near(check_sites(sites, "grading"), region, cell_size_mm)
    size = region.high - region.low
    counts = np.maximum(np.rint(size / cell_size_mm), 1) if region.box else size / cell_size_mm
    fitting = np.diag(size / counts)
    found = site_cells(sites, fitting, solver, topologies, radius_ratio)
    if found.error.max() > _HOPELESS:
        worst = int(found.error.argmax())
        raise InputError(
            f"grading: no cell comes closer to {sites.names[worst]} than "
            f"{100 * found.error[worst]:.0f} % together "
            f"with the other sites; expected targets that lattices of relative densities from "
            f"{DENSITY_RANGE[0]:g} to "
            f"{DENSITY_RANGE[1]:g} have."
        )
    cell = float(np.cbrt(np.linalg.det(fitting))) if found.one_cell else cell_size_mm

    def reciprocal(points: np.ndarray) -> np.ndarray:
        basis = np.einsum("ns,sij->nij", sites.weights(points), found.reciprocal) / cell
        if (np.linalg.det(basis) * cell**3).min() < 0.02:
            raise InputError(
                "grading: the cells of two sites differ so much that none between them has a "
                "volume; expected sites "
                "that differ less."
            )
        return basis

    phases = Phases(region, reciprocal, cell)
    axes = _axes(sites, region, cell, found.one_cell)
    stations = _grid(axes)
    maps = np.linalg.inv(phases.gradient(stations))
    lattices = station_cells(sites, found, stations, maps, solver, radius_ratio)
    cells = _graded(found, lattices, maps, axes)
    facts = {"topology": int(found.lattices.topology[0]), "one_cell": int(found.one_cell)}
    return _finished(cells, phases, sites, region, cell, reciprocal, facts, solver)


def fade(
    designs: np.ndarray,
    positions: np.ndarray,
    names: list[str],
    region: Region,
    cell_size_mm: float,
    solver: Solver,
    minimum_radius: float = 0.2,
) -> Graded:
    """Fill a region with the lattices of two designs (2, 19) that fade into each other.

    They have two ``positions`` (2, 3).

    Struts thinner than ``minimum_radius`` of the mean radius of the thinner design are left out.
    Returns Graded with the ``metrics`` of `grade`. Raises InputError for what `grade` does, and for
    designs that no path of positive cell volume joins.
    """
    _check_size(region, cell_size_mm)
    if not 0 <= minimum_radius <= 0.9:
        raise InputError(
            f"grading, minimum_radius: {minimum_radius}; expected a value from 0 to 0.9."
        )
    check_designs(np.asarray(designs, float), "grading, designs")
    stiffness = solver.homogenize_designs(designs)
    sites = check_sites(Sites(np.asarray(positions, float), stiffness, names), "grading")
    _check_near(sites, region, cell_size_mm)
    path = faded_cells(np.asarray(designs, float))

    def reciprocal(points):
        return np.einsum("ns,sij->nij", sites.weights(points), path.reciprocal) / cell_size_mm

    phases = Phases(region, reciprocal, cell_size_mm)
    axes = _axes(sites, region, cell_size_mm, one_cell=False)
    stations = _grid(axes)
    share = sites.progress(stations)
    maps = np.linalg.inv(phases.gradient(stations))
    sections = path.sections(share, maps).reshape(*map(len, axes), -1)
    graph = path.graph
    still = np.zeros(len(path.graph.nodes), int)
    thinnest = minimum_radius * path.mean_radius * cell_size_mm
    shifts = np.zeros((*map(len, axes), 0, 3))
    cells = GradedCells(
        graph, np.arange(len(graph.struts)), still, still, axes, sections, shifts, thinnest
    )
    return _finished(cells, phases, sites, region, cell_size_mm, reciprocal, {}, solver)


def _check_size(region, cell):
    if not (np.isfinite(cell) and cell > 0):
        raise InputError(f"cell size {cell} mm; expected a positive number.")
    size = region.high - region.low
    words = " × ".join(f"{edge:.3g}" for edge in size)
    if size.min() < cell * (1 - 1e-9):
        raise InputError(
            f"grading: a region of {words} mm is thinner than a cell of {cell:g} mm; expected "
            f"smaller cells."
        )
    # The largest ball in it has at least twice its volume over its surface as diameter.
    thin = not region.box and 2 * region.solid.volume() / region.solid.surface_area() < cell
    if thin and (thick := thickness(region)) < 0.9 * cell:
        raise InputError(
            f"grading: the shape is about {thick:.3g} mm thick where it is thickest, less than a "
            f"cell of {cell:g} mm; "
            "expected smaller cells."
        )
    count = np.prod(size) / cell**3
    if count > MOST_CELLS:
        raise InputError(
            f"grading: a region of {words} mm holds about {count:,.0f} cells of {cell:g} mm; "
            f"expected at most "
            f"{MOST_CELLS:,}, with cells from {cell * (count / MOST_CELLS) ** (1 / 3):.3g} mm on."
        )


def _check_near(sites, region, cell):
    """Raise InputError where the region lies apart from the sites: they may be meant in other
    coordinates.
    """
    low = sites.positions.min(0)
    high = sites.positions.max(0)
    if np.maximum(region.low - high, low - region.high).max() > cell:
        spans = [
            " × ".join(f"{a:.4g} to {b:.4g}" for a, b in zip(*ends, strict=True))
            for ends in ((low, high), (region.low, region.high))
        ]
        raise InputError(
            f"grading: the sites, at {spans[0]} mm, lie apart from the region, {spans[1]} mm; "
            f"expected positions in "
            "its coordinates (a box begins at 0, 0, 0)."
        )


def _grid(axes):
    """All points (n, 3) with coordinates of three axes."""
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)


def _axes(sites, region, cell, one_cell):
    """Coordinates of the stations along x, y and z: those of the sites too, one where nothing
    changes along an axis.
    """
    size = region.high - region.low
    changes = (np.ptp(sites.positions, axis=0) > 1e-9 * size.max()) | (not one_cell)
    spacing = _SPACING * cell
    while np.prod(np.where(changes, size / spacing + 1, 1)) > _STATIONS:
        spacing *= 1.1
    axes = []
    for k in range(3):
        if not changes[k]:
            axes.append((region.low[k : k + 1] + region.high[k : k + 1]) / 2)
            continue
        even = np.linspace(region.low[k], region.high[k], int(np.ceil(size[k] / spacing)) + 1)
        own = sites.positions[:, k]
        own = own[(own > region.low[k]) & (own < region.high[k])]
        # A station of the even ones next to a site gives way to it.
        even = even[
            (np.abs(even[:, None] - own) > 0.3 * spacing).all(1)
            | np.isin(even, (even[0], even[-1]))
        ]
        axes.append(np.unique(np.concatenate([even, own]).round(9)))
    return tuple(axes)


def _graded(found, lattices, maps, axes):
    """The GradedCells of lattices at stations, under maps (n, 3, 3) in mm."""
    key = int(found.lattices.topology[0])
    graph = topologies()[0][key]
    reduced = reduced_topology(key)
    areas = lattices.areas[:, : len(reduced.vectors)]
    shifts = lattices.shifts[:, : int(reduced.moving.sum())]
    sections = np.empty_like(areas)
    for k, cell in enumerate(maps):
        local = reduced.expand(graph, areas[k], shifts[k]).mapped(cell)
        sections[k] = (
            areas[k] * lattices.designs[k, DENSITY] * local.volume / (local.areas @ local.lengths)
        )
    shape = [len(axis) for axis in axes]
    movers = np.where(reduced.moving, np.cumsum(reduced.moving) - 1, 0)[reduced.graph_nodes]
    shifts = shifts.reshape(*shape, -1, 3)
    return GradedCells(
        graph,
        reduced.graph_struts,
        movers,
        reduced.graph_signs,
        axes,
        sections.reshape(*shape, -1),
        shifts,
    )


def _finished(cells, phases, sites, region, cell, reciprocal, facts, solver):
    """Build the structure and measure it."""
    structure = with_progress(build(cells, phases, region, cell), sites.progress)
    points, along, at_sites = _measured_points(sites, region)
    built, density = stiffness_as_built(cells, phases, points, solver)
    prescribed = sites.stiffness(points)
    off = relative_error(built, prescribed)
    nmse = nmse_frobenius(built, prescribed)
    middle, largest = modulus_error(built, prescribed)
    everywhere = _grid(np.linspace(region.low, region.high, 9).T)
    bent = [distortion(reciprocal(at), phases.gradient(at)) for at in (points, everywhere)]
    degree = np.bincount(structure.struts.ravel(), minlength=len(structure.nodes))
    labels = parts(len(structure.nodes), structure.struts)
    gaps = [_gap(cells, phases, point) for point in points[: max(at_sites, 1)]]
    metrics = facts | {
        "path_relative_error": float(off.mean()),
        "path_relative_error_max": float(off.max()),
        "path_modulus_error_median": float(np.median(middle)),
        "path_modulus_error_max": float(largest.max()),
        "path_error": float(nmse.mean()),
        "path_error_max": float(nmse.max()),
        "control_point_error": float(bent[0].max()),
        "phase_error": float(np.sqrt((bent[1] ** 2).mean())),
        "floating_struts": int((labels != labels[0]).sum()),
        "dangling_struts": int((degree[structure.struts] == 1).any(1).sum()),
        "floating_struts_dropped": structure.floating,
        "dangling_struts_dropped": structure.dangling,
        "nodes": len(structure.nodes),
        "struts": len(structure.struts),
        "cell_size_mm": cell,
        "relative_density_min": float(density.min()),
        "relative_density_max": float(density.max()),
        "diameter_min_mm": float(2 * structure.radii.min()),
        "diameter_max_mm": float(2 * structure.radii.max()),
        "gap_min_mm": float(min(gaps)),
    }
    if at_sites:
        metrics["site_relative_error_max"] = float(off[:at_sites].max())
    return Graded(
        structure,
        cells,
        phases,
        sites,
        region,
        cell,
        points,
        along,
        at_sites,
        prescribed,
        built,
        density,
        metrics,
    )


def _measured_points(sites, region):
    """The sites in the region, and points from each to the next ones that lie off the stations.

    Where the way leads past the region, points all over it. Returns points (n, 3), where they are
    on the way (n,), from 0 to 1, and how many of them are sites.
    """
    within = inside(
        region, sites.positions, 1e-6 * np.ptp(sites.positions, axis=0).max(initial=1.0)
    )
    share = (np.arange(_BETWEEN) + np.sqrt(0.5)) / _BETWEEN
    steps = np.diff(sites.positions, axis=0)
    way = (sites.positions[:-1, None] + share[:, None] * steps[:, None]).reshape(-1, 3)
    along = np.add.outer(np.arange(len(steps)), share).ravel() / max(len(steps), 1)
    there = inside(region, way)
    way = way[there]
    along = along[there]
    if not len(way) and (len(steps) or not within.any()):
        size = region.high - region.low
        way = _grid(region.low[:, None] + (np.arange(4) + np.sqrt(0.5)) / 4 * size[:, None])
        way = way[inside(region, way)]
        along = sites.progress(way)
    own = np.flatnonzero(within)
    if not len(way) + len(own):  # a thin or winding shape
        way = (region.low + region.high)[None] / 2
        along = np.zeros(1)
    points = np.concatenate([sites.positions[own], way])
    return points, np.concatenate([own / max(len(steps), 1), along]), len(own)


def _gap(cells, phases, point):
    graph, density = cells.local(point, np.linalg.inv(phases.gradient(point[None])[0]))
    return diameters_and_gap(graph, density)[2] * np.cbrt(graph.volume)
