"""What a start is worth: the error that refinement reaches from networks, lookups and random designs, by its cost.

The cost is counted in finite-element solutions for a target, each with its gradient: refining ``starts`` by ``steps``
takes starts · (steps + 1). Whatever chooses the starts, networks or the training data, costs none.
"""

import numpy as np
import pandas as pd

from trussmap.dataset import open_dataset
from trussmap.goals import Goal
from trussmap.inverse_design import EFFORT, search
from trussmap.lattice.compound import topology_members
from trussmap.lattice.descriptor import sample_designs
from trussmap.lookup import closest_designs
from trussmap.measures import nmse_frobenius, relative_error
from trussmap.refinement import course_of_refinement
from trussmap.streams import stream

#: Where starts come from, with the words of a figure.
SOURCES = {
    "network": "inverse network",
    "symmetric_lookup": "closest training designs, up to rotation and density",
    "lookup": "closest training designs",
    "random": "random designs",
}
# Proposals of a network for each start that is taken: the forward network screens them.
_SCREENED = 12
# Random designs that a target gets for each start of the other kinds: a single one is worth nothing.
_RANDOM = 16


def errors_by_cost(
    targets: np.ndarray, forward: object, inverse: object, dataset: str, settings: dict, seed: int, threads: int | None
) -> pd.DataFrame:
    """Errors (n targets) of the best design for every source of starts, number of starts and number of steps.

    Parameters
    ----------
    targets : (n, 21) base modulus 1
    settings : ``starts`` and ``steps``, lists of whole numbers

    Returns
    -------
    DataFrame with ``source``, ``starts``, ``steps``, ``solutions`` for a target, and of the relative error
    ``median``, ``p90`` and the share ``below_1_percent``. The source ``search`` is the quick
    `trussmap.inverse_design.search` over all topologies, without any start given.
    """
    most = max(settings["starts"])
    with open_dataset(dataset) as data:
        poisson_ratio = data.poisson_ratio
    rows = []
    for source, starts in _starts(targets, forward, inverse, dataset, most, seed).items():
        many = _RANDOM if source == "random" else 1
        goal = np.repeat(targets, starts.shape[1], 0)
        designs = starts.reshape(len(goal), -1)
        steps = sorted(settings["steps"])
        stiffness = course_of_refinement(goal, designs, steps, threads, poisson_ratio)
        error = nmse_frobenius(stiffness, goal).reshape(len(steps), *starts.shape[:2])
        stiffness = stiffness.reshape(*error.shape, 21)
        for count in (many * number for number in settings["starts"]):
            best = error[:, :, :count].argmin(2)[:, :, None, None]
            reached = np.take_along_axis(stiffness, best, 2)[:, :, 0]
            for step, c in zip(steps, reached, strict=True):
                rows.append({"source": source, "starts": count, "steps": step, "solutions": count * (step + 1)})
                rows[-1] |= _statistics(relative_error(c, targets))
    own = stream(seed, "starts", "search")
    owner, _, stiffness = search(Goal(targets), "quick", own, threads, poisson_ratio)
    error = nmse_frobenius(stiffness, targets[owner])
    order = np.lexsort((error, owner))
    first = order[np.searchsorted(owner[order], np.arange(len(targets)))]
    rows.append({"source": "search"} | _search_cost() | _statistics(relative_error(stiffness[first], targets)))
    return pd.DataFrame(rows)


def _search_cost():
    random_starts, rounds = EFFORT["quick"]
    first = count = len(topology_members()[0]) * random_starts
    cost = 0
    for steps, left, _ in rounds:
        cost, count = cost + count * (steps + 1), left
    return {"starts": first, "steps": sum(steps for steps, _, _ in rounds), "solutions": cost}


def _statistics(error):
    return {
        "median": float(np.median(error)),
        "p90": float(np.quantile(error, 0.9)),
        "below_1_percent": float((error < 0.01).mean()),
    }


def _starts(targets, forward, inverse, dataset, count, seed):
    """Designs (n, count, 19) for every source, best first as far as one can tell without finite elements."""
    proposals = inverse.propose(targets, draws=_SCREENED * count, seed=stream(seed, "starts", "network"))
    flat = proposals.reshape(-1, proposals.shape[-1])
    error = nmse_frobenius(forward.predict(flat), np.repeat(targets, proposals.shape[1], 0)).reshape(len(targets), -1)
    found = {"network": np.take_along_axis(proposals, error.argsort(1)[:, :count, None], 1)}
    with open_dataset(dataset) as data:
        for name in ("symmetric_lookup", "lookup"):
            found[name] = closest_designs(data.train, targets, count, symmetric=name != "lookup")[0]
    size = len(targets) * count * _RANDOM
    found["random"] = sample_designs(stream(seed, "starts", "random"), 0, size).reshape(len(targets), -1, flat.shape[1])
    return found


def least_cost(table: pd.DataFrame, error: float = 0.01) -> dict[str, int]:
    """{source: least number of solutions after which the median error is below ``error``}; absent where it never is.

    >>> table = pd.DataFrame({"source": ["random"] * 2, "solutions": [16, 32], "median": [0.02, 0.005]})
    >>> least_cost(table)
    {'random': 32}
    """
    good = table[table["median"] < error]
    return {source: int(cost) for source, cost in good.groupby("source")["solutions"].min().items()}
