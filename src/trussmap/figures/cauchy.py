"""Cauchy's relations: shares of data and bone off them, and an ablation."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from trussmap.figures import style
from trussmap.lattice.elementary import NAMES

#: Non-Cauchy shares below this are drawn at it.
_FLOOR = 1e-9
_MOST_POINTS = 6000
_MARKS = "osD^"
_LEGEND: dict[str, Any] = {
    "fontsize": 8,
    "frameon": True,
    "framealpha": 0.9,
    "edgecolor": "none",
}


def plot(
    data: pd.DataFrame, targets: pd.DataFrame, ablation: pd.DataFrame, path: str | Path
) -> None:
    """Draw tables of `trussmap.study.cauchy` to ``path`` (PNG).

    They are those of `describe_designs`, of `describe_residual` by source, and of `ablate`.
    """
    bone = targets[targets["source"] == "bone"]
    titles = {-1: "stiffer in shear than Cauchy’s relations", 1: "softer in shear"}
    with style.figure(path, 11, 9.4) as fig:
        axes = fig.subplots(2, 2)
        edges = {"left": 0.075, "right": 0.985, "top": 0.965, "bottom": 0.06}
        fig.subplots_adjust(**edges, wspace=0.22, hspace=0.26)
        axes[0, 1].sharey(axes[0, 0])
        for ax, (sign, title) in zip(axes[0], titles.items(), strict=True):
            _data(ax, data.head(_MOST_POINTS), bone, sign)
            ax.set_title(f"{title}: trace D {'<' if sign < 0 else '>'} 0", pad=6)
        axes[0, 0].set_ylabel("share of ‖C‖² off Cauchy’s relations")
        _residual(axes[1, 0], targets)
        _ablation(axes[1, 1], ablation)


def _data(ax: Axes, data: pd.DataFrame, bone: pd.DataFrame, sign: int) -> None:
    """Draw designs, bone and its designs A with one sign of the trace."""
    designs = data[np.sign(data["trace"]) == sign]
    for is_centred, color, label in (
        (False, style.TRAIN, "designs with nodes that move"),
        (True, style.HERE, "every node an inversion centre"),
    ):
        rows = designs[designs["centred"] == is_centred]
        if len(rows):
            share = rows["share"].clip(lower=_FLOOR)
            ax.plot(rows["relative_density"], share, ".", ms=2.5, alpha=0.55, color=color)
            ax.plot([], [], ".", ms=8, color=color, label=f"{label} ({len(rows):,})")

    target = bone[np.sign(bone["trace"]) == sign]
    if len(target):
        look: dict[str, Any] = {"ms": 13, "color": style.TARGET, "label": "bone"}
        ax.plot(target["relative_density"], target["share"], "*", **look)
    design = bone[np.sign(bone["found_trace"]) == sign]
    if len(design):
        share = design["found_share"].clip(lower=_FLOOR)
        look = {"ms": 13, "color": style.DESIGN_A, "label": "designs A for bone"}
        ax.plot(design["relative_density"], share, "*", **look)
    if sign < 0:
        x = np.array([0.004, 0.1])
        ax.plot(x, 0.02 * x**2, color=style.TARGET, lw=1, ls="--")
        ax.text(0.012, 7e-6, "∝ ρ²", fontsize=9)
    ax.set(xscale="log", yscale="log", xlim=(0.0019, 0.105), ylim=(_FLOOR, 1.0))
    ax.set(xlabel="relative density")
    ax.legend(loc="upper left" if sign < 0 else "lower left", fontsize=8)


def _residual(ax: Axes, targets: pd.DataFrame) -> None:
    """Draw the error reached over the one that the projection predicts."""
    low = 1e-6
    high = 1.0
    cells = targets[targets["source"] != "bone"]
    for sign, color, label in (
        (1, style.GUIDE, "softer in shear"),
        (-1, style.STIFFER, "stiffer in shear"),
    ):
        rows = cells[np.sign(cells["trace"]) == sign]
        share = rows["share"].clip(low, high)
        error = rows["nmse_frobenius"].clip(low, high)
        words = f"crystal networks, {label} ({len(rows):,})"
        ax.plot(share, error, ".", ms=4, alpha=0.7, color=color, label=words)
    bone = targets[targets["source"] == "bone"]
    look: dict[str, Any] = {"ms": 12, "color": style.TARGET, "label": "bone"}
    ax.plot(bone["share"], bone["nmse_frobenius"], "*", **look)
    ax.plot([low, high], [low, high], color=style.TARGET, lw=1, ls="--")

    ax.set(xscale="log", yscale="log", xlim=(low / 1.4, high), ylim=(low / 1.4, high))
    ax.set(xlabel="predicted by the projection: share off Cauchy’s relations")
    ax.set(ylabel="reached: ‖ΔC‖²/‖C‖² of design A")
    ax.set_title("Residual of the designs (what lies outside is drawn at the edge)")
    ax.legend(loc="upper left", bbox_to_anchor=(0, 0.985), **_LEGEND)


def _ablation(ax: Axes, ablation: pd.DataFrame) -> None:
    """Draw the residual without each elementary lattice, and with it alone."""
    names = sorted(ablation["name"].unique())
    labels = ["all", *(f"{word}_{k}" for word in ("without", "only") for k in range(len(NAMES)))]
    height = {}
    for k, label in enumerate(labels):
        # A gap separates all lattices, those without one, and those alone.
        height[label] = -k - (0.6 if k else 0) - (0.6 if k > len(NAMES) else 0)

    for k, name in enumerate(names):
        rows = ablation[ablation["name"] == name].set_index("lattices").loc[labels]
        error = rows["nmse_frobenius"]
        y = np.array([height[label] for label in labels]) + 0.12 * (len(names) / 2 - k)
        color = style.SPECIMENS[k % 4]
        look: dict[str, Any] = {"color": color, "marker": _MARKS[k % 4], "ls": "", "ms": 4.5}
        ax.plot(error, y, **look, label=name.replace("_", " "))
        ax.axvline(error.iloc[0], color=color, lw=0.6, alpha=0.5)

    ax.set_yticks(list(height.values()), [_words(label) for label in labels], fontsize=8)
    ax.tick_params(axis="y", length=0)
    ax.set(xscale="log", xlabel="‖ΔC‖²/‖C‖² of the closest design, search without a network")
    ax.set_title("Elementary lattices left out, and alone")
    ax.legend(loc="upper right", **_LEGEND)


def _words(label: str) -> str:
    word, _, kind = label.partition("_")
    return f"{word} lattice {kind}" if kind else "all lattices"
