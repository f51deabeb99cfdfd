"""A lattice graded in space (paper, Fig. 3B), and its stiffness on the way."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from trussmap.figures import draw, style
from trussmap.stiffness import COMPONENTS, directional_modulus


def plot(
    nodes: np.ndarray,
    struts: np.ndarray,
    radii: np.ndarray,
    progress: np.ndarray,
    way: pd.DataFrame,
    path: str | Path,
    names: list[str],
    cell: float,
    scale: tuple[float, str] = (1.0, "of the base material"),
    pixels: int = 2400,
) -> None:
    """Draw a graded structure, its cells, and prescribed and local stiffness on the way to ``path`` (PNG).

    Parameters
    ----------
    nodes, struts, radii : (n, 3), (m, 2), (m,) in mm
    progress : (m,) from the first site (0) to the last (1)
    way : the table of `trussmap.grading.Graded.path_table`
    names : of the sites
    cell : size of a cell in mm
    scale : what moduli are multiplied by, and their unit
    pixels : resolution of the structure along the longer side of its picture
    """
    nodes, struts, radii = np.asarray(nodes, float), np.asarray(struts, int), np.asarray(radii, float)
    start, end = nodes[struts[:, 0]], nodes[struts[:, 1]]
    low, high = nodes.min(0), nodes.max(0)
    centre, long_side = (low + high) / 2, int((high - low).argmax())
    colors = style.PATH_MAP(np.clip(np.asarray(progress, float), 0, 1))[:, :3]
    middle = (start + end) / 2 - centre
    across = 0 if long_side == 1 else 1
    view = draw.camera({0: -70.0, 1: -20.0, 2: -58.0}[long_side], 18.0)
    # The front is cut away over the middle half of the length, down to a layer of cells at the back.
    half = (high - low) / 2
    cut = np.sign(view[2, across]) * middle[:, across] > min(1.05 * cell, half[across]) - half[across]
    cut &= np.abs(middle[:, long_side]) < half[long_side] / 2
    limits = draw.bounds(np.vstack([start, end]) - centre, 0.02, view)
    width = 12.0
    picture = float(np.clip(0.7 * width * (limits[3] - limits[2]) / (limits[1] - limits[0]), 2.2, 9.0))
    surfaces, plots = 1.9, 2.6
    height = picture + surfaces + plots + 2.2
    with style.figure(path, width, height) as fig:

        def axes(left, bottom, wide, high_):
            return fig.add_axes((left / width, bottom / height, wide / width, high_ / height))

        fig.suptitle("A lattice graded in space", y=1 - 0.15 / height, fontsize=13)
        bottom = height - 0.5 - picture
        ax = axes(0.15 * width, bottom, 0.7 * width, picture)
        draw.picture(ax, (start - centre)[~cut], (end - centre)[~cut], radii[~cut], colors[~cut], limits, pixels, view)
        draw.triad(ax, at=(0.02, 0.04), size=0.03, view=view)
        ends = [(0.0, way.iloc[0], names[0]), (0.85 * width, way.iloc[-1], names[-1])]
        for left, row, name in ends[: len(names)]:
            ax = axes(left + 0.05, bottom + 0.3, 0.14 * width, picture - 0.6)
            _cell_at(ax, start, end, radii, colors, row[["x_mm", "y_mm", "z_mm"]].to_numpy(float), cell)
            ax.set_title(f"cell {'at' if row['at_site'] else 'nearest to'} {name}", fontsize=9)
        if len(names) > 1:
            bar = axes(0.35 * width, bottom - 0.15, 0.3 * width, 0.12)
            handle = fig.colorbar(ScalarMappable(Normalize(0, 1), style.PATH_MAP), cax=bar, orientation="horizontal")
            handle.set_ticks(np.linspace(0, 1, len(names)), labels=names)
        fig.text(
            0.5,
            (bottom - 0.62) / height,
            f"{len(struts):,} struts, diameters {2 * radii.min():.2g} to {2 * radii.max():.2g} mm, cells of "
            f"{cell:.3g} mm; in the middle half one layer of cells is left",
            ha="center",
            fontsize=9,
        )
        shown = way.iloc[np.unique(np.linspace(0, len(way) - 1, 7).round().astype(int))]
        stiffness = scale[0] * shown[COMPONENTS].to_numpy(float)
        norm = Normalize(0, draw.maximum_modulus(stiffness))
        bottom -= 0.85 + surfaces
        for k, c in enumerate(stiffness):
            side = 0.91 * width / len(stiffness)
            ax = axes(0.03 * width + k * side, bottom, side, surfaces)
            _, colormap = draw.elastic_surface(ax, c, norm, draw.square((0, 0, 0, 0), 2.1 * norm.vmax), steps=60)
        bar = axes(0.94 * width, bottom + 0.2, 0.12, surfaces - 0.4)
        fig.colorbar(ScalarMappable(norm, colormap), cax=bar)
        fig.text(0.985, (bottom + surfaces - 0.1) / height, f"E(n), {scale[1]}", ha="right", fontsize=8)
        _way(
            axes(0.06 * width, 0.55, 0.4 * width, plots - 0.4),
            axes(0.56 * width, 0.55, 0.4 * width, plots - 0.4),
            way,
            scale,
        )


def _cell_at(ax, start, end, radii, colors, at, cell):
    """The struts of the cell that a place (3,) lies in, or of that of the strut next to it."""
    middle = (start + end) / 2
    low, size = np.minimum(start, end).min(0), np.ptp(np.vstack([start, end]), axis=0)
    edge = size / np.maximum(np.rint(size / cell), 1)  # of the cells, where they fit
    for inner in (at, middle[np.linalg.norm(middle - at, axis=1).argmin()]):
        place = low + (np.clip(np.floor((inner - low) / edge), 0, np.rint(size / edge) - 1) + 0.5) * edge
        own = (np.abs(middle - place) <= 0.51 * edge).all(1)
        if own.any():
            break
    draw.picture(ax, start[own] - place, end[own] - place, radii[own], colors[own], pixels=500)


def _way(moduli, errors, way, scale):
    """Young's moduli along the axes as prescribed and as built, and errors, over the way; of no way, points."""
    at = way["progress"].to_numpy()
    line, joined = ("-", "o-") if way["at_site"].any() else ("_", "o")
    prescribed, built = (
        way[[f"{prefix}{name}" for name in COMPONENTS]].to_numpy(float) for prefix in ("prescribed_", "")
    )
    for k, (name, color) in enumerate(zip("xyz", (style.DESIGN_A, style.DESIGN_B, style.HERE), strict=True)):
        wanted, own = (scale[0] * directional_modulus(c, np.eye(3)[k : k + 1])[..., 0] for c in (prescribed, built))
        moduli.plot(at, wanted, line, color=color, lw=1.4)
        moduli.plot(at, own, "o", color=color, ms=3.5, mfc="white", label=f"along {name}")
    moduli.plot([], [], line, color=style.TARGET, lw=1.4, label="prescribed")
    moduli.set(
        xlabel="progress from the first site to the last",
        ylabel=f"Young's modulus, {scale[1]}",
        ylim=(0, 1.3 * moduli.dataLim.y1),
    )
    moduli.legend(loc="upper right", fontsize=8, ncols=2)
    off = [100 * way[key] for key in ("relative_error", "modulus_error_largest")]
    for value, color, label in zip(
        off, (style.TARGET, style.DESIGN_B), ("stiffness tensor", "E(n), largest of all directions"), strict=True
    ):
        errors.plot(at, value, joined, color=color, ms=3, lw=1, label=label)
    errors.set(
        xlabel="progress from the first site to the last",
        ylabel="error of the local cell, %",
        ylim=(0, 1.3 * max(1.0, max(value.max() for value in off))),
    )
    errors.legend(loc="upper right", fontsize=8)
