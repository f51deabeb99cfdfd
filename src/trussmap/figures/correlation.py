"""Fig. 2, SI Figs. S3 and S4: correlations of each elastic constant.

Stiffness is drawn as predicted over true, and as achieved over target.
"""

from pathlib import Path
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from trussmap.figures import style
from trussmap.tensors.measures import r_squared
from trussmap.tensors.stiffness import COLUMNS, COMPONENTS, ORTHOTROPIC, ROWS

#: Unit of both axes.
_UNIT = r"$C_{ij}\,/\,E_\mathrm{base}$  [$10^{-3}$]"
#: Density of points.
DENSITY_MAP = LinearSegmentedColormap.from_list("density", sns.color_palette("mako_r", 256)[30:])


def plot(
    truth: np.ndarray,
    prediction: np.ndarray,
    path: str | Path,
    title: str = "",
    words: tuple[str, str] = ("true", "predicted"),
) -> None:
    """Draw predicted over true constants to ``path`` (PNG).

    They are (n, 21), or (n, 9) orthotropic ones, in units of E_base. The 21 panels stand where the
    constants stand in the 6×6 matrix; the free corner ranks their R². Bins are coloured by the
    number of designs in them, on one logarithmic scale. Both axes of a panel are equal and hold
    every design. ``words`` name the axis across and the axis up.
    """
    truth = np.asarray(truth, float)
    prediction = np.asarray(prediction, float)
    is_full = truth.shape[1] == 21
    names = COMPONENTS if is_full else ORTHOTROPIC
    score = r_squared(truth, prediction)
    across, up = words
    heading = f"{title}: " if title else ""
    with style.figure(path, *((12, 11.6) if is_full else (8.4, 8))) as fig:
        side = 6 if is_full else 3
        edges = {"left": 0.06, "right": 0.99 if is_full else 0.86, "top": 0.93, "bottom": 0.055}
        grid = fig.add_gridspec(side, side, **edges, wspace=0.34, hspace=0.36)
        places = zip(ROWS, COLUMNS, strict=True) if is_full else np.ndindex(3, 3)
        norm = LogNorm(1, max(10, len(truth) / 40))
        for k, (name, (row, column)) in enumerate(zip(names, places, strict=True)):
            ax = fig.add_subplot(grid[int(row), int(column)])
            mesh = _panel(ax, truth[:, k], prediction[:, k], norm)
            ax.set_title(f"{style.symbol(name)}    $R^2$ = {score[k]:.4f}", pad=4)
        caption = f"{heading}{up} over {across} constants, {len(truth):,} designs"
        fig.suptitle(caption, y=0.985, fontsize=13)
        if is_full:
            axes = f"across: {across}\nup: {up}\nboth {_UNIT}\ndashed: equal"
            _ranking(fig, grid, score)
            _key(fig, grid, mesh, axes)
        else:
            fig.supxlabel(f"{across} {_UNIT}", y=0.005)
            fig.supylabel(f"{up} {_UNIT}", x=0.005)
            bar = fig.add_axes((0.89, 0.2, 0.018, 0.6))
            fig.colorbar(mesh, cax=bar, extend="max").set_label("designs in a bin")


def _panel(ax: Axes, truth: np.ndarray, prediction: np.ndarray, norm: LogNorm) -> QuadMesh:
    """Draw one panel in units of 10⁻³ and return its mesh."""
    truth = 1e3 * truth
    prediction = 1e3 * prediction
    low = min(truth.min(), prediction.min())
    high = max(truth.max(), prediction.max())
    margin = 0.03 * (high - low)
    low = low - margin
    high = high + margin

    edges = np.linspace(low, high, int(np.clip(2 * len(truth) ** 0.5, 30, 70)) + 1)
    counts, _, _ = np.histogram2d(truth, prediction, bins=[edges, edges])
    counts = np.where(counts > 0, counts, np.nan).T
    look: dict[str, Any] = {"norm": norm, "cmap": DENSITY_MAP, "rasterized": True}
    mesh = ax.pcolormesh(edges, edges, counts, **look)
    ax.plot([low, high], [low, high], color=style.TEST, lw=0.8, ls=(0, (4, 3)))
    ax.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    for axis in (ax.xaxis, ax.yaxis):
        locator: Any = axis.get_major_locator()
        locator.set_params(nbins=5, steps=[1, 2, 2.5, 5, 10])
    return mesh


def _ranking(fig: Figure, grid: GridSpec, score: np.ndarray) -> None:
    """Draw R² of the constants from worst to best, in the free corner."""
    left = 0.055
    bottom = grid[5, 2].get_position(fig).y0
    top = grid[2, 0].get_position(fig).y1
    order = np.argsort(score)
    ax = fig.add_axes((left + 0.01, bottom, 0.30, top - bottom - 0.13))

    # The axis begins below the lowest score. Bars below zero (worse than the mean) run to the
    # left, at most to -1.
    floor = max(-1.0, np.floor(10 * (min(score.min(), 0.93) - 0.03)) / 10)
    base = max(floor, 0.0)
    width = np.maximum(score[order], floor) - base
    ax.barh(np.arange(21), width, left=base, height=0.62, color=style.HERE)
    if floor < 0:
        ax.axvline(0, color=style.PUBLISHED, lw=0.8)
    for y, k in enumerate(order):
        words = f" {score[k]:.4f}" + ("" if score[k] >= floor else " (off the scale)")
        ax.text(max(score[k], base), y, words, va="center", fontsize=7.5)
    ax.set_yticks(np.arange(21), [style.symbol(COMPONENTS[k]) for k in order])
    ax.tick_params(axis="y", length=0)
    ax.set(xlim=(floor, 1), ylim=(-0.7, 20.7), xlabel="$R^2$, from worst to best")


def _key(fig: Figure, grid: GridSpec, mesh: QuadMesh, axes: str) -> None:
    """Write the axes in words, and draw the colour scale below."""
    # Columns 0 and 1 of the matrix are free from row 2 on, and column 0 from row 1 on.
    first = grid[1, 0].get_position(fig)
    fig.text(first.x0 - 0.005, first.y1, axes, va="top", fontsize=9, linespacing=1.5)
    bar = fig.add_axes((first.x0, first.y0 + 0.012, first.width, 0.011))
    scale = fig.colorbar(mesh, cax=bar, orientation="horizontal", extend="max")
    scale.set_label("designs in a bin")
