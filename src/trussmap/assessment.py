"""How close designs come to their targets: by target, in summary, and for stiffnesses that can be had exactly."""

from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

from trussmap.dataset import open_dataset
from trussmap.homogenization import homogenize_designs
from trussmap.inverse_design import design_lattices
from trussmap.lattice.descriptor import design_topology
from trussmap.lookup import closest_designs
from trussmap.measures import MEASURES, errors, r_squared
from trussmap.stiffness import COMPONENTS

_MOST_LINES = 20


def assess(
    found: pd.DataFrame, names: list[str], targets: np.ndarray, refined: bool, dataset: str | Path | None = None
) -> pd.DataFrame:
    """The errors of designs, a row for each target, by finite elements.

    Parameters
    ----------
    found : table of `trussmap.inverse_design.design_lattices`; ``refined`` says whether it searched for these designs
    names, targets : n names, and (n, 21) with base modulus 1
    dataset : path of the data set whose closest training design is the baseline; without it there is none

    Returns
    -------
    DataFrame with ``name`` and, for every measure of `trussmap.measures.MEASURES` such as ``nmse_frobenius``:
    ``nmse_frobenius`` of the network's best proposal; of the refined designs A and B ``nmse_frobenius_refined`` and
    ``design_b_nmse_frobenius_refined``; ``lookup_nmse_frobenius`` of the closest training design as it is, and
    ``symmetric_lookup_nmse_frobenius`` of the closest one up to rotation and density (`trussmap.lookup`).
    """
    a, b = (found[found["rank"] == rank].set_index("target") for rank in (1, 2))
    rows = pd.DataFrame({"name": names}, index=np.arange(len(names)) + 1)
    baselines = {}
    if dataset:
        with open_dataset(dataset) as data:
            raw = closest_designs(data.train, targets)[1][:, 0]
            closest = closest_designs(data.train, targets, symmetric=True)[0][:, 0]
            turned = homogenize_designs(closest, poisson_ratio=data.poisson_ratio)
        baselines = {"lookup": errors(raw, targets), "symmetric_lookup": errors(turned, targets)}
    columns = {}
    for measure in MEASURES:
        columns[measure] = a[f"unrefined_{measure}"]
        if refined:
            columns[f"{measure}_refined"] = a[measure]
            columns[f"design_b_{measure}_refined"] = b[measure]
        for baseline, values in baselines.items():
            columns[f"{baseline}_{measure}"] = pd.Series(values[measure], rows.index)
    rows = rows.assign(**columns)
    print(", ".join(MEASURES))
    for row in rows.head(_MOST_LINES).to_dict("records"):
        for key in ("", "_refined") if refined else ("",):
            numbers = " ".join(f"{row[f'{measure}{key}']:.3g}" for measure in MEASURES)
            print(f"{row['name']}, {key.strip('_') or 'proposed'}: {numbers}")
    return rows.reset_index(drop=True)


def errors_by_name(rows: pd.DataFrame) -> dict:
    """{name: {error: value}} of a table of `assess`; an error that is not defined, as that of no design B, is absent.

    The componentwise one is not where a constant of the target is 0 (paper, Eq. 8).
    """
    return {row.pop("name"): _defined(row) for row in rows.to_dict("records")}


def unseen(
    forward: object,
    inverse: object,
    dataset: str | Path,
    counts: dict[str, int],
    options: dict,
    seed: int = 0,
    threads: int | None = None,
) -> tuple[dict, dict]:
    """How close designs come to stiffnesses that can be had exactly: those of the data set's test designs.

    ``counts`` says for how many targets each effort of refinement is tried: {"none": …, "quick": …, "thorough": …};
    ``options`` has ``draws`` and ``temperature``. Returns for each effort a dict: ``targets``,
    ``nmse_frobenius_median``, ``nmse_frobenius_p95``, ``r2`` of each constant, ``same_topology_share`` (the target's
    own topology found); and, as a tree of its own, ``seconds_per_target``.
    """
    with open_dataset(dataset) as data:
        test = data.test.read(slice(0, max(counts.values())), ("designs", "stiffness"))
        poisson_ratio = data.poisson_ratio
    tree, times = {}, {}
    for effort, count in counts.items():
        targets, designs = test["stiffness"][:count], test["designs"][:count]
        start = perf_counter()
        how = options["draws"], options["temperature"], 1, effort, seed, threads, poisson_ratio
        found = design_lattices(targets, forward, inverse, *how)
        with np.errstate(divide="ignore", invalid="ignore"):  # of one target it is not defined
            r2 = r_squared(targets, found[COMPONENTS].to_numpy())
        tree[effort] = {
            "targets": len(targets),
            **{f"{measure}_median": found[measure].median() for measure in MEASURES},
            **{f"{measure}_p95": found[measure].quantile(0.95) for measure in MEASURES},
            "r2": _defined(dict(zip(COMPONENTS, r2.tolist(), strict=True))),
            "same_topology_share": float((found["topology"] == design_topology(designs)).mean()),
        }
        tree[effort] = _defined(tree[effort])
        times[effort] = {"seconds_per_target": (perf_counter() - start) / len(targets)}
        numbers = ", ".join(
            f"{k.replace('_', ' ')} {v:.3g}" for k, v in (tree[effort] | times[effort]).items() if k != "r2"
        )
        print(f"{effort}: {numbers}, lowest R² {r2.min():.5f}")
    return tree, times


def summarize(rows: pd.DataFrame) -> dict:
    """Numbers of a table of `assess`: cells, median and quartiles of each error, shares better than the lookups."""
    tree = {"cells": len(rows)}
    measured = rows.filter(regex="|".join(MEASURES))
    for word, share in (("q25", 0.25), ("median", 0.5), ("q75", 0.75)):
        with np.errstate(invalid="ignore"):  # between two errors that are infinite
            tree |= _defined(measured.quantile(share).add_suffix(f"_{word}").to_dict())
    for key in ("", "_refined"):
        for baseline in ("lookup", "symmetric_lookup"):
            for measure in MEASURES:
                if {f"{measure}{key}", f"{baseline}_{measure}"} <= {*rows}:
                    better = rows[f"{measure}{key}"] < rows[f"{baseline}_{measure}"]
                    tree[f"better_than_{baseline}{key}_share_{measure}"] = float(better.mean())
    return tree


def summarize_groups(rows: pd.DataFrame, groupings: dict) -> pd.DataFrame:
    """`summarize` by the column ``source`` and each of ``groupings`` {name: labels (n,)}; who has none is in no group.

    Returns a table with ``source``, ``by``, the name of the grouping, ``group``, a label, and the numbers.
    """
    return pd.DataFrame(
        {"source": source, "by": by, "group": group} | summarize(part)
        for by, labels in groupings.items()
        for (source, group), part in rows.groupby(["source", np.asarray(labels, object)])
    )


def _defined(numbers):
    """What of a dict of numbers is finite."""
    return {key: value for key, value in numbers.items() if isinstance(value, dict) or np.isfinite(value)}
