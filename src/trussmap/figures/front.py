"""What radii that differ buy: errors against their ratio, for bone and crystal networks, beside Cauchy's relations."""

from pathlib import Path

import pandas as pd
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from trussmap.figures import style
from trussmap.front import NEARLY_MET
from trussmap.inverse_design import MET

_FAMILIES = {"areas": ("-", style.DESIGN_A), "geometry": ("--", style.DESIGN_B)}
_SPECIMENS = ["#7b6fa8", "#c2912e", "#5b8c5a", "#b3324a"]
#: Errors below this are drawn at it.
_FLOOR = 1e-6
_SHADES = ["#9aa3b2", "#5aa3d0", "#12406b"]


def plot(table: pd.DataFrame, path: str | Path) -> None:
    """Draw a table of the rule ``front`` (`trussmap.front.front` with source and Cauchy's part) to ``path`` (PNG)."""
    bone, cells = table[table["source"] == "bone"], table[table["source"] != "bone"]
    with style.figure(path, 10.4, 8.6) as fig:
        axes = fig.subplots(2, 2)
        fig.subplots_adjust(left=0.095, right=0.97, top=0.955, bottom=0.065, wspace=0.26, hspace=0.28)
        _bone(axes[0, 0], bone)
        _quartiles(axes[0, 1], cells)
        _shares(axes[1, 0], cells)
        _cauchy(axes[1, 1], cells)
        for ax in axes.flat[:3]:
            ratios = sorted(table["radius_ratio"].unique())
            ax.set(xscale="log", xlabel="ratio of the thickest to the thinnest radius, at most")
            ax.xaxis.set_major_locator(FixedLocator(ratios))
            ax.xaxis.set_minor_locator(NullLocator())
            ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            ax.grid(color=style.GUIDE, lw=0.6)


def _bone(ax, bone):
    for k, (name, rows) in enumerate(bone.groupby("name")):
        color = _SPECIMENS[k % 4]
        for family, (line, _) in _FAMILIES.items():
            own = rows[rows["family"] == family].sort_values("radius_ratio")
            label = name.replace("_", " ") if family == "areas" else None
            ax.plot(own["radius_ratio"], own["relative_error"].clip(lower=_FLOOR), line, marker="o", ms=4, color=color,
                    label=label, clip_on=False)  # fmt: skip
        ax.plot(0.93, rows["non_cauchy_error"].iloc[0], marker=">", ms=7, color=color, ls="")
    for family, (line, _) in _FAMILIES.items():
        ax.plot([], [], line, color=style.TARGET, label=family)
    ax.plot([], [], ">", color=style.TARGET, label="off Cauchy’s relations")
    _errors(ax, "Bone: closest lattice of a search of all topologies")
    ax.legend(loc="upper right", fontsize=8, frameon=True, framealpha=0.9, edgecolor="none")


def _quartiles(ax, cells):
    for family, (line, color) in _FAMILIES.items():
        own = cells[cells["family"] == family]
        low, middle, high = (
            own.groupby("radius_ratio")["relative_error"].quantile(share).clip(lower=_FLOOR)
            for share in (0.25, 0.5, 0.75)
        )
        ax.fill_between(low.index, low, high, color=color, alpha=0.15, lw=0)
        label = f"{family}: median and quartiles of {own['target'].nunique():,} cells"
        ax.plot(middle.index, middle, line, marker="o", ms=4, color=color, label=label, clip_on=False)
    _errors(ax, "Generated crystal networks")
    ax.legend(loc="upper right", fontsize=8, frameon=True, framealpha=0.9, edgecolor="none")


def _shares(ax, cells):
    for family, (line, color) in _FAMILIES.items():
        error = cells[cells["family"] == family].groupby("radius_ratio")["nmse_frobenius"]
        for bound, mark, words in ((NEARLY_MET, "o", "‖ΔC‖ below 0.1 % of ‖C‖"), (MET, "s", "below 0.0001 %")):
            share = 100 * error.apply(lambda values, bound=bound: (values < bound).mean())
            ax.plot(share.index, share, line, marker=mark, ms=4, color=color, label=f"{family}: {words}")
    ax.set(ylim=(0, 102), ylabel="crystal networks met, %", title="Share of the crystal networks that are met")
    ax.legend(loc="lower right", fontsize=8, frameon=True, framealpha=0.9, edgecolor="none")


def _cauchy(ax, cells):
    """What lies off Cauchy's relations against what is reached by the published family, and by radii that differ."""
    ratios = sorted(cells["radius_ratio"].unique())
    low, high = 1e-4, 1.0
    stiffer = cells[(cells["family"] == "areas") & (cells["non_cauchy_trace"] < 0)]
    for color, ratio in zip(_SHADES, [ratios[0], ratios[len(ratios) // 2], ratios[-1]], strict=True):
        own = stiffer[stiffer["radius_ratio"] == ratio]
        label = f"ratio {ratio:g}" + (" (published)" if ratio == 1 else "")
        x, y = (own[key].clip(low, high) for key in ("non_cauchy_error", "relative_error"))
        ax.plot(x, y, "o", ms=3.5, alpha=0.75, color=color, label=label, clip_on=False)
    ax.plot([low, high], [low, high], color=style.TARGET, lw=1, ls="--")
    ax.set(xscale="log", yscale="log", xlim=(low / 1.3, high), ylim=(low / 1.3, high))
    ax.set(xlabel="‖C‖ off Cauchy’s relations", ylabel="‖ΔC‖/‖C‖ reached, areas")
    ax.set_title(f"Cells stiffer in shear than these relations ({stiffer['target'].nunique():,})", pad=6)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(_percent(low))
    ax.legend(loc="upper left", fontsize=8, frameon=True, framealpha=0.9, edgecolor="none")


def _errors(ax, title):
    ax.set(yscale="log", ylim=(_FLOOR / 1.5, 0.5), ylabel="‖ΔC‖/‖C‖")
    ax.yaxis.set_major_formatter(_percent(_FLOOR))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.set_title(title, pad=6)


def _percent(floor):
    """Labels in %; what lies below ``floor`` is drawn there."""
    return FuncFormatter(lambda value, _: ("≤ " if value < 1.1 * floor else "") + f"{100 * value:g} %")
