"""How the accuracy of an architecture grows with compute, and where that leads: points, fits and their intervals."""

from pathlib import Path

import numpy as np
import pandas as pd

from trussmap.figures import style
from trussmap.figures.scaling import missing_axis
from trussmap.learning.registry import architectures
from trussmap.learning.trend import trend_at


def plot(table: pd.DataFrame, trends: dict, published: dict, path: str | Path) -> None:
    """Draw rows of `trussmap.learning.scaling.scaling_row` of one architecture and their trends to ``path`` (PNG).

    ``trends``: ``{"forward": {"min": …, "mean": …}, "inverse": …}`` of `trussmap.learning.trend.fit_trend`; a panel for
    each that there is.
    ``published``: for ``forward`` and ``inverse`` the lowest published R², ``r2``, and the compute of it, ``flop``.
    """
    color = architectures()[table["architecture"].iloc[0]].color
    titles = {"forward": "forward networks", "inverse": "inverse networks, by finite elements"}
    with style.figure(path, 4.8 * max(1.5, len(trends)), 4.1) as fig:
        axes = fig.subplots(1, len(trends), squeeze=False)[0]
        fig.subplots_adjust(left=0.15 / len(trends), right=0.985, top=0.76, bottom=0.125, wspace=0.22)
        for ax, network in zip(axes, trends, strict=True):
            rows = table.dropna(subset=f"{network}_flop").sort_values(f"{network}_flop")
            compute, paper = rows[f"{network}_flop"].to_numpy() / 1e12, published[network]
            along = np.geomspace(compute.min() / 1.5, max(compute.max(), paper["flop"] / 1e12) * 1.5, 200)
            lowest = 1 - paper["r2"]
            for key, label, look in (("min", "lowest of 21", "o"), ("mean", "mean", "^")):
                missing = 1 - rows[f"{network}_{key}"]
                fill = color if key == "min" else "white"
                ax.plot(compute, missing, look, color=color, mfc=fill, ms=5, zorder=3, label=f"{label}, one run each")
                for kind, dashes, name in (("power", "-", "power law"), ("floor", (0, (4, 2)), "with a floor")):
                    if kind in trends[network][key]:
                        fit = trends[network][key][kind] | {"unit": trends[network][key]["unit"]}
                        values = trend_at(fit, along * 1e12)
                        label = name if key == "min" else None
                        ax.plot(along, values, color=color, lw=1, ls=dashes, label=label)
                        lowest = min(lowest, values.min())
            shown = np.append(1 - rows[[f"{network}_min", f"{network}_mean"]].to_numpy(), [1 - paper["r2"], lowest])
            missing_axis(ax, shown)
            ax.plot(
                paper["flop"] / 1e12,
                1 - paper["r2"],
                "*",
                color=style.PUBLISHED,
                ms=9,
                zorder=3,
                label="published, lowest of 21 “at least”, at its planned compute",
            )
            ax.axhline(1 - paper["r2"], color=style.GUIDE, lw=0.8, zorder=0)
            ax.set(xscale="log", xlabel="compute of the training, TFLOP of matrix products", title=titles[network])
        axes[0].set_ylabel("R²")
        handles, labels = axes[0].get_legend_handles_labels()
        fig.legend(handles, labels, loc="upper center", ncols=3 if len(trends) > 1 else 2, bbox_to_anchor=(0.53, 1.0))
