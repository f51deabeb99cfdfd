"""Fig. 3A: stiffness targets, the two best designs for each, and their elastic surfaces on the three planes."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.colors import Normalize
from matplotlib.lines import Line2D

from trussmap.figures import draw, style
from trussmap.inverse_design import lattices_of
from trussmap.lattice.descriptor import DESIGN_COLUMNS, design_graph
from trussmap.stiffness import COMPONENTS, directional_modulus

_PLANES = (("x", "y", 0, 1), ("x", "z", 0, 2), ("y", "z", 1, 2))
_LOOK = (
    ("target", style.TARGET, "-", 2.4),
    ("design A", style.DESIGN_A, "-", 1.6),
    ("design B", style.DESIGN_B, (0, (4, 2)), 1.6),
)
MOST = 8


def plot(
    names: list[str],
    targets: np.ndarray,
    designs: pd.DataFrame,
    path: str | Path,
    graphs: list | None = None,
    unit_scale: float = 1.0,
    unit: str = "E_base",
    families: dict[str, pd.DataFrame] | None = None,
) -> None:
    """Draw targets and their designs A (rank 1) and B (rank 2), one row each, to ``path`` (PNG).

    Parameters
    ----------
    names : k names of the targets
    targets : (k, 21) in units of E_base
    designs : DataFrame with ``target`` (from 1), ``rank``, the descriptor's columns, ``C11`` … ``C66`` verified by FE
        and ``relative_error``, ``modulus_error_largest``
    graphs : k PeriodicGraph or None: the lattice that a target belongs to, where it has one
    unit_scale, unit : what moduli are multiplied by and printed in (114.0 and "GPa" for titanium bone scaffolds)
    families : {name: table} of designs of further families, whose best are drawn beside A and B

    At most ``MOST`` targets are drawn.
    """
    targets = np.asarray(targets, float)[:MOST]
    graphs = list(graphs) if graphs is not None else [None] * len(targets)
    with_lattice = any(graph is not None for graph in graphs[: len(targets)])
    families = families or {}
    further = ", the best of further families" if families else ""
    rows, columns = len(targets), 6 + with_lattice + len(families)
    unit = r"$E_\mathrm{base}$" if unit == "E_base" else unit
    with style.figure(path, 1.92 * columns + 0.5, 2.25 * rows + 0.95) as fig:
        total = 2.25 * rows + 0.95
        grid = fig.add_gridspec(
            rows, columns, left=0.035, right=0.99, top=1 - 0.95 / total, bottom=0.32 / total, wspace=0.12, hspace=0.26
        )
        for row in range(rows):
            chosen = designs[designs["target"] == row + 1].sort_values("rank").head(2)
            axes = [fig.add_subplot(grid[row, column]) for column in range(columns)]
            place = 3 + with_lattice  # after A and B
            for ax, (family, table) in zip(axes[place:], families.items(), strict=False):
                best = table[(table["target"] == row + 1) & (table["rank"] == 1)]
                _design(ax, f"family {family}", style.HERE, best.iloc[0], lattices_of(best).graph(0))
            del axes[place : place + len(families)]
            _row(axes, names[row], targets[row], graphs[row], chosen, (unit_scale, unit), with_lattice)
            if row == 0:
                draw.triad(axes[0], at=(0.06, 0.04), size=0.1)
        fig.legend(
            handles=[Line2D([], [], color=c, ls=s, lw=w, label=n) for n, c, s, w in _LOOK],
            loc="upper right",
            ncols=3,
            bbox_to_anchor=(0.985, 1 - 0.06 / total),
        )
        fig.suptitle(
            f"Targets, their designs A and B{further}, and elastic surfaces on three planes",
            x=0.035,
            ha="left",
            y=1 - 0.14 / total,
            fontsize=13,
        )


def _row(axes, name, target, graph, chosen, units, with_lattice):
    """One target: its elastic surface, (its lattice,) designs A and B, and the three projections."""
    scale, unit = units
    curves = [scale * target] + [scale * row[COMPONENTS].to_numpy(float) for _, row in chosen.iterrows()]
    surface, *axes = axes
    top = draw.maximum_modulus(curves[0])
    draw.elastic_surface(surface, curves[0], Normalize(0, top), (-1.05 * top, 1.05 * top, -1.05 * top, 1.05 * top))
    surface.set_title(f"target, largest $E$:\n{style.number(top)} {unit}", fontsize=8.5, pad=1, y=1)
    surface.text(
        -0.05 if len(name) < 16 else -0.12,
        0.5,
        _two_lines(name),
        transform=surface.transAxes,
        rotation=90,
        ha="center",
        va="center",
        fontsize=11 if len(name) < 16 else 9,
    )
    if with_lattice:
        ax, *axes = axes
        if graph is None:
            _words(ax, "target given as\nstiffness alone")
        else:
            draw.lattice(ax, graph, 0.01, style.TARGET, draw.square(draw.lattice_limits(graph)), 500)
            ax.set_title("target: its lattice\n", fontsize=8.5, pad=1, y=1)
    looks = _LOOK[1:]
    for ax, (label, color, _, _), k in zip(axes[:2], looks, range(2), strict=True):
        if k >= len(chosen):
            _words(ax, f"no {label}:\nno further topology")
            continue
        row = chosen.iloc[k]
        _design(ax, label, color, row, design_graph(row[DESIGN_COLUMNS].to_numpy(float)))
    _projections(axes[2:], curves, unit)


def _design(ax, label, color, row, lattice):
    draw.lattice(ax, lattice, row["relative_density"], color, draw.square(draw.lattice_limits(lattice)), 500)
    error, worst = (style.percent(row[key]) for key in ("relative_error", "modulus_error_largest"))
    off = f"off by {error}" + ("" if error == worst else f", $E(n)$ by ≤ {worst}")
    text = f"{label}, $\\rho$ = {row['relative_density']:.3f}\n{off}"
    ax.set_title(text, fontsize=8, pad=1, y=1)


def _projections(axes, curves, unit):
    """Polar curves E(n) in the planes xy, xz, yz at one scale, with rings and axes labelled."""
    angle = np.linspace(0, 2 * np.pi, 2881)  # stiff directions can be very narrow
    planes = []
    for _, _, i, j in _PLANES:
        n = np.zeros((len(angle), 3))
        n[:, i], n[:, j] = np.cos(angle), np.sin(angle)
        planes.append([directional_modulus(c, n) for c in curves])
    top = max(np.max(plane) for plane in planes)
    step = draw.round_length(top / 1.6)
    for ax, (a, b, _, _), plane in zip(axes, _PLANES, planes, strict=True):
        reach = 1.12 * top
        for ring in np.arange(step, reach, step):
            ax.plot(ring * np.cos(angle), ring * np.sin(angle), color=style.GUIDE, lw=0.6, zorder=0)
        ax.axhline(0, color=style.GUIDE, lw=0.6, zorder=0)
        ax.axvline(0, color=style.GUIDE, lw=0.6, zorder=0)
        for modulus, (_, color, line, width) in zip(plane, _LOOK, strict=False):
            ax.plot(modulus * np.cos(angle), modulus * np.sin(angle), color=color, ls=line, lw=width)
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        ax.axis("off")
        ax.text(reach, 0.03 * reach, f"${a}$", ha="right", va="bottom", fontsize=9)
        ax.text(0, reach, f"${b}$", ha="center", va="bottom", fontsize=9)
        ax.set_title(f"$E(n)$ in the {a}{b} plane", fontsize=8.5, pad=13, y=1)
        ax.text(0, -reach, f"a ring: {style.number(step)} {unit}", ha="center", va="top", fontsize=7.5)


def _two_lines(name):
    """A name as text, broken at the underscore next to its middle if it is long."""
    breaks = [k for k, letter in enumerate(name) if letter == "_"]
    if len(name) < 16 or not breaks:
        return name.replace("specimen_", "specimen ")
    middle = min(breaks, key=lambda k: abs(k - len(name) / 2))
    return f"{name[: middle + 1]}\n{name[middle + 1 :]}"


def _words(ax, text):
    """A panel that has nothing to draw says so."""
    ax.axis("off")
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color="#5b6472")
