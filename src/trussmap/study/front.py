"""The front of error against the ratio of radii.

It shows how close lattices come to their targets as struts may differ more.
The families ``areas`` and ``geometry`` have more freedoms than a stiffness has constants. They are
bounded by the ratio of the thickest to the thinnest strut. At a ratio of 1, ``areas`` is the
published family.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from trussmap.base.progress import progress
from trussmap.base.streams import stream
from trussmap.lattice.descriptor import DENSITY
from trussmap.mechanics.solver import Solver
from trussmap.search.candidates import Candidates
from trussmap.search.halving import CONVERGED, Space, search
from trussmap.search.lattices import joined, plain_lattices
from trussmap.search.refine import refine_lattices
from trussmap.search.request import Limits
from trussmap.search.thin import thinned
from trussmap.study.cauchy import SEEN, describe
from trussmap.targets.goal import Goal
from trussmap.tensors.measures import errors
from trussmap.tensors.stiffness import non_cauchy_tensor, tensor_norm

#: Ratios of the thickest to the thinnest radius at which the front is measured.
RATIOS = (1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
#: `nmse_frobenius` below which a printer could not tell a lattice from its target.
NEARLY_MET = 1e-6
#: Targets that are searched for at once.
_TARGETS = 25
#: Lattices of a target that go on to the next ratio.
_KEPT = 8
#: Steps of the refinement at the next ratio.
_STEPS = 40


def front(
    targets: np.ndarray,
    family: str,
    solver: Solver,
    ratios: Sequence[float] = RATIOS,
    everywhere: bool = False,
    topologies: np.ndarray | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Search the least error for each target and ratio of radii.

    The quick search without a network (`trussmap.search.halving.search`) searches all topologies
    at the smallest ratio and, for targets that it does not meet there, at the largest, or at every
    ratio. The best lattices then go on from the larger ratios to the smaller ones: struts that are
    too thin are made thicker or left out, and the lattice is refined. At last the best go on from
    the smaller ratios to the larger ones, so that no error rises with the ratio. At a ratio of 1 no
    strut is left out.

    Parameters
    ----------
    targets : (n, 21) base modulus 1
    family : ``areas`` or ``geometry`` (`trussmap.search.lattices.FAMILIES`)
    ratios : of radii, rising
    everywhere : search all topologies at every ratio
    topologies : numbers of those allowed, or None for all

    Returns
    -------
    DataFrame with a row for each target and ratio: ``target`` from 1, ``family``, the allowed
    ``radius_ratio``, ``topology`` and ``relative_density`` of the closest lattice, and its errors
    (`trussmap.tensors.measures.MEASURES`).
    """
    tables = []
    for first in progress(range(0, len(targets), _TARGETS), f"front of {family}", unit="chunk"):
        goal = Goal(targets[first : first + _TARGETS])
        chunk_seed = stream(seed, "front", first)
        search_of_chunk = _Search(goal, family, topologies, chunk_seed, solver)
        table = search_of_chunk.front(ratios, everywhere)
        tables.append(table.assign(target=table["target"] + first))
    return pd.concat(tables, ignore_index=True)


@dataclass(frozen=True)
class _Search:
    """A search for the targets of one chunk."""

    goal: Goal
    family: str
    topologies: np.ndarray | None
    seed: int
    solver: Solver

    def front(self, ratios: Sequence[float], everywhere: bool) -> pd.DataFrame:
        """Return the table of the closest lattice for each target and ratio."""
        numbers = np.arange(len(self.goal.targets))
        closest = {ratios[0]: self.searched(numbers, ratios[0])}

        first = closest[ratios[0]]
        is_met = first.error(self.goal) <= CONVERGED
        unmet = np.setdiff1d(numbers, first.target[is_met])
        if len(unmet):
            for ratio in ratios[1:] if everywhere else ratios[-1:]:
                closest[ratio] = self.searched(unmet, ratio)
            for larger, ratio in pairwise(ratios[::-1]):
                closest[ratio] = self.carried(closest[larger], closest.get(ratio), ratio)

        for smaller, ratio in pairwise(ratios):
            closest[ratio] = self.carried(closest[smaller], closest.get(ratio), ratio)
        return pd.concat([self.rows(closest[ratio], ratio) for ratio in ratios])

    def searched(self, numbers: np.ndarray, ratio: float) -> Candidates:
        """Search all topologies for the targets of these numbers."""
        is_published = self.family == "areas" and ratio == 1
        space = Space(
            "published" if is_published else self.family,
            Limits(radius_ratio=ratio),
            self.topologies,
        )
        candidates = search(self.goal.take(numbers), self.solver, "quick", self.seed, space)
        lattices = candidates.lattices
        if is_published:
            lattices = plain_lattices(lattices.designs, self.family)
        return self.closest(Candidates(numbers[candidates.target], lattices, candidates.stiffness))

    def carried(self, before: Candidates, there: Candidates | None, ratio: float) -> Candidates:
        """Refine the lattices of another ratio within this one.

        The closest of them and of those that are ``there``, if any, are returned.
        """
        target = before.target
        lattices = before.lattices
        if ratio > 1:
            # Struts that are too thin are made thicker in one copy and left out in the other.
            lattices = joined([lattices, thinned(lattices, ratio)])
            target = np.tile(target, 2)
        else:
            has_all_struts = np.all(lattices.areas > 0, axis=1)
            target = target[has_all_struts]
            lattices = lattices.take(has_all_struts)

        limits = Limits(radius_ratio=ratio)
        lattices, stiffness = refine_lattices(
            self.goal.take(target), lattices, self.solver, _STEPS, limits
        )
        candidates = Candidates(target, lattices, stiffness)
        if there:
            candidates = Candidates.join([there, candidates])
            # All of them are compared as they are written, whose parameters are rounded.
            stiffness = candidates.lattices.stiffness(self.solver)
            candidates = replace(candidates, stiffness=stiffness)
        return self.closest(candidates)

    def closest(self, candidates: Candidates) -> Candidates:
        """Keep the closest few candidates of every target, best first."""
        return candidates.take(candidates.best(self.goal, _KEPT))

    def rows(self, closest: Candidates, ratio: float) -> pd.DataFrame:
        """Return the table of the closest lattice of each target."""
        numbers = np.arange(len(self.goal.targets))
        lattices = closest.lattices.take(np.searchsorted(closest.target, numbers))
        columns = {
            "target": numbers + 1,
            "family": self.family,
            "radius_ratio": ratio,
            "topology": lattices.topology,
            "relative_density": lattices.designs[:, DENSITY],
        }
        stiffness = lattices.stiffness(self.solver)
        return pd.DataFrame(columns | errors(stiffness, self.goal.targets))


