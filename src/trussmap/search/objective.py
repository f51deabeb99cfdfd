"""Feasible first, then best: among lattices that meet a target, the one that an objective likes, if it can be printed.

With more parameters than constants the lattices of a topology that meet a target form a continuum.
`tailor` walks in it, by linear programs in a trust region that a few steps back to the target
follow. All objectives and limits are linear in the parameters, the bounds u, v of the logarithms of
the areas and the logarithm h of the diameter of a strut of relative area 1: density is log ρ, the
ratio of radii (u - v)/2, the smallest diameter v/2 + h.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog

from trussmap.base.parallel import in_threads
from trussmap.lattice.compound import topologies
from trussmap.lattice.descriptor import DENSITY
from trussmap.lattice.graph import PeriodicGraph, segment_distance
from trussmap.lattice.symmetry import primitive_cell, reduce_by_symmetry
from trussmap.search.refine import (
    LIMITS,
    Lattices,
    Limits,
    Parameters,
    bounds,
    node_reach,
    parameters,
    room,
    sizes,
    with_parameters,
)
from trussmap.search.steps import bounded_step
from trussmap.targets.goal import Goal
from trussmap.tensors.stiffness import POISSON_RATIO

#: What may be made as small (density, radius_ratio) or as large (diameter: of the thinnest strut)
#: as can be.
OBJECTIVES = ("density", "radius_ratio", "diameter")
# Steps at most, steps back to the target after each, and the radii of the trust region to begin and
# to end with.
_STEPS, _RESTORATIONS, _TRUST, _SMALLEST_TRUST = 80, 4, 0.3, 1e-4
# What a unit of residual and of a violated limit weigh against the objective; of a limit where it
# comes first; and by how much limits are kept clear of.
_RESIDUAL, _WISH, _LIMIT, _MARGIN = 1e3, 30.0, 1e4, 1e-3
# Pairs of struts that are watched, in units of the least gap beyond it.
_WATCHED = 1.0
_MOST_PAIRS = 200


class PrintLimits(NamedTuple):
    """What a printer can make, as shares of the edge of a cube of the unit cell's volume; None: whatever comes."""

    minimum_diameter: float | None = None
    maximum_diameter: float | None = None
    minimum_gap: float | None = None

    def violation(self, least: float, most: float, gap: float) -> float:
        """How far a lattice of these diameters and this smallest gap is beyond them, as a logarithm or a share."""
        beyond = [0.0]
        if self.minimum_diameter:
            beyond.append(np.log(self.minimum_diameter / least))
        if self.maximum_diameter:
            beyond.append(np.log(most / self.maximum_diameter))
        if self.minimum_gap:
            beyond.append((self.minimum_gap - gap) / self.minimum_gap)
        return float(max(beyond))

    def larger_cell(self, least: float, most: float, gap: float) -> float:
        """How many times larger a cell gives such a lattice the smallest diameter and gap."""
        needed = [1.0]
        if self.minimum_diameter:
            needed.append(self.minimum_diameter / least)
        if self.minimum_gap:
            needed.append(self.minimum_gap / gap if gap > 0 else np.nan)
        return float(max(needed))


#: Whatever comes.
NO_LIMITS = PrintLimits()


def tailor(
    goal: Goal,
    lattices: Lattices,
    family: str,
    objective: str | None = None,
    limits: Limits = LIMITS,
    prints: PrintLimits | None = None,
    threads: int | None = None,
    poisson_ratio: float = POISSON_RATIO,
) -> tuple[Lattices, np.ndarray]:
    """Lattices of the same topologies that meet their goals, or nearly, as the objective and the limits would have it.

    Parameters
    ----------
    goal, lattices : n each; the lattices meet their goals, or come as close as refinement got them
    objective : one of ``OBJECTIVES``, or None where only the limits matter
    prints : what is asked for beyond ``limits``; where it cannot be had together with the goal, the
        goal gives way

    Returns lattices and their stiffness (n, 21).
    """
    moved = Lattices(*(part.copy() for part in lattices))
    stiffness = np.empty((len(goal), 21))
    struts, nodes = sizes(lattices.topology, family)

    def work(row):
        one = lattices.take(slice(row, row + 1))
        own = Lattices(one.designs, one.areas[:, : struts[row]], one.shifts[:, : nodes[row]])
        walk = _Walk(goal.take([row]), own, objective, limits, prints or NO_LIMITS, poisson_ratio)
        own, stiffness[row] = walk.run()
        moved.designs[row], moved.areas[row, : struts[row]] = own.designs[0], own.areas[0]
        moved.shifts[row, : nodes[row]] = own.shifts[0]

    in_threads(work, range(len(goal)), threads)
    return moved, stiffness


