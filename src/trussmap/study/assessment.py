"""Errors of designs: for each target, in summary, and for unseen designs.

The stiffness of unseen designs can be reached exactly.
"""

from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd

from trussmap.data.dataset import open_dataset
from trussmap.data.lookup import closest_designs
from trussmap.lattice.descriptor import design_topology
from trussmap.learning.interfaces import Networks
from trussmap.mechanics.homogenization import homogenize_designs
from trussmap.mechanics.solver import Solver
from trussmap.search.design import design_all
from trussmap.search.request import Search
from trussmap.targets.goal import Goal, Targets
from trussmap.tensors.material import Material
from trussmap.tensors.measures import MEASURES, errors, r_squared
from trussmap.tensors.stiffness import COMPONENTS

#: Targets whose errors are printed.
_MOST_LINES = 20


def assess(
    designs: pd.DataFrame,
    targets: Targets,
    refined: bool,
    dataset: str | Path | None = None,
) -> pd.DataFrame:
    """Return the errors of designs by finite elements, a row per target.

    Parameters
    ----------
    designs : table of `trussmap.search.design.design`
    targets : n, with their names
    refined : whether the designs were refined
    dataset : path of the data set whose closest training design is the baseline; without it there
        is none

    Returns
    -------
    DataFrame with ``name`` and, for every measure of `trussmap.tensors.measures.MEASURES`, such as
    ``nmse_frobenius``:

    - ``nmse_frobenius`` of the network's best proposal
    - ``nmse_frobenius_refined`` and ``design_b_nmse_frobenius_refined`` of the refined designs A
      and B
    - ``lookup_nmse_frobenius`` of the closest training design as it is
    - ``symmetric_lookup_nmse_frobenius`` of the closest one up to rotation and density
      (`trussmap.data.lookup`)
    """
    design_a = designs[designs["rank"] == 1].set_index("target")
    design_b = designs[designs["rank"] == 2].set_index("target")
    rows = pd.DataFrame({"name": targets.names}, index=np.arange(len(targets)) + 1)
    baselines = _baselines(targets.stiffness, dataset) if dataset else {}

    columns = {}
    for measure in MEASURES:
        columns[measure] = design_a[f"unrefined_{measure}"]
        if refined:
            columns[f"{measure}_refined"] = design_a[measure]
            columns[f"design_b_{measure}_refined"] = design_b[measure]
        for baseline, values in baselines.items():
            columns[f"{baseline}_{measure}"] = pd.Series(values[measure], rows.index)
    rows = rows.assign(**columns)

    _print_errors(rows.head(_MOST_LINES), ("", "_refined") if refined else ("",))
    return rows.reset_index(drop=True)


def _baselines(targets: np.ndarray, dataset: str | Path) -> dict[str, dict[str, np.ndarray]]:
    """Return {baseline: errors} of the closest training designs."""
    with open_dataset(dataset) as data:
        raw = closest_designs(data.train, targets)[1][:, 0]
        closest = closest_designs(data.train, targets, symmetric=True)[0][:, 0]
        turned = homogenize_designs(closest, poisson_ratio=data.poisson_ratio)
    return {"lookup": errors(raw, targets), "symmetric_lookup": errors(turned, targets)}


def _print_errors(rows: pd.DataFrame, suffixes: tuple[str, ...]) -> None:
    print(", ".join(MEASURES))
    for row in rows.to_dict("records"):
        for suffix in suffixes:
            numbers = " ".join(f"{row[f'{measure}{suffix}']:.3g}" for measure in MEASURES)
            print(f"{row['name']}, {suffix.strip('_') or 'proposed'}: {numbers}")


