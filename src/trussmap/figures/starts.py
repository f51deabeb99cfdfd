"""What starts are worth: median error against finite-element solutions, in the design space and out of it."""

from pathlib import Path

import pandas as pd
from matplotlib.ticker import FuncFormatter, NullFormatter

from trussmap.figures import style
from trussmap.starts import SOURCES

_COLORS = {"network": style.DESIGN_A, "symmetric_lookup": "#7b6fa8", "lookup": style.TRAIN, "random": "#c2912e"}
_SPACES = {"inside": "unseen designs, in the design space", "outside": "crystal networks, in general outside of it"}
#: Errors below this are drawn at it.
_FLOOR = 1e-5


def plot(table: pd.DataFrame, path: str | Path) -> None:
    """Draw a table of `trussmap.starts.errors_by_cost` with a column ``space`` (inside, outside) to ``path`` (PNG)."""
    spaces = [space for space in _SPACES if space in set(table["space"])]
    with style.figure(path, 5.2 * len(spaces) + 0.4, 4.6) as fig:
        axes = fig.subplots(1, len(spaces), sharey=True, squeeze=False)[0]
        fig.subplots_adjust(left=0.09, right=0.985, top=0.76, bottom=0.13, wspace=0.06)
        for ax, space in zip(axes, spaces, strict=True):
            own = table[table["space"] == space]
            for source, label in SOURCES.items():
                front = _front(own[own["source"] == source])
                error = front["median"].clip(lower=_FLOOR)
                ax.plot(front["solutions"], error, "o-", ms=4, color=_COLORS[source], label=label)
            one = own[own["source"] == "search"]
            ax.plot(one["solutions"], one["median"].clip(lower=_FLOOR), "*", ms=11, color=style.TARGET,
                    label="search over all topologies, random starts")  # fmt: skip
            ax.set(xscale="log", yscale="log", xlabel="finite-element solutions for a target, with gradient")
            ax.set_title(_SPACES[space], pad=6)
            ax.grid(color=style.GUIDE, lw=0.6)
            ax.set_axisbelow(True)
        axes[0].set_ylabel("median of ‖ΔC‖/‖C‖, best of the starts")
        axes[0].yaxis.set_major_formatter(FuncFormatter(_percent))
        axes[0].yaxis.set_minor_formatter(NullFormatter())
        handles, labels = axes[0].get_legend_handles_labels()
        fig.legend(handles, labels, loc="upper left", bbox_to_anchor=(0.08, 0.99), ncols=2, fontsize=9)


def _percent(value, _):
    return f"{100 * value:.3g} %" if value > 1.1 * _FLOOR else f"≤ {100 * _FLOOR:.3g} %"


def _front(rows):
    """What no cheaper choice of starts and steps does better."""
    rows = rows.sort_values(["solutions", "median"])
    return rows[rows["median"] < rows["median"].cummin().shift(fill_value=float("inf"))]
