"""Objectives among lattices that meet a target, and limits of printing.

With more parameters than constants the lattices of a topology that meet a target form a continuum.
`tailor` walks in it, by linear programs in a trust region that a few steps back to the target
follow. All objectives and limits are linear in the parameters, the bounds u, v of the logarithms of
the areas and the logarithm h of the diameter of a strut of relative area 1: density is log ρ, the
ratio of radii (u - v)/2, the smallest diameter v/2 + h.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog

from trussmap.base.parallel import in_threads
from trussmap.lattice.compound import topologies
from trussmap.lattice.graph import PeriodicGraph, segment_distance
from trussmap.lattice.symmetry import primitive_cell, reduce_by_symmetry
from trussmap.mechanics.solver import Solver
from trussmap.search.lattices import Lattices, freedoms
from trussmap.search.refine import (
    Parameters,
    bounds,
    distance_to,
    node_reach,
    parameters,
    with_parameters,
)
from trussmap.search.request import OBJECTIVES, Request
from trussmap.search.steps import bounded_step
from trussmap.targets.goal import Goal
from trussmap.tensors.material import Material

# Steps at most.
_STEPS = 80
# Restoration steps after each, back to the target.
_RESTORATIONS = 4
# Radius of the trust region to begin with, and the one that ends the walk.
_TRUST = 0.3
_SMALLEST_TRUST = 1e-4
# Weight of a unit of residual against the objective.
_RESIDUAL = 1e3
# Weight of a violated limit while the target comes first, and once limits come first.
_SOFT_LIMIT = 30.0
_HARD_LIMIT = 1e4
# By how much limits are kept clear of.
_MARGIN = 1e-3
# Pairs of struts are in the active set up to this distance beyond the least gap, in units of it.
_ACTIVE = 1.0
_MOST_PAIRS = 200


def tailor(
    goal: Goal, lattices: Lattices, request: Request, solver: Solver
) -> tuple[Lattices, np.ndarray]:
    """Change lattices to what a request prefers, of the same topologies and near their goals.

    Parameters
    ----------
    goal, lattices : n each; the lattices meet their goals, or come as close as refinement got them
    request : family, limits, objective (one of `trussmap.search.request.OBJECTIVES` counts), and
        limits of printing; where these cannot be had together with the goal, the goal gives way

    Returns lattices and their stiffness (n, 21).
    """
    tailored = lattices.copied()
    stiffness = np.empty((len(goal), 21))
    struts, nodes = freedoms(lattices.topology, request.family)

    def work(row: int) -> None:
        one = lattices.take(slice(row, row + 1)).trimmed(struts[row], nodes[row])
        walk = _Walk(goal.take(np.array([row])), one, request, solver.poisson_ratio)
        one, stiffness[row] = walk.run()
        tailored.designs[row] = one.designs[0]
        tailored.areas[row, : struts[row]] = one.areas[0]
        tailored.shifts[row, : nodes[row]] = one.shifts[0]

    in_threads(work, range(len(goal)), solver.threads)
    return tailored, stiffness


def diameters_and_gap(
    graph: PeriodicGraph, relative_density: float, gap: bool = True
) -> tuple[float, float, float]:
    """Smallest and largest strut diameter, and smallest gap.

    They are in units of the edge of a cube of the cell's volume; without ``gap`` it is infinite.
    """
    edge = graph.volume ** (1 / 3)
    radii = graph.radii(relative_density)
    smallest = np.inf
    if gap:
        primitive = primitive_cell(graph)
        smallest = primitive.smallest_gap(primitive.radii(relative_density)) / edge
    return 2 * radii.min() / edge, 2 * radii.max() / edge, smallest


def measured_struts(lattices: Lattices, gap: bool = True) -> np.ndarray:
    """`diameters_and_gap` (n, 3) of lattices; without ``gap`` the gaps are infinite."""
    density = lattices.density
    rows = [diameters_and_gap(lattices.graph(k), density[k], gap) for k in range(len(density))]
    return np.array(rows)


# Two struts, by their numbers (k,), and the cell (k, 3) of the second.
_Pairs = tuple[np.ndarray, np.ndarray, np.ndarray]


class _State(NamedTuple):
    """Lattice on the walk: parameters, stiffness (21,), residual (1, q), derivatives (1, q, k)."""

    p: Parameters
    stiffness: np.ndarray
    residual: np.ndarray
    jacobian: np.ndarray


class _Program(NamedTuple):
    """Solution of a linear program: the step (1, k), and bounds of the logarithms of the areas."""

    step: np.ndarray
    low: float
    high: float


class _Walk:
    """The walk of one lattice, by sequential linear programs in a trust region.

    ``p`` are the `Parameters` of the lattice, a row of each array.
    """

    def __init__(
        self, goal: Goal, lattice: Lattices, request: Request, poisson_ratio: float
    ) -> None:
        self.goal = goal
        self.lattice = lattice
        self.objective = request.objective if request.objective in OBJECTIVES else None
        self.prints = request.prints
        self.key = lattice.topology
        self.solver = Solver(Material(poisson_ratio=poisson_ratio), threads=1)
        self.struts = lattice.areas.shape[1]
        # The other struts are left out.
        self.present = np.flatnonzero(lattice.areas[0] > 0)
        self.areas = 13 + self.present
        self.ratio = 2 * np.log(request.limits.radius_ratio)
        lower, upper = bounds(lattice, request.limits)
        # The mean of the logarithms of the areas is free; only their distances count.
        lower[:, self.areas] = -2 * self.ratio - 1
        upper[:, self.areas] = 2 * self.ratio + 1
        self.lower = lower
        self.upper = upper
        self.reach = np.full(lower.shape, 1.0)
        self.reach[:, 13 + self.struts :] = 0.2 * np.repeat(
            node_reach(self.key, lattice.shifts.shape[1]), 3, 1
        )

        self.graph = primitive_cell(topologies()[0][int(self.key[0])])
        # Struts and nodes come in the order of the topology's.
        self.reduced = reduce_by_symmetry(self.graph)
        self.places = np.where(self.reduced.moving, np.cumsum(self.reduced.moving) - 1, 0)
        self.pairs: _Pairs | None = None
        self.weight = _SOFT_LIMIT

    def _vectors(self, p: Parameters, index: np.ndarray, signs: np.ndarray) -> np.ndarray | float:
        """Shifts (n, ..., 3) of the nodes ``index`` (...,) with their signs, 0 where none moves."""
        shifts = p.shifts.reshape(len(p.logs), -1, 3)
        return signs[..., None] * shifts[:, self.places[index]] if shifts.shape[1] else 0.0

    def _scale(self, p: Parameters) -> tuple[np.ndarray, np.ndarray]:
        """Logarithms h (n,) of the diameters of struts of relative area 1, and maps (n, 3, 3).

        Diameters are over the edge of the cell.
        """
        values = np.exp(p.logs[:, :7])
        reduced = self.reduced
        maps = p.turns[:, 1] @ (values[:, 4:7, None] * (p.turns[:, 0] * values[:, None, 1:4]))
        first, last = (
            self._vectors(p, reduced.nodes[:, end], reduced.signs[:, end]) for end in (0, 1)
        )
        lengths = np.linalg.norm((reduced.vectors + last - first) @ maps.swapaxes(1, 2), axis=-1)
        volume = np.prod(values[:, 1:7], 1)
        total = (np.exp(p.logs[:, 7:]) * lengths) @ reduced.weights / (reduced.volume * volume)
        return 0.5 * np.log(4 / np.pi * values[:, 0] / total) - np.log(volume) / 3, maps

    def _slopes(self, function: Callable[[Parameters], np.ndarray], p: Parameters) -> np.ndarray:
        """Derivatives (..., k) of a cheap function, by central differences of all at once."""
        count = self.lower.shape[1]
        h = 1e-6
        steps = h * np.vstack([np.eye(count), -np.eye(count)]) * self.reach
        wide = Parameters(*(np.repeat(part, 2 * count, 0) for part in p))
        value = function(
            wide.moved(steps, np.full_like(steps, -np.inf), np.full_like(steps, np.inf))
        )
        return ((value[:count] - value[count:]).T / (2 * h * self.reach[0])).reshape(
            *value.shape[1:], count
        )

    def _gaps(self, p: Parameters) -> np.ndarray:
        """Gaps (n, k) of the pairs of struts in the active set, over the edge of the cell."""
        assert self.pairs is not None
        h, maps = self._scale(p)
        graph = self.graph
        first, second, cell = self.pairs
        nodes = graph.nodes @ graph.cell.T + self._vectors(
            p, self.reduced.graph_nodes, self.reduced.graph_signs
        )
        nodes = nodes @ maps.swapaxes(1, 2)
        frame = (maps @ graph.cell).swapaxes(1, 2)
        i, j = graph.struts.T
        along = nodes[:, j] + graph.offsets @ frame - nodes[:, i]
        gap = nodes[:, i[second]] + cell @ frame - nodes[:, i[first]]
        edge = np.prod(np.exp(p.logs[:, 1:7]), 1)[:, None] ** (1 / 3)
        radii = 0.5 * np.exp(0.5 * p.logs[:, 7:] + h[:, None])[:, self.reduced.graph_struts]
        return (
            segment_distance(along[:, first], along[:, second], gap) / edge
            - radii[:, first]
            - radii[:, second]
        )

    def _update_active_set(self, p: Parameters) -> None:
        """Choose the pairs of struts that are close by now."""
        if not self.prints.minimum_gap:
            return
        h, maps = self._scale(p)
        shifts = p.shifts.reshape(-1, 3) if p.shifts.shape[1] else None
        graph = self.reduced.expand(self.graph, shifts=shifts).mapped(maps[0])
        thickest = np.exp(0.5 * p.logs[0, 7:].max() + h[0])
        edge = np.prod(np.exp(p.logs[0, 1:7])) ** (1 / 3)
        reach = (thickest + _ACTIVE * self.prints.minimum_gap) * edge
        first, second, cell = graph.close_struts(reach)
        once = graph.axis_distances(first, second, cell) < reach
        once &= first <= second  # of a pair and its reverse, take one
        sections = p.logs[0, 7:][self.reduced.graph_struts]
        once &= np.isfinite(sections[first]) & np.isfinite(sections[second])
        self.pairs = first[once], second[once], cell[once]
        closest = np.argsort(self._gaps(p)[0])[:_MOST_PAIRS]
        first, second, cell = self.pairs
        self.pairs = first[closest], second[closest], cell[closest]

    def _measure(self, p: Parameters) -> _State:
        """Solve the lattice of parameters."""
        stiffness, jacobian = p.evaluate(self.key, self.solver)
        residual, slope = self.goal.residuals(stiffness)
        return _State(p, stiffness[0], residual, slope @ jacobian)

    def _merit(self, state: _State) -> float:
        """Merit of a state: objective, residuals and violations, weighted."""
        p = state.p
        spread = np.ptp(p.logs[0, 7 + self.present])
        value = {
            "density": p.logs[0, 0],
            "radius_ratio": spread / 2,
            "diameter": -self._diameters(p).min(),
        }.get(self.objective or "", 0.0)
        ratio = max(0.0, (spread - self.ratio) / 2)
        residual = np.abs(state.residual).sum()
        return value + _RESIDUAL * residual + self.weight * max(self._violation(p), ratio)

    def _violation(self, p: Parameters) -> float:
        """How far a lattice violates the limits of printing."""
        diameters = np.exp(self._diameters(p))
        gap = np.inf if self.pairs is None else self._gaps(p).min(initial=np.inf)
        return self.prints.violation(diameters.min(), diameters.max(), gap)

    def run(self) -> tuple[Lattices, np.ndarray]:
        """Lattice at the end of the walk, and its stiffness (21,)."""
        p = parameters(self.lattice)
        state = self._measure(p)
        self._update_active_set(p)
        state = self._walk(state)
        if self._violation(state.p) > _MARGIN:
            # No lattice here has both: from now on the limits come first.
            self.weight = _HARD_LIMIT
            state = self._walk(self._measure(self._thickened(state.p)))
        return with_parameters(self.lattice, state.p), state.stiffness

    def _walk(self, state: _State) -> _State:
        """Take steps until the trust region is small."""
        merit = self._merit(state)
        trust = _TRUST
        for _ in range(_STEPS):
            if trust < _SMALLEST_TRUST:
                break
            program = self._program(state, trust)
            if program is None:
                trust /= 4
                continue
            trial = self._trial(state, program, trust)
            reached = self._merit(trial)
            if reached < merit - 1e-7:
                trust = min(2 * trust, 1.0) if merit - reached > 1e-3 else trust / 1.5
                state = trial
                self._update_active_set(state.p)
                merit = self._merit(state)
            else:
                trust /= 3
        return state

    def _trial(self, state: _State, program: _Program, trust: float) -> _State:
        """State after a step and what restores the target, or the limits that come first."""
        trial = state.p.moved(program.step, self.lower, self.upper)
        if self.weight < _HARD_LIMIT:
            return self._restored(self._measure(trial), program, trust)
        return self._measure(self._thickened(trial))

    def _thickened(self, p: Parameters) -> Parameters:
        """Parameters with all struts as thick as they must be.

        Where the density cannot rise, the others become thinner.
        """
        least = self.prints.minimum_diameter
        if not least or self._diameters(p).min() >= np.log(least):
            return p
        floor = np.exp(2 * np.log(least) + _MARGIN)
        excess = np.maximum(np.exp(2 * self._diameters(p)) - floor, 0)

        def with_share(share: float) -> Parameters:
            logs = p.logs.copy()
            sections = np.log(floor + share * excess)
            logs[0, 7 + self.present] = sections - sections.mean()
            moved = p._replace(logs=logs)
            logs[0, 0] += sections[0] - 2 * self._diameters(moved)[0]
            return moved

        low = 0.0
        high = 1.0
        if with_share(high).logs[0, 0] > self.upper[0, 0]:
            for _ in range(40):
                middle = (low + high) / 2
                if with_share(middle).logs[0, 0] > self.upper[0, 0]:
                    high = middle
                else:
                    low = middle
            high = low
        return with_share(high).moved(np.zeros_like(self.lower), self.lower, self.upper)

    def _diameters(self, p: Parameters) -> np.ndarray:
        """Logarithms (struts present,) of the diameters of one lattice, over the edge of the cell."""
        return p.logs[0, 7 + self.present] / 2 + self._scale(p)[0][0]

    def _restored(self, state: _State, program: _Program, trust: float) -> _State:
        """Restoration steps to the target, with the areas within the bounds of the program."""
        lower = self.lower.copy()
        upper = self.upper.copy()
        lower[:, self.areas] = program.low
        upper[:, self.areas] = program.high
        if self.objective == "density":
            upper[:, 0] = np.minimum(upper[:, 0], state.p.logs[:, 0])
        for _ in range(_RESTORATIONS):
            if np.abs(state.residual).sum() < 1e-9:
                break
            at = state.p.vector()
            step = bounded_step(
                state.residual,
                state.jacobian,
                np.array([1e-9]),
                distance_to(at, lower),
                distance_to(at, upper),
                trust * self.reach,
            )
            state = self._measure(state.p.moved(step, lower, upper))
        return state

    def _program(self, state: _State, trust: float) -> _Program | None:
        """Solve for the best step within the trust region, to first order; None without one.

        Variables: the step, u, v, what the residuals miss above and below, and what the limits do.
        """
        p = state.p
        count = self.lower.shape[1]
        residuals = len(state.residual[0])
        at = p.vector()
        h = self._scale(p)[0][0]
        h_slope = self._slopes(lambda q: self._scale(q)[0], p)
        u = count
        v = count + 1
        size = count + 2 + 2 * residuals + 1

        limits, right, slack = self._linear_limits(p, h, h_slope)
        nothing = np.zeros((len(limits), 2 * residuals))
        inequality = np.hstack([limits, nothing, slack[:, None]])
        misses = [-np.eye(residuals), np.eye(residuals), np.zeros((residuals, 1))]
        equality = np.hstack([state.jacobian[0], np.zeros((residuals, 2)), *misses])

        lower = np.maximum(distance_to(at, self.lower), -trust * self.reach)[0]
        upper = np.minimum(distance_to(at, self.upper), trust * self.reach)[0]
        low = np.r_[np.minimum(lower, 0), -np.inf, -np.inf, np.zeros(2 * residuals + 1)]
        high = np.r_[np.maximum(upper, 0), np.full(size - count, np.inf)]
        solution = linprog(
            self._cost(size, h_slope),
            inequality,
            right,
            equality,
            -state.residual[0],
            np.column_stack([low, high]),
            "highs",
        )
        if solution.x is None:
            return None
        return _Program(solution.x[None, :count], solution.x[v], solution.x[u])

    def _cost(self, size: int, h_slope: np.ndarray) -> np.ndarray:
        """Cost (size,) of the variables of the program."""
        count = self.lower.shape[1]
        u = count
        v = count + 1
        cost = np.zeros(size)
        cost[count + 2 : -1] = _RESIDUAL
        cost[-1] = self.weight
        if self.objective == "density":
            cost[0] = 1.0
        elif self.objective == "radius_ratio":
            cost[u] = 0.5
            cost[v] = -0.5
        elif self.objective == "diameter":
            cost[:count] = -h_slope
            cost[v] = -0.5
        return cost

    def _linear_limits(
        self, p: Parameters, h: float, h_slope: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Limits to first order: rows (m, count + 2), right sides (m,), and slack (m,)."""
        count = self.lower.shape[1]
        logs = p.logs[0, 7 + self.present]
        struts = len(self.present)
        on_areas = np.zeros((struts, count))
        on_areas[:, self.areas] = np.eye(struts)
        one = np.ones((struts, 1))
        rows = [np.hstack([on_areas, -one, 0 * one]), np.hstack([-on_areas, 0 * one, one])]
        right = [-logs, logs]

        def add(row: np.ndarray, most: np.ndarray | float) -> None:
            rows.append(np.atleast_2d(row))
            right.append(np.atleast_1d(most))

        add(np.r_[np.zeros(count), 1.0, -1.0], self.ratio)
        slack = [np.zeros(2 * struts + 1)]
        if self.prints.minimum_diameter:
            add(np.r_[-h_slope, 0.0, -0.5], h - np.log(self.prints.minimum_diameter) - _MARGIN)
        if self.prints.maximum_diameter:
            add(np.r_[h_slope, 0.5, 0.0], np.log(self.prints.maximum_diameter) - h - _MARGIN)
        slack.append(-np.ones(len(rows) - 3))
        if self.pairs is not None and len(self.pairs[0]):
            least = self.prints.minimum_gap
            slopes = self._slopes(self._gaps, p) / least
            gaps = self._gaps(p)[0] / least - 1 - _MARGIN
            add(np.hstack([-slopes, np.zeros((len(slopes), 2))]), gaps)
            slack.append(-np.ones(len(slopes)))
        return np.vstack(rows), np.concatenate(right), np.concatenate(slack)
