"""Refinement of lattices by the exact derivatives of the finite elements: Levenberg–Marquardt on many at once.

A lattice is a design of the published family, and in the families ``areas`` and ``geometry``
(architecture.md §3) also has cross-sections and node positions of its own. One refinement serves
all three.
"""

from itertools import islice
from typing import NamedTuple

import numpy as np

from trussmap.base.parallel import in_threads, slices
from trussmap.lattice.compound import reduced_topology, topologies
from trussmap.lattice.descriptor import (
    DENSITY,
    DENSITY_RANGE,
    R1,
    R2,
    STRETCH_RANGE,
    U,
    V,
    check_designs,
    deformation_map,
    design_topology,
)
from trussmap.lattice.graph import PeriodicGraph
from trussmap.mechanics.homogenization import homogenize_topologies
from trussmap.mechanics.homogenization.engine import topology_factorizations
from trussmap.search.steps import bounded_step
from trussmap.targets.goal import Goal
from trussmap.tensors.rotation import GENERATORS, angle_axis, from_rotation_vector, rotation
from trussmap.tensors.stiffness import POISSON_RATIO

#: Families of lattices, each with the freedoms of the one before.
FAMILIES = ("published", "areas", "geometry")
#: How far a coordinate of a node may move, as a share of the shortest strut at it, before the map.
REACH = 0.25
# How far a coordinate of a node may move in a step, as a share of the shortest strut at it.
_STRIDE = 0.1
# Damping of the first step. With 1e-2, four steps from the proposals of a network left six times
# the median error.
_DAMPING = 1e-4
# Error from which on a lattice is met to rounding.
_MET = 1e-28
# Entries of the derivatives that a thread works on together, to fit its cache.
_ENTRIES = 2_000_000
# Parameters of a refinement: log ρ, log U, log V, the rotation vectors of small turns of R1 and R2,
# then the logarithms of the areas and the shifts of the nodes.
_LOG, _TURN, _DESIGN = slice(0, 7), slice(7, 13), 13
_LOGGED_COLUMNS = np.r_[DENSITY, U, V]


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
        """Some of them."""
        return Lattices(*(part[rows] for part in self))

    @property
    def topology(self) -> np.ndarray:
        """Numbers (n,) of their topologies."""
        return design_topology(self.designs)

    def stiffness(
        self, threads: int | None = None, poisson_ratio: float = POISSON_RATIO
    ) -> np.ndarray:
        """Effective stiffness (n, 21)."""
        maps, density = deformation_map(self.designs), self.designs[:, DENSITY]
        options = {
            "threads": threads,
            "poisson_ratio": poisson_ratio,
            "areas": self.areas,
            "shifts": self.shifts,
        }
        return homogenize_topologies(self.topology, maps, density, **options)

    def graph(self, row: int) -> PeriodicGraph:
        """One lattice as a PeriodicGraph, on the cell of its topology."""
        key = int(self.topology[row])
        graph, reduced = topologies()[0][key], reduced_topology(key)
        struts, nodes = len(reduced.vectors), int(reduced.moving.sum())
        areas = self.areas[row, :struts] if self.areas.shape[1] else None
        shifts = self.shifts[row, :nodes] if self.shifts.shape[1] else None
        return reduced.expand(graph, areas, shifts).mapped(
            deformation_map(self.designs[row : row + 1])[0]
        )


def plain_lattices(designs: np.ndarray, family: str = "published") -> Lattices:
    """Designs (n, 19) as Lattices of a family, all struts alike and all nodes in their places."""
    struts, nodes = sizes(design_topology(designs), family)
    count = len(designs)
    return Lattices(
        designs, np.ones((count, struts.max(initial=0))), np.zeros((count, nodes.max(initial=0), 3))
    )


def joined(parts: list[Lattices]) -> Lattices:
    """Lattices one after the other, as wide as the widest."""
    struts, nodes = (max(part[k].shape[1] for part in parts) for k in (1, 2))
    areas = [
        np.pad(part.areas, ((0, 0), (0, struts - part.areas.shape[1])), constant_values=1.0)
        for part in parts
    ]
    shifts = [
        np.pad(part.shifts, ((0, 0), (0, nodes - part.shifts.shape[1]), (0, 0))) for part in parts
    ]
    return Lattices(
        np.concatenate([part.designs for part in parts]),
        np.concatenate(areas),
        np.concatenate(shifts),
    )