def errors_by_name(rows: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return {name: {error: value}} of a table of `assess`.

    An error that is not defined is absent: errors of a missing design B, and the componentwise
    error (paper, Eq. 8) of a target with a constant of 0.
    """
    return {row.pop("name"): _defined(row) for row in rows.to_dict("records")}


def unseen(
    networks: Networks,
    dataset: str | Path,
    counts: Mapping[str, int],
    settings: Mapping[str, Any],
    seed: int = 0,
    threads: int | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Design for the stiffness of test designs, with each effort.

    ``settings`` are those of a `trussmap.search.request.Search`, of which effort and kept designs
    are set here. ``counts`` gives the number of targets for each effort of refinement:
    {"none": …, "quick": …, "thorough": …}. Returns two trees by effort. The first has ``targets``,
    ``nmse_frobenius_median``, ``nmse_frobenius_p95``, ``r2`` of each constant, and
    ``same_topology_share``, the share of targets whose own topology is found. The second has
    ``seconds_per_target``.
    """
    with open_dataset(dataset) as data:
        test = data.test.read(slice(0, max(counts.values())), ("designs", "stiffness"))
        solver = Solver(Material(poisson_ratio=data.poisson_ratio), threads)

    tree = {}
    times = {}
    for effort, count in counts.items():
        targets = test["stiffness"][:count]
        start = perf_counter()
        search = Search(**{**settings, "effort": effort, "keep": 1, "seed": seed})
        proposed = design_all(Goal(targets), networks, solver, search).table
        tree[effort] = _summarize_unseen(targets, test["designs"][:count], proposed)
        times[effort] = {"seconds_per_target": (perf_counter() - start) / len(targets)}
        print(f"{effort}: {_unseen_words(tree[effort] | times[effort])}")
    return tree, times


def _summarize_unseen(
    targets: np.ndarray, designs: np.ndarray, proposed: pd.DataFrame
) -> dict[str, Any]:
    """Return the numbers of one effort."""
    # R² of a single target is not defined.
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = r_squared(targets, proposed[COMPONENTS].to_numpy())
    return _defined(
        {
            "targets": len(targets),
            **{f"{measure}_median": proposed[measure].median() for measure in MEASURES},
            **{f"{measure}_p95": proposed[measure].quantile(0.95) for measure in MEASURES},
            "r2": _defined(dict(zip(COMPONENTS, r2.tolist(), strict=True))),
            "same_topology_share": float((proposed["topology"] == design_topology(designs)).mean()),
        }
    )


def _unseen_words(tree: Mapping[str, Any]) -> str:
    """Return the numbers of one effort as a line."""
    numbers = [f"{key.replace('_', ' ')} {value:.3g}" for key, value in tree.items() if key != "r2"]
    lowest = min(tree["r2"].values(), default=np.nan)
    return f"{', '.join(numbers)}, lowest R² {lowest:.5f}"


def summarize(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the numbers of a table of `assess`.

    They are the cells, median and quartiles of each error, and shares of targets whose design is
    better than a lookup.
    """
    tree: dict[str, Any] = {"cells": len(rows)}
    columns = rows.filter(regex="|".join(MEASURES))
    for word, share in (("q25", 0.25), ("median", 0.5), ("q75", 0.75)):
        # A quantile between two infinite errors is not defined.
        with np.errstate(invalid="ignore"):
            tree |= _defined(columns.quantile(share).add_suffix(f"_{word}").to_dict())

    for suffix in ("", "_refined"):
        for baseline in ("lookup", "symmetric_lookup"):
            for measure in MEASURES:
                design = f"{measure}{suffix}"
                other = f"{baseline}_{measure}"
                if {design, other} <= {*rows}:
                    share = float((rows[design] < rows[other]).mean())
                    tree[f"better_than_{baseline}{suffix}_share_{measure}"] = share
    return tree


def summarize_groups(rows: pd.DataFrame, groupings: Mapping[str, Any]) -> pd.DataFrame:
    """Return `summarize` by the column ``source`` and each grouping.

    ``groupings`` are {name: labels (n,)}; a row without a label is in no group. Returns a table
    with ``source``, ``by``, the name of the grouping, ``group``, a label, and the numbers.
    """
    return pd.DataFrame(
        {"source": source, "by": by, "group": group} | summarize(group_rows)
        for by, labels in groupings.items()
        for (source, group), group_rows in rows.groupby(["source", np.asarray(labels, object)])
    )


def _defined(numbers: Mapping[Any, Any]) -> dict[Any, Any]:
    """Select the finite numbers, and the trees, of a tree."""
    return {
        key: value
        for key, value in numbers.items()
        if isinstance(value, dict) or np.isfinite(value)
    }