def diameters_and_gap(
    graph: PeriodicGraph, relative_density: float, gap: bool = True
) -> tuple[float, float, float]:
    """Smallest and largest strut diameter, and smallest gap, in units of the edge of a cube of the cell's volume."""
    edge = graph.volume ** (1 / 3)
    radii = graph.radii(relative_density)
    smallest = np.inf
    if gap:
        primitive = primitive_cell(graph)
        smallest = primitive.smallest_gap(primitive.radii(relative_density)) / edge
    return 2 * radii.min() / edge, 2 * radii.max() / edge, smallest


def measured_struts(lattices: Lattices, gap: bool = True) -> np.ndarray:
    """`diameters_and_gap` (n, 3) of lattices; the gaps are infinite unless asked for."""
    density = lattices.designs[:, DENSITY]
    rows = [diameters_and_gap(lattices.graph(k), density[k], gap) for k in range(len(density))]
    return np.array(rows)


class _Walk:
    """The walk of one lattice."""

    def __init__(self, goal, lattice, objective, limits, prints, poisson_ratio):
        self.goal, self.lattice, self.objective, self.prints = goal, lattice, objective, prints
        self.key, self.poisson_ratio = lattice.topology, poisson_ratio
        self.struts = lattice.areas.shape[1]
        self.there = np.flatnonzero(lattice.areas[0] > 0)  # the others are left out
        self.areas = 13 + self.there
        self.ratio = 2 * np.log(limits.radius_ratio)
        lower, upper = bounds(lattice, limits)
        # The mean of the logarithms of the areas is free; only their distances count.
        lower[:, self.areas], upper[:, self.areas] = -2 * self.ratio - 1, 2 * self.ratio + 1
        self.lower, self.upper = lower, upper
        self.reach = np.full(lower.shape, 1.0)
        self.reach[:, 13 + self.struts :] = 0.2 * np.repeat(
            node_reach(self.key, lattice.shifts.shape[1]), 3, 1
        )
        self.graph = primitive_cell(topologies()[0][int(self.key[0])])
        self.reduced = reduce_by_symmetry(self.graph)  # in the order of the topology's own
        self.places = np.where(self.reduced.moving, np.cumsum(self.reduced.moving) - 1, 0)
        self.pairs, self.weight = None, _WISH

    def _vectors(self, p, index, signs):
        """Shifts (n, ..., 3) of the nodes ``index`` (...,) with their signs, where nodes move at all."""
        shifts = p.shifts.reshape(len(p.logs), -1, 3)
        return signs[..., None] * shifts[:, self.places[index]] if shifts.shape[1] else 0.0

    def _scale(self, p):
        """Logarithms h (n,) of the diameters of struts of relative area 1, over the edge of the cell; and maps."""
        values, reduced = np.exp(p.logs[:, :7]), self.reduced
        maps = p.turns[:, 1] @ (values[:, 4:7, None] * (p.turns[:, 0] * values[:, None, 1:4]))
        first, last = (
            self._vectors(p, reduced.nodes[:, end], reduced.signs[:, end]) for end in (0, 1)
        )
        lengths = np.linalg.norm((reduced.vectors + last - first) @ maps.swapaxes(1, 2), axis=-1)
        volume = np.prod(values[:, 1:7], 1)
        total = (np.exp(p.logs[:, 7:]) * lengths) @ reduced.weights / (reduced.volume * volume)
        return 0.5 * np.log(4 / np.pi * values[:, 0] / total) - np.log(volume) / 3, maps

    def _slopes(self, function, p):
        """Derivatives (..., k) of a cheap function of parameters, by central differences of all at once."""
        count, h = self.lower.shape[1], 1e-6
        steps = h * np.vstack([np.eye(count), -np.eye(count)]) * self.reach
        wide = Parameters(*(np.repeat(part, 2 * count, 0) for part in p))
        value = function(
            wide.moved(steps, np.full_like(steps, -np.inf), np.full_like(steps, np.inf))
        )
        return ((value[:count] - value[count:]).T / (2 * h * self.reach[0])).reshape(
            *value.shape[1:], count
        )

    def _gaps(self, p):
        """Gaps (n, k) of the watched pairs of struts, over the edge of the cell."""
        (h, maps), graph = self._scale(p), self.graph
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

    def _watch(self, p):
        """Choose the pairs of struts that are close by now."""
        if not self.prints.minimum_gap:
            return
        h, maps = self._scale(p)
        shifts = p.shifts.reshape(-1, 3) if p.shifts.shape[1] else None
        graph = self.reduced.expand(self.graph, shifts=shifts).mapped(maps[0])
        thickest = np.exp(0.5 * p.logs[0, 7:].max() + h[0])
        edge = np.prod(np.exp(p.logs[0, 1:7])) ** (1 / 3)
        reach = (thickest + _WATCHED * self.prints.minimum_gap) * edge
        first, second, cell = graph.close_struts(reach)
        once = graph.axis_distances(first, second, cell) < reach
        once &= first <= second  # of a pair and its reverse, take one
        sections = p.logs[0, 7:][self.reduced.graph_struts]
        once &= np.isfinite(sections[first]) & np.isfinite(sections[second])
        self.pairs = first[once], second[once], cell[once]
        closest = np.argsort(self._gaps(p)[0])[:_MOST_PAIRS]
        self.pairs = tuple(part[closest] for part in self.pairs)

    def _measure(self, p):
        stiffness, jacobian = p.evaluate(self.key, 1, self.poisson_ratio)
        residual, slope = self.goal.residuals(stiffness)
        return stiffness[0], residual, slope @ jacobian

    def _merit(self, p, residual):
        spread = np.ptp(p.logs[0, 7 + self.there])
        value = {
            "density": p.logs[0, 0],
            "radius_ratio": spread / 2,
            "diameter": -self._diameters(p).min(),
        }.get(self.objective, 0.0)
        ratio = max(0.0, (spread - self.ratio) / 2)
        return (
            value + _RESIDUAL * np.abs(residual).sum() + self.weight * max(self._beyond(p), ratio)
        )

    def _beyond(self, p):
        """How far a lattice is beyond the limits of printing."""
        diameters = np.exp(self._diameters(p))
        gap = np.inf if self.pairs is None else self._gaps(p).min(initial=np.inf)
        return self.prints.violation(diameters.min(), diameters.max(), gap)

    def run(self):
        """The lattice at the end of the walk, and its stiffness (21,)."""
        p = parameters(self.lattice)
        found = self._measure(p)
        self._watch(p)
        p, found = self._walk(p, found)
        if self._beyond(p) > _MARGIN:  # no lattice here has both: from now on the limits come first
            self.weight = _LIMIT
            p = self._thickened(p)
            p, found = self._walk(p, self._measure(p))
        return with_parameters(self.lattice, p), found[0]

    def _walk(self, p, found):
        merit, trust = self._merit(p, found[1]), _TRUST
        for _ in range(_STEPS):
            if trust < _SMALLEST_TRUST:
                break
            step, low, high = self._program(p, found[1], found[2], trust)
            if step is None:
                trust /= 4
                continue
            trial = p.moved(step, self.lower, self.upper)
            if self.weight < _LIMIT:
                trial, new = self._back(trial, self._measure(trial), low, high, trust)
            else:
                trial = self._thickened(trial)
                new = self._measure(trial)
            reached = self._merit(trial, new[1])
            if reached < merit - 1e-7:
                trust = min(2 * trust, 1.0) if merit - reached > 1e-3 else trust / 1.5
                p, found = trial, new
                self._watch(p)
                merit = self._merit(p, found[1])
            else:
                trust /= 3
        return p, found

    def _thickened(self, p):
        """Struts that are too thin as thick as they must be, and the others thinner where the density cannot rise."""
        least = self.prints.minimum_diameter
        if not least or self._diameters(p).min() >= np.log(least):
            return p
        floor = np.exp(2 * np.log(least) + _MARGIN)
        beyond = np.maximum(np.exp(2 * self._diameters(p)) - floor, 0)

        def with_share(share):
            logs = p.logs.copy()
            sections = np.log(floor + share * beyond)
            logs[0, 7 + self.there] = sections - sections.mean()
            moved = p._replace(logs=logs)
            logs[0, 0] += sections[0] - 2 * self._diameters(moved)[0]
            return moved

        low, high = 0.0, 1.0
        if with_share(high).logs[0, 0] > self.upper[0, 0]:
            for _ in range(40):
                middle = (low + high) / 2
                low, high = (
                    (low, middle)
                    if with_share(middle).logs[0, 0] > self.upper[0, 0]
                    else (middle, high)
                )
            high = low
        return with_share(high).moved(np.zeros_like(self.lower), self.lower, self.upper)

    def _diameters(self, p):
        """Logarithms (struts that are not left out,) of the diameters of one lattice, over the edge of the cell."""
        return p.logs[0, 7 + self.there] / 2 + self._scale(p)[0][0]

    def _back(self, p, found, low, high, trust):
        """Some steps back to the target, the areas within the bounds that the program found."""
        lower, upper = self.lower.copy(), self.upper.copy()
        lower[:, self.areas], upper[:, self.areas] = low, high
        if self.objective == "density":
            upper[:, 0] = np.minimum(upper[:, 0], p.logs[:, 0])
        for _ in range(_RESTORATIONS):
            if np.abs(found[1]).sum() < 1e-9:
                break
            at = p.vector()
            step = bounded_step(
                found[1],
                found[2],
                np.array([1e-9]),
                room(at, lower),
                room(at, upper),
                trust * self.reach,
            )
            p = p.moved(step, lower, upper)
            found = self._measure(p)
        return p, found

    def _program(self, p, residual, jacobian, trust):
        """The best step (1, k) within the trust region, to first order, and the bounds of the areas after it.

        Variables: the step, u, v, what is missed of the residuals above and below, and of the
        limits.
        """
        count, residuals = self.lower.shape[1], len(residual[0])
        logs, at = p.logs[0, 7 + self.there], p.vector()
        h, h_slope = self._scale(p)[0][0], self._slopes(lambda q: self._scale(q)[0], p)
        u, v, missed, beyond = count, count + 1, count + 2, count + 2 + 2 * residuals
        size = beyond + 1
        cost = np.zeros(size)
        cost[missed:beyond], cost[beyond] = _RESIDUAL, self.weight
        if self.objective == "density":
            cost[0] = 1.0
        elif self.objective == "radius_ratio":
            cost[u], cost[v] = 0.5, -0.5
        elif self.objective == "diameter":
            cost[:count], cost[v] = -h_slope, -0.5
        struts = len(self.there)
        on_areas = np.zeros((struts, count))
        on_areas[:, self.areas] = np.eye(struts)
        one = np.ones((struts, 1))
        rows, right = (
            [np.hstack([on_areas, -one, 0 * one]), np.hstack([-on_areas, 0 * one, one])],
            [-logs, logs],
        )

        def add(row, most):
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
            add(
                np.hstack([-slopes, np.zeros((len(slopes), 2))]),
                self._gaps(p)[0] / least - 1 - _MARGIN,
            )
            slack.append(-np.ones(len(slopes)))
        limits = np.vstack(rows)
        inequality = np.hstack(
            [limits, np.zeros((len(limits), 2 * residuals)), np.concatenate(slack)[:, None]]
        )
        equality = np.hstack(
            [jacobian[0], np.zeros((residuals, 2)), -np.eye(residuals), np.eye(residuals)]
        )
        equality = np.hstack([equality, np.zeros((residuals, 1))])
        lower = np.maximum(room(at, self.lower), -trust * self.reach)[0]
        upper = np.minimum(room(at, self.upper), trust * self.reach)[0]
        low = np.r_[np.minimum(lower, 0), -np.inf, -np.inf, np.zeros(2 * residuals + 1)]
        high = np.r_[np.maximum(upper, 0), np.full(size - count, np.inf)]
        found = linprog(
            cost,
            inequality,
            np.concatenate(right),
            equality,
            -residual[0],
            np.column_stack([low, high]),
            "highs",
        )
        if found.x is None:
            return None, None, None
        return found.x[None, :count], found.x[v], found.x[u]