def sizes(topology: np.ndarray, family: str) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of free cross-sections and of free nodes (n,) of topologies (n,) in a family."""
    struts = topology_factorizations().starts["struts"]
    nodes = topology_factorizations().freedoms
    rank = FAMILIES.index(family)
    return np.diff(struts)[topology] * (rank > 0), nodes[topology] * (rank > 1)


class Limits(NamedTuple):
    """Bounds of a refinement.

    Attributes
    ----------
    density : least and largest relative density
    radius_ratio : of the thickest to the thinnest strut, at most
    reach : how far a coordinate of a node may move, as a share of the shortest strut at it, before
        the map
    cell_reach : what a step may take of the stretches (logarithms) and rotations: the smaller, the
        more is left to cross-sections and nodes; with 0 the map is held
    stretch : least and largest of U and V; beyond `STRETCH_RANGE` a design is not of the published
        space
    """

    density: tuple[float, float] = DENSITY_RANGE
    radius_ratio: float = 10.0
    reach: float = REACH
    cell_reach: float = 0.5
    stretch: tuple[float, float] = STRETCH_RANGE


LIMITS = Limits()


def refine_lattices(
    goal: Goal,
    lattices: Lattices,
    steps: int = 20,
    limits: Limits = LIMITS,
    threads: int | None = None,
    poisson_ratio: float = POISSON_RATIO,
) -> tuple[Lattices, np.ndarray]:
    """Bring lattices closer to their goals without changing their topology or leaving their limits.

    Levenberg–Marquardt on ρ, the stretches (logarithms), the two rotations and whatever else the
    lattices leave free, all of them at once, with the exact derivatives of the finite elements.
    Levenberg (1944), Marquardt (1963); a step that would leave the bounds ends there, and the
    others make up for it.

    Returns lattices and their stiffness (n, 21), never worse than they came in.
    """
    refined = Lattices(*(part.copy() for part in lattices))
    stiffness = np.empty((len(lattices.designs), 21))
    if not len(stiffness):
        return refined, stiffness

    def refine(rows, own, inner):
        course = _course(goal.take(rows), own, limits, inner, poisson_ratio)
        reached, stiffness[rows] = next(islice(course, steps, None))
        own = with_parameters(own, reached)
        refined.designs[rows], refined.areas[rows, : own.areas.shape[1]] = own.designs, own.areas
        refined.shifts[rows, : own.shifts.shape[1]] = own.shifts

    _in_parts(refine, lattices, threads)
    if limits.stretch == STRETCH_RANGE:
        check_designs(refined.designs, "refined designs")
    return refined, stiffness


def _in_parts(refine, lattices, threads):
    """Call ``refine`` with rows that are refined together, their lattices, no wider than need be, and the threads."""
    key, all_ = lattices.topology, topology_factorizations()
    struts = np.minimum(np.diff(all_.starts["struts"]), lattices.areas.shape[1])[key]
    nodes = np.minimum(all_.freedoms, lattices.shifts.shape[1])[key]
    order = np.lexsort((key, struts))
    columns = _DESIGN + struts.max(initial=0) + 3 * nodes.max(initial=0)
    parts = slices(len(key), max(1, _ENTRIES // (21 * columns)), threads)
    inner = threads if len(parts) == 1 else 1

    def work(part):
        rows = order[part]
        own = lattices.take(rows)
        width, depth = struts[rows].max(initial=0), nodes[rows].max(initial=0)
        refine(rows, Lattices(own.designs, own.areas[:, :width], own.shifts[:, :depth]), inner)

    in_threads(work, parts, threads)


def course_of_refinement(
    targets: np.ndarray,
    designs: np.ndarray,
    steps: list[int],
    threads: int | None = None,
    poisson_ratio: float = POISSON_RATIO,
) -> np.ndarray:
    """Stiffness (k, n, 21) that `refine_designs` reaches after each of k rising numbers of ``steps``, in one go."""
    stiffness = np.empty((len(steps), len(designs), 21))

    def refine(rows, own, inner):
        course = _course(Goal(targets[rows]), own, LIMITS, inner, poisson_ratio)
        for step, (_, reached) in enumerate(islice(course, steps[-1] + 1)):
            if step in steps:
                stiffness[steps.index(step), rows] = reached

    _in_parts(refine, plain_lattices(designs), threads)
    return stiffness


def refine_designs(
    targets: np.ndarray,
    designs: np.ndarray,
    steps: int = 20,
    threads: int | None = None,
    poisson_ratio: float = POISSON_RATIO,
) -> tuple[np.ndarray, np.ndarray]:
    """`refine_lattices` of designs (n, 19) of the published family towards targets (n, 21): designs, stiffness."""
    found, stiffness = refine_lattices(
        Goal(targets), plain_lattices(designs), steps, threads=threads, poisson_ratio=poisson_ratio
    )
    return found.designs, stiffness


class Parameters(NamedTuple):
    """Parameters of a refinement: ``logs`` (n, 7 + struts) of ρ, U, V and the areas, ``turns`` (n, 2, 3, 3), shifts."""

    logs: np.ndarray
    turns: np.ndarray
    shifts: np.ndarray

    def moved(self, step: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> "Parameters":
        """These after a step (n, 13 + struts + 3 nodes), kept within the bounds of the same shape."""
        struts = self.logs.shape[1] - 7
        logged = np.r_[0:7, 13 : 13 + struts]
        logs = np.clip(self.logs + step[:, logged], lower[:, logged], upper[:, logged])
        turns = from_rotation_vector(step[:, _TURN].reshape(-1, 2, 3)) @ self.turns
        rest = slice(_DESIGN + struts, None)
        shifts = np.clip(self.shifts + step[:, rest], lower[:, rest], upper[:, rest])
        return Parameters(logs, turns, shifts)

    def vector(self) -> np.ndarray:
        """Values (n, 13 + struts + 3 nodes), 0 for turns, which have no bounds."""
        nothing = np.zeros((len(self.logs), 6))
        return np.concatenate([self.logs[:, :7], nothing, self.logs[:, 7:], self.shifts], 1)

    def evaluate(
        self, key: np.ndarray, threads: int | None, poisson_ratio: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Of topologies (n,), stiffness (n, 21) and its derivatives (n, 21, 13 + struts + 3 nodes)."""
        values, areas = np.exp(self.logs[:, :7]), np.exp(self.logs[:, 7:])
        density, u, v = values[:, 0], values[:, 1:4], values[:, 4:7]
        first, second = self.turns[:, 0], self.turns[:, 1]
        inner = first * u[:, None]  # R1·U
        stretched = v[:, :, None] * inner  # V·R1·U
        maps = second @ stretched
        options = {"areas": areas, "shifts": self.shifts.reshape(len(key), -1, 3)}
        stiffness, slope = homogenize_topologies(
            key, maps, density, threads, True, poisson_ratio, **options
        )
        tangent = np.zeros((len(key), 12, 3, 3))
        for k in range(3):
            tangent[:, k, :, k] = maps[:, :, k]
            tangent[:, 3 + k] = second[:, :, k, None] * stretched[:, None, k]
            tangent[:, 6 + k] = second @ (v[:, :, None] * (GENERATORS[k] @ inner))
            tangent[:, 9 + k] = GENERATORS[k] @ maps
        jacobian = np.empty((len(key), 21, 3 + slope.shape[2]))
        jacobian[:, :, 0] = slope[:, :, 9] * density[:, None]
        jacobian[:, :, 1:_DESIGN] = slope[:, :, :9] @ tangent.reshape(-1, 12, 9).swapaxes(1, 2)
        rest = _DESIGN + areas.shape[1]
        jacobian[:, :, _DESIGN:rest] = slope[:, :, 10 : rest - 3] * areas[:, None]
        jacobian[:, :, rest:] = slope[:, :, rest - 3 :]
        return stiffness, jacobian


