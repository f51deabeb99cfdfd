"""SI Fig. S1: the seven elementary lattices at tessellation 1 and 2."""

from pathlib import Path
from typing import Any

import numpy as np

from trussmap.figures import draw, style
from trussmap.lattice.elementary import NAMES, elementary_lattice


def plot(path: str | Path) -> None:
    """Draw the seven elementary lattices at tessellation 1 and 2.

    The figure is written to ``path`` (PNG).
    """
    edges = {"left": 0.05, "right": 0.995, "top": 0.855, "bottom": 0.005}
    limits = draw.bounds(np.vstack(draw.cell_edges(np.eye(3))) - 0.5, 0.06)
    with style.figure(path, 12, 4.7) as fig:
        grid = fig.add_gridspec(2, 7, **edges, wspace=0.02, hspace=0.02)
        for index, name in enumerate(NAMES):
            for row, repeat in enumerate((1, 2)):
                ax = fig.add_subplot(grid[row, index])
                graph = elementary_lattice(index)
                graph = graph.tiled(2) if repeat == 2 else graph
                # All have one relative density: at tessellation 2 struts are half as thick.
                draw.lattice(ax, graph, 0.02, style.LATTICES[index], limits, 420)
                if row == 0:
                    words = name.replace("_", " ").replace(" with ", " with\n")
                    gap = "  " if "\n" in words else "\n"
                    ax.set_title(f"{index}{gap}{words}", pad=4)
                if index == 0:
                    look: dict[str, Any] = {"rotation": 90, "va": "center", "ha": "center"}
                    words = f"tessellation {repeat}"
                    ax.text(-0.14, 0.5, words, transform=ax.transAxes, **look)
                if index == 0 and row == 0:
                    draw.triad(ax, at=(-0.14, -0.02), size=0.13)