def describe_targets(targets: np.ndarray) -> pd.DataFrame:
    """Describe by how much targets (n, 21) break Cauchy's relations.

    Returns a table of `trussmap.study.cauchy.describe`, as ``non_cauchy_share`` and
    ``non_cauchy_trace``, and ``non_cauchy_error``, the least relative error of any stiffness that
    fulfils the relations.
    """
    table = pd.DataFrame(describe(targets)).add_prefix("non_cauchy_")

    # The totally symmetric part is the closest in the norm of the tensor. The rest has 4/3 of the
    # square of the norm of D.
    distance = np.linalg.norm(non_cauchy_tensor(targets), axis=(1, 2)) * np.sqrt(4 / 3)
    return table.assign(non_cauchy_error=distance / tensor_norm(targets))


def summarize(table: pd.DataFrame) -> dict[str, Any]:
    """Return the headline numbers of tables of `front`.

    The table has the columns ``source`` (``bone`` or another), ``name`` and those of
    `describe_targets` too. Lists have a number for each ``radius_ratio``:

    - for every bone and family ``relative_error`` and ``nmse_frobenius``
    - for the targets of other sources quartiles of the error and the shares met
    - for those stiffer in shear than Cauchy's relations allow, by a share that can be seen, the
      rank correlation of that share with the error
    """
    ratios = sorted(float(ratio) for ratio in table["radius_ratio"].unique())
    tree: dict[str, Any] = {"radius_ratio": ratios}
    for (source, family), rows in table.sort_values("radius_ratio").groupby(["source", "family"]):
        chapter = tree.setdefault(str(source), {})
        if source != "bone":
            chapter[family] = _statistics(rows)
            continue
        for name, rows_of_bone in rows.groupby("name"):
            least = float(rows_of_bone["non_cauchy_error"].iloc[0])
            specimen = chapter.setdefault(name, {"non_cauchy_error": least})
            specimen[family] = {
                key: rows_of_bone[key].tolist() for key in ("relative_error", "nmse_frobenius")
            }
    return tree


def _statistics(rows: pd.DataFrame) -> dict[str, Any]:
    by_ratio = rows.groupby("radius_ratio")
    tree: dict[str, Any] = {"cells": int(rows["target"].nunique())}
    for label, share in (("q25", 0.25), ("median", 0.5), ("q75", 0.75), ("p95", 0.95)):
        quantiles = by_ratio["relative_error"].quantile(share)
        tree[f"relative_error_{label}"] = quantiles.tolist()
    for label, bound in (("met_share", NEARLY_MET), ("exact_share", CONVERGED)):
        is_met = rows["nmse_frobenius"] < bound
        tree[label] = is_met.groupby(rows["radius_ratio"]).mean().tolist()

    is_stiffer = (rows["non_cauchy_trace"] < 0) & (rows["non_cauchy_share"] > SEEN)
    return tree | _statistics_in_shear(rows[is_stiffer])


def _statistics_in_shear(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the numbers of targets stiffer in shear than Cauchy's relations."""
    tree: dict[str, Any] = {"stiffer_in_shear": int(rows["target"].nunique())}
    if tree["stiffer_in_shear"] > 2:
        least = rows.groupby("target")["non_cauchy_error"].first()
        tree["non_cauchy_error_median"] = float(least.median())
        by_ratio = rows.groupby("radius_ratio")
        tree["stiffer_relative_error_median"] = by_ratio["relative_error"].median().tolist()
        tree["stiffer_rank_correlation"] = [
            float(spearmanr(group["non_cauchy_error"], group["relative_error"])[0])
            for _, group in by_ratio
        ]
    return tree