def parameters(lattices: Lattices) -> Parameters:
    """What a refinement changes of lattices."""
    designs = lattices.designs
    turns = np.stack([rotation(designs[:, R1]), rotation(designs[:, R2])], 1)
    with np.errstate(divide="ignore"):  # of struts that are left out
        logs = np.log(np.concatenate([designs[:, _LOGGED_COLUMNS], lattices.areas], 1))
    return Parameters(logs, turns, lattices.shifts.reshape(len(designs), -1))


def bounds(lattices: Lattices, limits: Limits) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bounds (n, 13 + struts + 3 nodes) of the parameters; those of the areas centred at 1.

    Struts that are left out stay so: both bounds are -inf.
    """
    key = lattices.topology
    struts, nodes = lattices.areas.shape[1], lattices.shifts.shape[1]
    lower = np.full((len(key), _DESIGN + struts + 3 * nodes), -np.inf)
    lower[:, 0], lower[:, 1:7] = np.log(limits.density[0]), np.log(limits.stretch[0])
    lower[:, _DESIGN : _DESIGN + struts] = -np.log(limits.radius_ratio)
    lower[:, _DESIGN + struts :] = -np.repeat(node_reach(key, nodes) * limits.reach, 3, 1)
    upper = -lower
    upper[:, 0], upper[:, 1:7] = np.log(limits.density[1]), np.log(limits.stretch[1])
    for bound in (lower, upper):
        bound[:, _DESIGN : _DESIGN + struts][lattices.areas == 0] = -np.inf
    return lower, upper


def room(at: np.ndarray, bound: np.ndarray) -> np.ndarray:
    """How far parameters may move up or down to a bound; none for those of struts that are left out, at -inf."""
    return np.subtract(bound, at, out=np.zeros_like(at), where=bound != at)


def with_parameters(lattices: Lattices, p: Parameters) -> Lattices:
    """Lattices of the same topologies with other parameters."""
    designs = lattices.designs.copy()
    designs[:, _LOGGED_COLUMNS] = np.exp(p.logs[:, :7])
    designs[:, R1], designs[:, R2] = angle_axis(p.turns[:, 0]), angle_axis(p.turns[:, 1])
    return Lattices(designs, np.exp(p.logs[:, 7:]), p.shifts.reshape(lattices.shifts.shape))


def _course(goal, lattices, limits, threads, poisson_ratio):
    """Parameters and stiffness (n, 21) after 0, 1, 2, … steps; the arrays are used again."""
    key = lattices.topology
    lower, upper = bounds(lattices, limits)
    p = parameters(lattices).moved(np.zeros_like(lower), lower, upper)
    stiffness, jacobian = p.evaluate(key, threads, poisson_ratio)
    residual, slope = goal.residuals(stiffness)
    jacobian, error = slope @ jacobian, (residual**2).sum(1)
    # What a step may take of each parameter, which also weighs them against each other.
    reach = np.full(lower.shape, 0.5)
    reach[:, 1:_DESIGN] = limits.cell_reach
    nodes = slice(_DESIGN + lattices.areas.shape[1], None)
    reach[:, nodes] = _STRIDE * np.repeat(node_reach(key, lattices.shifts.shape[1]), 3, 1)
    damping = np.full(len(key), _DAMPING)
    while True:
        yield p, stiffness
        rows = np.flatnonzero(error > _MET)
        if not len(rows):
            continue
        own, low, high = Parameters(*(part[rows] for part in p)), lower[rows], upper[rows]
        at = own.vector()
        step = bounded_step(
            residual[rows],
            jacobian[rows],
            damping[rows],
            room(at, low),
            room(at, high),
            reach[rows],
        )
        trial = own.moved(step, low, high)
        new_stiffness, new_jacobian = trial.evaluate(key[rows], threads, poisson_ratio)
        new_residual, slope = goal.take(rows).residuals(new_stiffness)
        new_error = (new_residual**2).sum(1)
        better = new_error < error[rows]
        damping[rows] = np.clip(np.where(better, damping[rows] / 5, damping[rows] * 4), 1e-9, 1e3)
        kept = rows[better]
        new = (*trial, new_stiffness, new_residual, new_error)
        for held, found in zip((*p, stiffness, residual, error), new, strict=True):
            held[kept] = found[better]
        jacobian[kept] = slope[better] @ new_jacobian[better]


def node_reach(topology: np.ndarray, nodes: int) -> np.ndarray:
    """Length (n, nodes) of the shortest strut at each node that may move, before the map; 0 where there is none."""
    all_ = topology_factorizations()
    out = np.zeros((len(topology), nodes))
    for key in np.unique(topology) if nodes else []:
        own = slice(*all_.starts["struts"][key : key + 2])
        lengths = np.linalg.norm(all_.vectors[own], axis=1)
        shortest = np.full(all_.freedoms[key], np.inf)
        for end in (0, 1):
            moves = all_.signs[own][:, end] != 0
            np.minimum.at(shortest, all_.moving[own][moves, end], lengths[moves])
        out[topology == key, : len(shortest)] = shortest
    return out
