"""What Cauchy's relations allow: non-Cauchy share of data and bone, the residual that it predicts, and an ablation."""

from pathlib import Path

import numpy as np
import pandas as pd

from trussmap.figures import style
from trussmap.lattice.elementary import NAMES

_CENTRED, _OTHERS, _STIFFER = style.HERE, style.TRAIN, "#7b6fa8"
_SPECIMENS = ["#7b6fa8", "#c2912e", "#5b8c5a", "#b3324a"]
_MARKS = "osD^"
_FLOOR = 1e-9
_MOST_POINTS = 6000


def plot(data: pd.DataFrame, targets: pd.DataFrame, ablation: pd.DataFrame, path: str | Path) -> None:
    """Draw tables of `trussmap.cauchy`: `describe_designs`, `describe_found` by source, `ablate`, to ``path`` (PNG)."""
    bone = targets[targets["source"] == "bone"]
    with style.figure(path, 11, 9.4) as fig:
        axes = fig.subplots(2, 2)
        fig.subplots_adjust(left=0.075, right=0.985, top=0.965, bottom=0.06, wspace=0.22, hspace=0.26)
        axes[0, 1].sharey(axes[0, 0])
        for ax, sign, title in zip(
            axes[0], (-1, 1), ("stiffer in shear than Cauchy’s relations", "softer in shear"), strict=True
        ):
            _data(ax, data.head(_MOST_POINTS), bone, sign)
            ax.set_title(f"{title}: trace D {'<' if sign < 0 else '>'} 0", pad=6)
        axes[0, 0].set_ylabel("share of ‖C‖² off Cauchy’s relations")
        _residual(axes[1, 0], targets)
        _ablation(axes[1, 1], ablation)


def _data(ax, data, bone, sign):
    own = data[np.sign(data["trace"]) == sign]
    for centred, color, label in (
        (False, _OTHERS, "designs with nodes that move"),
        (True, _CENTRED, "every node an inversion centre"),
    ):
        part = own[own["centred"] == centred]
        if not len(part):
            continue
        ax.plot(part["relative_density"], part["share"].clip(lower=_FLOOR), ".", ms=2.5, alpha=0.55, color=color)
        ax.plot([], [], ".", ms=8, color=color, label=f"{label} ({len(part):,})")
    target, found = bone[np.sign(bone["trace"]) == sign], bone[np.sign(bone["found_trace"]) == sign]
    if len(target):
        ax.plot(target["relative_density"], target["share"], "*", ms=13, color=style.TARGET, label="bone")
    if len(found):
        ax.plot(
            found["relative_density"],
            found["found_share"].clip(lower=_FLOOR),
            "*",
            ms=13,
            color=style.DESIGN_A,
            label="designs A for bone",
        )
    if sign < 0:
        x = np.array([0.004, 0.1])
        ax.plot(x, 0.02 * x**2, color=style.TARGET, lw=1, ls="--")
        ax.text(0.012, 7e-6, "∝ ρ²", fontsize=9)
    ax.set(xscale="log", yscale="log", xlabel="relative density", xlim=(0.0019, 0.105), ylim=(_FLOOR, 1.0))
    ax.legend(loc="upper left" if sign < 0 else "lower left", fontsize=8)


def _residual(ax, targets):
    """What the projection predicts against what the search reaches."""
    low, high = 1e-6, 1.0
    cells = targets[targets["source"] != "bone"]
    for sign, color, label in ((1, style.GUIDE, "softer in shear"), (-1, _STIFFER, "stiffer in shear")):
        own = cells[np.sign(cells["trace"]) == sign]
        ax.plot(
            own["share"].clip(low, high),
            own["nmse_frobenius"].clip(low, high),
            ".",
            ms=4,
            alpha=0.7,
            color=color,
            label=f"crystal networks, {label} ({len(own):,})",
        )
    bone = targets[targets["source"] == "bone"]
    ax.plot(bone["share"], bone["nmse_frobenius"], "*", ms=12, color=style.TARGET, label="bone")
    ax.plot([low, high], [low, high], color=style.TARGET, lw=1, ls="--")
    ax.set(xscale="log", yscale="log", xlim=(low / 1.4, high), ylim=(low / 1.4, high))
    ax.set(xlabel="predicted by the projection: share off Cauchy’s relations", ylabel="reached: ‖ΔC‖²/‖C‖² of design A")
    ax.set_title("Residual of the designs (what lies outside is drawn at the edge)")
    ax.legend(loc="upper left", fontsize=8, bbox_to_anchor=(0, 0.985), frameon=True, framealpha=0.9, edgecolor="none")


def _ablation(ax, ablation):
    """Residual of each specimen with one elementary lattice left out, and with it alone."""
    names = sorted(ablation["name"].unique())
    labels = ["all", *(f"{word}_{k}" for word in ("without", "only") for k in range(len(NAMES)))]
    height = {label: -k - (0.6 if k else 0) - (0.6 if k > len(NAMES) else 0) for k, label in enumerate(labels)}
    for k, name in enumerate(names):
        own = ablation[ablation["name"] == name].set_index("lattices").loc[labels]
        y = np.array([height[label] for label in labels]) + 0.12 * (len(names) / 2 - k)
        mark = {"color": _SPECIMENS[k % 4], "marker": _MARKS[k % 4]}
        ax.plot(own["nmse_frobenius"], y, ls="", ms=4.5, label=name.replace("_", " "), **mark)
        ax.axvline(own["nmse_frobenius"].iloc[0], color=mark["color"], lw=0.6, alpha=0.5)
    ax.set_yticks(list(height.values()), [_words(label) for label in labels], fontsize=8)
    ax.tick_params(axis="y", length=0)
    ax.set(xscale="log", xlabel="‖ΔC‖²/‖C‖² of the closest design, search without a network")
    ax.set_title("Elementary lattices left out, and alone")
    ax.legend(loc="upper right", fontsize=8, frameon=True, framealpha=0.9, edgecolor="none")


def _words(label):
    word, _, kind = label.partition("_")
    return "all lattices" if not kind else f"{word} lattice {kind}"
