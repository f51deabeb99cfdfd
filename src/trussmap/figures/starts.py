"""Median error of each kind of start against finite-element solutions.

There is a panel for targets in the design space and one for others.
"""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from trussmap.figures import style
from trussmap.study.starts import SOURCES

_COLORS = {
    "network": style.DESIGN_A,
    "symmetric_lookup": "#7b6fa8",
    "lookup": style.TRAIN,
    "random": "#c2912e",
}
_SPACES = {
    "inside": "unseen designs, in the design space",
    "outside": "crystal networks, in general outside of it",
}
#: Errors below this are drawn at it.
_FLOOR = 1e-5


def plot(table: pd.DataFrame, path: str | Path) -> None:
    """Draw a table of `trussmap.study.starts.errors_by_cost` to ``path`` (PNG).

    It has a column ``space`` (inside, outside) too.
    """
    spaces = [space for space in _SPACES if space in set(table["space"])]
    with style.figure(path, 5.2 * len(spaces) + 0.4, 4.6) as fig:
        axes = fig.subplots(1, len(spaces), sharey=True, squeeze=False)[0]
        fig.subplots_adjust(left=0.09, right=0.985, top=0.76, bottom=0.13, wspace=0.06)
        for ax, space in zip(axes, spaces, strict=True):
            _panel(ax, table[table["space"] == space])
            ax.set_title(_SPACES[space], pad=6)
        first = axes[0]
        first.set_ylabel("median of ‖ΔC‖/‖C‖, best of the starts")
        first.yaxis.set_major_formatter(FuncFormatter(_percent))
        first.yaxis.set_minor_formatter(NullFormatter())
        handles, labels = first.get_legend_handles_labels()
        place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (0.08, 0.99)}
        fig.legend(handles, labels, **place, ncols=2, fontsize=9)


def _panel(ax: Axes, rows: pd.DataFrame) -> None:
    """Draw the errors of one space."""
    for source, label in SOURCES.items():
        front = _front(rows[rows["source"] == source])
        error = front["median"].clip(lower=_FLOOR)
        ax.plot(front["solutions"], error, "o-", ms=4, color=_COLORS[source], label=label)
    search = rows[rows["source"] == "search"]
    error = search["median"].clip(lower=_FLOOR)
    label = "search over all topologies, random starts"
    ax.plot(search["solutions"], error, "*", ms=11, color=style.TARGET, label=label)
    ax.set(xscale="log", yscale="log")
    ax.set(xlabel="finite-element solutions for a target, with gradient")
    ax.grid(color=style.GUIDE, lw=0.6)
    ax.set_axisbelow(True)


def _percent(value: float, _: object) -> str:
    return f"{100 * value:.3g} %" if value > 1.1 * _FLOOR else f"≤ {100 * _FLOOR:.3g} %"


def _front(rows: pd.DataFrame) -> pd.DataFrame:
    """Select the choices of starts and steps that no cheaper choice beats."""
    rows = rows.sort_values(["solutions", "median"])
    least_before = rows["median"].cummin().shift(fill_value=float("inf"))
    return rows[rows["median"] < least_before]
