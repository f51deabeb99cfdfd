"""From a stiffness to lattices: propose many, keep the best of every topology, refine them by exact gradients.

The inverse model proposes designs, the forward model screens them, and from there on only exact finite elements count:
they score the best proposals of each topology, refine them beside random designs of all topologies, and rank the result
(paper, Fig. 3A and SI 3.G, where the network alone proposes and scores).
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from trussmap.goals import Goal
from trussmap.homogenization import homogenize_designs
from trussmap.lattice.compound import topology_members
from trussmap.lattice.descriptor import DESIGN_COLUMNS, REPS, TYPES, design_topology, sample_designs
from trussmap.measures import errors, nmse_componentwise, nmse_frobenius
from trussmap.progress import progress
from trussmap.refinement import LIMITS, Lattices, Limits, joined, plain_lattices, refine_lattices
from trussmap.stiffness import COMPONENTS, POISSON_RATIO
from trussmap.streams import stream

# Proposals and targets worked on at once, which bounds the memory.
_PROPOSALS, _TARGETS = 100_000, 50
#: Random starts of every topology, and the rounds: steps, designs left of a target, how many of them of one topology.
EFFORT = {
    "quick": (4, ((6, 80, 2), (10, 24, 2), (25, 8, 1))),
    "thorough": (24, ((6, 600, 8), (12, 100, 4), (40, 12, 1))),
}
#: The same for the families ``areas`` and ``geometry``; the search is repeated for targets that are not met, so often.
FREE_EFFORT = {
    "quick": (2, ((8, 100, 2), (10, 40, 1), (15, 16, 1))),
    "thorough": (4, ((8, 200, 2), (10, 80, 1), (15, 32, 1))),
}
WAVES = {"quick": 4, "thorough": 10}
#: Error from which on a target counts as met.
MET = 1e-12
# Steps of the last refinement in these families, twice.
_FINISH = 60


def design_lattices(
    targets: np.ndarray,
    forward: object,
    inverse: object,
    draws: int = 1000,
    temperature: float = 1.0,
    keep: int = 2,
    refine: str = "quick",
    seed: int = 0,
    threads: int | None = None,
    poisson_ratio: float = POISSON_RATIO,
) -> pd.DataFrame:
    """Lattices with given stiffness, verified by finite elements, best first.

    Parameters
    ----------
    targets : (n, 21) base modulus 1
    forward, inverse : models of one architecture (`trussmap.learning`)
    draws, temperature : proposals for a target and their diversity
    keep : lattices returned for a target, all of different topology: the paper's designs A and B with 2
    refine : ``none`` returns the best proposals; ``quick`` and ``thorough`` search from them and from random designs of
        every topology by the exact gradients of the finite elements (see ``search``)
    poisson_ratio : of the base material, for the finite elements; the networks have learned from one of their own

    Returns
    -------
    DataFrame with a row for each lattice: ``target`` and ``rank`` from 1, the descriptor, ``topology``,
    ``predicted_C11`` … by the forward model, ``C11`` … by finite elements, the errors of the latter in all
    `trussmap.measures.MEASURES`, ``unrefined_…`` those of the target's best proposal, by finite elements too, and
    ``surrogate_nmse_…`` of the forward model's prediction.
    """
    targets = np.atleast_2d(targets)
    chunk = min(_TARGETS, max(1, _PROPOSALS // draws))
    tables = []
    for first in progress(range(0, len(targets), chunk), "designing", unit="chunk"):
        part = targets[first : first + chunk]
        own = stream(seed, "designing", first)
        proposals = inverse.propose(part, draws=draws, temperature=temperature, seed=stream(own, "proposals"))
        owner, designs = _best_proposals(part, proposals, forward, threads, poisson_ratio)
        stiffness = homogenize_designs(designs, threads=threads, poisson_ratio=poisson_ratio)
        best = _ranked(owner, nmse_frobenius(stiffness, part[owner]), design_topology(designs), 1)
        unrefined = stiffness[best]
        if refine != "none":
            starts = owner, plain_lattices(designs)
            owner, lattices, stiffness = search(Goal(part), refine, own, threads, poisson_ratio, starts)
            designs = lattices.designs
        error = nmse_frobenius(stiffness, part[owner])
        order = _ranked(owner, error, design_topology(designs), keep)
        owner, designs, stiffness = owner[order], designs[order], stiffness[order]
        predicted, goal = forward.predict(designs), part[owner]
        table = pd.DataFrame({"target": first + owner + 1, "rank": _positions(owner)})
        table[DESIGN_COLUMNS] = designs
        table["topology"] = design_topology(designs)
        table[[f"predicted_{name}" for name in COMPONENTS]] = predicted
        table[COMPONENTS] = stiffness
        for prefix, c in (("", stiffness), ("unrefined_", unrefined[owner])):
            for name, value in errors(c, goal).items():
                table[f"{prefix}{name}"] = value
        table["surrogate_nmse_frobenius"] = nmse_frobenius(predicted, goal)
        table["surrogate_nmse_componentwise"] = nmse_componentwise(predicted, goal)
        tables.append(table.astype({name: int for name in DESIGN_COLUMNS if name.startswith("lattice")}))
    return pd.concat(tables, ignore_index=True)


def _best_proposals(targets, proposals, forward, threads, poisson_ratio):
    """The best proposal of each topology for every target: owning target (m,) and design (m, 19).

    The forward model decides which three of each topology are worth a finite-element solution.
    """
    owner = np.repeat(np.arange(len(targets)), proposals.shape[1])
    flat = proposals.reshape(-1, len(DESIGN_COLUMNS))

    def exact(designs):
        return homogenize_designs(designs, threads=threads, poisson_ratio=poisson_ratio)

    for score, kept in ((forward.predict, 3), (exact, 1)):
        error = nmse_frobenius(score(flat), targets[owner])
        order = _ranked(owner, error, design_topology(flat), len(flat), kept)
        owner, flat = owner[order], flat[order]
    return owner, flat


def _ranked(owner, error, topology, count, alike=1):
    """Indices of the ``count`` best entries of every owner, best first, at most ``alike`` of one topology."""
    group = owner * 1000 + topology
    order = np.lexsort((error, group))
    order = order[_positions(group[order]) <= alike]
    order = order[np.lexsort((error[order], owner[order]))]
    return order[_positions(owner[order]) <= count]


def search(
    goal: Goal,
    effort: str = "quick",
    seed: int = 0,
    threads: int | None = None,
    poisson_ratio: float = POISSON_RATIO,
    starts: tuple[np.ndarray, Lattices] | None = None,
    family: str = "published",
    limits: Limits = LIMITS,
    topologies: np.ndarray | None = None,
) -> tuple[np.ndarray, Lattices, np.ndarray]:
    """Search topologies for the goal of each target by refinements that are halved to the promising ones.

    Besides the ``starts`` given, owning target (m,) and Lattices (m), random designs of every topology start too, or of
    those that ``topologies`` numbers. Each round takes a few steps with all that are left and keeps the best of every
    target. In the families with more freedoms than constants, targets that are not met are searched for again from
    other random designs.

    Returns owning target (k,), Lattices (k) and stiffness (k, 21) of those that are left.
    """
    free = family != "published"
    random_starts, rounds = (FREE_EFFORT if free else EFFORT)[effort]
    found = []
    for wave in range(WAVES[effort] if free else 1):
        if wave:
            error = np.full(len(goal), np.inf)
            for part_owner, _, _, own_error in found:
                np.minimum.at(error, part_owner, own_error)
            open_targets = np.flatnonzero(error > MET)
            starts = None
        else:
            open_targets = np.arange(len(goal))
        if not len(open_targets):
            break
        types, reps = topology_members()
        if topologies is not None:
            types, reps = types[topologies], reps[topologies]
        count = len(types) * random_starts
        rest = sample_designs(stream(seed, "random starts", wave) if wave else stream(seed, "random starts"), 0, count)
        rest[:, TYPES], rest[:, REPS] = np.repeat(types, random_starts, 0), np.repeat(reps, random_starts, 0)
        own, lattices = np.repeat(open_targets, count), plain_lattices(np.tile(rest, (len(open_targets), 1)), family)
        if starts:
            own, lattices = np.concatenate([starts[0], own]), joined([starts[1], lattices])
        how = {"limits": limits, "threads": threads, "poisson_ratio": poisson_ratio}
        for steps, count, alike in rounds:
            lattices, stiffness = refine_lattices(goal.take(own), lattices, steps, **how)
            left = _ranked(own, goal.take(own).error(stiffness), lattices.topology, count, alike)
            own, lattices, stiffness = own[left], lattices.take(left), stiffness[left]
        if free:
            lattices, stiffness = _finish(goal.take(own), lattices, stiffness, how)
        found.append((own, lattices, stiffness, goal.take(own).error(stiffness)))
    owner, stiffness = (np.concatenate([part[k] for part in found]) for k in (0, 2))
    return owner, joined([part[1] for part in found]), stiffness


def _finish(goal, lattices, stiffness, how):
    """Refine to the end: in the logarithms first, where a soft mode counts like a stiff one, then towards the goal."""
    if goal.whole and goal.kind == "frobenius":
        moved, found = refine_lattices(replace(goal, kind="log_euclidean"), lattices, _FINISH, **how)
        better = goal.error(found) < goal.error(stiffness)
        for own, new in zip(lattices, moved, strict=True):
            own[better] = new[better]
    return refine_lattices(goal, lattices, _FINISH, **how)


def _positions(sorted_keys):
    """Place (from 1) of each entry among those of its own key, for keys that stand in runs."""
    starts = np.flatnonzero(np.concatenate([[True], sorted_keys[1:] != sorted_keys[:-1]]))
    return np.arange(len(sorted_keys)) - np.repeat(starts, np.diff([*starts, len(sorted_keys)])) + 1
