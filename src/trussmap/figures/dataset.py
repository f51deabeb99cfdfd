"""Distribution of the 21 constants in the data set.

It is compared with the published moments.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from trussmap.data.dataset import PUBLISHED_DESIGNS
from trussmap.figures import style
from trussmap.tensors.stiffness import COLUMNS, COMPONENTS, ROWS


def plot(stiffness: np.ndarray, published: pd.DataFrame, path: str | Path) -> None:
    """Draw the distribution of each constant to ``path`` (PNG).

    Each panel stands where its constant stands in the 6×6 matrix. The free corner compares the
    moments: differences of means and standard deviations in their standard errors, of both samples
    together.

    Parameters
    ----------
    stiffness : (n, 21) in units of E_base
    published : columns ``column``, ``mean``, ``std`` of the published data set (3,000,000 designs)
    """
    moments = published.set_index("column").loc[COMPONENTS]
    mean = moments["mean"].to_numpy()
    std = moments["std"].to_numpy()
    edges = {"left": 0.03, "right": 0.99, "top": 0.93, "bottom": 0.055}
    with style.figure(path, 12, 10.8) as fig:
        grid = fig.add_gridspec(6, 6, **edges, wspace=0.16, hspace=0.5)
        for k, (row, column) in enumerate(zip(ROWS, COLUMNS, strict=True)):
            ax = fig.add_subplot(grid[int(row), int(column)])
            _panel(ax, stiffness[:, k], mean[k], std[k], COMPONENTS[k])
        title = f"Distribution of the 21 elastic constants, {len(stiffness):,} designs, "
        title += "against the published moments"
        fig.suptitle(title, y=0.98, fontsize=13)

        scores = [
            _scores(column.astype(float), *known)
            for column, *known in zip(stiffness.T, mean, std, strict=True)
        ]
        of_means, of_stds = np.transpose(scores)
        _key(fig, grid)
        _corner(fig, grid, 0.055, of_means, "mean: here − published\n[standard errors]")
        _corner(fig, grid, 0.25, of_stds, "std: here − published\n[standard errors]")


def _panel(ax: Axes, values: np.ndarray, mean: float, std: float, name: str) -> None:
    """Draw the histogram of one constant in units of 10⁻³.

    Above it are its mean ± standard deviation and the published ones.
    """
    values = 1e3 * values.astype(float)
    low, high = np.quantile(values, [0.001, 0.999])
    low = min(low, 1e3 * (mean - std))
    high = max(high, 1e3 * (mean + std))
    steps = {"element": "step", "stat": "density", "color": style.HERE, "alpha": 0.35, "lw": 0.9}
    sns.histplot(values, bins=60, binrange=(low, high), ax=ax, **steps)

    top = ax.dataLim.ymax
    for height, middle, spread, color in (
        (1.10, values.mean(), values.std(), style.HERE),
        (1.24, 1e3 * mean, 1e3 * std, style.PUBLISHED),
    ):
        look: dict[str, Any] = {"color": color, "marker": "o", "ms": 3.5, "lw": 1.2, "zorder": 3}
        ax.errorbar(middle, height * top, xerr=spread, capsize=2.5, **look)
    ax.axvline(1e3 * mean, color=style.PUBLISHED, lw=0.7, ls=(0, (2, 2)))
    ax.set(xlim=(low, high), ylim=(0, 1.36 * top), ylabel="", yticks=[])
    ax.spines["left"].set_visible(False)
    locator: Any = ax.xaxis.get_major_locator()
    locator.set_params(nbins=4, steps=[1, 2, 5, 10])
    ax.set_title(style.symbol(name), pad=3)


def _key(fig: Figure, grid: GridSpec) -> None:
    """Draw the legend of the panels in the free lower-left corner."""
    first = grid[1, 0].get_position(fig)
    key = fig.add_axes((first.x0, first.y0, first.width, first.height))
    key.axis("off")
    key.set(xlim=(0, 1), ylim=(0, 1))
    for y, color, text in ((0.93, style.HERE, "here"), (0.74, style.PUBLISHED, "published")):
        key.errorbar(0.14, y, xerr=0.12, color=color, marker="o", ms=3.5, lw=1.2, capsize=2.5)
        key.text(0.32, y, text, va="center", fontsize=8.5)
    words = "across: " + r"$C_{ij}/E_\mathrm{base}$  [$10^{-3}$]"
    words += "\nup: density of designs\nbars: mean ± std"
    key.text(0.02, 0.36, words, va="center", linespacing=1.6, fontsize=8.5)


def _corner(fig: Figure, grid: GridSpec, left: float, score: np.ndarray, label: str) -> None:
    """Draw the scores of one moment in the free lower-left corner."""
    last = grid[5, 2].get_position(fig)
    base = last.y0 + 0.015
    height = grid[3, 0].get_position(fig).y1 - last.y0 - 0.015
    ax = fig.add_axes((left, base, 0.155, height))
    reach = max(4.0, 1.1 * np.abs(score).max())
    y = np.arange(21)[::-1]
    ax.axvspan(-2, 2, color="#eceef1", lw=0)
    ax.axvline(0, color=style.PUBLISHED, lw=0.8)
    ax.hlines(y, 0, score, color=style.HERE, lw=1)
    ax.plot(score, y, "o", color=style.HERE, ms=4)
    ax.set_yticks(y, [style.symbol(name) for name in COMPONENTS])
    ax.tick_params(axis="y", length=0)
    ax.set(xlim=(-reach, reach), ylim=(-0.8, 20.8), xlabel=label)


def _scores(values: np.ndarray, mean: float, std: float) -> tuple[float, float]:
    """Return the differences from the published moments.

    They are those of mean and standard deviation, in their standard errors.
    """
    here = values.mean()
    spread = values.std()
    each = 1 / len(values)
    of_mean = (here - mean) / np.sqrt(spread**2 * each + std**2 / PUBLISHED_DESIGNS)

    # The error of a standard deviation follows from the fourth moment: the tails are heavier than
    # those of a normal law.
    fourth = max(((values - here) ** 4).mean() - spread**4, 1e-300)
    error = np.sqrt(fourth * (each + 1 / PUBLISHED_DESIGNS))
    return of_mean, (spread - std) * 2 * spread / error
