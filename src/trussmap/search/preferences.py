"""Choice among candidates by what a request prefers: limits first, then the target, then the rest."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from trussmap.mechanics.printing import erring_stiffness, sensitivity
from trussmap.mechanics.solver import Solver
from trussmap.search.candidates import Candidates, positions
from trussmap.search.halving import CONVERGED, Space, search
from trussmap.search.lattices import Lattices, joined
from trussmap.search.objective import measured_struts, tailor
from trussmap.search.request import NO_LIMITS, OBJECTIVES, Request
from trussmap.targets.goal import Goal

#: Error up to which a lattice counts as one that meets its target, after it was tailored.
NEARLY = 1e-10
# Lattices of a target that are tailored.
_TAILORED = 6
# Violation of limits of printing that counts as none.
_SLACK = 2e-3
# Ratios of radii within which lattices are sought too where no strut is to be thin: of alike struts
# the thinnest is thicker.
_STURDY = (3.0, 1.5)


def ratios(request: Request) -> list[float]:
    """Ratios of radii within which to search for a request."""
    allowed = request.limits.radius_ratio
    sturdy = request.prints.minimum_diameter or request.objective in ("diameter", "radius_ratio")
    return [allowed, *(ratio for ratio in _STURDY if ratio < allowed and sturdy)]


def prefer(
    goal: Goal,
    groups: Sequence[Candidates],
    request: Request,
    keep: int,
    seed: int,
    solver: Solver,
) -> tuple[Candidates, pd.DataFrame]:
    """Choose ``keep`` candidates for each target, best first, all of different topology.

    Returns them and further columns of their table (`trussmap.search.design.design`).
    """
    if request.family == "published":
        (candidates,) = groups
        order = _ranked_published(goal, candidates, request, keep, solver)
        return candidates.take(order), pd.DataFrame(index=range(len(order)))

    count = max(keep, _TAILORED)
    promising = Candidates.join(
        [_promising(goal, group, count, request, solver) for group in groups]
    )
    candidates, order, facts = _tailored(goal, promising, request, seed, solver)
    order = order[positions(candidates.target[order]) <= keep]
    return candidates.take(order), facts.iloc[order].reset_index(drop=True)


def _ranked_published(
    goal: Goal, candidates: Candidates, request: Request, keep: int, solver: Solver
) -> np.ndarray:
    """Rows of the best candidates of the published family."""
    if request.objective != "printed_error":
        return candidates.best(goal, keep)
    order = candidates.best(goal, max(keep, _TAILORED))
    some = candidates.take(order)
    expected = printed_errors(some.goal(goal), some.lattices, request, solver)["printed_error"]
    order = order[np.lexsort((expected, some.error(goal) > NEARLY, some.target))]
    return order[positions(candidates.target[order]) <= keep]


def _promising(
    goal: Goal, candidates: Candidates, count: int, request: Request, solver: Solver
) -> Candidates:
    """Each target's ``count`` candidates that meet it and are the closest to the request."""
    candidates = candidates.take(candidates.best(goal, len(candidates)))
    merits = _Merits(candidates.goal(goal), candidates.lattices, request, solver)
    # A thicker strut costs about as much of the stiffness.
    cost = merits.violation + np.sqrt(_error_to_rank(candidates.error(goal), CONVERGED, request))
    best = np.lexsort((merits.objective, cost, candidates.target))
    best = best[positions(candidates.target[best]) <= count]
    return candidates.take(best)


def _tailored(
    goal: Goal, candidates: Candidates, request: Request, seed: int, solver: Solver
) -> tuple[Candidates, np.ndarray, pd.DataFrame]:
    """Tailor candidates to the request.

    Returns them, the order of each topology's best, and columns of their table.
    """
    goals = candidates.goal(goal)
    lattices = candidates.lattices
    if request.objective in OBJECTIVES or request.prints != NO_LIMITS:
        lattices, stiffness = tailor(goals, lattices, request, solver)
    else:
        stiffness = lattices.stiffness(solver)
    tailored = Candidates(candidates.target, lattices, stiffness)

    merits = _Merits(goals, lattices, request, solver, gap=True)
    error = _error_to_rank(goals.error(stiffness), NEARLY, request)
    facts = pd.DataFrame({"family": request.family, "radius_ratio": merits.ratio})
    if request.prints.minimum_diameter or request.prints.minimum_gap:
        met = (error <= NEARLY) & (merits.violation <= _SLACK)
        facts["larger_cell"] = _larger_cells(goal, candidates, met, request, seed, solver)
    order = np.lexsort((merits.objective, error, merits.violation, candidates.target))
    topology = np.stack([candidates.target, lattices.topology], 1)[order]
    order = order[np.sort(np.unique(topology, axis=0, return_index=True)[1])]
    return tailored, order, facts


