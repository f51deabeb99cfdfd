"""Cauchy's relations, and the share of a stiffness that breaks them.

Struts that are only stretched act as central forces. If, moreover, every node is an inversion
centre, no node moves off the affine map. The stiffness is then a sum of n⊗n⊗n⊗n over the struts,
which is totally symmetric: C12 = C66 and so on, and `trussmap.tensors.stiffness.non_cauchy_tensor`
D vanishes. Two effects make it differ:

- Bending. A strut also resists the part of the strain across it, by 12 EI/L³ against EA/L: a share
  of the order of the relative density. It is always stiffer in shear (D negative semidefinite),
  also after the nodes have turned.
- Nodes that move. Their relaxation, -Σ σ⊗σ, adds to D minus the cofactors of σ, at any density:
  positive if shears relax (the trace of the cofactors of a deviator is below 0), negative if a
  volume change relaxes.
"""

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from trussmap.lattice.compound import LATTICE_SETS, topologies
from trussmap.lattice.descriptor import DENSITY, DESIGN_COLUMNS, design_topology
from trussmap.lattice.elementary import NAMES
from trussmap.lattice.symmetry import reduce_by_symmetry
from trussmap.mechanics.solver import Solver
from trussmap.search.halving import Space, search
from trussmap.targets.goal import Goal
from trussmap.tensors.measures import nmse_frobenius
from trussmap.tensors.stiffness import MULTIPLICITY, non_cauchy_share, non_cauchy_tensor

#: Non-Cauchy shares above this can be seen in a residual.
SEEN = 1e-3


def describe(stiffness: np.ndarray) -> dict[str, np.ndarray]:
    """Return the non-Cauchy ``share`` and ``trace`` of stiffnesses (n, 21).

    The trace is that of the non-Cauchy tensor over the norm of C,
    (C12 + C13 + C23 - C44 - C55 - C66)/‖C‖. If it is negative, the stiffness is stiffer in shear
    than Cauchy's relations allow.
    """
    norm = np.sqrt((MULTIPLICITY * stiffness**2).sum(-1))
    trace = np.trace(non_cauchy_tensor(stiffness), axis1=-2, axis2=-1)
    return {"share": non_cauchy_share(stiffness), "trace": trace / norm}


def centred_topologies() -> np.ndarray:
    """Whether every node of a topology is an inversion centre (197,).

    In these topologies no node moves off the affine map.
    """
    return np.array([not reduce_by_symmetry(graph).moving.any() for graph in topologies()[0]])


def topologies_of(kinds: Collection[int]) -> np.ndarray:
    """Number the topologies that consist of these elementary lattices only.

    Every tessellation counts.

    >>> topologies_of([0]), len(topologies_of(range(7)))
    (array([0]), 197)
    """
    is_allowed = [all(kind in kinds for kind, _ in members) for members in LATTICE_SETS]
    return np.unique(topologies()[1][is_allowed])


def describe_designs(designs: np.ndarray, stiffness: np.ndarray) -> pd.DataFrame:
    """Describe designs (n, 19) and their stiffness (n, 21).

    Returns a table of ``relative_density``, ``topology``, whether it is ``centred``, and
    `describe`.
    """
    topology = design_topology(designs)
    columns = {
        "relative_density": designs[:, DENSITY],
        "topology": topology,
        "centred": centred_topologies()[topology],
    }
    return pd.DataFrame(columns | describe(stiffness))


def describe_residual(targets: np.ndarray, reached: np.ndarray) -> pd.DataFrame:
    """Describe targets (n, 21) and the stiffness (n, 21) reached for them.

    Returns a table of `describe` of the targets, the error ``nmse_frobenius`` of the stiffness
    reached, and ``found_…``, `describe` of it. ``non_cauchy_residual`` is the share of ‖ΔC‖² that
    breaks Cauchy's relations. The error of lattices that fulfil them is at least the target's
    ``share``.
    """
    columns = describe(targets)
    columns["nmse_frobenius"] = nmse_frobenius(reached, targets)
    columns["non_cauchy_residual"] = describe(reached - targets)["share"]
    columns |= {f"found_{key}": values for key, values in describe(reached).items()}
    return pd.DataFrame(columns)


