"""Sentences that the numbers of a study support."""

from pathlib import Path

import pandas as pd

from trussmap.report.text import find, name_of
from trussmap.stiffness import COMPONENTS, ORTHOTROPIC

#: The measures for a reader in a sentence.
_WORDS = {
    "relative_error": "‖ΔC‖/‖C‖",
    "modulus_error_median": "the median error of E(n)",
    "modulus_error_largest": "the largest error of E(n)",
    "log_euclidean": "the log-Euclidean distance",
}


def findings(metrics: dict, moments: str | Path | None = None) -> list[str]:
    """Sentences that the numbers of this study support; nothing is said where a number is absent."""
    out = []
    if moments is not None and Path(moments).is_file():
        table = pd.read_csv(moments)
        if "mean_z" in table:
            known = [*COMPONENTS, *(f"{name}_ort" for name in ORTHOTROPIC)]
            table = table[table["column"].isin(known)].dropna(subset=["mean_z"])
            if len(table):
                worst = table.loc[table["mean_z"].abs().idxmax()]
                out.append(
                    f"Data set: of the means of the 21 constants and of the nine after U (_ort), {worst['column']} "
                    f"differs most from the published one, by {worst['mean_z']:+.2f} standard errors of both samples; "
                    f"{int((table['mean_z'].abs() <= 2).sum())} of {len(table)} means lie within two "
                    "(docs/findings.md, 6, says what is known of the differences)."
                )
    topologies, claimed = find(metrics, "dataset.topologies"), find(metrics, "paper.dataset.topologies")
    if topologies is not None and claimed is not None:
        out.append(
            f"Data set: {topologies} topologies differ in geometry, one and the same at another tessellation counted "
            f"once; the paper counts {claimed}."
        )
    bound = find(metrics, "paper.forward.paper.r2_at_least")
    for name, tree in metrics.get("forward", {}).items():
        if tree.get("r2"):
            out.append(f"Forward, {name_of(name)}: {_lowest(tree['r2'], bound, 'the published ')}")
    bound = find(metrics, "paper.inverse.paper.r2_surrogate_at_least")
    for name, tree in metrics.get("inverse", {}).items():
        label = name_of(name)
        if tree.get("r2_fe"):
            out.append(f"Inverse, {label}: verified by finite elements, {_lowest(tree['r2_fe'], bound)}")
        both = [c for c in tree.get("r2_fe", {}) if c in tree.get("r2_surrogate", {})]
        if both:
            gap = {c: tree["r2_surrogate"][c] - tree["r2_fe"][c] for c in both}
            worst = max(gap, key=gap.get)
            if gap[worst] >= 5e-5:
                out.append(
                    f"Inverse, {label}: judged by the forward network instead of finite elements, R² comes out higher "
                    f"by up to {gap[worst]:.4f} ({worst})."
                )
            else:
                out.append(f"Inverse, {label}: judging by the forward network does not flatter any constant.")
    out += _lookup_finding(metrics)
    floating = find(metrics, "grading.floating_struts")
    if floating is not None:
        out.append(
            "Grading: every strut of the graded structure is connected to the rest."
            if floating == 0
            else f"Grading: {floating:g} struts of the graded structure are not connected to the rest."
        )
    return out


def _lowest(r2, bound, what=""):
    """The lowest R² in words and, where there is a ``bound``, how many constants reach it."""
    worst = min(r2, key=r2.get)
    good = (
        ""
        if bound is None
        else f"; {sum(v >= bound for v in r2.values())} of {len(r2)} constants reach {what}{bound:g}"
    )
    return f"lowest R² {r2[worst]:.4f} ({worst}){good}."


def _lookup_finding(metrics):
    """How the designs compare with the closest design of the training data (SI 3.G), in the measures for a reader."""
    specimens = [v for v in metrics.get("bone", {}).values() if isinstance(v, dict)]
    out = []
    for end, words in (("", "the network’s best proposal"), ("_refined", "the refined design A")):
        for baseline, other in (("lookup", "as it is"), ("symmetric_lookup", "up to rotation and density")):
            won = {}
            for measure in _WORDS:
                keys = f"{measure}{end}", f"{baseline}_{measure}"
                pairs = [[v[key] for key in keys] for v in specimens if all(key in v for key in keys)]
                if pairs:
                    won[measure] = f"{sum(a < b for a, b in pairs)} of {len(pairs)}"
            if won:
                each = "; ".join(f"{number} by {_WORDS[measure]}" for measure, number in won.items())
                if len(set(won.values())) == 1:
                    each = f"{next(iter(won.values()))}, in every measure"
                out.append(
                    f"Bone: {words} is closer than the closest training design {other}, of the specimens: {each}."
                )
    return out
