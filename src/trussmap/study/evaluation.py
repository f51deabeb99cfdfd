"""Accuracy of forward and inverse models on designs that they never saw.

`evaluate` returns the tree that goes under ``metrics.json``, times apart, and the arrays behind it:

==================================  ================================================================
``designs``                         number of test designs; ``training_designs`` that of the
                                    training
``forward.r2.C11 …``                R² of the predicted stiffness; ``r2_interval`` its 95 %
                                    bootstrap interval
``forward_1.r2.C11 …``              R² of F1's nine orthotropic constants (``paper`` alone)
``inverse.r2_surrogate, r2_fe``     R² of the targets' reconstruction: by the forward model (as the
                                    paper does), and by finite elements on the proposed lattices;
                                    ``…_interval``
``inverse.r2_fe_single``            the same without choosing among topologies (``polar`` alone)
``inverse.r2_fe_one_guess``         the same with one first guess besides, so that the forward model
                                    chooses nothing
``inverse.r2_fe_refined``           the same after ``refine_steps`` steps of exact refinement, if
                                    there are any (`trussmap.search.design`)
``inverse.same_topology_share``     share of proposals with the target's topology; ``…_by_chance``
                                    that of pairs of designs of the data set
``inverse.redraw_differs_share``    share of redraws for a target with another topology than its
                                    first draw at temperature 1; ``…_hot`` at ``redraw_temperature``
``inverse.relative_error_median …`` of the FE-verified proposals, in all
                                    `trussmap.tensors.measures.MEASURES`
==================================  ================================================================

Times differ from run to run and are in another tree: ``inverse.seconds_30000``, of 30,000
proposals, best of three (scaled from ``timing_predictions`` targets), and
``inverse.refine_seconds_30000``, of their refinement.

`evaluate_lookup` does the same for the closest training design instead of a model: ``raw.…`` by the
distance of the tensors as they are, ``symmetric.…`` with rotation and density allowed for
(`trussmap.data.lookup`), each with ``r2`` without finite elements, ``r2_fe`` with one solution, and
the medians as above.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from trussmap.base.streams import stream
from trussmap.data.dataset import open_dataset
from trussmap.data.lookup import closest_designs
from trussmap.lattice.descriptor import design_topology
from trussmap.learning.interfaces import InverseModel
from trussmap.learning.models import Inverse, load_forward, load_inverse
from trussmap.mechanics.homogenization import homogenize_designs
from trussmap.mechanics.solver import Solver
from trussmap.search.refine import refine_designs
from trussmap.tensors.material import Material
from trussmap.tensors.measures import bootstrap_interval, errors, r_squared
from trussmap.tensors.stiffness import COMPONENTS, ORTHOTROPIC

#: Arrays (n, …) by name, a row for each test design.
Arrays = dict[str, np.ndarray]

# Proposals whose time is reported.
_TIMED = 30_000


def evaluate(
    model_dir: str | Path,
    dataset: str | Path,
    settings: Mapping[str, Any],
    seed: int = 0,
    threads: int | None = None,
) -> tuple[dict[str, Any], dict[str, Any], Arrays]:
    """Evaluate the models in a folder on designs that they did not learn from.

    Parameters
    ----------
    model_dir : folder of the networks of one architecture
    dataset : path of the data set
    settings : ``split`` (test, or validation to choose by), ``designs`` of it (at most),
        ``redraws`` (≥ 2), ``redraw_temperature``, ``timing_predictions``, ``bootstrap``
        (resamples), ``refine_steps``; 0 of the last or of the predictions leaves these numbers out
    seed, threads : of the random choices, and for finite elements

    Returns
    -------
    metrics, times : dictionaries as above
    predictions : dictionary of arrays, all (n, …): designs, stiffness, stiffness_orthotropic,
        forward, forward_orthotropic (``paper``), inverse_designs, inverse_surrogate, inverse_fe
    """
    metrics, arrays = evaluate_forward(model_dir, dataset, settings, seed)
    forward = load_forward(model_dir)
    inverse = load_inverse(model_dir)
    with open_dataset(dataset) as data:
        solver = Solver(Material(poisson_ratio=data.poisson_ratio), threads)
    test = _Test(arrays["stiffness"], settings, seed, solver)

    print("inverse model: proposals, and their finite elements", flush=True)
    proposals = inverse.propose(test.truth, draws=settings["redraws"], seed=seed)
    designs = proposals[:, 0]
    arrays["inverse_designs"] = designs
    arrays["inverse_surrogate"] = forward.predict(designs)
    arrays["inverse_fe"] = test.solver.homogenize_designs(designs)

    scores: dict[str, Any] = {}
    for name in ("surrogate", "fe"):
        r2, interval = test.scores(arrays[f"inverse_{name}"])
        scores |= {f"r2_{name}": r2, f"r2_{name}_interval": interval}
    scores |= _single_scores(inverse, test)

    times: dict[str, float] = {}
    if steps := settings.get("refine_steps", 0):
        start = perf_counter()
        _, refined = refine_designs(test.truth, designs, test.solver, steps)
        seconds = perf_counter() - start
        times["refine_seconds_30000"] = seconds * _TIMED / len(designs)
        scores["r2_fe_refined"] = test.scores(refined)[0]

    hot_seed = stream(seed, "redraws")
    hot = inverse.propose(test.truth, settings["redraws"], settings["redraw_temperature"], hot_seed)
    scores |= _topology_shares(design_topology(arrays["designs"]), proposals, hot)
    scores |= _medians(arrays["inverse_fe"], test.truth)
    if settings["timing_predictions"]:
        seconds = time_proposals(inverse, test.truth, settings["timing_predictions"])
        times["seconds_30000"] = seconds
    return metrics | {"inverse": scores}, {"inverse": times}, arrays


def evaluate_forward(
    model_dir: str | Path, dataset: str | Path, settings: Mapping[str, Any], seed: int = 0
) -> tuple[dict[str, Any], Arrays]:
    """Evaluate the forward model in a folder, as `evaluate` does.

    The folder may hold its networks alone.
    """
    forward = load_forward(model_dir)
    with open_dataset(dataset) as data:
        arrays = data.split(settings["split"]).read(slice(settings["designs"]))
        metrics: dict[str, Any] = {
            "designs": len(arrays["designs"]),
            "training_designs": len(data.train),
        }

    print("forward model", flush=True)
    resamples = settings["bootstrap"]
    arrays["forward"] = forward.predict(arrays["designs"])
    r2, interval = _scores(arrays["stiffness"], arrays["forward"], resamples, seed)
    metrics["forward"] = {"r2": r2, "r2_interval": interval}

    if hasattr(forward, "predict_orthotropic"):
        truth = arrays["stiffness_orthotropic"]
        nine = forward.predict_orthotropic(arrays["designs"])
        arrays["forward_orthotropic"] = nine
        r2, interval = _scores(truth, nine, resamples, seed, ORTHOTROPIC)
        metrics["forward_1"] = {"r2": r2, "r2_interval": interval}
    return metrics, arrays


def evaluate_lookup(
    dataset: str | Path, settings: Mapping[str, Any], threads: int | None = None
) -> dict[str, Any]:
    """Evaluate the closest training design as the answer to each target.

    Targets are the first ``lookup`` designs of the ``split`` in the settings.
    """
    with open_dataset(dataset) as data:
        split = data.split(settings["split"])
        truth = split.read(slice(settings["lookup"]), ("stiffness",))["stiffness"]
        known = len(data.train)
        metrics: dict[str, Any] = {"designs": len(truth), "training_designs": known}
        for name, symmetric in (("raw", False), ("symmetric", True)):
            print(f"the closest of {known:,} designs to {len(truth):,} targets, {name}", flush=True)
            closest, estimates = closest_designs(data.train, truth, symmetric=symmetric)
            stiffness = estimates[:, 0]
            exact = stiffness
            if symmetric:
                exact = homogenize_designs(
                    closest[:, 0], threads=threads, poisson_ratio=data.poisson_ratio
                )
            r2 = {"r2": _r2(truth, stiffness), "r2_fe": _r2(truth, exact)}
            metrics[name] = r2 | _medians(exact, truth)
    return metrics


def time_proposals(inverse: InverseModel, targets: np.ndarray, predictions: int) -> float:
    """Measure the seconds for 30,000 proposals: the best of three runs.

    Each run has ``predictions`` targets, which are repeated if there are too few.
    """
    rows = np.resize(np.arange(len(targets)), predictions)
    inverse.propose(targets[rows[:256]])
    seconds = []
    for _ in range(3):
        start = perf_counter()
        inverse.propose(targets[rows])
        seconds.append(perf_counter() - start)
    return min(seconds) * _TIMED / predictions


class _Test:
    """Stiffness (n, 21) to reach, with the settings of solver and scores."""

    def __init__(
        self,
        truth: np.ndarray,
        settings: Mapping[str, Any],
        seed: int,
        solver: Solver,
    ) -> None:
        self.truth = truth
        self.resamples: int = settings["bootstrap"]
        self.seed = seed
        self.solver = solver

    def scores(self, reached: np.ndarray) -> tuple[dict[str, float], dict[str, list[float]]]:
        """Compute R² of reached stiffnesses (n, 21) and its interval."""
        return _scores(self.truth, reached, self.resamples, self.seed)


def _single_scores(inverse: Inverse, test: _Test) -> dict[str, Any]:
    """Score proposals for which the forward model chooses among less.

    There are none for a model that tries one topology for a proposal.
    """
    if inverse.candidates <= 1:
        return {}

    scores: dict[str, Any] = {"candidates": inverse.candidates}
    options: dict[str, dict[str, bool]] = {"single": {}, "one_guess": {"best_guess": False}}
    for key, option in options.items():
        designs = inverse.propose(test.truth, seed=test.seed, candidates=1, **option)[:, 0]
        scores[f"r2_fe_{key}"] = test.scores(test.solver.homogenize_designs(designs))[0]
    return scores


def _topology_shares(
    topology: np.ndarray, proposals: np.ndarray, hot: np.ndarray
) -> dict[str, float]:
    """Compute the shares of proposals with the same and with other topologies.

    Parameters
    ----------
    topology : (n,) of the targets
    proposals, hot : (n, redraws, 19) at temperature 1 and at ``redraw_temperature``
    """
    same = design_topology(proposals[:, 0]) == topology
    by_chance = ((np.bincount(topology) / len(topology)) ** 2).sum()
    shares = {
        "same_topology_share": float(same.mean()),
        "same_topology_share_by_chance": float(by_chance),
    }
    for key, drawn in (("", proposals), ("_hot", hot)):
        numbers = design_topology(drawn.reshape(-1, drawn.shape[-1])).reshape(drawn.shape[:2])
        differs = numbers[:, 1:] != numbers[:, :1]
        shares[f"redraw_differs_share{key}"] = float(differs.mean())
    return shares


def _medians(predicted: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Compute the medians of all `trussmap.tensors.measures.MEASURES`."""
    measured = errors(predicted, truth)
    return {f"{name}_median": float(np.median(values)) for name, values in measured.items()}


def _r2(
    truth: np.ndarray, predicted: np.ndarray, names: Sequence[str] = COMPONENTS
) -> dict[str, float]:
    """Compute R² by the names of the constants."""
    return dict(zip(names, r_squared(truth, predicted).tolist(), strict=True))


def _scores(
    truth: np.ndarray,
    predicted: np.ndarray,
    resamples: int,
    seed: int,
    names: Sequence[str] = COMPONENTS,
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Compute R² and its bootstrap interval by the names of the constants."""
    interval = bootstrap_interval(truth, predicted, resamples, seed)
    return _r2(truth, predicted, names), dict(zip(names, interval.T.tolist(), strict=True))
