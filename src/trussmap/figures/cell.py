"""One design: its cell and its elastic surface."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from trussmap.figures import draw, style
from trussmap.lattice.graph import PeriodicGraph


def plot(
    graph: PeriodicGraph,
    relative_density: float,
    stiffness: np.ndarray,
    path: str | Path | None,
    title: str = "",
) -> Figure:
    """Draw a cell and the directional Young's modulus of its stiffness.

    ``stiffness`` (21,) has base modulus 1. The figure is written to ``path`` (PNG), if any.
    """
    with style.figure(path, 6.4, 3.6) as fig:
        left = fig.add_axes((0.02, 0.03, 0.47, 0.78))
        right = fig.add_axes((0.51, 0.03, 0.47, 0.78))
        draw.lattice(left, graph, relative_density)
        draw.triad(left, at=(0.0, 0.02))
        draw.elastic_surface(right, np.asarray(stiffness, float))
        largest = style.number(draw.maximum_modulus(stiffness))
        words = f"one cell, $\\rho$ = {style.number(relative_density)}"
        fig.text(0.255, 0.85, words, ha="center", fontsize=9)
        words = f"elastic surface, largest $E(n)$ = {largest} $E_\\mathrm{{base}}$"
        fig.text(0.745, 0.85, words, ha="center", fontsize=9)
        fig.text(0.5, 0.94, title, ha="center", fontsize=10)
    return fig