def ablate(
    targets: np.ndarray,
    names: list[str],
    effort: str,
    seed: int,
    solver: Solver,
) -> pd.DataFrame:
    """Search designs for targets (n, 21) with fewer elementary lattices.

    The search uses no network. Returns a table of the closest designs: ``name``, ``lattices``
    (``all``, ``without_0`` …, ``only_0`` …), the number of their ``topologies``,
    ``nmse_frobenius``, `describe` of the stiffness reached, and the descriptor.
    """
    every = set(range(len(NAMES)))
    allowed = {"all": every}
    allowed |= {f"without_{kind}": every - {kind} for kind in every}
    allowed |= {f"only_{kind}": {kind} for kind in every}

    tables = []
    for label, kinds in allowed.items():
        numbers = topologies_of(kinds)
        space = Space(topologies=numbers)
        candidates = search(Goal(targets), solver, effort, seed, space)
        target = candidates.target
        error = nmse_frobenius(candidates.stiffness, targets[target])
        order = np.lexsort((error, target))
        best = order[np.searchsorted(target[order], np.arange(len(targets)))]

        table = pd.DataFrame({"name": names, "lattices": label, "topologies": len(numbers)})
        table["nmse_frobenius"] = error[best]
        table = table.assign(**describe(candidates.stiffness[best]))
        table[DESIGN_COLUMNS] = candidates.lattices.designs[best]
        tables.append(table)
        print(f"{label}: {', '.join(f'{value:.2e}' for value in error[best])}", flush=True)
    return pd.concat(tables, ignore_index=True)


def summarize(
    data: pd.DataFrame, residuals: pd.DataFrame, ablation: pd.DataFrame
) -> dict[str, dict]:
    """Return the headline numbers of the three tables of this module.

    They are the tables of `describe_designs`, of `describe_residual` with ``source``, and of
    `ablate`.
    """
    tree: dict[str, dict] = {
        "data": {
            "centred": _summarize_designs(data[data["centred"]]),
            "others": _summarize_designs(data[~data["centred"]]),
        }
    }
    for source, rows in residuals.groupby("source"):
        if source == "bone":
            tree["bone"] = _summarize_bone(rows, ablation)
        else:
            tree[str(source)] = {
                "negative": _summarize_cells(rows[rows["trace"] < 0]),
                "positive": _summarize_cells(rows[rows["trace"] >= 0]),
            }
    errors = ablation.pivot(index="name", columns="lattices", values="nmse_frobenius")
    tree["ablation"] = errors.to_dict("index")
    return tree


def _summarize_designs(designs: pd.DataFrame) -> dict[str, Any]:
    share = designs["share"]
    log_density = np.log(designs["relative_density"])
    slope = np.polyfit(log_density, np.log(share.clip(lower=1e-30)), 1)[0]
    return {
        "designs": len(designs),
        "topologies": int(designs["topology"].nunique()),
        "non_cauchy_median": float(share.median()),
        "non_cauchy_largest_negative": float(share[designs["trace"] < 0].max()),
        "exponent_of_density": float(slope),
        "negative_share": float((designs["trace"] < 0).mean()),
    }


def _summarize_bone(residuals: pd.DataFrame, ablation: pd.DataFrame) -> dict[Any, Any]:
    search_errors = ablation[ablation["lattices"] == "all"].set_index("name")["nmse_frobenius"]
    rows = residuals.assign(search=residuals["name"].map(search_errors))
    columns = {
        "share": "predicted",
        "search": "search",
        "nmse_frobenius": "reached",
        "trace": "trace",
        "found_share": "found_non_cauchy",
        "found_trace": "found_trace",
        "non_cauchy_residual": "residual_non_cauchy_share",
    }
    return rows.set_index("name")[list(columns)].rename(columns=columns).to_dict("index")


def _summarize_cells(residuals: pd.DataFrame) -> dict[str, Any]:
    rows = residuals[residuals["share"] > SEEN]
    numbers: dict[str, Any] = {"cells": len(rows)}
    if len(rows) > 2:
        correlation = spearmanr(rows["share"], rows["nmse_frobenius"])[0]
        numbers["predicted_median"] = float(rows["share"].median())
        numbers["reached_median"] = float(rows["nmse_frobenius"].median())
        numbers["rank_correlation"] = float(correlation)
        numbers["residual_non_cauchy_share"] = float(rows["non_cauchy_residual"].median())
    return numbers
