"""From targets to ranked lattices: propose, search, tailor, rank, each verified by finite elements.

The inverse network proposes designs and the forward network screens them; from there on only finite
elements count (paper, Fig. 3A and SI 3.G, where the networks alone propose and score).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from trussmap.base.errors import InputError
from trussmap.base.progress import progress_bar
from trussmap.base.streams import stream
from trussmap.lattice.descriptor import DESIGN_COLUMNS
from trussmap.learning.interfaces import Networks
from trussmap.mechanics.solver import Solver
from trussmap.search import halving
from trussmap.search.candidates import Candidates, positions, ranked
from trussmap.search.halving import Space, Starts
from trussmap.search.lattices import Lattices, joined
from trussmap.search.preferences import prefer, printed_errors, ratios
from trussmap.search.proposals import best_proposals
from trussmap.search.request import PUBLISHED, Request, Search
from trussmap.targets.goal import Goal
from trussmap.tensors.measures import errors, nmse_componentwise, nmse_frobenius
from trussmap.tensors.stiffness import COMPONENTS

# Targets worked on at once, and proposals, which bound the memory.
_TARGETS = 50
_PROPOSALS = 100_000


@dataclass(frozen=True)
class Batch:
    """Lattices for some targets.

    Attributes
    ----------
    done : number of targets that are complete with them, counted from the first
    table : a row for each lattice, stiffness with base modulus 1 (`design`)
    lattices : of the rows
    """

    done: int
    table: pd.DataFrame
    lattices: Lattices


def design(
    goal: Goal,
    networks: Networks,
    solver: Solver,
    search: Search | None = None,
    request: Request = PUBLISHED,
    done: int = 0,
) -> Iterator[Batch]:
    """Design lattices for the goals of n targets, verified by finite elements, best first.

    Parameters
    ----------
    networks : of one architecture; they have learned from a base material of their own. Where the
        goal leaves constants free, the networks, which want all of them, propose nothing, and the
        errors against all 21 are not defined (nan)
    solver : base material of the finite elements
    request : other families than the published one need a search
    done : number of targets that are complete already, one that an earlier call yielded

    Yields
    ------
    Batch
        whose table has ``target`` and ``rank`` from 1, the descriptor, ``topology``,
        ``predicted_C11`` … by the forward network, ``C11`` … by finite elements, the errors of the
        latter in all `trussmap.tensors.measures.MEASURES` and ``error`` by the goal,
        ``unrefined_…`` those of the target's best proposal, by finite elements too, and
        ``surrogate_nmse_…`` of the forward network's prediction. In the families ``areas`` and
        ``geometry`` also ``family`` and ``radius_ratio``, and where limits of printing are given
        ``larger_cell``, how many times larger the cell must be for them, as far as is known, 1
        where they are met. With errors of a printer, what they do to the lattice,
        `trussmap.mechanics.printing.SENSITIVITY`, and ``printed_error``, the mean of ``error`` over
        cells with errors.
    """
    search = search or Search()
    check_effort(search, request, goal)
    if request.printing:
        request = replace(request, printing=request.printing._replace(seed=search.seed))
    size = min(_TARGETS, max(1, _PROPOSALS // search.draws))
    empty = not done
    for first in range(done, len(goal), size):
        numbers = np.arange(first, min(first + size, len(goal)))
        seed = stream(search.seed, "designing", first)
        batch = _designed(goal.take(numbers), networks, solver, search, request, seed)
        batch.table["target"] += first
        empty = empty and not len(batch.table)
        yield replace(batch, done=first + len(numbers))
    if len(goal) and empty:
        raise InputError(
            f"no lattice: none of the {search.draws} proposals for each target has a topology that "
            "is allowed; expected more of them (draws), or a search (refine quick)."
        )


def design_all(
    goal: Goal,
    networks: Networks,
    solver: Solver,
    search: Search | None = None,
    request: Request = PUBLISHED,
) -> Batch:
    """Design for all targets in one batch, with progress on stderr; see `design`."""
    batches = []
    with progress_bar("designing", len(goal), "target") as bar:
        for batch in design(goal, networks, solver, search, request):
            batches.append(batch)
            bar.update(batch.done - bar.n)
    table = pd.concat([batch.table for batch in batches], ignore_index=True)
    return Batch(len(goal), table, joined([batch.lattices for batch in batches]))


def check_effort(search: Search, request: Request, goal: Goal) -> None:
    """Raise InputError where proposals of the networks alone cannot answer the request."""
    if search.effort == "none" and (request.family != "published" or not goal.whole):
        raise InputError(
            "the networks propose published designs for all 21 constants: expected a search, "
            "quick or thorough."
        )


def _designed(
    goal: Goal, networks: Networks, solver: Solver, search: Search, request: Request, seed: int
) -> Batch:
    """Lattices for a few targets, their numbers from 1."""
    topologies = request.topologies_with_space
    proposed = None
    unrefined = np.full((len(goal), 21), np.nan)
    if goal.whole:
        proposed = best_proposals(
            goal.targets, networks, search, request.family, topologies, seed, solver
        )
        error = nmse_frobenius(proposed.stiffness, goal.targets[proposed.target])
        best = ranked(proposed.target, error, proposed.lattices.topology, 1)
        unrefined[proposed.target[best]] = proposed.stiffness[best]

    if search.effort == "none":
        assert proposed is not None, "check_effort refuses goals that leave constants free"
        groups = [proposed]
    else:
        starts = None if proposed is None else Starts(proposed.target, proposed.lattices)
        groups = []
        for ratio in ratios(request):
            limits = request.limits._replace(radius_ratio=ratio)
            space = Space(request.family, limits, topologies)
            groups.append(
                halving.search(goal, solver, search.effort, seed, space, starts, search.keep)
            )
    candidates, facts = prefer(goal, groups, request, search.keep, seed, solver)
    table = _table(goal, candidates, networks, unrefined)
    if request.printing:
        printed = printed_errors(candidates.goal(goal), candidates.lattices, request, solver)
        facts = facts.join(printed)
    return Batch(0, table.join(facts), candidates.lattices)


def _table(
    goal: Goal, candidates: Candidates, networks: Networks, unrefined: np.ndarray
) -> pd.DataFrame:
    """Table of candidates, best first, with their errors."""
    target = candidates.target
    truth = goal.targets[target]
    predicted = networks.forward.predict(candidates.lattices.designs)
    columns = {"target": target + 1, "rank": positions(target)}
    columns |= dict(zip(DESIGN_COLUMNS, candidates.lattices.designs.T, strict=True))
    columns["topology"] = candidates.lattices.topology
    columns |= dict(zip([f"predicted_{name}" for name in COMPONENTS], predicted.T, strict=True))
    columns |= dict(zip(COMPONENTS, candidates.stiffness.T, strict=True))
    columns["error"] = candidates.error(goal)
    columns |= _errors("", candidates.stiffness, truth, goal.whole)
    # Targets without a proposal of an allowed topology have no unrefined design.
    columns |= _errors("unrefined_", unrefined[target], truth, goal.whole)
    for name, measure in (("frobenius", nmse_frobenius), ("componentwise", nmse_componentwise)):
        error = measure(predicted, truth) if goal.whole else np.full(len(truth), np.nan)
        columns[f"surrogate_nmse_{name}"] = error
    table = pd.DataFrame(columns)
    whole_numbers = {name: int for name in DESIGN_COLUMNS if name.startswith("lattice")}
    return table.astype(whole_numbers)


def _errors(
    prefix: str, stiffness: np.ndarray, truth: np.ndarray, whole: bool
) -> dict[str, np.ndarray]:
    """Errors of stiffnesses (n, 21) in all measures, nan where they are not defined."""
    known = np.isfinite(stiffness).all(1) & whole
    columns = {}
    for name, value in errors(stiffness[known], truth[known]).items():
        column = np.full(len(stiffness), np.nan)
        column[known] = value
        columns[f"{prefix}{name}"] = column
    return columns
