"""How close lattices come as their struts may differ more and more: the front of error against the ratio of radii.

The families ``areas`` and ``geometry`` have more freedoms than a stiffness has constants. What bounds them is how much
thicker than the thinnest the thickest strut may be; at a ratio of 1, ``areas`` is the published family.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from trussmap.cauchy import SEEN, describe
from trussmap.goals import Goal
from trussmap.inverse_design import MET, ranked, search
from trussmap.lattice.descriptor import DENSITY
from trussmap.measures import errors
from trussmap.progress import progress
from trussmap.refinement import Lattices, Limits, joined, plain_lattices, refine_lattices
from trussmap.stiffness import POISSON_RATIO, non_cauchy_tensor, tensor_norm
from trussmap.streams import stream
from trussmap.thinning import thinned

#: Ratios of the thickest to the thinnest radius at which the front is measured.
RATIOS = (1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
#: `nmse_frobenius` below which a target counts as met for all that a printer could tell.
NEARLY_MET = 1e-6
# Targets searched for at once, lattices of a target that go on to the next ratio, and the steps taken there.
_TARGETS, _KEPT, _STEPS = 25, 8, 40


def front(
    targets: np.ndarray,
    family: str,
    ratios: Sequence[float] = RATIOS,
    everywhere: bool = False,
    topologies: np.ndarray | None = None,
    seed: int = 0,
    threads: int | None = None,
    poisson_ratio: float = POISSON_RATIO,
) -> pd.DataFrame:
    """The least error found for each target with radii within each ratio, by the quick search without a network.

    All topologies are searched (`trussmap.inverse_design.search`) at the smallest ratio and, for targets that are not
    met there, at the largest, or at every one. From the larger ratios the best go on to the smaller ones, their
    cross-sections brought within bounds or, where they are too thin, left out, and refined, and from the smaller to the
    larger, so that no error rises with the ratio. At a ratio of 1 no strut is left out.

    Parameters
    ----------
    targets : (n, 21) base modulus 1
    family : ``areas`` or ``geometry`` (`trussmap.refinement.FAMILIES`)
    ratios : of radii, rising
    everywhere : search all topologies at every ratio
    topologies : numbers of those allowed, or None for all

    Returns
    -------
    DataFrame with a row for each target and ratio: ``target`` from 1, ``family``, ``radius_ratio`` that is allowed,
    ``topology`` and ``relative_density`` of the closest lattice, and its errors (`trussmap.measures.MEASURES`).
    """
    tables = []
    for first in progress(range(0, len(targets), _TARGETS), f"front of {family}", unit="chunk"):
        part, own = targets[first : first + _TARGETS], stream(seed, "front", first)
        how = {"threads": threads, "poisson_ratio": poisson_ratio}
        table = _front(part, family, ratios, everywhere, topologies, own, how)
        tables.append(table.assign(target=table["target"] + first))
    return pd.concat(tables, ignore_index=True)


def _front(targets, family, ratios, everywhere, topologies, seed, how):
    goal = Goal(targets)
    held = {ratios[0]: _searched(goal, np.arange(len(targets)), family, ratios[0], topologies, seed, how)}
    owner, _, error = held[ratios[0]]
    open_targets = np.setdiff1d(np.arange(len(targets)), owner[error <= MET])
    if len(open_targets):
        for ratio in ratios[1:] if everywhere else ratios[-1:]:
            held[ratio] = _searched(goal, open_targets, family, ratio, topologies, seed, how)
        for before, ratio in pairwise(ratios[::-1]):
            held[ratio] = _carried(goal, held[before], held.get(ratio), ratio, how)
    for before, ratio in pairwise(ratios):
        held[ratio] = _carried(goal, held[before], held.get(ratio), ratio, how)
    rows = []
    for ratio in ratios:
        owner, lattices, _ = held[ratio]
        lattices = lattices.take(np.searchsorted(owner, np.arange(len(targets))))  # the closest of each comes first
        known = {"target": np.arange(len(targets)) + 1, "family": family, "radius_ratio": ratio}
        known |= {"topology": lattices.topology, "relative_density": lattices.designs[:, DENSITY]}
        rows.append(pd.DataFrame(known | errors(lattices.stiffness(**how), targets)))
    return pd.concat(rows)


def _searched(goal, numbers, family, ratio, topologies, seed, how):
    """The closest lattices of some of the targets by a search of all topologies."""
    alike = family == "areas" and ratio == 1
    own = {"family": "published" if alike else family, "limits": Limits(radius_ratio=ratio), "topologies": topologies}
    owner, lattices, stiffness = search(goal.take(numbers), "quick", seed, **own, **how)
    if alike:
        lattices = plain_lattices(lattices.designs, family)
    return _closest(goal, numbers[owner], lattices, stiffness)


def _carried(goal, before, held, ratio, how):
    """The closest of those held at a ratio, if any, and of those from another one refined within it."""
    owner, lattices, _ = before
    if ratio > 1:  # brought within bounds by what is thinner than them made thicker, or left out
        owner, lattices = np.tile(owner, 2), joined([lattices, thinned(lattices, ratio)])
    else:
        whole = (lattices.areas > 0).all(1)
        owner, lattices = owner[whole], lattices.take(whole)
    lattices, stiffness = refine_lattices(goal.take(owner), lattices, _STEPS, Limits(radius_ratio=ratio), **how)
    if held:
        owner, lattices = np.concatenate([held[0], owner]), joined([held[1], lattices])
        stiffness = lattices.stiffness(**how)
    return _closest(goal, owner, lattices, stiffness)


def _closest(goal: Goal, owner: np.ndarray, lattices: Lattices, stiffness: np.ndarray):
    """The closest few of every target, best first: owner, lattices and errors."""
    error = goal.take(owner).error(stiffness)
    best = ranked(owner, error, lattices.topology, _KEPT)
    return owner[best], lattices.take(best), error[best]


def describe_targets(targets: np.ndarray) -> pd.DataFrame:
    """What Cauchy's relations do not allow of targets (n, 21): `trussmap.cauchy.describe`, as ``non_cauchy_share`` and
    ``non_cauchy_trace``, and ``non_cauchy_error``, the least relative error of any stiffness that fulfils them.
    """
    table = pd.DataFrame(describe(targets)).add_prefix("non_cauchy_")
    # The totally symmetric part is the closest in the norm of the tensor; off it lies 4/3 of the square of D.
    off = np.linalg.norm(non_cauchy_tensor(targets), axis=(1, 2)) * np.sqrt(4 / 3)
    return table.assign(non_cauchy_error=off / tensor_norm(targets))


def summarize(table: pd.DataFrame) -> dict:
    """Headline numbers of tables of `front` with ``source`` (``bone`` or another), ``name`` and `describe_targets`.

    Of every bone and family ``relative_error`` and ``nmse_frobenius``, lists over ``radius_ratio``; of the targets of
    other sources their quartiles, the shares met, and for those stiffer in shear than Cauchy's relations allow, by a
    share that can be seen, the rank correlation of that share with the error.
    """
    tree = {"radius_ratio": sorted(float(ratio) for ratio in table["radius_ratio"].unique())}
    for (source, family), of in table.sort_values("radius_ratio").groupby(["source", "family"]):
        own = tree.setdefault(source, {})
        if source != "bone":
            own[family] = _statistics(of)
            continue
        for name, rows in of.groupby("name"):
            specimen = own.setdefault(name, {"non_cauchy_error": float(rows["non_cauchy_error"].iloc[0])})
            specimen[family] = {key: rows[key].tolist() for key in ("relative_error", "nmse_frobenius")}
    return tree


def _statistics(rows):
    by_ratio = rows.groupby("radius_ratio")
    tree = {"cells": int(rows["target"].nunique())}
    tree |= {
        f"relative_error_{label}": by_ratio["relative_error"].quantile(share).tolist()
        for label, share in (("q25", 0.25), ("median", 0.5), ("q75", 0.75), ("p95", 0.95))
    }
    for label, bound in (("met_share", NEARLY_MET), ("exact_share", MET)):
        tree[label] = by_ratio["nmse_frobenius"].apply(lambda error, bound=bound: (error < bound).mean()).tolist()
    stiffer = rows[(rows["non_cauchy_trace"] < 0) & (rows["non_cauchy_share"] > SEEN)]
    tree["stiffer_in_shear"] = int(stiffer["target"].nunique())
    if tree["stiffer_in_shear"] > 2:
        tree["non_cauchy_error_median"] = float(stiffer.groupby("target")["non_cauchy_error"].first().median())
        by_ratio = stiffer.groupby("radius_ratio")
        tree["stiffer_relative_error_median"] = by_ratio["relative_error"].median().tolist()
        tree["stiffer_rank_correlation"] = [
            float(spearmanr(part["non_cauchy_error"], part["relative_error"])[0]) for _, part in by_ratio
        ]
    return tree
