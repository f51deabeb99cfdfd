"""From a stiffness to lattices: propose many, keep the best of every topology, refine them by exact gradients.

The inverse model proposes designs, the forward model screens them, and from there on only exact finite elements count:
they score the best proposals of each topology, refine them beside random designs of all topologies, and rank the result
(paper, Fig. 3A and SI 3.G, where the network alone proposes and scores).
"""

from itertools import islice

import numpy as np
import pandas as pd

from trussmap.homogenization import homogenize_designs, homogenize_topologies
from trussmap.lattice.compound import topology_members
from trussmap.lattice.descriptor import (
    DENSITY,
    DENSITY_RANGE,
    DESIGN_COLUMNS,
    R1,
    R2,
    REPS,
    STRETCH_RANGE,
    TYPES,
    U,
    V,
    check_designs,
    design_topology,
    sample_designs,
)
from trussmap.measures import errors, nmse_componentwise, nmse_frobenius
from trussmap.parallel import in_threads, slices
from trussmap.progress import progress
from trussmap.rotation import GENERATORS, angle_axis, from_rotation_vector, rotation
from trussmap.stiffness import COMPONENTS, MULTIPLICITY, POISSON_RATIO
from trussmap.streams import stream

# Proposals and targets worked on at once, which bounds the memory.
_PROPOSALS, _TARGETS = 100_000, 50
# Designs that a thread refines together, whose derivatives fit its cache.
_REFINED = 1024
#: Random starts of every topology, and the rounds: steps, designs left of a target, how many of them of one topology.
EFFORT = {
    "quick": (4, ((6, 80, 2), (10, 24, 2), (25, 8, 1))),
    "thorough": (24, ((6, 600, 8), (12, 100, 4), (40, 12, 1))),
}
# Parameters of a refinement: log ρ, log U, log V, and the rotation vectors of small turns of R1 and R2.
_LOG, _LOGGED_COLUMNS = slice(0, 7), np.r_[DENSITY, U, V]
_LOWER = np.log([DENSITY_RANGE[0], *[STRETCH_RANGE[0]] * 6])
_UPPER = np.log([DENSITY_RANGE[1], *[STRETCH_RANGE[1]] * 6])


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
            owner, designs, stiffness = search(part, owner, designs, refine, own, threads, poisson_ratio)
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
    targets: np.ndarray,
    owner: np.ndarray,
    starts: np.ndarray,
    effort: str = "quick",
    seed: int = 0,
    threads: int | None = None,
    poisson_ratio: float = POISSON_RATIO,
    topologies: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Search all topologies for the stiffness of each target by refinements that are halved to the promising ones.

    ``topologies``: the numbers of those that are searched, where not all of them are.

    Besides the given starts (m, 19) for the targets ``owner`` (m,), random designs of every topology start too. Each
    round takes a few steps with all that are left and keeps the best of every target.

    Returns owning target (k,), design (k, 19) and stiffness (k, 21) of those that are left.
    """
    random_starts, rounds = EFFORT[effort]
    types, reps = topology_members()
    if topologies is not None:
        types, reps = types[topologies], reps[topologies]
    count = len(types) * random_starts
    rest = sample_designs(stream(seed, "random starts"), 0, count)
    rest[:, TYPES], rest[:, REPS] = np.repeat(types, random_starts, 0), np.repeat(reps, random_starts, 0)
    owner = np.concatenate([owner, np.repeat(np.arange(len(targets)), count)])
    designs = np.concatenate([starts, np.tile(rest, (len(targets), 1))])
    for steps, count, alike in rounds:
        designs, stiffness = refine_designs(targets[owner], designs, steps, threads, poisson_ratio)
        error = nmse_frobenius(stiffness, targets[owner])
        left = _ranked(owner, error, design_topology(designs), count, alike)
        owner, designs, stiffness = owner[left], designs[left], stiffness[left]
    return owner, designs, stiffness


def _positions(sorted_keys):
    """Place (from 1) of each entry among those of its own key, for keys that stand in runs."""
    starts = np.flatnonzero(np.concatenate([[True], sorted_keys[1:] != sorted_keys[:-1]]))
    return np.arange(len(sorted_keys)) - np.repeat(starts, np.diff([*starts, len(sorted_keys)])) + 1


def refine_designs(
    targets: np.ndarray,
    designs: np.ndarray,
    steps: int = 20,
    threads: int | None = None,
    poisson_ratio: float = POISSON_RATIO,
) -> tuple[np.ndarray, np.ndarray]:
    """Bring designs (n, 19) closer to their targets (n, 21) without changing their topology or leaving their ranges.

    Levenberg–Marquardt on ρ, the stretches (logarithms) and the two rotations, all designs at once, with the exact
    derivatives of the finite elements; parameters at a bound that would leave it are held. Levenberg (1944), Marquardt
    (1963); bounds by projection as in Kanzow, Yamashita & Fukushima (2004).

    Returns designs (n, 19) and their stiffness (n, 21), never worse than they came in.
    """
    refined, stiffness = np.empty_like(designs), np.empty((len(designs), 21))

    def refine(rows, inner):
        course = _course(targets[rows], designs[rows], inner, poisson_ratio)
        logs, turns, stiffness[rows] = next(islice(course, steps, None))
        refined[rows] = designs[rows]
        refined[np.ix_(rows, _LOGGED_COLUMNS)] = np.exp(logs)
        refined[rows, R1], refined[rows, R2] = angle_axis(turns[:, 0]), angle_axis(turns[:, 1])

    _in_parts(refine, designs, threads)
    check_designs(refined, "refined designs")
    return refined, stiffness


def course_of_refinement(
    targets: np.ndarray,
    designs: np.ndarray,
    steps: list[int],
    threads: int | None = None,
    poisson_ratio: float = POISSON_RATIO,
) -> np.ndarray:
    """Stiffness (k, n, 21) that `refine_designs` reaches after each of k rising numbers of ``steps``, in one go."""
    stiffness = np.empty((len(steps), len(designs), 21))

    def refine(rows, inner):
        course = _course(targets[rows], designs[rows], inner, poisson_ratio)
        for step, (_, _, reached) in enumerate(islice(course, steps[-1] + 1)):
            if step in steps:
                stiffness[steps.index(step), rows] = reached

    _in_parts(refine, designs, threads)
    return stiffness


def _in_parts(refine, designs, threads):
    """Call ``refine`` with the rows of designs that are refined together, and the threads that it may use."""
    order = np.argsort(design_topology(designs), kind="stable")
    parts = slices(len(designs), _REFINED, threads)
    inner = threads if len(parts) == 1 else 1
    in_threads(lambda part: refine(order[part], inner), parts, threads)


def _course(targets, designs, threads, poisson_ratio):
    """Parameters (n, 7) and (n, 2, 3, 3), and stiffness (n, 21), after 0, 1, 2, … steps; the arrays are used again."""
    keys = design_topology(designs)
    logs = np.clip(np.log(designs[:, _LOGGED_COLUMNS]), _LOWER, _UPPER)
    turns = np.stack([rotation(designs[:, R1]), rotation(designs[:, R2])], 1)
    weight = MULTIPLICITY**0.5
    scale = weight / np.linalg.norm(targets * weight, axis=1, keepdims=True)

    def evaluate(logs, turns):
        stiffness, jacobian = _evaluate(keys, logs, turns, threads, poisson_ratio)
        return stiffness, (stiffness - targets) * scale, jacobian * scale[:, :, None]

    stiffness, residual, jacobian = evaluate(logs, turns)
    damping = np.full(len(designs), 1e-2)
    while True:
        yield logs, turns, stiffness
        gradient = (residual[:, None] @ jacobian)[:, 0]
        held = np.zeros_like(gradient, bool)
        held[:, _LOG] = ((logs <= _LOWER) & (gradient[:, _LOG] > 0)) | ((logs >= _UPPER) & (gradient[:, _LOG] < 0))
        free = np.where(held[:, None], 0.0, jacobian)
        normal = free.swapaxes(1, 2) @ free
        diagonal = np.einsum("nkk->nk", normal)  # a view
        diagonal += damping[:, None] * (diagonal + 1e-3 * diagonal.max(1, keepdims=True)) + held
        step = -np.linalg.solve(normal, np.where(held, 0.0, gradient)[:, :, None])[:, :, 0]
        trial_logs = np.clip(logs + np.clip(step[:, _LOG], -0.5, 0.5), _LOWER, _UPPER)
        trial_turns = from_rotation_vector(np.clip(step[:, 7:], -0.5, 0.5).reshape(-1, 2, 3)) @ turns
        trial = evaluate(trial_logs, trial_turns)
        better = (trial[1] ** 2).sum(1) < (residual**2).sum(1)
        damping = np.clip(np.where(better, damping / 5, damping * 4), 1e-9, 1e3)
        for own, new in zip(
            (logs, turns, stiffness, residual, jacobian), (trial_logs, trial_turns, *trial), strict=True
        ):
            own[better] = new[better]


def _evaluate(keys, logs, turns, threads, poisson_ratio):
    """Stiffness (n, 21) and its derivatives (n, 21, 13) by the parameters of a refinement."""
    values = np.exp(logs)
    density, u, v = values[:, 0], values[:, 1:4], values[:, 4:7]
    first, second = turns[:, 0], turns[:, 1]
    inner = first * u[:, None]  # R1·U
    stretched = v[:, :, None] * inner  # V·R1·U
    maps = second @ stretched
    stiffness, by_map = homogenize_topologies(keys, maps, density, threads, True, poisson_ratio)
    tangent = np.zeros((len(keys), 12, 3, 3))
    for k in range(3):
        tangent[:, k, :, k] = maps[:, :, k]
        tangent[:, 3 + k] = second[:, :, k, None] * stretched[:, None, k]
        tangent[:, 6 + k] = second @ (v[:, :, None] * (GENERATORS[k] @ inner))
        tangent[:, 9 + k] = GENERATORS[k] @ maps
    jacobian = np.empty((len(keys), 21, 13))
    jacobian[:, :, 0] = by_map[:, :, 9] * density[:, None]
    jacobian[:, :, 1:] = by_map[:, :, :9] @ tangent.reshape(-1, 12, 9).swapaxes(1, 2)
    return stiffness, jacobian
