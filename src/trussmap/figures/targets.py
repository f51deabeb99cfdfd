"""Fig. 3A: targets and the two best designs for each.

Their elastic surfaces are drawn on three planes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from trussmap.designs.table import lattices_of
from trussmap.figures import draw, style
from trussmap.lattice.descriptor import DESIGN_COLUMNS, design_graph
from trussmap.lattice.graph import PeriodicGraph
from trussmap.tensors.stiffness import COMPONENTS, directional_modulus

#: Planes of the projections: names and indices of their axes.
_PLANES = (("x", "y", 0, 1), ("x", "z", 0, 2), ("y", "z", 1, 2))
#: Label, colour, dashes and width of each curve.
_LOOK: tuple[tuple[str, str, Any, float], ...] = (
    ("target", style.TARGET, "-", 2.4),
    ("design A", style.DESIGN_A, "-", 1.6),
    ("design B", style.DESIGN_B, (0, (4, 2)), 1.6),
)
#: Targets that are drawn, at most.
MOST = 8
#: Names of fewer letters are written in one line.
_SHORT = 16


class _Target(NamedTuple):
    """One row of the figure.

    Attributes
    ----------
    name : of the target
    stiffness : (21,) of the target
    graph : the lattice that the target belongs to, if any
    designs : table of A and B
    families : {name: table of the best design}
    """

    name: str
    stiffness: np.ndarray
    graph: PeriodicGraph | None
    designs: pd.DataFrame
    families: dict[str, pd.DataFrame]


def plot(
    names: list[str],
    targets: np.ndarray,
    designs: pd.DataFrame,
    path: str | Path,
    graphs: Sequence[PeriodicGraph | None] | None = None,
    unit_scale: float = 1.0,
    unit: str = "E_base",
    families: dict[str, pd.DataFrame] | None = None,
) -> None:
    """Draw targets and their designs A and B to ``path`` (PNG).

    Every target has a row; at most ``MOST`` are drawn. Design A has rank 1, design B rank 2.

    Parameters
    ----------
    names : k names of the targets
    targets : (k, 21) in units of E_base
    designs : DataFrame with ``target`` (from 1), ``rank``, the descriptor's columns, ``C11`` …
        ``C66`` verified by FE and ``relative_error``, ``modulus_error_largest``
    graphs : k PeriodicGraph or None: the lattice that a target belongs to, if any
    unit_scale, unit : factor and unit of moduli (114.0 and "GPa" for titanium bone scaffolds)
    families : {name: table} of designs of further families, whose best are drawn beside A and B
    """
    targets = np.asarray(targets, float)[:MOST]
    lattices = [*graphs][: len(targets)] if graphs is not None else [None] * len(targets)
    with_lattice = any(graph is not None for graph in lattices)
    families = families or {}
    unit = r"$E_\mathrm{base}$" if unit == "E_base" else unit
    rows = len(targets)
    columns = 6 + with_lattice + len(families)
    height = 2.25 * rows + 0.95
    edges = {"left": 0.035, "right": 0.99, "top": 1 - 0.95 / height, "bottom": 0.32 / height}
    with style.figure(path, 1.92 * columns + 0.5, height) as fig:
        grid = fig.add_gridspec(rows, columns, **edges, wspace=0.12, hspace=0.26)
        for row in range(rows):
            chosen = designs[designs["target"] == row + 1].sort_values("rank").head(2)
            best = {
                family: table[(table["target"] == row + 1) & (table["rank"] == 1)]
                for family, table in families.items()
            }
            target = _Target(names[row], targets[row], lattices[row], chosen, best)
            axes = [fig.add_subplot(grid[row, column]) for column in range(columns)]
            _row(axes, target, unit_scale, unit, with_lattice)
            if row == 0:
                draw.triad(axes[0], at=(0.06, 0.04), size=0.1)
        _title(fig, height, bool(families))


def _title(fig: Figure, height: float, with_families: bool) -> None:
    handles = [
        Line2D([], [], color=color, ls=dashes, lw=width, label=label)
        for label, color, dashes, width in _LOOK
    ]
    place: dict[str, Any] = {"loc": "upper right", "bbox_to_anchor": (0.985, 1 - 0.06 / height)}
    fig.legend(handles=handles, **place, ncols=3)
    further = ", the best of further families" if with_families else ""
    title = f"Targets, their designs A and B{further}, and elastic surfaces on three planes"
    fig.suptitle(title, x=0.035, ha="left", y=1 - 0.14 / height, fontsize=13)


def _row(axes: list[Axes], target: _Target, scale: float, unit: str, with_lattice: bool) -> None:
    """Draw one target.

    From left to right: elastic surface, lattice, designs A and B, those of further families, and
    three projections.
    """
    curves = [scale * target.stiffness]
    curves += [scale * row[COMPONENTS].to_numpy(float) for _, row in target.designs.iterrows()]
    surface, *axes = axes
    _surface(surface, target.name, curves[0], unit)
    if with_lattice:
        ax, *axes = axes
        _lattice(ax, target.graph)
    for k, (label, color, _, _) in enumerate(_LOOK[1:]):
        ax, *axes = axes
        if k >= len(target.designs):
            _words(ax, f"no {label}:\nno further topology")
            continue
        row = target.designs.iloc[k]
        _design(ax, label, color, row, design_graph(row[DESIGN_COLUMNS].to_numpy(float)))
    for family, best in target.families.items():
        ax, *axes = axes
        graph = lattices_of(best).graph(0)
        _design(ax, f"family {family}", style.HERE, best.iloc[0], graph)
    _projections(axes, curves, unit)


def _surface(ax: Axes, name: str, stiffness: np.ndarray, unit: str) -> None:
    """Draw the elastic surface of a target, with its name at the left."""
    top = draw.maximum_modulus(stiffness)
    reach = 1.05 * top
    draw.elastic_surface(ax, stiffness, Normalize(0, top), (-reach, reach, -reach, reach))
    title = f"target, largest $E$:\n{style.number(top)} {unit}"
    ax.set_title(title, fontsize=8.5, pad=1, y=1)
    is_short = len(name) < _SHORT
    x = -0.05 if is_short else -0.12
    look: dict[str, Any] = {"rotation": 90, "ha": "center", "va": "center"}
    size = 11 if is_short else 9
    ax.text(x, 0.5, _two_lines(name), transform=ax.transAxes, **look, fontsize=size)


def _lattice(ax: Axes, graph: PeriodicGraph | None) -> None:
    """Draw the lattice that a target belongs to."""
    if graph is None:
        _words(ax, "target given as\nstiffness alone")
    else:
        limits = draw.square(draw.lattice_limits(graph))
        draw.lattice(ax, graph, 0.01, style.TARGET, limits, 500)
        ax.set_title("target: its lattice\n", fontsize=8.5, pad=1, y=1)


def _design(ax: Axes, label: str, color: str, row: pd.Series, lattice: PeriodicGraph) -> None:
    """Draw the cell of a design, with its density and errors."""
    limits = draw.square(draw.lattice_limits(lattice))
    density = row["relative_density"]
    draw.lattice(ax, lattice, density, color, limits, 500)
    error = style.percent(row["relative_error"])
    worst = style.percent(row["modulus_error_largest"])
    words = f"off by {error}" + ("" if error == worst else f", $E(n)$ by ≤ {worst}")
    ax.set_title(f"{label}, $\\rho$ = {density:.3f}\n{words}", fontsize=8, pad=1, y=1)


def _projections(axes: list[Axes], curves: list[np.ndarray], unit: str) -> None:
    """Draw polar curves E(n) in the planes xy, xz, yz at one scale.

    Rings and axes are labelled.
    """
    angle = np.linspace(0, 2 * np.pi, 2881)  # Stiff directions can be very narrow.
    cos = np.cos(angle)
    sin = np.sin(angle)
    planes = []
    for _, _, i, j in _PLANES:
        n = np.zeros((len(angle), 3))
        n[:, i] = cos
        n[:, j] = sin
        planes.append([directional_modulus(c, n) for c in curves])
    top = max(np.max(plane) for plane in planes)
    step = draw.round_length(top / 1.6)
    reach = 1.12 * top
    for ax, (a, b, _, _), plane in zip(axes, _PLANES, planes, strict=True):
        for ring in np.arange(step, reach, step):
            ax.plot(ring * cos, ring * sin, color=style.GUIDE, lw=0.6, zorder=0)
        ax.axhline(0, color=style.GUIDE, lw=0.6, zorder=0)
        ax.axvline(0, color=style.GUIDE, lw=0.6, zorder=0)
        for modulus, (_, color, line, width) in zip(plane, _LOOK, strict=False):
            ax.plot(modulus * cos, modulus * sin, color=color, ls=line, lw=width)
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        ax.axis("off")
        ax.text(reach, 0.03 * reach, f"${a}$", ha="right", va="bottom", fontsize=9)
        ax.text(0, reach, f"${b}$", ha="center", va="bottom", fontsize=9)
        ax.set_title(f"$E(n)$ in the {a}{b} plane", fontsize=8.5, pad=13, y=1)
        words = f"a ring: {style.number(step)} {unit}"
        ax.text(0, -reach, words, ha="center", va="top", fontsize=7.5)


def _two_lines(name: str) -> str:
    """Return a name as text.

    A long one is broken at the underscore next to its middle.
    """
    breaks = [k for k, letter in enumerate(name) if letter == "_"]
    if len(name) < _SHORT or not breaks:
        return name.replace("specimen_", "specimen ")
    middle = min(breaks, key=lambda k: abs(k - len(name) / 2))
    return f"{name[: middle + 1]}\n{name[middle + 1 :]}"


def _words(ax: Axes, text: str) -> None:
    """Write why a panel is empty."""
    ax.axis("off")
    look: dict[str, Any] = {"ha": "center", "va": "center", "color": "#5b6472"}
    ax.text(0.5, 0.5, text, transform=ax.transAxes, **look)
