"""Fig. 1: the generation of one design, stage by stage.

Each stage is drawn with its elastic surface.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.patches import Patch

from trussmap.figures import draw, style
from trussmap.lattice.compound import compound
from trussmap.lattice.descriptor import DENSITY, R1, R2, REPS, TYPES, U, V
from trussmap.lattice.elementary import NAMES, elementary_lattice
from trussmap.lattice.graph import PeriodicGraph
from trussmap.mechanics.homogenization import homogenize_cells
from trussmap.tensors.rotation import rotation

#: A design (19,) in the order of DESIGN_COLUMNS whose stages differ visibly: simple cubic, octet
#: and bcc, once each.
EXAMPLE = np.array(
    [0.03, 1.0, 0.75, 1.45, 0, 1, 2, 1, 1, 1, 0.9, 0.3, -0.4, 0.7, -0.5, 0.2, 1.5, 0.8, 0.9],
    dtype=float,
)


@dataclass(frozen=True)
class Stage:
    """One column of the figure.

    Attributes
    ----------
    label, map : lines above it
    graph : the lattice
    stiffness : (21,) in units of E_base
    """

    label: str
    map: str
    graph: PeriodicGraph
    stiffness: np.ndarray


def stages(design: np.ndarray) -> list[Stage]:
    """Return the five stages of a design (19,).

    They are the superposed lattices, then U, R1, V and R2 applied one after another.
    """
    design = np.asarray(design, float)
    steps = [
        ("superposed lattices", "$X$", np.eye(3)),
        ("stretch U", "$U X$", np.diag(design[U])),
        ("rotation R1", "$R_1 U X$", rotation(design[R1])),
        ("stretch V", "$V R_1 U X$", np.diag(design[V])),
        ("rotation R2", "$R_2 V R_1 U X$", rotation(design[R2])),
    ]
    graphs = []
    total = np.eye(3)
    for _, _, step in steps:
        total = step @ total
        graphs.append(compound(design[TYPES], design[REPS]).mapped(total))
    stiffness = homogenize_cells(graphs, design[DENSITY])
    return [
        Stage(label, words, graph, c)
        for (label, words, _), graph, c in zip(steps, graphs, stiffness, strict=True)
    ]


def plot(design: np.ndarray, path: str | Path) -> None:
    """Draw the generation sequence of one design (19,) to ``path`` (PNG).

    Upper row: one cell of each stage, all at one length scale. Lower row: the elastic surface of
    each stage, all at one scale of the directional Young's modulus E(n) / E_base.
    """
    design = np.asarray(design, float)
    density = design[DENSITY]
    sequence = stages(design)
    windows = [np.reshape(draw.lattice_limits(stage.graph), (2, 2)) for stage in sequence]
    side = max(np.ptp(window, axis=1).max() for window in windows)
    limits = (-side / 2, side / 2, -side / 2, side / 2)
    top = draw.maximum_modulus(np.array([stage.stiffness for stage in sequence]))
    norm = Normalize(0, top)
    edges = {"left": 0.05, "right": 0.91, "top": 0.87, "bottom": 0.07}
    with style.figure(path, 12, 5.9) as fig:
        grid = fig.add_gridspec(2, 5, **edges, wspace=0.03, hspace=0.12)
        for column, stage in enumerate(sequence):
            ax = fig.add_subplot(grid[0, column])
            if column == 0:
                _superposed(ax, design, limits)
            else:
                draw.lattice(ax, stage.graph, density, style.STEEL, limits, 560)
            ax.set_title(f"{stage.label}\n{stage.map}", pad=2)
            below = fig.add_subplot(grid[1, column])
            _surface(below, stage, norm, 1.04 * top)
            if column == 0:
                draw.triad(ax, at=(0.0, 0.03), size=0.1)
                draw.triad(below, at=(0.0, 0.03), size=0.1)
                length = draw.round_length(top / 2)
                words = f"{style.number(length)} $E_\\mathrm{{base}}$"
                draw.scale_bar(below, length, words, y=0.02)
        _label(fig, grid, norm)
        title = f"Generation of one design at relative density {density:.3g}"
        fig.suptitle(title, x=0.05, ha="left", y=0.985)


def _surface(ax: Axes, stage: Stage, norm: Normalize, reach: float) -> None:
    """Draw the elastic surface of a stage."""
    draw.elastic_surface(ax, stage.stiffness, norm, (-reach, reach, -reach, reach))
    largest = style.number(draw.maximum_modulus(stage.stiffness))
    words = f"largest $E(n)$ = {largest} $E_\\mathrm{{base}}$"
    ax.set_title(words, fontsize=8.5, pad=0, y=1)


def _label(fig: Figure, grid: GridSpec, norm: Normalize) -> None:
    """Write the names of the rows, and draw the colour bar."""
    for row, words in enumerate(("one cell of the lattice", "elastic surface")):
        box = grid[row, 0].get_position(fig)
        look: dict[str, Any] = {"rotation": 90, "ha": "center", "va": "center", "fontsize": 10}
        fig.text(0.022, (box.y0 + box.y1) / 2, words, **look)
    box = grid[1, 4].get_position(fig)
    bar = fig.add_axes((0.925, box.y0 + 0.05, 0.01, box.height - 0.1))
    scale = fig.colorbar(ScalarMappable(norm, style.MODULUS_MAP), cax=bar)
    scale.set_label("directional Young's modulus $E(n)\\,/\\,E_\\mathrm{base}$")


def _superposed(ax: Axes, design: np.ndarray, limits: draw.Window) -> None:
    """Draw the superposed lattices, each in its colour, with a legend."""
    lattices = _elementary_lattices(design)
    start = []
    end = []
    colors = []
    for (number, _), graph in lattices.items():
        a, b, _ = draw.cell_struts(graph)
        start.append(a - 0.5)
        end.append(b - 0.5)
        colors.append(np.tile(to_rgb(style.LATTICES[number]), (len(a), 1)))
    whole = compound(design[TYPES], design[REPS])
    radius = max(whole.radii(design[DENSITY])[0], 0.008)
    draw.picture(ax, np.vstack(start), np.vstack(end), radius, np.vstack(colors), limits, 560)

    handles = []
    for number, repeat in lattices:
        label = NAMES[number].replace("_", " ") + (" (2×)" if repeat == 2 else "")
        handles.append(Patch(color=style.LATTICES[number], label=label))
    place: dict[str, Any] = {"loc": "lower center", "bbox_to_anchor": (0.56, -0.09)}
    place |= {"handlelength": 1, "borderpad": 0, "labelspacing": 0.25}
    ax.legend(handles=handles, **place, fontsize=7.5)


def _elementary_lattices(design: np.ndarray) -> dict[tuple[int, int], PeriodicGraph]:
    """Return {(number, tessellation): graph} of a design, each once."""
    lattices = {}
    numbers = design[TYPES].astype(int)
    for number, repeat in zip(numbers, design[REPS].astype(int), strict=True):
        graph = elementary_lattice(number)
        lattices[number, repeat] = graph.tiled(2) if repeat == 2 else graph
    return lattices
