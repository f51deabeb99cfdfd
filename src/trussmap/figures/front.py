"""Errors of bone and crystal networks against the ratio of radii.

They are compared with what Cauchy's relations allow.
"""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from trussmap.figures import style
from trussmap.search.halving import CONVERGED
from trussmap.study.front import NEARLY_MET

#: Line and colour of each family.
_FAMILIES = {"areas": ("-", style.DESIGN_A), "geometry": ("--", style.DESIGN_B)}
#: Errors below this are drawn at it.
_FLOOR = 1e-6
_SHADES = ["#9aa3b2", "#5aa3d0", "#12406b"]
_POINTS: dict[str, Any] = {"marker": "o", "ms": 4, "clip_on": False}
_LEGEND: dict[str, Any] = {
    "fontsize": 8,
    "frameon": True,
    "framealpha": 0.9,
    "edgecolor": "none",
}


def plot(table: pd.DataFrame, path: str | Path) -> None:
    """Draw a table of the rule ``front`` to ``path`` (PNG).

    It is that of `trussmap.study.front.front` with the columns of
    `trussmap.study.front.describe_targets`, ``source`` and ``name``.
    """
    bone = table[table["source"] == "bone"]
    cells = table[table["source"] != "bone"]
    with style.figure(path, 10.4, 8.6) as fig:
        axes = fig.subplots(2, 2)
        edges = {"left": 0.095, "right": 0.97, "top": 0.955, "bottom": 0.065}
        fig.subplots_adjust(**edges, wspace=0.26, hspace=0.28)
        _bone(axes[0, 0], bone)
        _quartiles(axes[0, 1], cells)
        _shares(axes[1, 0], cells)
        _cauchy(axes[1, 1], cells)
        ratios = sorted(table["radius_ratio"].unique())
        for ax in axes.flat[:3]:
            ax.set(xscale="log", xlabel="ratio of the thickest to the thinnest radius, at most")
            ax.xaxis.set_major_locator(FixedLocator(ratios))
            ax.xaxis.set_minor_locator(NullLocator())
            ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            ax.grid(color=style.GUIDE, lw=0.6)


def _bone(ax: Axes, bone: pd.DataFrame) -> None:
    """Draw the errors of the specimens, and what Cauchy's relations cost them."""
    for k, (name, rows) in enumerate(bone.groupby("name")):
        color = style.SPECIMENS[k % 4]
        for family, (line, _) in _FAMILIES.items():
            curve = rows[rows["family"] == family].sort_values("radius_ratio")
            error = curve["relative_error"].clip(lower=_FLOOR)
            label = str(name).replace("_", " ") if family == "areas" else None
            ax.plot(curve["radius_ratio"], error, line, color=color, label=label, **_POINTS)
        ax.plot(0.93, rows["non_cauchy_error"].iloc[0], marker=">", ms=7, color=color, ls="")

    for family, (line, _) in _FAMILIES.items():
        ax.plot([], [], line, color=style.TARGET, label=family)
    ax.plot([], [], ">", color=style.TARGET, label="off Cauchy’s relations")
    _errors(ax, "Bone: closest lattice of a search of all topologies")
    ax.legend(loc="upper right", **_LEGEND)


def _quartiles(ax: Axes, cells: pd.DataFrame) -> None:
    """Draw median and quartiles of the errors of crystal networks."""
    for family, (line, color) in _FAMILIES.items():
        rows = cells[cells["family"] == family]
        error = rows.groupby("radius_ratio")["relative_error"]
        low, middle, high = (
            error.quantile(share).clip(lower=_FLOOR) for share in (0.25, 0.5, 0.75)
        )
        ax.fill_between(low.index, low, high, color=color, alpha=0.15, lw=0)
        label = f"{family}: median and quartiles of {rows['target'].nunique():,} cells"
        ax.plot(middle.index, middle, line, color=color, label=label, **_POINTS)
    _errors(ax, "Generated crystal networks")
    ax.legend(loc="upper right", **_LEGEND)


def _shares(ax: Axes, cells: pd.DataFrame) -> None:
    """Draw the shares of crystal networks that are met within two bounds."""
    for family, (line, color) in _FAMILIES.items():
        rows = cells[cells["family"] == family]
        for bound, mark, words in (
            (NEARLY_MET, "o", "‖ΔC‖ below 0.1 % of ‖C‖"),
            (CONVERGED, "s", "below 0.0001 %"),
        ):
            is_met = rows["nmse_frobenius"] < bound
            share = 100 * is_met.groupby(rows["radius_ratio"]).mean()
            label = f"{family}: {words}"
            ax.plot(share.index, share, line, marker=mark, ms=4, color=color, label=label)
    ax.set(ylim=(0, 102), ylabel="crystal networks met, %")
    ax.set(title="Share of the crystal networks that are met")
    ax.legend(loc="lower right", **_LEGEND)


def _cauchy(ax: Axes, cells: pd.DataFrame) -> None:
    """Draw the errors reached over what Cauchy's relations cost."""
    ratios = sorted(cells["radius_ratio"].unique())
    low = 1e-4
    high = 1.0
    is_stiffer = (cells["family"] == "areas") & (cells["non_cauchy_trace"] < 0)
    stiffer = cells[is_stiffer]
    shown = [ratios[0], ratios[len(ratios) // 2], ratios[-1]]
    for color, ratio in zip(_SHADES, shown, strict=True):
        rows = stiffer[stiffer["radius_ratio"] == ratio]
        label = f"ratio {ratio:g}" + (" (published)" if ratio == 1 else "")
        x = rows["non_cauchy_error"].clip(low, high)
        y = rows["relative_error"].clip(low, high)
        ax.plot(x, y, "o", ms=3.5, alpha=0.75, color=color, label=label, clip_on=False)
    ax.plot([low, high], [low, high], color=style.TARGET, lw=1, ls="--")

    ax.set(xscale="log", yscale="log", xlim=(low / 1.3, high), ylim=(low / 1.3, high))
    ax.set(xlabel="‖C‖ off Cauchy’s relations", ylabel="‖ΔC‖/‖C‖ reached, areas")
    count = stiffer["target"].nunique()
    ax.set_title(f"Cells stiffer in shear than these relations ({count:,})", pad=6)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(_percent(low))
    ax.legend(loc="upper left", **_LEGEND)


def _errors(ax: Axes, title: str) -> None:
    """Set the axis of errors."""
    ax.set(yscale="log", ylim=(_FLOOR / 1.5, 0.5), ylabel="‖ΔC‖/‖C‖")
    ax.yaxis.set_major_formatter(_percent(_FLOOR))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.set_title(title, pad=6)


def _percent(floor: float) -> FuncFormatter:
    """Return a formatter in %; values below ``floor`` are drawn at it."""

    def words(value: float, _: object) -> str:
        return ("≤ " if value < 1.1 * floor else "") + f"{100 * value:g} %"

    return FuncFormatter(words)
