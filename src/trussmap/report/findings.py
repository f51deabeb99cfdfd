"""Sentences that the numbers of a study support."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from trussmap.report.text import find, name_of
from trussmap.tensors.stiffness import COMPONENTS, ORTHOTROPIC

#: The measures in a sentence.
_WORDS = {
    "relative_error": "‖ΔC‖/‖C‖",
    "modulus_error_median": "the median error of E(n)",
    "modulus_error_largest": "the largest error of E(n)",
    "log_euclidean": "the log-Euclidean distance",
}


def findings(metrics: dict[str, Any], moments: str | Path | None = None) -> list[str]:
    """List sentences that the numbers of a study support.

    A number that is absent gives no sentence.
    """
    return [
        *_of_moments(moments),
        *_of_topologies(metrics),
        *_of_forward(metrics),
        *_of_inverse(metrics),
        *_of_lookup(metrics),
        *_of_grading(metrics),
    ]


def _of_moments(moments: str | Path | None) -> Iterator[str]:
    if moments is None or not Path(moments).is_file():
        return
    table = pd.read_csv(moments)
    if "mean_z" not in table:
        return
    known = [*COMPONENTS, *(f"{name}_ort" for name in ORTHOTROPIC)]
    table = table[table["column"].isin(known)].dropna(subset=["mean_z"])
    if len(table):
        distance = table["mean_z"].abs()
        worst = table.iloc[int(distance.argmax())]
        yield (
            "Data set: of the means of the 21 constants and of the nine after U (_ort), "
            f"{worst['column']} differs most from the published one, by "
            f"{worst['mean_z']:+.2f} standard errors of both samples; "
            f"{int((distance <= 2).sum())} of {len(table)} means lie within two "
            "(docs/findings.md, 6, says what is known of the differences)."
        )


def _of_topologies(metrics: dict[str, Any]) -> Iterator[str]:
    topologies = find(metrics, "dataset.topologies")
    published = find(metrics, "paper.dataset.topologies")
    if topologies is not None and published is not None:
        yield (
            f"Data set: {topologies} topologies differ in geometry, one and the same at another "
            f"tessellation counted once; the paper counts {published}."
        )


def _of_forward(metrics: dict[str, Any]) -> Iterator[str]:
    bound = find(metrics, "paper.forward.paper.r2_at_least")
    for name, tree in metrics.get("forward", {}).items():
        if tree.get("r2"):
            yield f"Forward, {name_of(name)}: {_lowest(tree['r2'], bound, 'the published ')}"


def _of_inverse(metrics: dict[str, Any]) -> Iterator[str]:
    bound = find(metrics, "paper.inverse.paper.r2_surrogate_at_least")
    for name, tree in metrics.get("inverse", {}).items():
        label = name_of(name)
        if tree.get("r2_fe"):
            lowest = _lowest(tree["r2_fe"], bound)
            yield f"Inverse, {label}: verified by finite elements, {lowest}"
        r2_fe = tree.get("r2_fe", {})
        r2_surrogate = tree.get("r2_surrogate", {})
        gap = {name: r2_surrogate[name] - r2_fe[name] for name in r2_fe if name in r2_surrogate}
        if gap:
            worst, largest = max(gap.items(), key=lambda item: item[1])
            if largest >= 5e-5:
                yield (
                    f"Inverse, {label}: judged by the forward network instead of finite elements, "
                    f"R² comes out higher by up to {largest:.4f} ({worst})."
                )
            else:
                words = "judging by the forward network does not flatter any constant."
                yield f"Inverse, {label}: {words}"


def _of_lookup(metrics: dict[str, Any]) -> Iterator[str]:
    """Compare designs with the closest training design (SI 3.G)."""
    specimens = [v for v in metrics.get("bone", {}).values() if isinstance(v, dict)]
    for suffix, words in (
        ("", "the network’s best proposal"),
        ("_refined", "the refined design A"),
    ):
        for baseline, other in (
            ("lookup", "as it is"),
            ("symmetric_lookup", "up to rotation and density"),
        ):
            wins = _wins(specimens, suffix, baseline)
            if wins:
                counts = "; ".join(f"{number} by {_WORDS[key]}" for key, number in wins.items())
                if len(set(wins.values())) == 1:
                    counts = f"{next(iter(wins.values()))}, in every measure"
                yield (
                    f"Bone: {words} is closer than the closest training design {other}, "
                    f"of the specimens: {counts}."
                )


def _wins(specimens: list[dict[str, Any]], suffix: str, baseline: str) -> dict[str, str]:
    """Return {measure: how many of how many designs beat the baseline}."""
    wins = {}
    for measure in _WORDS:
        design = f"{measure}{suffix}"
        other = f"{baseline}_{measure}"
        pairs = [(v[design], v[other]) for v in specimens if design in v and other in v]
        if pairs:
            wins[measure] = f"{sum(a < b for a, b in pairs)} of {len(pairs)}"
    return wins


def _of_grading(metrics: dict[str, Any]) -> Iterator[str]:
    floating = find(metrics, "grading.floating_struts")
    if floating is None:
        return
    if floating == 0:
        yield "Grading: every strut of the graded structure is connected to the rest."
    else:
        words = "struts of the graded structure are not connected to the rest."
        yield f"Grading: {floating:g} {words}"


def _lowest(r2: dict[str, float], bound: float | None, words: str = "") -> str:
    """Return the lowest R² in words.

    With a ``bound``, the number of constants that reach it follows.
    """
    worst, least = min(r2.items(), key=lambda item: item[1])
    text = f"lowest R² {least:.4f} ({worst})"
    if bound is not None:
        reached = sum(value >= bound for value in r2.values())
        text += f"; {reached} of {len(r2)} constants reach {words}{bound:g}"
    return f"{text}."
