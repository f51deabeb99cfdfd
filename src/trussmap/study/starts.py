"""Value of starts: the error that refinement reaches, by its cost.

Starts come from networks, lookups and random designs. The cost is counted in finite-element
solutions for a target, each with its gradient: refining ``starts`` by ``steps`` takes
starts · (steps + 1). Choosing the starts, by networks or from the training data, costs none.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from trussmap.base.streams import stream
from trussmap.data.dataset import open_dataset
from trussmap.data.lookup import closest_designs
from trussmap.lattice.compound import topology_members
from trussmap.lattice.descriptor import sample_designs
from trussmap.learning.interfaces import Networks
from trussmap.mechanics.solver import Solver
from trussmap.search.halving import EFFORT, search
from trussmap.search.refine import stiffness_after
from trussmap.targets.goal import Goal
from trussmap.tensors.material import Material
from trussmap.tensors.measures import nmse_frobenius, relative_error

#: Sources of starts, with the words of a figure.
SOURCES = {
    "network": "inverse network",
    "symmetric_lookup": "closest training designs, up to rotation and density",
    "lookup": "closest training designs",
    "random": "random designs",
}
# Proposals of a network for each start that is used: the forward network screens them.
_SCREENED = 12
# Random designs that count as one start, because a single one is worth nothing.
_RANDOM = 16


def errors_by_cost(
    targets: np.ndarray,
    networks: Networks,
    dataset: str | Path,
    settings: dict[str, list[int]],
    seed: int,
    threads: int | None,
) -> pd.DataFrame:
    """Measure the best design for every source of starts and every cost.

    Parameters
    ----------
    targets : (n, 21) base modulus 1
    networks : of one architecture
    dataset : path of the data set for the lookups
    settings : ``starts`` and ``steps``, lists of whole numbers
    seed, threads : of the random choices, and for finite elements

    Returns
    -------
    DataFrame with ``source``, ``starts``, ``steps``, ``solutions`` for a target, and of the
    relative error ``median``, ``p90`` and the share ``below_1_percent``. The source ``search`` is
    the quick `trussmap.search.halving.search` over all topologies, without any start given.
    """
    most = max(settings["starts"])
    with open_dataset(dataset) as data:
        solver = Solver(Material(poisson_ratio=data.poisson_ratio), threads)

    rows = []
    for source, starts in _starts(targets, networks, dataset, most, seed).items():
        steps = sorted(settings["steps"])
        stiffness = _refined(targets, starts, steps, solver)
        per_start = _RANDOM if source == "random" else 1
        for start_count in settings["starts"]:
            count = per_start * start_count
            reached = _closest(targets, stiffness[:, :, :count])
            for step, c in zip(steps, reached, strict=True):
                cost = {"starts": count, "steps": step, "solutions": count * (step + 1)}
                rows.append({"source": source} | cost | _statistics(relative_error(c, targets)))

    search_seed = stream(seed, "starts", "search")
    candidates = search(Goal(targets), solver, "quick", search_seed)
    target = candidates.target
    error = nmse_frobenius(candidates.stiffness, targets[target])
    order = np.lexsort((error, target))
    first = order[np.searchsorted(target[order], np.arange(len(targets)))]
    statistics = _statistics(relative_error(candidates.stiffness[first], targets))
    rows.append({"source": "search"} | _search_cost() | statistics)
    return pd.DataFrame(rows)


def _refined(
    targets: np.ndarray, starts: np.ndarray, steps: list[int], solver: Solver
) -> np.ndarray:
    """Refine starts (n, count, 19); returns stiffness (k, n, count, 21).

    It is that after each of k rising numbers of ``steps``.
    """
    goal = np.repeat(targets, starts.shape[1], 0)
    designs = starts.reshape(len(goal), -1)
    stiffness = stiffness_after(goal, designs, steps, solver)
    return stiffness.reshape(len(steps), *starts.shape[:2], 21)


def _closest(targets: np.ndarray, stiffness: np.ndarray) -> np.ndarray:
    """Select the closest (k, n, 21) of stiffnesses (k, n, count, 21)."""
    error = nmse_frobenius(stiffness, targets[:, None])
    best = error.argmin(2)[:, :, None, None]
    return np.take_along_axis(stiffness, best, 2)[:, :, 0]


def _search_cost() -> dict[str, int]:
    """Count starts, steps and solutions of the quick search for a target."""
    random_starts, rounds = EFFORT["quick"]
    starts = len(topology_members()[0]) * random_starts
    count = starts
    cost = 0
    for steps, left, _ in rounds:
        cost += count * (steps + 1)
        count = left
    return {"starts": starts, "steps": sum(steps for steps, _, _ in rounds), "solutions": cost}


def _statistics(error: np.ndarray) -> dict[str, float]:
    """Summarize relative errors (n,)."""
    return {
        "median": float(np.median(error)),
        "p90": float(np.quantile(error, 0.9)),
        "below_1_percent": float((error < 0.01).mean()),
    }


def _starts(
    targets: np.ndarray,
    networks: Networks,
    dataset: str | Path,
    count: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """Choose designs (n, count, 19) of every source.

    The best come first, as far as can be told without finite elements.
    """
    network_seed = stream(seed, "starts", "network")
    proposals = networks.inverse.propose(targets, draws=_SCREENED * count, seed=network_seed)
    flat = proposals.reshape(-1, proposals.shape[-1])
    repeated = np.repeat(targets, proposals.shape[1], 0)
    error = nmse_frobenius(networks.forward.predict(flat), repeated).reshape(len(targets), -1)
    best = error.argsort(1)[:, :count, None]
    starts = {"network": np.take_along_axis(proposals, best, 1)}

    with open_dataset(dataset) as data:
        for name in ("symmetric_lookup", "lookup"):
            symmetric = name != "lookup"
            starts[name] = closest_designs(data.train, targets, count, symmetric)[0]

    size = len(targets) * count * _RANDOM
    random = sample_designs(stream(seed, "starts", "random"), 0, size)
    starts["random"] = random.reshape(len(targets), -1, flat.shape[1])
    return starts


def least_cost(table: pd.DataFrame, error: float = 0.01) -> dict[str, int]:
    """Find the least cost at which the median error is below ``error``.

    Returns {source: number of solutions}, without sources that never reach it.

    >>> columns = {"source": ["random"] * 2, "solutions": [16, 32], "median": [0.02, 0.005]}
    >>> least_cost(pd.DataFrame(columns))
    {'random': 32}
    """
    good = table[table["median"] < error]
    least = good.groupby("source")["solutions"].min()
    return {str(source): int(cost) for source, cost in least.items()}
