"""How good a pair of forward and inverse models is, on designs it never saw.

``evaluate`` returns the tree that goes under ``metrics.json``, times apart, and the arrays behind it:

==================================  ==============================================================================
``designs``                         how many test designs; ``training_designs`` how many it was trained on
``forward.r2.C11 …``                R² of the predicted stiffness; ``r2_interval`` its 95 % bootstrap interval
``forward_1.r2.C11 …``              R² of F1's nine orthotropic constants (``paper`` alone)
``inverse.r2_surrogate, r2_fe``     R² of the targets' reconstruction: by the forward model (as the paper does), and
                                    by finite elements on the proposed lattices; ``…_interval``
``inverse.r2_fe_single``            the same without choosing among topologies (``polar`` alone), and
``inverse.r2_fe_one_guess``         with one first guess besides, so that the forward model chooses nothing
``inverse.r2_fe_refined``           the same after ``refine_steps`` steps of exact refinement, if there are any
                                    (`trussmap.inverse_design`)
``inverse.same_topology_share``     share of proposals with the target's own topology; ``…_by_chance`` of two designs
                                    of the data set
``inverse.redraw_differs_share``    share of redraws for a target with another topology than its first draw
                                    at temperature 1; ``…_hot`` at ``redraw_temperature``
``inverse.relative_error_median …`` of the FE-verified proposals, in all `trussmap.measures.MEASURES`
==================================  ==============================================================================

Times, which differ from run to run, stand in a tree of their own: ``inverse.seconds_30000``, of 30,000 proposals,
best of three (scaled from ``timing_predictions`` targets), and ``inverse.refine_seconds_30000``, of their refinement.

`evaluate_lookup` does the same for the closest training design instead of a model: ``raw.…`` by the distance of the
tensors as they are, ``symmetric.…`` with rotation and density allowed for (`trussmap.lookup`), each with ``r2``
without finite elements, ``r2_fe`` with one solution, and the medians as above.
"""

from pathlib import Path
from time import perf_counter

import numpy as np

from trussmap.dataset import open_dataset
from trussmap.homogenization import homogenize_designs
from trussmap.lattice.descriptor import design_topology
from trussmap.learning.models import load_forward, load_inverse
from trussmap.lookup import closest_designs
from trussmap.measures import bootstrap_interval, errors, r_squared
from trussmap.refinement import refine_designs
from trussmap.stiffness import COMPONENTS, ORTHOTROPIC
from trussmap.streams import stream


def evaluate(
    model_dir: str | Path, dataset: str | Path, settings: dict, seed: int = 0, threads: int | None = None
) -> tuple[dict, dict, dict[str, np.ndarray]]:
    """Evaluate the models in a folder on designs that they did not learn from.

    Parameters
    ----------
    settings : ``split`` (test, or validation to choose by), ``designs`` of it (at most), ``redraws`` (≥ 2),
        ``redraw_temperature``, ``timing_predictions``, ``bootstrap`` (resamples), ``refine_steps``; of the last and the
        predictions, 0 is none.

    Returns
    -------
    metrics, times : dictionaries as above.
    predictions : dictionary of arrays, all (n, …): designs, stiffness, stiffness_orthotropic, forward,
        forward_orthotropic (``paper``), inverse_designs, inverse_surrogate, inverse_fe.
    """
    metrics, out = evaluate_forward(model_dir, dataset, settings, seed)
    forward, inverse = load_forward(model_dir), load_inverse(model_dir)
    with open_dataset(dataset) as data:
        solver = {"threads": threads, "poisson_ratio": data.poisson_ratio}
    truth = out["stiffness"]
    scores = lambda predicted: _scores(truth, predicted, settings["bootstrap"], seed)  # noqa: E731

    print("inverse model: proposals, and their finite elements", flush=True)
    proposals = inverse.propose(truth, draws=settings["redraws"], seed=seed)
    designs = out["inverse_designs"] = proposals[:, 0]
    out["inverse_surrogate"] = forward.predict(designs)
    out["inverse_fe"] = homogenize_designs(designs, **solver)
    found, times = {}, {}
    metrics["inverse"] = found
    found["r2_surrogate"], found["r2_surrogate_interval"] = scores(out["inverse_surrogate"])
    found["r2_fe"], found["r2_fe_interval"] = scores(out["inverse_fe"])
    if inverse.candidates > 1:
        found["candidates"] = inverse.candidates
        for key, choice in (("single", {}), ("one_guess", {"best_guess": False})):
            single = inverse.propose(truth, seed=seed, candidates=1, **choice)[:, 0]
            found[f"r2_fe_{key}"] = scores(homogenize_designs(single, **solver))[0]
    if steps := settings.get("refine_steps", 0):
        start = perf_counter()
        _, refined = refine_designs(truth, designs, steps, **solver)
        times["refine_seconds_30000"] = (perf_counter() - start) * 30_000 / len(truth)
        found["r2_fe_refined"] = scores(refined)[0]
    own = design_topology(out["designs"])
    found["same_topology_share"] = float((design_topology(designs) == own).mean())
    found["same_topology_share_by_chance"] = float(((np.bincount(own) / len(own)) ** 2).sum())
    hot = inverse.propose(truth, settings["redraws"], settings["redraw_temperature"], stream(seed, "redraws"))
    for key, drawn in (("", proposals), ("_hot", hot)):
        topology = design_topology(drawn.reshape(-1, drawn.shape[-1])).reshape(drawn.shape[:2])
        found[f"redraw_differs_share{key}"] = float((topology[:, 1:] != topology[:, :1]).mean())
    found |= _medians(out["inverse_fe"], truth)
    if settings["timing_predictions"]:
        times["seconds_30000"] = time_proposals(inverse, truth, settings["timing_predictions"])
    return metrics, {"inverse": times}, out


