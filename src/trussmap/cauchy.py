"""How much of a stiffness Cauchy's relations do not allow, of which sign, and what that costs a design.

Struts that are only stretched act as central forces. Where, moreover, no node can move off the affine map because it is
an inversion centre, the stiffness is a sum of n⊗n⊗n⊗n over the struts, which is totally symmetric: C12 = C66 and so on,
and `trussmap.stiffness.non_cauchy_tensor` D vanishes. Two things are left that make it differ:

- bending. A strut also resists the part of the strain across it, by 12 EI/L³ against EA/L: a share of the order of the
  relative density, and always stiffer in shear (D negative semidefinite), also after the nodes have turned;
- nodes that move. What they relax, -Σ σ⊗σ, adds to D minus the cofactors of σ whatever the density: positive where it
  is shears that relax (trace of the cofactors of a deviator < 0), negative where it is a volume change.
"""

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from trussmap.goals import Goal
from trussmap.inverse_design import search
from trussmap.lattice.compound import LATTICE_SETS, topologies
from trussmap.lattice.descriptor import DENSITY, DESIGN_COLUMNS, design_topology
from trussmap.lattice.elementary import NAMES
from trussmap.lattice.symmetry import reduce_by_symmetry
from trussmap.measures import nmse_frobenius
from trussmap.stiffness import MULTIPLICITY, non_cauchy_share, non_cauchy_tensor

#: Non-Cauchy shares above this can be seen in a residual.
SEEN = 1e-3


def describe(stiffness: np.ndarray) -> dict[str, np.ndarray]:
    """Non-Cauchy ``share`` of stiffnesses (n, 21), and ``trace``: of the non-Cauchy tensor over the norm of C.

    A negative trace, (C12 + C13 + C23 - C44 - C55 - C66)/‖C‖, is stiffer in shear than Cauchy's relations have it.
    """
    norm = np.sqrt((MULTIPLICITY * stiffness**2).sum(-1))
    trace = np.trace(non_cauchy_tensor(stiffness), axis1=-2, axis2=-1)
    return {"share": non_cauchy_share(stiffness), "trace": trace / norm}


def centred_topologies() -> np.ndarray:
    """Whether every node of a topology is an inversion centre (197,), so that none moves off the affine map."""
    return np.array([not reduce_by_symmetry(graph).moving.any() for graph in topologies()[0]])


def topologies_of(kinds: list[int]) -> np.ndarray:
    """Numbers of the topologies that elementary lattices of these types alone make, at any tessellation.

    >>> topologies_of([0]), len(topologies_of(range(7)))
    (array([0]), 197)
    """
    made = [all(kind in kinds for kind, _ in members) for members in LATTICE_SETS]
    return np.unique(topologies()[1][made])


def describe_designs(designs: np.ndarray, stiffness: np.ndarray) -> pd.DataFrame:
    """``relative_density``, ``topology``, whether it is ``centred``, and `describe`, of designs (n, 19)."""
    topology = design_topology(designs)
    known = {"relative_density": designs[:, DENSITY], "topology": topology, "centred": centred_topologies()[topology]}
    return pd.DataFrame(known | describe(stiffness))


def describe_found(targets: np.ndarray, found: np.ndarray) -> pd.DataFrame:
    """`describe` of targets (n, 21), the error ``nmse_frobenius`` of the stiffness found, and ``found_…`` of that.

    ``non_cauchy_residual`` is the share of ‖ΔC‖² that Cauchy's relations do not allow. The error of lattices that
    fulfil them is at least the target's ``share``.
    """
    error = nmse_frobenius(found, targets)
    residual = describe(found - targets)["share"]
    table = {"nmse_frobenius": error, "non_cauchy_residual": residual}
    return pd.DataFrame(describe(targets) | table | {f"found_{k}": v for k, v in describe(found).items()})


def ablate(
    targets: np.ndarray, names: list[str], effort: str, seed: int, threads: int | None, poisson_ratio: float
) -> pd.DataFrame:
    """The closest design of a search without a network for targets (n, 21), by the elementary lattices allowed.

    Returns ``name``, ``lattices`` (``all``, ``without_0`` …, ``only_0`` …), the number of their ``topologies``,
    ``nmse_frobenius``, `describe` of the stiffness found, and the descriptor.
    """
    every = set(range(len(NAMES)))
    allowed = {"all": every} | {f"without_{k}": every - {k} for k in every} | {f"only_{k}": {k} for k in every}
    tables = []
    for label, kinds in allowed.items():
        numbers = topologies_of(kinds)
        owner, lattices, c = search(Goal(targets), effort, seed, threads, poisson_ratio, topologies=numbers)
        error = nmse_frobenius(c, targets[owner])
        order = np.lexsort((error, owner))
        best = order[np.searchsorted(owner[order], np.arange(len(targets)))]
        table = pd.DataFrame({"name": names, "lattices": label, "topologies": len(numbers)})
        table["nmse_frobenius"] = error[best]
        table = table.assign(**describe(c[best]))
        table[DESIGN_COLUMNS] = lattices.designs[best]
        tables.append(table)
        print(f"{label}: {', '.join(f'{e:.2e}' for e in error[best])}", flush=True)
    return pd.concat(tables, ignore_index=True)


def summarize(data: pd.DataFrame, found: pd.DataFrame, ablation: pd.DataFrame) -> dict:
    """Headline numbers of tables of `describe_designs`, of `describe_found` by ``source``, and of `ablate`."""
    tree = {"data": {}}
    for label, part in (("centred", data[data["centred"]]), ("others", data[~data["centred"]])):
        slope = np.polyfit(np.log(part["relative_density"]), np.log(part["share"].clip(lower=1e-30)), 1)[0]
        tree["data"][label] = {
            "designs": len(part),
            "topologies": int(part["topology"].nunique()),
            "non_cauchy_median": float(part["share"].median()),
            "non_cauchy_largest_negative": float(part["share"][part["trace"] < 0].max()),
            "exponent_of_density": float(slope),
            "negative_share": float((part["trace"] < 0).mean()),
        }
    for source, own in found.groupby("source"):
        if source == "bone":
            searched = ablation[ablation["lattices"] == "all"].set_index("name")["nmse_frobenius"]
            own = own.assign(search=own["name"].map(searched))
            columns = {"share": "predicted", "search": "search", "nmse_frobenius": "reached", "trace": "trace"}
            columns |= {"found_share": "found_non_cauchy", "found_trace": "found_trace"}
            columns |= {"non_cauchy_residual": "residual_non_cauchy_share"}
            rows = own.set_index("name")[list(columns)].rename(columns=columns)
            tree["bone"] = rows.to_dict("index")
            continue
        for sign, part in (("negative", own[own["trace"] < 0]), ("positive", own[own["trace"] >= 0])):
            part = part[part["share"] > SEEN]
            numbers = {"cells": len(part)}
            if len(part) > 2:
                numbers["predicted_median"] = float(part["share"].median())
                numbers["reached_median"] = float(part["nmse_frobenius"].median())
                numbers["rank_correlation"] = float(spearmanr(part["share"], part["nmse_frobenius"])[0])
                numbers["residual_non_cauchy_share"] = float(part["non_cauchy_residual"].median())
            tree.setdefault(source, {})[sign] = numbers
    errors = ablation.pivot(index="name", columns="lattices", values="nmse_frobenius")
    tree["ablation"] = errors.to_dict("index")
    return tree
