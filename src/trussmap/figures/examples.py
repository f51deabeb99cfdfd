"""Fig. 1B–D: three designs at one relative density.

Each is drawn with its elastic surface.
"""

from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np

from trussmap.figures import draw, style
from trussmap.lattice.compound import compound, lattice_set
from trussmap.lattice.descriptor import DENSITY, REPS, TYPES, deformation_map
from trussmap.lattice.elementary import NAMES
from trussmap.mechanics.homogenization import homogenize_designs

#: Three designs (3, 19) in the order of DESIGN_COLUMNS at the paper's relative density of 0.05.
#: They have one, two and three elementary lattices, from no stretch to a strong one.
EXAMPLES = np.array(
    [
        [0.05, 1.0, 1.0, 1.0, 1, 1, 1, 1, 1, 1, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0],
        [0.05, 0.8, 1.0, 1.4, 0, 3, 3, 1, 1, 1, 0.6, 0.3, 0.8, 0.5, -0.5, 0.6, 1.0, 1.2, 0.8],
        [0.05, 1.2, 0.7, 1.1, 2, 4, 6, 1, 2, 1, 1.1, -0.6, 0.2, 2.1, 0.4, 0.7, 0.8, 1.0, 1.4],
    ]
)


def plot(designs: np.ndarray, path: str | Path) -> None:
    """Draw one cell of each design (n, 19) above its elastic surface.

    Each surface has its own scale. The figure is written to ``path`` (PNG).
    """
    count = len(designs)
    stiffness = homogenize_designs(designs)
    maps = deformation_map(designs)
    edges = {"left": 0.06, "right": 0.99, "top": 0.85, "bottom": 0.05}
    with style.figure(path, 3.1 * count, 6.2) as fig:
        grid = fig.add_gridspec(2, count, **edges, wspace=0.05, hspace=0.1)
        for k, design in enumerate(designs):
            graph = compound(design[TYPES], design[REPS]).mapped(maps[k])
            ax = fig.add_subplot(grid[0, k])
            draw.lattice(ax, graph, design[DENSITY], pixels=600)
            box = grid[0, k].get_position(fig)
            fig.text(box.x0 + 0.01, 0.885, "BCDEFG"[k], fontsize=12, weight="bold")
            look: dict[str, Any] = {"fontsize": 8.5, "va": "center", "linespacing": 1.3}
            fig.text(box.x0 + 0.045, 0.9, fill(_names(design), 34), **look)

            below = fig.add_subplot(grid[1, k])
            draw.elastic_surface(below, stiffness[k])
            length = draw.round_length(draw.maximum_modulus(stiffness[k]) / 2)
            draw.scale_bar(below, length, f"{style.number(length)} $E_\\mathrm{{base}}$", y=0.0)
            if k == 0:
                for corner in (ax, below):
                    draw.triad(corner, at=(-0.06, -0.02), size=0.1)

        for row, words in enumerate(("one cell of the lattice", "elastic surface $E(n)$")):
            box = grid[row, 0].get_position(fig)
            look = {"rotation": 90, "ha": "center", "va": "center", "fontsize": 10}
            fig.text(0.02, (box.y0 + box.y1) / 2, words, **look)
        density = style.number(designs[0, DENSITY])
        fig.suptitle(f"Designs of one relative density, {density}", x=0.06, ha="left", y=0.975)


def _names(design: np.ndarray) -> str:
    """Return the names of the elementary lattices of a design."""
    names = [
        NAMES[number].replace("_", " ") + (" (2×)" if rep == 2 else "")
        for number, rep in lattice_set(design[TYPES], design[REPS])
    ]
    return " + ".join(names)
