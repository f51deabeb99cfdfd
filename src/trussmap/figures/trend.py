"""Growth of the accuracy of an architecture with compute: runs and fits."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from trussmap.figures import style
from trussmap.figures.scaling import missing_axis
from trussmap.learning.registry import architectures
from trussmap.learning.trend import trend_at

#: Fits of a trend: key, dashes, words.
_FITS: tuple[tuple[str, Any, str], ...] = (
    ("power", "-", "power law"),
    ("floor", (0, (4, 2)), "with a floor"),
)


def plot(
    table: pd.DataFrame,
    trends: Mapping[str, Mapping[str, Mapping[str, Any]]],
    published: Mapping[str, Mapping[str, float]],
    path: str | Path,
) -> None:
    """Draw runs of one architecture and their trends to ``path`` (PNG).

    Parameters
    ----------
    table : rows of `trussmap.learning.scaling.scaling_row`
    trends : ``{"forward": {"min": …, "mean": …}, "inverse": …}`` of
        `trussmap.learning.trend.fit_trend`; every network in it has a panel
    published : of each network the lowest published R², ``r2``, and its compute, ``flop``
    """
    color = architectures()[table["architecture"].iloc[0]].color
    titles = {"forward": "forward networks", "inverse": "inverse networks, by finite elements"}
    with style.figure(path, 4.8 * max(1.5, len(trends)), 4.1) as fig:
        axes = fig.subplots(1, len(trends), squeeze=False)[0]
        edges = {"left": 0.15 / len(trends), "right": 0.985, "top": 0.76, "bottom": 0.125}
        fig.subplots_adjust(**edges, wspace=0.22)
        for ax, network in zip(axes, trends, strict=True):
            rows = table.dropna(subset=[f"{network}_flop"]).sort_values(f"{network}_flop")
            _panel(ax, rows, network, trends[network], published[network], color)
            ax.set(title=titles[network])
        axes[0].set_ylabel("R²")
        handles, labels = axes[0].get_legend_handles_labels()
        columns = 3 if len(trends) > 1 else 2
        place: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.53, 1.0)}
        fig.legend(handles, labels, **place, ncols=columns)


def _panel(
    ax: Axes,
    rows: pd.DataFrame,
    network: str,
    trend: Mapping[str, Mapping[str, Any]],
    published: Mapping[str, float],
    color: str,
) -> None:
    """Draw the runs of one network, their fits, and the published R²."""
    compute = rows[f"{network}_flop"].to_numpy() / 1e12
    furthest = max(compute.max(), published["flop"] / 1e12) * 1.5
    along = np.geomspace(compute.min() / 1.5, furthest, 200)
    gap = 1 - published["r2"]
    lowest = gap
    for key, words, look in (("min", "lowest of 21", "o"), ("mean", "mean", "^")):
        missing = 1 - rows[f"{network}_{key}"]
        fill = color if key == "min" else "white"
        marker: dict[str, Any] = {"color": color, "mfc": fill, "ms": 5, "zorder": 3}
        ax.plot(compute, missing, look, **marker, label=f"{words}, one run each")
        for kind, dashes, name in _FITS:
            if kind in trend[key]:
                fit = trend[key][kind] | {"unit": trend[key]["unit"]}
                values = trend_at(fit, along * 1e12)
                label = name if key == "min" else None
                ax.plot(along, values, color=color, lw=1, ls=dashes, label=label)
                lowest = min(lowest, values.min())

    scores = rows[[f"{network}_min", f"{network}_mean"]].to_numpy()
    missing_axis(ax, np.append(1 - scores, [gap, lowest]))
    marker = {"color": style.PUBLISHED, "ms": 9, "zorder": 3}
    label = "published, lowest of 21 “at least”, at its planned compute"
    ax.plot(published["flop"] / 1e12, gap, "*", **marker, label=label)
    ax.axhline(gap, color=style.GUIDE, lw=0.8, zorder=0)
    ax.set(xscale="log", xlabel="compute of the training, TFLOP of matrix products")
