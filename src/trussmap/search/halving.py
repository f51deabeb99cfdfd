"""Successive halving: refine random designs and proposals of all topologies, keep the promising."""

from dataclasses import dataclass, replace

import numpy as np

from trussmap.base.streams import stream
from trussmap.lattice.compound import topology_members
from trussmap.lattice.descriptor import REPS, TYPES, sample_designs
from trussmap.mechanics.solver import Solver
from trussmap.search.candidates import Candidates
from trussmap.search.lattices import Lattices, joined, plain_lattices
from trussmap.search.refine import refine_lattices
from trussmap.search.request import LIMITS, Limits
from trussmap.search.thin import thinned
from trussmap.targets.goal import Goal

#: A round: steps, designs left of a target, how many of them of one topology.
Round = tuple[int, int, int]
#: Random starts of every topology, and the rounds.
EFFORT: dict[str, tuple[int, tuple[Round, ...]]] = {
    "quick": (4, ((6, 80, 2), (10, 24, 2), (25, 8, 1))),
    "thorough": (24, ((6, 600, 8), (12, 100, 4), (40, 12, 1))),
}
#: The same for the families ``areas`` and ``geometry``.
FREE_EFFORT: dict[str, tuple[int, tuple[Round, ...]]] = {
    "quick": (2, ((8, 100, 2), (10, 40, 1), (15, 16, 1))),
    "thorough": (4, ((8, 200, 2), (10, 80, 1), (15, 32, 1))),
}
#: How often the search of these families is repeated for targets that are not met.
WAVES = {"quick": 4, "thorough": 10}
#: Error from which on a target counts as met in the search.
CONVERGED = 1e-12
# Steps of the last refinement in these families, twice.
_FINISH = 60
# By how much radii may differ more than allowed before the thinnest struts are left out.
_RELAXED = 10.0
# Shares of the least radius below which struts are left out.
_SHARES = (1.0, 0.5)


@dataclass(frozen=True)
class Space:
    """Lattices among which to search.

    Attributes
    ----------
    family : one of `trussmap.search.lattices.FAMILIES`
    limits : of the refinements
    topologies : numbers of those allowed, or None for all
    """

    family: str = "published"
    limits: Limits = LIMITS
    topologies: np.ndarray | None = None


@dataclass(frozen=True)
class Starts:
    """Lattices to start from: number of the target (m,) of each, from 0, and m lattices."""

    target: np.ndarray
    lattices: Lattices


def search(
    goal: Goal,
    solver: Solver,
    effort: str = "quick",
    seed: int = 0,
    space: Space | None = None,
    starts: Starts | None = None,
    keep: int = 1,
) -> Candidates:
    """Search topologies for the goal of each target by refinements of ever fewer candidates.

    Besides the ``starts`` given, random designs of every topology of the space start too. Each
    round takes a few steps with all that are left and keeps the best of every target, of ``keep``
    topologies at least where there are as many.

    In the families with more freedoms than constants, targets that are not met so are searched for
    with radii that differ more than they may, and the thinnest struts are left out
    (`trussmap.search.thin`): first from the candidates, then again from other random designs.
    """
    space = space or Space()
    limits = space.limits
    free = space.family != "published"
    random_starts, rounds = (FREE_EFFORT if free else EFFORT)[effort]
    thins = free and limits.radius_ratio > 1
    relaxed = limits._replace(radius_ratio=_RELAXED * limits.radius_ratio) if thins else limits

    groups: list[Candidates] = []
    unmet = np.arange(len(goal))
    for wave in range(WAVES[effort] if free else 1):
        begun = _random_starts(space, random_starts, seed, wave, unmet)
        if starts and not wave:
            target = np.concatenate([starts.target, begun.target])
            begun = Starts(target, joined([starts.lattices, begun.lattices]))
        within = relaxed if wave else limits
        candidates = _halved(goal, begun, rounds, within, keep, solver)
        if free:
            candidates = _finish(goal, candidates, within, solver)
        if not (thins and wave):
            groups.append(candidates)
            unmet = _unmet(goal, groups)
        if thins and len(unmet):
            rows = np.flatnonzero(np.isin(candidates.target, unmet))
            groups.append(_thinned(goal, candidates.take(rows), limits, relaxed, solver))
            unmet = _unmet(goal, groups)
        if not len(unmet):
            break
    return Candidates.join(groups)


def _random_starts(space: Space, count: int, seed: int, wave: int, targets: np.ndarray) -> Starts:
    """Random designs, ``count`` of every topology, the same for each of the targets."""
    types, reps = topology_members()
    if space.topologies is not None:
        types = types[space.topologies]
        reps = reps[space.topologies]
    purpose = ("random starts", wave) if wave else ("random starts",)
    designs = sample_designs(stream(seed, *purpose), 0, len(types) * count)
    designs[:, TYPES] = np.repeat(types, count, 0)
    designs[:, REPS] = np.repeat(reps, count, 0)
    lattices = plain_lattices(np.tile(designs, (len(targets), 1)), space.family)
    return Starts(np.repeat(targets, len(designs)), lattices)


def _halved(
    goal: Goal,
    starts: Starts,
    rounds: tuple[Round, ...],
    limits: Limits,
    keep: int,
    solver: Solver,
) -> Candidates:
    """Candidates that are left after the rounds."""
    target = starts.target
    lattices = starts.lattices
    for steps, count, alike in rounds:
        refined, stiffness = refine_lattices(goal.take(target), lattices, solver, steps, limits)
        candidates = Candidates(target, refined, stiffness)
        candidates = candidates.take(candidates.best(goal, max(count, alike * keep), alike))
        target = candidates.target
        lattices = candidates.lattices
    return candidates


def _unmet(goal: Goal, groups: list[Candidates]) -> np.ndarray:
    """Numbers of the targets that no candidate meets."""
    error = np.full(len(goal), np.inf)
    for candidates in groups:
        np.minimum.at(error, candidates.target, candidates.error(goal))
    return np.flatnonzero(error > CONVERGED)


def _thinned(
    goal: Goal, candidates: Candidates, limits: Limits, relaxed: Limits, solver: Solver
) -> Candidates:
    """Candidates within their limits, after relaxed ones lost their thinnest struts."""
    target = candidates.target
    lattices, _ = refine_lattices(goal.take(target), candidates.lattices, solver, _FINISH, relaxed)
    lattices = joined([thinned(lattices, limits.radius_ratio, share) for share in _SHARES])
    target = np.tile(target, len(_SHARES))
    lattices, stiffness = refine_lattices(goal.take(target), lattices, solver, 2 * _FINISH, limits)
    return Candidates(target, lattices, stiffness)


def _finish(goal: Goal, candidates: Candidates, limits: Limits, solver: Solver) -> Candidates:
    """Refine to the end.

    First in the logarithms, where a soft mode counts like a stiff one, then towards the goal.
    """
    goals = candidates.goal(goal)
    lattices = candidates.lattices
    if goals.whole and goals.kind == "frobenius":
        logarithmic = replace(goals, kind="log_euclidean")
        moved, reached = refine_lattices(logarithmic, lattices, solver, _FINISH, limits)
        better = goals.error(reached) < goals.error(candidates.stiffness)
        lattices = lattices.copied()
        for array, new in zip(lattices, moved, strict=True):
            array[better] = new[better]
    lattices, stiffness = refine_lattices(goals, lattices, solver, _FINISH, limits)
    return Candidates(candidates.target, lattices, stiffness)
