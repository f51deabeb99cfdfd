"""SI 4: how close the designs come to crystal-network cells, overall, by crystal system and by connectivity."""

from pathlib import Path

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from trussmap.crystal.targets import SYSTEM_NAMES, connectivity_class
from trussmap.figures import style

_LOOK = {
    "lookup_relative_error": ("closest training design", style.TRAIN),
    "symmetric_lookup_relative_error": ("… up to rotation and density", "#7b6fa8"),
    "relative_error": ("inverse model, best proposal", "#c2912e"),
    "relative_error_refined": ("refined design A", style.DESIGN_A),
}
#: Errors below this are drawn at it: the design is the target up to rounding in print.
_FLOOR = 1e-3
#: A distribution of fewer cells is drawn as the cells themselves.
_FEWEST = 8


def plot(cells: pd.DataFrame, path: str | Path) -> None:
    """Draw the errors of cells (DataFrame as in the study's ``cells.csv``) to ``path`` (PNG).

    The distributions are those of the source with the most cells; cells of the other one are drawn as diamonds.
    """
    keys = [key for key in _LOOK if key in cells]
    count = cells.groupby("source").size()
    groups = {
        "crystal system": pd.Categorical(cells["crystal_system"].map(SYSTEM_NAMES), SYSTEM_NAMES.values()),
        "struts at a node, on average": connectivity_class(cells["connectivity"]),
    }
    errors = cells[["source", *keys]].assign(**groups).melt(["source", *groups], keys, "method", "error")
    errors["drawn"] = errors["error"].clip(lower=_FLOOR)
    is_main = errors["source"] == cells["source"].value_counts().index[0]
    main, others = errors[is_main], errors[~is_main]
    limits = 0.5 * errors["drawn"].min(), 1.5 * np.nanquantile(errors["drawn"], 0.998)
    with style.figure(path, 13, 5.2) as fig:
        axes = fig.subplots(1, 3, sharey=True, width_ratios=(3.4, 7, 5))
        fig.subplots_adjust(left=0.062, right=0.985, top=0.81, bottom=0.15, wspace=0.12)
        hue = {"hue": "method", "hue_order": keys, "palette": [_LOOK[key][1] for key in keys], "legend": False}
        _shares(axes[0], main, hue)
        for ax, name in zip(axes[1:], groups, strict=True):
            _distributions(ax, name, main, others, hue)
        for ax in axes:
            ax.grid(axis="y", color=style.GUIDE, lw=0.6)
            ax.set_axisbelow(True)
        axes[0].set(yscale="log", ylim=limits)
        axes[0].yaxis.set_major_locator(LogLocator(10, numticks=12))
        axes[0].yaxis.set_major_formatter(FuncFormatter(lambda value, _: style.percent(value)))
        axes[0].yaxis.set_minor_formatter(NullFormatter())
        if errors["drawn"].min() == _FLOOR:
            note = f"errors below {style.percent(_FLOOR)} are drawn there"
            axes[0].annotate(note, (1, _FLOOR), xytext=(0, 4), textcoords="offset points", ha="right", fontsize=7.5)
        title = " and ".join(f"{number:,} {_words(name)}" for name, number in count.items())
        fig.suptitle(f"Crystal-network cells as targets: {title}", x=0.05, ha="left", y=0.975, fontsize=13)
        handles = [Patch(facecolor=_LOOK[key][1], alpha=0.75, lw=0, label=_LOOK[key][0]) for key in keys]
        if len(others):
            other = _words(others["source"].iloc[0], plural=False)
            handles.append(Line2D([], [], color=style.TARGET, marker="D", ls="", ms=4.5, label=f"a {other}"))
        place = {"loc": "upper left", "bbox_to_anchor": (0.054, 0.935), "ncols": 5}
        fig.legend(handles=handles, columnspacing=1.4, fontsize=9, **place)


def _words(source, plural=True):
    words = {"generated": "generated cell", "catalogue": "cell of the circulated catalogue"}[source]
    return words.replace("cell", "cells", 1) if plural else words


def _shares(ax, main, hue):
    """Share of cells whose error is below the value upwards."""
    sns.ecdfplot(main, y="drawn", ax=ax, lw=2, **hue)
    medians = main.groupby("method")["error"].median()[hue["hue_order"]]
    colors = dict(zip(hue["hue_order"], hue["palette"], strict=True))
    for k, (key, middle) in enumerate(medians.sort_values(ascending=False).items()):
        ax.plot(0.5, max(middle, _FLOOR), "o", color=colors[key], ms=5, mec="white", mew=1, zorder=3)
        words = {"color": colors[key], "fontsize": 8.5, "ha": "right", "transform": ax.transAxes}
        ax.text(0.97, 0.36 - 0.055 * k, style.percent(middle), **words)
    ax.set(
        xlim=(0, 1), xlabel="share of cells with a smaller error", ylabel="relative error of the stiffness, ‖ΔC‖/‖C‖"
    )
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
    ax.set_title("all, with medians", pad=5)


def _distributions(ax, name, main, others, hue):
    """Errors by the classes of the column ``name``: boxes, or the cells themselves where they are few."""
    size = main[main["method"] == hue["hue_order"][0]].groupby(name, observed=False).size()
    order = [label for label, number in size.items() if number or (others[name] == label).any()]
    many = main[name].isin(size[size >= _FEWEST].index)
    by = {"x": name, "y": "drawn", "order": order, "ax": ax, **hue}
    if many.any():
        look = {"boxprops": {"alpha": 0.75, "lw": 0}, "medianprops": {"color": "white", "lw": 1.8}}
        look |= {"gap": 0.2, "linewidth": 1.2, "linecolor": style.TRAIN}
        sns.boxplot(main[many], whis=(5, 95), showfliers=False, showcaps=False, saturation=1, **look, **by)
    sns.stripplot(main[~many], dodge=True, jitter=False, size=3.5, alpha=0.8, **by)
    edge = {"edgecolor": style.TARGET, "linewidth": 0.9, "zorder": 4}
    sns.stripplot(others, dodge=True, jitter=False, size=4.5, marker="D", **edge, **by)
    ax.set_xticks(range(len(order)), [f"{label}\n{size[label]:,}" for label in order])
    ax.tick_params(axis="x", length=0)
    ax.set(xlim=(-0.6, len(order) - 0.4), xlabel=f"{name}; below, the number of cells")
    shown = "quartiles, 5 and 95 %" if many.any() else "every cell"
    ax.set_title(f"by {name.split(',')[0]}: {shown}", pad=5)