def _larger_cells(
    goal: Goal,
    candidates: Candidates,
    met: np.ndarray,
    request: Request,
    seed: int,
    solver: Solver,
) -> np.ndarray:
    """How many times larger a cell gives a target's lattice its struts and gaps, (n,).

    It is 1 where one is ``met``, and nan where it is not known. The candidates are those before
    limits of printing bent them. Topologies that have no space for the struts in this cell are
    searched too.
    """
    target = candidates.target
    larger = np.ones(len(target))
    rows = np.flatnonzero(~np.isin(target, target[met]))
    if not len(rows):
        return larger

    numbers = np.unique(target[rows])
    unmet = goal.take(numbers)
    ratio = min(request.limits.radius_ratio, _STURDY[0])
    space = Space(request.family, request.limits._replace(radius_ratio=ratio), request.topologies)
    others = search(unmet, solver, "quick", seed, space)
    others = _promising(unmet, others, _TAILORED, request, solver)
    owners = np.concatenate([target[rows], numbers[others.target]])
    lattices = joined([candidates.lattices.take(rows), others.lattices])

    # How large where the thinnest strut is as thick as it can be.
    thickest = replace(request, objective="diameter", prints_mm=NO_LIMITS)
    thick, reached = tailor(goal.take(owners), lattices, thickest, solver)
    prints = request.prints
    measured = measured_struts(thick, bool(prints.minimum_gap))
    needed = np.array([prints.larger_cell(*row) for row in measured])
    needed[goal.take(owners).error(reached) > NEARLY] = np.nan
    larger[rows] = pd.Series(needed).groupby(owners).min()[target[rows]]
    return larger


def _error_to_rank(error: np.ndarray, threshold: float, request: Request) -> np.ndarray:
    """Errors by which to rank: those of lattices that meet their target are alike.

    What is expected of a printed cell has the error of the one without errors in it: where it
    decides, it does so too among those that miss the target.
    """
    alike = request.objective == "printed_error"
    return np.where((error > threshold) & alike, np.inf, np.maximum(error, threshold))


class _Merits:
    """Merits of lattices, (n,) each.

    Attributes
    ----------
    ratio : of the thickest to the thinnest strut
    violation : of the limits of printing, at least the slack
    objective : what the request makes small; without an objective the ratio of radii
    """

    def __init__(
        self, goal: Goal, lattices: Lattices, request: Request, solver: Solver, gap: bool = False
    ) -> None:
        prints = request.prints
        measured = measured_struts(lattices, gap and bool(prints.minimum_gap))
        self.violation = np.maximum([prints.violation(*row) for row in measured], _SLACK)
        self.ratio = measured[:, 1] / measured[:, 0]
        if request.objective == "density":
            self.objective = lattices.density
        elif request.objective == "diameter":
            self.objective = -measured[:, 0]
        elif request.objective == "printed_error":
            printed = printed_errors(goal, lattices, request, solver)
            self.objective = printed["printed_error"].to_numpy()
        else:
            self.objective = self.ratio


def printed_errors(
    goal: Goal, lattices: Lattices, request: Request, solver: Solver
) -> pd.DataFrame:
    """What errors of the printer do to lattices that are to meet a goal each.

    Columns are `trussmap.mechanics.printing.SENSITIVITY` and ``printed_error``.
    """
    assert request.printing is not None
    rows = []
    for k, density in enumerate(lattices.density):
        stiffness = erring_stiffness(
            lattices.graph(k),
            density,
            request.printing,
            threads=solver.threads,
            poisson_ratio=solver.poisson_ratio,
        )
        error = goal.take(np.full(request.printing.samples, k)).error(stiffness[1:])
        rows.append(sensitivity(stiffness) | {"printed_error": error.mean()})
    return pd.DataFrame(rows)
