"""Refinement of lattices by exact derivatives: Levenberg–Marquardt on many at once.

A lattice is a design of the published family, and in the families ``areas`` and ``geometry``
(architecture.md §3) also has cross-sections and node positions of its own. One refinement serves
all three.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

import numpy as np

from trussmap.base.parallel import in_threads, slices
from trussmap.lattice.descriptor import (
    DENSITY,
    R1,
    R2,
    STRETCH_RANGE,
    U,
    V,
    check_designs,
)
from trussmap.mechanics.homogenization import homogenize_topologies
from trussmap.mechanics.homogenization.engine import topology_factorizations
from trussmap.mechanics.solver import Solver
from trussmap.search.lattices import Lattices, plain_lattices
from trussmap.search.request import LIMITS, Limits
from trussmap.search.steps import bounded_step
from trussmap.targets.goal import Goal
from trussmap.tensors.rotation import GENERATORS, angle_axis, from_rotation_vector, rotation

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
_TURN = slice(7, 13)
_DESIGN = 13
_LOGGED_COLUMNS = np.r_[DENSITY, U, V]


def refine_lattices(
    goal: Goal,
    lattices: Lattices,
    solver: Solver,
    steps: int = 20,
    limits: Limits = LIMITS,
) -> tuple[Lattices, np.ndarray]:
    """Bring lattices closer to their goals without changing their topology or leaving their limits.

    Levenberg–Marquardt on ρ, the stretches (logarithms), the two rotations and whatever else the
    lattices leave free, all of them at once, with the exact derivatives of the finite elements.
    Levenberg (1944), Marquardt (1963); a step that would leave the bounds ends there, and the
    others make up for it.

    Returns lattices and their stiffness (n, 21), never worse than they came in.
    """
    refined = lattices.copied()
    stiffness = np.empty((len(lattices.designs), 21))
    if not len(stiffness):
        return refined, stiffness

    def refine(rows: np.ndarray, group: Lattices, inner: Solver) -> None:
        iterates = _iterates(goal.take(rows), group, limits, inner)
        reached, stiffness[rows] = next(islice(iterates, steps, None))
        group = with_parameters(group, reached)
        refined.designs[rows] = group.designs
        refined.areas[rows, : group.areas.shape[1]] = group.areas
        refined.shifts[rows, : group.shifts.shape[1]] = group.shifts

    _in_groups(refine, lattices, solver)
    if limits.stretch == STRETCH_RANGE:
        check_designs(refined.designs, "refined designs")
    return refined, stiffness


def _in_groups(
    refine: Callable[[np.ndarray, Lattices, Solver], None], lattices: Lattices, solver: Solver
) -> None:
    """Call ``refine`` with rows that are refined together, and their lattices.

    The lattices are no wider than need be; the solver has the threads that are left to the group.
    """
    key = lattices.topology
    factorizations = topology_factorizations()
    struts = np.minimum(np.diff(factorizations.starts["struts"]), lattices.areas.shape[1])[key]
    nodes = np.minimum(factorizations.freedoms, lattices.shifts.shape[1])[key]
    order = np.lexsort((key, struts))
    columns = _DESIGN + struts.max(initial=0) + 3 * nodes.max(initial=0)
    groups = slices(len(key), max(1, _ENTRIES // (21 * columns)), solver.threads)
    inner = solver if len(groups) == 1 else replace(solver, threads=1)

    def work(group: slice) -> None:
        rows = order[group]
        width = struts[rows].max(initial=0)
        depth = nodes[rows].max(initial=0)
        refine(rows, lattices.take(rows).trimmed(width, depth), inner)

    in_threads(work, groups, solver.threads)


def stiffness_after(
    targets: np.ndarray, designs: np.ndarray, steps: list[int], solver: Solver
) -> np.ndarray:
    """Stiffness (k, n, 21) that `refine_designs` reaches after each of k rising ``steps``."""
    stiffness = np.empty((len(steps), len(designs), 21))

    def refine(rows: np.ndarray, group: Lattices, inner: Solver) -> None:
        iterates = _iterates(Goal(targets[rows]), group, LIMITS, inner)
        for step, (_, reached) in enumerate(islice(iterates, steps[-1] + 1)):
            if step in steps:
                stiffness[steps.index(step), rows] = reached

    _in_groups(refine, plain_lattices(designs), solver)
    return stiffness


def refine_designs(
    targets: np.ndarray, designs: np.ndarray, solver: Solver, steps: int = 20
) -> tuple[np.ndarray, np.ndarray]:
    """Refine designs (n, 19) of the published family towards targets (n, 21).

    Returns designs and their stiffness (n, 21), as `refine_lattices`.
    """
    lattices, stiffness = refine_lattices(Goal(targets), plain_lattices(designs), solver, steps)
    return lattices.designs, stiffness


class Parameters(NamedTuple):
    """Parameters of a refinement.

    Attributes
    ----------
    logs : (n, 7 + struts) logarithms of ρ, U, V and the areas
    turns : (n, 2, 3, 3) rotations R1 and R2
    shifts : (n, 3 · nodes) of the nodes
    """

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

    def evaluate(self, key: np.ndarray, solver: Solver) -> tuple[np.ndarray, np.ndarray]:
        """Stiffness (n, 21) of topologies (n,), and its derivatives.

        The derivatives are (n, 21, 13 + struts + 3 nodes), by the parameters of a step.
        """
        values = np.exp(self.logs[:, :7])
        areas = np.exp(self.logs[:, 7:])
        density = values[:, 0]
        u = values[:, 1:4]
        v = values[:, 4:7]
        first = self.turns[:, 0]
        second = self.turns[:, 1]
        inner = first * u[:, None]  # R1·U
        stretched = v[:, :, None] * inner  # V·R1·U
        maps = second @ stretched
        stiffness, slope = homogenize_topologies(
            key,
            maps,
            density,
            solver.threads,
            gradient=True,
            poisson_ratio=solver.poisson_ratio,
            areas=areas,
            shifts=self.shifts.reshape(len(key), -1, 3),
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
    """Lower and upper bounds (n, 13 + struts + 3 nodes) of the parameters.

    Those of the areas are centred at 1.

    Struts that are left out stay so: both bounds are -inf.
    """
    key = lattices.topology
    struts = lattices.areas.shape[1]
    nodes = lattices.shifts.shape[1]
    lower = np.full((len(key), _DESIGN + struts + 3 * nodes), -np.inf)
    lower[:, 0] = np.log(limits.density[0])
    lower[:, 1:7] = np.log(limits.stretch[0])
    lower[:, _DESIGN : _DESIGN + struts] = -np.log(limits.radius_ratio)
    lower[:, _DESIGN + struts :] = -np.repeat(node_reach(key, nodes) * limits.reach, 3, 1)
    upper = -lower
    upper[:, 0] = np.log(limits.density[1])
    upper[:, 1:7] = np.log(limits.stretch[1])
    for bound in (lower, upper):
        bound[:, _DESIGN : _DESIGN + struts][lattices.areas == 0] = -np.inf
    return lower, upper


def distance_to(at: np.ndarray, bound: np.ndarray) -> np.ndarray:
    """How far parameters may move up or down to a bound.

    Those of struts that are left out, at -inf, do not move.
    """
    return np.subtract(bound, at, out=np.zeros_like(at), where=bound != at)


def with_parameters(lattices: Lattices, p: Parameters) -> Lattices:
    """Lattices of the same topologies with other parameters."""
    designs = lattices.designs.copy()
    designs[:, _LOGGED_COLUMNS] = np.exp(p.logs[:, :7])
    designs[:, R1] = angle_axis(p.turns[:, 0])
    designs[:, R2] = angle_axis(p.turns[:, 1])
    return Lattices(designs, np.exp(p.logs[:, 7:]), p.shifts.reshape(lattices.shifts.shape))


def _iterates(
    goal: Goal, lattices: Lattices, limits: Limits, solver: Solver
) -> Iterator[tuple[Parameters, np.ndarray]]:
    """Yield parameters and stiffness (n, 21) after 0, 1, 2, … steps; the arrays are used again."""
    key = lattices.topology
    lower, upper = bounds(lattices, limits)
    p = parameters(lattices).moved(np.zeros_like(lower), lower, upper)
    stiffness, jacobian = p.evaluate(key, solver)
    residual, slope = goal.residuals(stiffness)
    jacobian = slope @ jacobian
    error = (residual**2).sum(1)
    reach = _reach_of_step(lattices, limits, lower.shape)
    damping = np.full(len(key), _DAMPING)

    while True:
        yield p, stiffness
        rows = np.flatnonzero(error > _MET)
        if not len(rows):
            continue
        unmet = Parameters(p.logs[rows], p.turns[rows], p.shifts[rows])
        low = lower[rows]
        high = upper[rows]
        at = unmet.vector()
        step = bounded_step(
            residual[rows],
            jacobian[rows],
            damping[rows],
            distance_to(at, low),
            distance_to(at, high),
            reach[rows],
        )

        trial = unmet.moved(step, low, high)
        new_stiffness, new_jacobian = trial.evaluate(key[rows], solver)
        new_residual, slope = goal.take(rows).residuals(new_stiffness)
        new_error = (new_residual**2).sum(1)
        better = new_error < error[rows]
        damping[rows] = np.clip(np.where(better, damping[rows] / 5, damping[rows] * 4), 1e-9, 1e3)

        kept = rows[better]
        for array, new in (
            (p.logs, trial.logs),
            (p.turns, trial.turns),
            (p.shifts, trial.shifts),
            (stiffness, new_stiffness),
            (residual, new_residual),
            (error, new_error),
        ):
            array[kept] = new[better]
        jacobian[kept] = slope[better] @ new_jacobian[better]


def _reach_of_step(lattices: Lattices, limits: Limits, shape: tuple[int, ...]) -> np.ndarray:
    """What a step may take of each parameter, which also weighs them against each other."""
    reach = np.full(shape, 0.5)
    reach[:, 1:_DESIGN] = limits.cell_reach
    nodes = slice(_DESIGN + lattices.areas.shape[1], None)
    shortest = node_reach(lattices.topology, lattices.shifts.shape[1])
    reach[:, nodes] = _STRIDE * np.repeat(shortest, 3, 1)
    return reach


def node_reach(topology: np.ndarray, nodes: int) -> np.ndarray:
    """Length (n, nodes) of the shortest strut at each node that may move, before the map.

    It is 0 in columns of no node.
    """
    factorizations = topology_factorizations()
    out = np.zeros((len(topology), nodes))
    for key in np.unique(topology) if nodes else []:
        struts = slice(*factorizations.starts["struts"][key : key + 2])
        lengths = np.linalg.norm(factorizations.vectors[struts], axis=1)
        shortest = np.full(factorizations.freedoms[key], np.inf)
        for end in (0, 1):
            moves = factorizations.signs[struts][:, end] != 0
            np.minimum.at(shortest, factorizations.moving[struts][moves, end], lengths[moves])
        out[topology == key, : len(shortest)] = shortest
    return out
