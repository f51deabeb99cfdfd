"""SI 4: errors of designs for crystal-network cells.

They are drawn for all cells, by crystal system and by connectivity.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from trussmap.crystal.targets import SYSTEM_NAMES, connectivity_class
from trussmap.figures import style

#: Words and colour of each method, by its column.
_LOOK = {
    "lookup_relative_error": ("closest training design", style.TRAIN),
    "symmetric_lookup_relative_error": ("… up to rotation and density", "#7b6fa8"),
    "relative_error": ("inverse model, best proposal", "#c2912e"),
    "relative_error_refined": ("refined design A", style.DESIGN_A),
}
#: Errors below this are drawn at it: in print such a design equals its target.
_FLOOR = 1e-3
#: Least number of cells in a class that is drawn as a box.
_FEWEST = 8


def plot(cells: pd.DataFrame, path: str | Path) -> None:
    """Draw the errors of cells to ``path`` (PNG).

    ``cells`` is a table as the study's ``cells.csv``. The distributions are those of the source
    with the most cells; cells of the other source are drawn as diamonds.
    """
    methods = [key for key in _LOOK if key in cells]
    systems = cells["crystal_system"].map(SYSTEM_NAMES)
    classes: dict[str, Any] = {
        "crystal system": pd.Categorical(systems, categories=[*SYSTEM_NAMES.values()]),
        "struts at a node, on average": connectivity_class(cells["connectivity"].to_numpy()),
    }
    columns = cells[["source", *methods]].assign(**classes)
    errors = columns.melt(["source", *classes], methods, "method", "error")
    errors["drawn"] = errors["error"].clip(lower=_FLOOR)
    is_main = errors["source"] == cells["source"].value_counts().index[0]
    main = errors[is_main]
    others = errors[~is_main]

    with style.figure(path, 13, 5.2) as fig:
        axes = fig.subplots(1, 3, sharey=True, width_ratios=(3.4, 7, 5))
        fig.subplots_adjust(left=0.062, right=0.985, top=0.81, bottom=0.15, wspace=0.12)
        palette = [_LOOK[key][1] for key in methods]
        hue = {"hue": "method", "hue_order": methods, "palette": palette, "legend": False}
        _shares(axes[0], main, hue)
        for ax, name in zip(axes[1:], classes, strict=True):
            _distributions(ax, name, main, others, hue)
        _label_errors(axes, errors)
        _title(fig, cells)
        _legend(fig, methods, others)


def _label_errors(axes: np.ndarray, errors: pd.DataFrame) -> None:
    """Set the scale of errors, which all panels share."""
    drawn = errors["drawn"]
    for ax in axes:
        ax.grid(axis="y", color=style.GUIDE, lw=0.6)
        ax.set_axisbelow(True)
    first = axes[0]
    first.set(yscale="log", ylim=(0.5 * drawn.min(), 1.5 * np.nanquantile(drawn, 0.998)))
    first.yaxis.set_major_locator(LogLocator(10, numticks=12))
    first.yaxis.set_major_formatter(FuncFormatter(lambda value, _: style.percent(value)))
    first.yaxis.set_minor_formatter(NullFormatter())
    if drawn.min() == _FLOOR:
        note = f"errors below {style.percent(_FLOOR)} are drawn there"
        place = {"xytext": (0, 4), "textcoords": "offset points", "ha": "right"}
        first.annotate(note, (1, _FLOOR), **place, fontsize=7.5)


def _title(fig: Figure, cells: pd.DataFrame) -> None:
    count = cells.groupby("source").size()
    words = " and ".join(f"{number:,} {_words(str(name))}" for name, number in count.items())
    title = f"Crystal-network cells as targets: {words}"
    fig.suptitle(title, x=0.05, ha="left", y=0.975, fontsize=13)


def _legend(fig: Figure, methods: list[str], others: pd.DataFrame) -> None:
    handles: list[Artist] = []
    for method in methods:
        label, color = _LOOK[method]
        handles.append(Patch(facecolor=color, alpha=0.75, lw=0, label=label))
    if len(others):
        label = f"a {_words(others['source'].iloc[0], plural=False)}"
        look: dict[str, Any] = {"color": style.TARGET, "marker": "D", "ls": "", "ms": 4.5}
        handles.append(Line2D([], [], **look, label=label))
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (0.054, 0.935), "ncols": 5}
    fig.legend(handles=handles, columnspacing=1.4, fontsize=9, **place)


def _words(source: str, plural: bool = True) -> str:
    names = {"generated": "generated cell", "catalogue": "cell of the circulated catalogue"}
    words = names[source]
    return words.replace("cell", "cells", 1) if plural else words


def _shares(ax: Axes, main: pd.DataFrame, hue: dict[str, Any]) -> None:
    """Draw the share of cells whose error is below each value."""
    sns.ecdfplot(main, y="drawn", ax=ax, lw=2, **hue)
    medians = main.groupby("method")["error"].median()[hue["hue_order"]]
    colors = dict(zip(hue["hue_order"], hue["palette"], strict=True))
    for k, (key, middle) in enumerate(medians.sort_values(ascending=False).items()):
        color = colors[key]
        ax.plot(0.5, max(middle, _FLOOR), "o", color=color, ms=5, mec="white", mew=1, zorder=3)
        look: dict[str, Any] = {"color": color, "fontsize": 8.5, "ha": "right"}
        height = 0.36 - 0.055 * k
        ax.text(0.97, height, style.percent(middle), **look, transform=ax.transAxes)
    ax.set(xlim=(0, 1), xlabel="share of cells with a smaller error")
    ax.set(ylabel="relative error of the stiffness, ‖ΔC‖/‖C‖")
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
    ax.set_title("all, with medians", pad=5)


def _distributions(
    ax: Axes, name: str, main: pd.DataFrame, others: pd.DataFrame, hue: dict[str, Any]
) -> None:
    """Draw errors by the classes of a column.

    Classes of many cells are boxes, those of a few the cells themselves.
    """
    first_method = main[main["method"] == hue["hue_order"][0]]
    size = first_method.groupby(name, observed=False).size()
    order = [label for label, number in size.items() if number or (others[name] == label).any()]
    is_many = main[name].isin(size[size >= _FEWEST].index)
    by = {"x": name, "y": "drawn", "order": order, "ax": ax, **hue}
    if is_many.any():
        look: dict[str, Any] = {
            "boxprops": {"alpha": 0.75, "lw": 0},
            "medianprops": {"color": "white", "lw": 1.8},
            "gap": 0.2,
            "linewidth": 1.2,
            "linecolor": style.TRAIN,
        }
        whiskers = {"whis": (5, 95), "showfliers": False, "showcaps": False, "saturation": 1}
        sns.boxplot(main[is_many], **whiskers, **look, **by)
    sns.stripplot(main[~is_many], dodge=True, jitter=False, size=3.5, alpha=0.8, **by)
    edge = {"edgecolor": style.TARGET, "linewidth": 0.9, "zorder": 4}
    sns.stripplot(others, dodge=True, jitter=False, size=4.5, marker="D", **edge, **by)

    ax.set_xticks(range(len(order)), [f"{label}\n{size[label]:,}" for label in order])
    ax.tick_params(axis="x", length=0)
    ax.set(xlim=(-0.6, len(order) - 0.4), xlabel=f"{name}; below, the number of cells")
    words = "quartiles, 5 and 95 %" if is_many.any() else "every cell"
    ax.set_title(f"by {name.split(',')[0]}: {words}", pad=5)
