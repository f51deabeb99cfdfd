"""Designs in words, for a terminal."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from trussmap.designs.strength import strength_sentence
from trussmap.designs.writing import MOST_LATTICES


def result_lines(row: Mapping[str, Any]) -> str:
    """Lines on a row of designs.csv in the user's units."""
    if row["relative_error_percent"] == row["relative_error_percent"]:
        headline = (
            f"{row['name']}: stiffness off by {row['relative_error_percent']:.3g} %, "
            f"E(n) by {row['modulus_error_median_percent']:.3g} % in the median and "
            f"{row['modulus_error_largest_percent']:.3g} % in the worst direction"
        )
    else:
        headline = f"{row['name']}: what is given is off by {100 * row['error'] ** 0.5:.3g} %"
    facts = [f"relative density {row['relative_density']:.3g}", *_sizes(row)]
    if isinstance(row.get("strut_areas"), str):
        areas = row["strut_areas"].split()
        absent = sum(float(area) == 0 for area in areas)
        if absent:
            facts.append(f"{absent} of {len(areas)} kinds of struts left out")
    facts.append(strength_sentence(row))
    if "printing_relative_error_percent" in row:
        facts.append(
            "errors of the printer change the stiffness by "
            f"{row['printing_relative_error_percent']:.3g} % in the mean, and in 5 % of cells by "
            f"more than {row['printing_relative_error_p95_percent']:.3g} %"
        )
    notes = [f"  note: {note}" for note in row["remark"].split("; ") if note]
    return "\n".join([headline, f"  {'; '.join(facts)}", *notes])


def _sizes(row: Mapping[str, Any]) -> list[str]:
    """Facts on the sizes of a design."""
    if "strut_diameter_mm" in row:
        struts = f"{row['strut_diameter_mm']:.3g}"
        if "largest_diameter_mm" in row:
            struts += f" to {row['largest_diameter_mm']:.3g}"
        return [
            f"struts of {struts} mm",
            f"smallest gap {row['smallest_gap_mm']:.3g} mm, pores of {row['pore_size_mm']:.3g} mm",
        ]
    if "radius_ratio" in row:
        return [f"radii within a factor of {row['radius_ratio']:.3g}"]
    return []


def summary_line(table: pd.DataFrame) -> str:
    """Line on a designs.csv of more than ``MOST_LATTICES`` targets."""
    off = table.loc[table["rank"] == 1, "relative_error_percent"].dropna()
    text = f"… and the targets from {MOST_LATTICES + 1} on in designs.csv"
    if len(off):
        text += (
            f"; the best lattices of {len(off)} targets are off by {off.median():.3g} % "
            f"in the median, 90 % of them by less than {off.quantile(0.9):.3g} %, "
            f"and the worst by {off.max():.3g} %"
        )
    return text
