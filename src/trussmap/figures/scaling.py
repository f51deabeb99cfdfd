"""Accuracy of networks against the number of designs and against compute."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from trussmap.figures import style
from trussmap.learning.registry import architectures

#: R² with a tick.
_TICKS = [-9, -1, 0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999]


def plot(table: pd.DataFrame, published: Mapping[str, float], path: str | Path) -> None:
    """Draw rows of `trussmap.learning.scaling.scaling_row` to ``path`` (PNG).

    Parameters
    ----------
    table : the rows. The left panels, which need different numbers of designs, show the rows that
        share the effort of the fewest designs, the right ones the rows with all designs
    published : lowest published R², ``{"forward": …, "inverse": …}``
    """
    effort = table["effort"].to_numpy()[table["designs"].argmin()]
    columns = 2 if table["designs"].nunique() > 1 else 1
    with style.figure(path, (6.0, 9.6)[columns - 1], 6.6) as fig:
        axes = fig.subplots(2, columns, sharey="row", sharex="col", squeeze=False)
        # The rows of the legend are above the panels.
        edges = {"left": 0.15 / columns, "right": 0.985, "top": (0.79, 0.85)[columns - 1]}
        fig.subplots_adjust(**edges, bottom=0.085, wspace=0.06, hspace=0.14)
        titles = {"forward": "forward network", "inverse": "inverse, by finite elements"}
        for row, (network, title) in enumerate(titles.items()):
            _curves(axes[row], table, network, effort)
            for ax in axes[row]:
                _published(ax, published[network])
            shown = table[[f"{network}_min", f"{network}_mean"]].dropna().to_numpy()
            missing_axis(axes[row, 0], np.append(1 - shown, 1 - published[network]))
            axes[row, 0].set_ylabel(f"R², {title}")
        if columns > 1:
            axes[1, 0].set(xscale="log", xlabel="designs to train with")
            axes[0, 0].set_title(f"more designs, {effort:g} × the study's compute")
        axes[1, -1].set(xscale="log", xlabel="compute of the training, TFLOP of matrix products")
        axes[0, -1].set_title("more compute, all designs")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        place: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.535, 0.99)}
        fig.legend(handles, labels, **place, ncols=columns + 1)


def _curves(axes: np.ndarray, table: pd.DataFrame, network: str, effort: float) -> None:
    """Draw the curves of all architectures into a row of panels."""
    known = table.dropna(subset=[f"{network}_flop"])
    for name, rows in known.groupby("architecture", sort=False):
        whole = rows[rows["of_all"]].sort_values("effort")
        grown = rows[rows["effort"] == effort].sort_values("designs")
        if len(axes) > 1:
            _curve(axes[0], grown["designs"], grown, network, str(name))
        _curve(axes[-1], whole[f"{network}_flop"] / 1e12, whole, network, str(name))


def _published(ax: Axes, r2: float) -> None:
    """Draw the published R²."""
    label = "published, lowest of 21 (3,000,000 designs)"
    look: dict[str, Any] = {"color": style.PUBLISHED, "lw": 1, "ls": (0, (4, 3)), "zorder": 0}
    ax.axhline(1 - r2, **look, label=label)
    ax.grid(axis="y", color=style.GUIDE, lw=0.5, zorder=-1)


def _curve(ax: Axes, x: pd.Series, rows: pd.DataFrame, network: str, name: str) -> None:
    """Draw a marker for every run, and a line through means.

    A mean is that of runs that differ only in their seeds.
    """
    color = architectures()[name].color
    for statistic, label, look, size in (
        ("min", "lowest of 21", "-", 4.5),
        ("mean", "mean", ":", 3),
    ):
        y = 1 - rows[f"{network}_{statistic}"]
        means = y.groupby(x).mean()
        ax.plot(x, y, "o", color=color, ms=size)
        ax.plot(means.index, means, look, color=color, marker="o", ms=0, label=f"{name}, {label}")


def missing_axis(ax: Axes, missing: np.ndarray) -> None:
    """Set an axis of 1 − R² that is labelled with R².

    It is logarithmic and grows downwards.
    """
    ax.set(yscale="log", ylim=(missing.max() * 1.6, missing.min() / 1.6))
    ax.yaxis.set_major_locator(FixedLocator([1 - r2 for r2 in _TICKS]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{1 - y:.4f}".rstrip("0").rstrip(".")))
    ax.yaxis.set_minor_locator(NullLocator())
