"""SI Fig. S1: the seven elementary lattices, as one cell and at tessellation 2."""

from pathlib import Path

import numpy as np

from trussmap.figures import draw, style
from trussmap.lattice.elementary import NAMES, elementary_lattice


def plot(path: str | Path) -> None:
    """Draw the seven elementary lattices at tessellation 1 and 2 to ``path`` (PNG)."""
    with style.figure(path, 12, 4.7) as fig:
        grid = fig.add_gridspec(2, 7, left=0.05, right=0.995, top=0.855, bottom=0.005, wspace=0.02, hspace=0.02)
        cube = np.vstack(draw.cell_edges(np.eye(3))) - 0.5
        limits = draw.bounds(cube, 0.06)
        for index, name in enumerate(NAMES):
            for row, repeat in enumerate((1, 2)):
                ax = fig.add_subplot(grid[row, index])
                graph = elementary_lattice(index)
                graph = graph.tiled(2) if repeat == 2 else graph
                # one relative density for all: at tessellation 2 the struts are half as thick
                draw.lattice(ax, graph, 0.02, style.LATTICES[index], limits, 420)
                if row == 0:
                    words = name.replace("_", " ").replace(" with ", " with\n")
                    ax.set_title(f"{index}  {words}" if "\n" in words else f"{index}\n{words}", pad=4)
                if index == 0:
                    ax.text(
                        -0.14,
                        0.5,
                        f"tessellation {repeat}",
                        transform=ax.transAxes,
                        rotation=90,
                        va="center",
                        ha="center",
                    )
                if index == 0 and row == 0:
                    draw.triad(ax, at=(-0.14, -0.02), size=0.13)