def evaluate_forward(model_dir: str | Path, dataset: str | Path, settings: dict, seed: int = 0) -> tuple[dict, dict]:
    """What `evaluate` says of the forward model, whose networks may be all that there is in the folder."""
    forward = load_forward(model_dir)
    with open_dataset(dataset) as data:
        out = getattr(data, settings["split"]).read(slice(settings["designs"]))
        metrics = {"designs": len(out["designs"]), "training_designs": len(data.train)}
    print("forward model", flush=True)
    out["forward"] = forward.predict(out["designs"])
    r2, interval = _scores(out["stiffness"], out["forward"], settings["bootstrap"], seed)
    metrics["forward"] = {"r2": r2, "r2_interval": interval}
    if hasattr(forward, "predict_orthotropic"):
        nine = out["forward_orthotropic"] = forward.predict_orthotropic(out["designs"])
        r2, interval = _scores(out["stiffness_orthotropic"], nine, settings["bootstrap"], seed, ORTHOTROPIC)
        metrics["forward_1"] = {"r2": r2, "r2_interval": interval}
    return metrics, out


def evaluate_lookup(dataset: str | Path, settings: dict, threads: int | None = None) -> dict:
    """How well the closest training design does, for the first ``lookup`` designs of the ``split`` in the settings."""
    with open_dataset(dataset) as data:
        truth = getattr(data, settings["split"]).read(slice(settings["lookup"]), ("stiffness",))["stiffness"]
        metrics = {"designs": len(truth), "training_designs": len(data.train)}
        for name, symmetric in (("raw", False), ("symmetric", True)):
            print(f"the closest of {len(data.train):,} designs to {len(truth):,} targets, {name}", flush=True)
            designs, stiffness = (found[:, 0] for found in closest_designs(data.train, truth, symmetric=symmetric))
            if symmetric:
                exact = homogenize_designs(designs, threads=threads, poisson_ratio=data.poisson_ratio)
            else:
                exact = stiffness
            metrics[name] = {
                "r2": dict(zip(COMPONENTS, r_squared(truth, stiffness).tolist(), strict=True)),
                "r2_fe": dict(zip(COMPONENTS, r_squared(truth, exact).tolist(), strict=True)),
            } | _medians(exact, truth)
    return metrics


def time_proposals(inverse: object, targets: np.ndarray, predictions: int) -> float:
    """Seconds for 30,000 proposals: the best of three runs with ``predictions`` targets (repeated, if need be)."""
    rows = np.resize(np.arange(len(targets)), predictions)
    inverse.propose(targets[rows[:256]])
    seconds = []
    for _ in range(3):
        start = perf_counter()
        inverse.propose(targets[rows])
        seconds.append(perf_counter() - start)
    return min(seconds) * 30_000 / predictions


def _medians(predicted, truth):
    return {f"{name}_median": float(np.median(values)) for name, values in errors(predicted, truth).items()}


def _scores(truth, predicted, resamples, seed, names=COMPONENTS):
    r2 = dict(zip(names, r_squared(truth, predicted).tolist(), strict=True))
    interval = bootstrap_interval(truth, predicted, resamples, seed)
    return r2, dict(zip(names, interval.T.tolist(), strict=True))
