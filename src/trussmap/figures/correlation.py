"""Fig. 2, SI Figs. S3 and S4: predicted over true, and achieved over target stiffness, a panel per elastic constant."""

from pathlib import Path

import numpy as np
import seaborn as sns
from matplotlib.colors import LinearSegmentedColormap, LogNorm

from trussmap.figures import style
from trussmap.measures import r_squared
from trussmap.stiffness import COLUMNS, COMPONENTS, ORTHOTROPIC, ROWS

#: Density of points.
DENSITY_MAP = LinearSegmentedColormap.from_list("density", sns.color_palette("mako_r", 256)[30:])


def plot(
    truth: np.ndarray,
    prediction: np.ndarray,
    path: str | Path,
    title: str = "",
    words: tuple[str, str] = ("true", "predicted"),
) -> None:
    """Draw predicted over true constants, (n, 21) or (n, 9) orthotropic ones, in units of E_base, to ``path`` (PNG).

    The 21 panels stand where the constants stand in the 6×6 matrix; the free corner ranks their R². Bins are coloured
    by the number of designs in them, on one logarithmic scale. Both axes of a panel are equal and hold every design.
    ``words`` say what stands across and what up.
    """
    truth, prediction = np.asarray(truth, float), np.asarray(prediction, float)
    names = COMPONENTS if truth.shape[1] == 21 else ORTHOTROPIC
    score = r_squared(truth, prediction)
    full = len(names) == 21
    with style.figure(path, *((12, 11.6) if full else (8.4, 8))) as fig:
        rows, columns = (6, 6) if full else (3, 3)
        grid = fig.add_gridspec(
            rows, columns, left=0.06, right=0.99 if full else 0.86, top=0.93, bottom=0.055, wspace=0.34, hspace=0.36
        )
        places = zip(ROWS, COLUMNS, strict=True) if full else np.ndindex(3, 3)
        norm = LogNorm(1, max(10, len(truth) / 40))
        for k, (name, place) in enumerate(zip(names, places, strict=True)):
            ax = fig.add_subplot(grid[tuple(place)])
            mesh = _panel(ax, truth[:, k], prediction[:, k], norm)
            ax.set_title(f"{style.symbol(name)}    $R^2$ = {score[k]:.4f}", pad=4)
        unit = r"$C_{ij}\,/\,E_\mathrm{base}$  [$10^{-3}$]"
        heading = f"{title}: " if title else ""
        across, up = words
        fig.suptitle(f"{heading}{up} over {across} constants, {len(truth):,} designs", y=0.985, fontsize=13)
        if full:
            _corner(fig, grid, names, score, mesh, f"across: {across}\nup: {up}\nboth {unit}\ndashed: equal")
        else:
            fig.supxlabel(f"{across} {unit}", y=0.005)
            fig.supylabel(f"{up} {unit}", x=0.005)
            bar = fig.add_axes((0.89, 0.2, 0.018, 0.6))
            fig.colorbar(mesh, cax=bar, extend="max").set_label("designs in a bin")


def _panel(ax, truth, prediction, norm):
    """One panel in units of 10⁻³; returns the mesh for the colour bar."""
    truth, prediction = 1e3 * truth, 1e3 * prediction
    low, high = min(truth.min(), prediction.min()), max(truth.max(), prediction.max())
    margin = 0.03 * (high - low)
    low, high = low - margin, high + margin
    edges = np.linspace(low, high, int(np.clip(2 * len(truth) ** 0.5, 30, 70)) + 1)
    counts, _, _ = np.histogram2d(truth, prediction, bins=[edges, edges])
    mesh = ax.pcolormesh(
        edges, edges, np.where(counts > 0, counts, np.nan).T, norm=norm, cmap=DENSITY_MAP, rasterized=True
    )
    ax.plot([low, high], [low, high], color=style.TEST, lw=0.8, ls=(0, (4, 3)))
    ax.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    for axis in (ax.xaxis, ax.yaxis):
        axis.get_major_locator().set_params(nbins=5, steps=[1, 2, 2.5, 5, 10])
    return mesh


def _corner(fig, grid, names, score, mesh, axes):
    """The free lower-left corner: axes in words, colour scale, and R² of the constants from worst to best."""
    left, bottom, top = 0.055, grid[5, 2].get_position(fig).y0, grid[2, 0].get_position(fig).y1
    order = np.argsort(score)
    ax = fig.add_axes((left + 0.01, bottom, 0.30, top - bottom - 0.13))
    # from the lowest score on, rounded down; below zero (worse than the mean) bars run to the left, at most to -1
    floor = max(-1.0, np.floor(10 * (min(score.min(), 0.93) - 0.03)) / 10)
    base = max(floor, 0.0)
    ax.barh(np.arange(21), np.maximum(score[order], floor) - base, left=base, height=0.62, color=style.HERE)
    if floor < 0:
        ax.axvline(0, color=style.PUBLISHED, lw=0.8)
    for y, k in enumerate(order):
        inside = score[k] >= floor
        ax.text(
            max(score[k], base),
            y,
            f" {score[k]:.4f}" + ("" if inside else " (off the scale)"),
            va="center",
            fontsize=7.5,
        )
    ax.set_yticks(np.arange(21), [style.symbol(names[k]) for k in order])
    ax.tick_params(axis="y", length=0)
    ax.set(xlim=(floor, 1), ylim=(-0.7, 20.7), xlabel="$R^2$, from worst to best")
    # columns 0 and 1 of the matrix are free from row 2 on, and column 0 from row 1 on
    first = grid[1, 0].get_position(fig)
    fig.text(
        first.x0 - 0.005,
        first.y1,
        axes,
        va="top",
        fontsize=9,
        linespacing=1.5,
    )
    bar = fig.add_axes((first.x0, first.y0 + 0.012, first.width, 0.011))
    fig.colorbar(mesh, cax=bar, orientation="horizontal", extend="max").set_label("designs in a bin")
