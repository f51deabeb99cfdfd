"""Fig. 3B: a lattice graded in space, and its stiffness on the way."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from trussmap.figures import draw, style
from trussmap.tensors.stiffness import COMPONENTS, directional_modulus

#: Heights of the rows of elastic surfaces and of plots, inches.
_SURFACES = 1.9
_PLOTS = 2.6
#: Width of the figure, inches.
_WIDTH = 12.0


@dataclass(frozen=True)
class _Structure:
    """Struts of a graded structure: ends (m, 3), radii (m,), colours (m, 3)."""

    start: np.ndarray
    end: np.ndarray
    radii: np.ndarray
    colors: np.ndarray

    @property
    def middle(self) -> np.ndarray:
        """Middles of the struts (m, 3)."""
        return (self.start + self.end) / 2

    def words(self, cell: float) -> str:
        """Return the caption of the structure with cells of a size."""
        thinnest = 2 * self.radii.min()
        thickest = 2 * self.radii.max()
        return (
            f"{len(self.radii):,} struts, diameters {thinnest:.2g} to {thickest:.2g} mm, "
            f"cells of {cell:.3g} mm; in the middle half one layer of cells is left"
        )

    def draw(
        self,
        ax: Axes,
        rows: np.ndarray,
        centre: np.ndarray,
        limits: draw.Window | None,
        pixels: int,
        view: np.ndarray = draw.CAMERA,
    ) -> None:
        """Draw some of the struts about a centre."""
        start = self.start[rows] - centre
        end = self.end[rows] - centre
        draw.picture(ax, start, end, self.radii[rows], self.colors[rows], limits, pixels, view)


@dataclass(frozen=True)
class _Canvas:
    """A figure whose axes are placed in inches."""

    fig: Figure
    height: float

    def axes(self, left: float, bottom: float, width: float, height: float) -> Axes:
        """Add axes at a place, of a size."""
        x = left / _WIDTH
        y = bottom / self.height
        return self.fig.add_axes((x, y, width / _WIDTH, height / self.height))


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
    """Draw a graded structure and its stiffness to ``path`` (PNG).

    The figure has the structure, its cells, and prescribed and local stiffness on the way.

    Parameters
    ----------
    nodes, struts, radii : (n, 3), (m, 2), (m,) in mm
    progress : (m,) from the first site (0) to the last (1)
    way : the table of `trussmap.grading.Graded.path_table`
    names : of the sites
    cell : size of a cell in mm
    scale : factor of moduli, and their unit
    pixels : resolution of the structure along the longer side of its picture
    """
    nodes = np.asarray(nodes, float)
    structure = _structure(nodes, np.asarray(struts, int), np.asarray(radii, float), progress)
    size = np.ptp(nodes, axis=0)
    centre = (nodes.min(0) + nodes.max(0)) / 2
    view = draw.camera((-70.0, -20.0, -58.0)[size.argmax()], 18.0)
    both = np.vstack([structure.start, structure.end])
    limits = draw.bounds(both - centre, 0.02, view)
    aspect = (limits[3] - limits[2]) / (limits[1] - limits[0])
    picture = float(np.clip(0.7 * _WIDTH * aspect, 2.2, 9.0))
    height = picture + _SURFACES + _PLOTS + 2.2

    with style.figure(path, _WIDTH, height) as fig:
        canvas = _Canvas(fig, height)
        fig.suptitle("A lattice graded in space", y=1 - 0.15 / height, fontsize=13)
        bottom = height - 0.5 - picture
        ax = canvas.axes(0.15 * _WIDTH, bottom, 0.7 * _WIDTH, picture)
        shown = ~_cut_away(structure.middle - centre, size, view, cell)
        structure.draw(ax, shown, centre, limits, pixels, view)
        draw.triad(ax, at=(0.02, 0.04), size=0.03, view=view)

        ends = [(0.0, way.iloc[0], names[0]), (0.85 * _WIDTH, way.iloc[-1], names[-1])]
        for left, row, name in ends[: len(names)]:
            ax = canvas.axes(left + 0.05, bottom + 0.3, 0.14 * _WIDTH, picture - 0.6)
            _cell_at(ax, structure, row[["x_mm", "y_mm", "z_mm"]].to_numpy(float), cell)
            ax.set_title(f"cell {'at' if row['at_site'] else 'nearest to'} {name}", fontsize=9)
        if len(names) > 1:
            _color_bar(canvas, bottom, names)
        caption = structure.words(cell)
        fig.text(0.5, (bottom - 0.62) / height, caption, ha="center", fontsize=9)

        _surfaces(canvas, bottom - 0.85 - _SURFACES, way, scale)
        _moduli(canvas.axes(0.06 * _WIDTH, 0.55, 0.4 * _WIDTH, _PLOTS - 0.4), way, scale)
        _errors(canvas.axes(0.56 * _WIDTH, 0.55, 0.4 * _WIDTH, _PLOTS - 0.4), way)


def _structure(
    nodes: np.ndarray, struts: np.ndarray, radii: np.ndarray, progress: np.ndarray
) -> _Structure:
    """Return the struts of a structure with the colours of their progress."""
    colors = style.PATH_MAP(np.clip(np.asarray(progress, float), 0, 1))[:, :3]
    return _Structure(nodes[struts[:, 0]], nodes[struts[:, 1]], radii, colors)


def _cut_away(middle: np.ndarray, size: np.ndarray, view: np.ndarray, cell: float) -> np.ndarray:
    """Whether struts lie in the part that is cut away (m,).

    The front is cut away over the middle half of the length, down to a layer of cells at the back.
    ``middle`` is relative to the centre of the structure.
    """
    long_side = int(size.argmax())
    across = 0 if long_side == 1 else 1
    half = size / 2
    depth = np.sign(view[2, across]) * middle[:, across]
    is_front = depth > min(1.05 * cell, half[across]) - half[across]
    return is_front & (np.abs(middle[:, long_side]) < half[long_side] / 2)


def _color_bar(canvas: _Canvas, bottom: float, names: list[str]) -> None:
    """Draw the colours of the way, with the sites."""
    ax = canvas.axes(0.35 * _WIDTH, bottom - 0.15, 0.3 * _WIDTH, 0.12)
    colors = ScalarMappable(Normalize(0, 1), style.PATH_MAP)
    bar = canvas.fig.colorbar(colors, cax=ax, orientation="horizontal")
    bar.set_ticks(np.linspace(0, 1, len(names)).tolist(), labels=names)


def _surfaces(canvas: _Canvas, bottom: float, way: pd.DataFrame, scale: tuple[float, str]) -> None:
    """Draw seven elastic surfaces along the way."""
    shown = way.iloc[np.unique(np.linspace(0, len(way) - 1, 7).round().astype(int))]
    stiffness = scale[0] * shown[COMPONENTS].to_numpy(float)
    top = draw.maximum_modulus(stiffness)
    norm = Normalize(0, top)
    limits = draw.square((0, 0, 0, 0), 2.1 * top)
    side = 0.91 * _WIDTH / len(stiffness)
    for k, c in enumerate(stiffness):
        ax = canvas.axes(0.03 * _WIDTH + k * side, bottom, side, _SURFACES)
        _, colors = draw.elastic_surface(ax, c, norm, limits, steps=60)
    ax = canvas.axes(0.94 * _WIDTH, bottom + 0.2, 0.12, _SURFACES - 0.4)
    canvas.fig.colorbar(ScalarMappable(norm, colors), cax=ax)
    height = (bottom + _SURFACES - 0.1) / canvas.height
    canvas.fig.text(0.985, height, f"E(n), {scale[1]}", ha="right", fontsize=8)


def _cell_at(ax: Axes, structure: _Structure, place: np.ndarray, cell: float) -> None:
    """Draw the cell around a place (3,).

    If it has no strut, the cell of the closest strut is drawn.
    """
    middle = structure.middle
    both = np.vstack([structure.start, structure.end])
    low = np.minimum(structure.start, structure.end).min(0)
    size = np.ptp(both, axis=0)
    edge = size / np.maximum(np.rint(size / cell), 1)  # Of the cells, if they fit.
    closest = middle[np.linalg.norm(middle - place, axis=1).argmin()]
    for inner in (place, closest):
        index = np.clip(np.floor((inner - low) / edge), 0, np.rint(size / edge) - 1)
        centre = low + (index + 0.5) * edge
        rows = (np.abs(middle - centre) <= 0.51 * edge).all(1)
        if rows.any():
            break
    structure.draw(ax, rows, centre, None, 500)


def _moduli(ax: Axes, way: pd.DataFrame, scale: tuple[float, str]) -> None:
    """Draw Young's moduli along the axes, prescribed and built."""
    factor, unit = scale
    progress = way["progress"].to_numpy()
    # Structures without a way between sites have points in place of lines.
    line = "-" if way["at_site"].any() else "_"
    prescribed = way[[f"prescribed_{name}" for name in COMPONENTS]].to_numpy(float)
    built = way[COMPONENTS].to_numpy(float)
    colors = (style.DESIGN_A, style.DESIGN_B, style.HERE)
    for k, (name, color) in enumerate(zip("xyz", colors, strict=True)):
        axis = np.eye(3)[k : k + 1]
        values = factor * directional_modulus(prescribed, axis)[..., 0]
        ax.plot(progress, values, line, color=color, lw=1.4)
        values = factor * directional_modulus(built, axis)[..., 0]
        ax.plot(progress, values, "o", color=color, ms=3.5, mfc="white", label=f"along {name}")
    ax.plot([], [], line, color=style.TARGET, lw=1.4, label="prescribed")
    ax.set(xlabel="progress from the first site to the last", ylabel=f"Young's modulus, {unit}")
    ax.set(ylim=(0, 1.3 * ax.dataLim.y1))
    ax.legend(loc="upper right", fontsize=8, ncols=2)


def _errors(ax: Axes, way: pd.DataFrame) -> None:
    """Draw the errors of the local cells over the way."""
    progress = way["progress"].to_numpy()
    line = "o-" if way["at_site"].any() else "o"
    errors = [100 * way[key] for key in ("relative_error", "modulus_error_largest")]
    labels = ("stiffness tensor", "E(n), largest of all directions")
    for error, color, label in zip(errors, (style.TARGET, style.DESIGN_B), labels, strict=True):
        ax.plot(progress, error, line, color=color, ms=3, lw=1, label=label)
    largest = max(1.0, max(error.max() for error in errors))
    ax.set(xlabel="progress from the first site to the last", ylim=(0, 1.3 * largest))
    ax.set(ylabel="error of the local cell, %")
    ax.legend(loc="upper right", fontsize=8)
