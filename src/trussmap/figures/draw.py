"""Trusses and elastic surfaces as pictures in plain 2D axes.

The projection is orthographic, and hidden parts are hidden.
"""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import Colormap, Normalize, to_rgb
from scipy.ndimage import gaussian_filter

from trussmap.base.cache import compiled
from trussmap.figures.style import GUIDE, MODULUS_MAP, STEEL
from trussmap.lattice.graph import PeriodicGraph
from trussmap.tensors.elasticity import extrema
from trussmap.tensors.stiffness import directional_modulus

#: Limits (x0, x1, y0, y1) in the plane of a picture.
Window = tuple[float, float, float, float]

#: Direction of the light in the picture: right, up, towards the eye.
_LIGHT = np.array([-0.35, 0.55, 0.76])


def camera(azimuth: float = -62.0, elevation: float = 22.0) -> np.ndarray:
    """Return the axes (3, 3) of a picture: right, up, towards the eye.

    They are the rows. Angles are in degrees; z points upwards in the picture.
    """
    a, e = np.radians([azimuth, elevation])
    right = np.array([-np.sin(a), np.cos(a), 0])
    towards = np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
    return np.array([right, np.cross(towards, right), towards])


CAMERA = camera()


def cell_struts(graph: PeriodicGraph) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the struts of one closed cell.

    They are cartesian ends (k, 3), (k, 3) and the strut's index (k,). Every copy of a strut that
    meets the cell, its faces included, is clipped to the cell.
    """
    start = graph.nodes[graph.struts[:, 0]]
    vector = graph.fractional_vectors
    low = np.floor(np.minimum(start, start + vector).min(0)).astype(int)
    high = np.ceil(np.maximum(start, start + vector).max(0)).astype(int)
    ranges = [range(-upper, 1 - lower + 1) for lower, upper in zip(low, high, strict=True)]
    shifts = np.array(list(product(*ranges)))
    origin = start[None] + shifts[:, None]

    # A strut's copy is inside between the largest of its entries and the least of its exits.
    with np.errstate(divide="ignore", invalid="ignore"):
        a = (0 - origin) / vector
        b = (1 - origin) / vector
    parallel = np.abs(np.broadcast_to(vector, origin.shape)) < 1e-12
    inside = (origin > -1e-9) & (origin < 1 + 1e-9)
    entry = np.where(parallel, np.where(inside, -np.inf, np.inf), np.minimum(a, b))
    leave = np.where(parallel, np.where(inside, np.inf, -np.inf), np.maximum(a, b))
    first = entry.max(-1).clip(0)
    last = leave.min(-1).clip(max=1)

    keep = last - first > 1e-6
    index = np.broadcast_to(np.arange(len(start)), keep.shape)[keep]
    origin = origin[keep]
    ends = [
        (origin + share[keep][:, None] * vector[index]) @ graph.cell.T for share in (first, last)
    ]
    return ends[0], ends[1], index


def cell_edges(cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends (12, 3), (12, 3) of the edges of a cell.

    The vectors of the cell (3, 3) are its columns.
    """
    corners = np.array(list(product((0, 1), repeat=3)))
    pairs = [(p, q) for p, q in product(corners, corners) if (q - p).sum() == 1 and (q >= p).all()]
    return np.array([p for p, _ in pairs]) @ cell.T, np.array([q for _, q in pairs]) @ cell.T


def truss_image(
    start: np.ndarray,
    end: np.ndarray,
    radius: float | np.ndarray,
    colors: np.ndarray,
    limits: Window,
    pixels: int = 900,
    view: np.ndarray = CAMERA,
) -> np.ndarray:
    """Return a shaded picture (h, w, 4) of round struts.

    Each strut is a capsule whose depth has a closed form, so a depth buffer decides which strut
    hides which. Crevices are darkened by the difference between the depth and its blur (Luft,
    Colditz & Deussen 2006), and the back fades.

    Parameters
    ----------
    start, end : (k, 3)
    radius : (k,), or one for all
    colors : (k, 3)
    limits : in the picture's plane
    pixels : along the longer side
    """
    x0, x1, y0, y1 = limits
    scale = pixels / max(x1 - x0, y1 - y0)
    width = round((x1 - x0) * scale)
    height = round((y1 - y0) * scale)
    offset = np.array([x0, y0, 0])
    a = ((start @ view.T) - offset) * scale
    b = ((end @ view.T) - offset) * scale
    radii = np.full(len(a), radius, float) * scale

    depth = np.full((height, width), -np.inf, np.float32)
    normal = np.zeros((height, width, 3), np.float32)
    owner = np.zeros((height, width), np.int32)
    _stamp(a, b, radii, depth, normal, owner)
    return _shade(depth, normal, owner, np.asarray(colors, np.float32))


@compiled(__name__)
def _stamp(
    start: np.ndarray,
    end: np.ndarray,
    radius: np.ndarray,
    depth: np.ndarray,
    normal: np.ndarray,
    owner: np.ndarray,
) -> None:
    """Write capsules (k, 3), (k, 3), (k,) into the buffers, in pixels."""
    height, width = depth.shape
    for k in range(len(start)):
        p = start[k]
        r = radius[k]
        d = end[k] - start[k]
        dd = max(d[0] ** 2 + d[1] ** 2 + d[2] ** 2, 1e-12)
        quadratic = max(1 - d[2] ** 2 / dd, 1e-9)
        flat = max(d[0] ** 2 + d[1] ** 2, 1e-12)
        low = min(p[1], end[k, 1]) - r
        high = max(p[1], end[k, 1]) + r
        for row in range(max(0, int(np.floor(low))), min(height, int(np.ceil(high)) + 1)):
            # In each row only pixels near the strut's line in the picture can show it.
            y = row + 0.5 - p[1]
            left = -np.inf
            right = np.inf
            if abs(d[1]) > 1e-9:
                reach = r * np.sqrt(flat) / abs(d[1])
                middle = d[0] * y / d[1]
                left = middle - reach
                right = middle + reach
            left = max(left, min(0.0, d[0]) - r) + p[0]
            right = min(right, max(0.0, d[0]) + r) + p[0]
            first = max(0, int(np.floor(left)) - 1)
            last = min(width, int(np.ceil(right)) + 2)
            for column in range(first, last):
                x = column + 0.5 - p[0]
                # On the infinite cylinder |o + z e3|² − ((o·d + z d3)²)/|d|² = r²; z is the larger
                # root.
                along = x * d[0] + y * d[1]
                linear = -along * d[2] / dd
                disc = linear**2 - quadratic * (x**2 + y**2 - along**2 / dd - r**2)
                z = -np.inf
                t = 0.0
                if disc >= 0:
                    z = (-linear + np.sqrt(disc)) / quadratic
                    t = (along + z * d[2]) / dd
                    if t < 0 or t > 1:
                        z = -np.inf
                for cap in range(2):
                    squared = r**2 - (x - cap * d[0]) ** 2 - (y - cap * d[1]) ** 2
                    if squared >= 0 and cap * d[2] + np.sqrt(squared) > z:
                        z = cap * d[2] + np.sqrt(squared)
                        t = float(cap)
                if z + p[2] > depth[row, column]:
                    depth[row, column] = z + p[2]
                    owner[row, column] = k
                    normal[row, column, 0] = (x - t * d[0]) / r
                    normal[row, column, 1] = (y - t * d[1]) / r
                    normal[row, column, 2] = (z - t * d[2]) / r


def _shade(
    depth: np.ndarray, normal: np.ndarray, owner: np.ndarray, colors: np.ndarray
) -> np.ndarray:
    """Return colours RGBA (h, w, 4) from depth, normals and owners."""
    hit = np.isfinite(depth)
    image = np.zeros((*depth.shape, 4), np.float32)
    if not hit.any():
        return image
    near = depth[hit].max()
    far = depth[hit].min()
    level = np.where(hit, (depth - far) / max(near - far, 1e-9), 0).astype(np.float32)
    coarse = np.s_[::4, ::4]  # A blur needs no fine picture.
    blur = max(depth.shape) / 440
    weight = gaussian_filter(hit[coarse].astype(np.float32), blur)
    around = gaussian_filter(level[coarse], blur) / np.maximum(weight, 1e-6)
    around = np.repeat(np.repeat(around, 4, 0), 4, 1)[: depth.shape[0], : depth.shape[1]][hit]

    # Most pixels show nothing, so only those that show a strut are shaded.
    level = level[hit]
    normal = normal[hit]
    color = colors[owner[hit]]
    light = (_LIGHT / np.linalg.norm(_LIGHT)).astype(np.float32)
    diffuse = np.clip(normal @ light, 0, 1)
    half = light + np.array([0, 0, 1], np.float32)
    gloss = np.clip(normal @ (half / np.linalg.norm(half)), 0, 1) ** 40
    crevice = np.clip(1 - 2.2 * np.clip(around - level, 0, 1), 0.35, 1)
    rgb = color * ((0.42 + 0.68 * diffuse) * crevice)[:, None] + 0.22 * gloss[:, None]
    fade = (0.45 * (1 - level) ** 1.3)[:, None]
    image[hit, :3] = np.clip(rgb, 0, 1) * (1 - fade) + fade
    image[hit, 3] = 1
    return image


def bounds(points: np.ndarray, pad: float = 0.06, view: np.ndarray = CAMERA) -> Window:
    """Return the limits of points (n, 3) in the picture.

    They are padded by a share of the larger side.
    """
    flat = points @ view[:2].T
    low = flat.min(0)
    high = flat.max(0)
    margin = pad * (high - low).max()
    return low[0] - margin, high[0] + margin, low[1] - margin, high[1] + margin


def square(limits: Window, side: float | None = None) -> Window:
    """Return limits grown to a square of ``side`` about their centre."""
    x0, x1, y0, y1 = limits
    half = (side or max(x1 - x0, y1 - y0)) / 2
    x = (x0 + x1) / 2
    y = (y0 + y1) / 2
    return x - half, x + half, y - half, y + half


def picture(
    ax: Axes,
    start: np.ndarray,
    end: np.ndarray,
    radius: float | np.ndarray,
    colors: str | np.ndarray,
    limits: Window | None = None,
    pixels: int = 900,
    view: np.ndarray = CAMERA,
) -> None:
    """Draw round struts into ``ax``, without axes, at equal aspect.

    ``colors`` are one colour or (k, 3).
    """
    if limits is None:
        limits = bounds(np.vstack([start, end]), view=view)
    if isinstance(colors, str):
        colors = np.tile(to_rgb(colors), (len(start), 1))
    image = truss_image(start, end, radius, colors, limits, 2 * pixels, view)

    # Two by two pixels become one, weighted by coverage, for smooth edges.
    image = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
    image[..., :3] *= image[..., 3:]
    quarters = [image[row::2, column::2] for row in (0, 1) for column in (0, 1)]
    image = (quarters[0] + quarters[1] + quarters[2] + quarters[3]) / 4
    image[..., :3] /= np.maximum(image[..., 3:], 1e-9)

    ax.imshow(np.clip(image, 0, 1), extent=limits, origin="lower", interpolation="antialiased")
    ax.set(xlim=limits[:2], ylim=limits[2:], aspect="equal")
    ax.axis("off")


def lattice(
    ax: Axes,
    graph: PeriodicGraph,
    relative_density: float,
    color: str | np.ndarray = STEEL,
    limits: Window | None = None,
    pixels: int = 700,
    view: np.ndarray = CAMERA,
) -> None:
    """Draw one cell of a PeriodicGraph at its strut radius.

    Thin struts are thickened to stay visible. ``color`` is one colour, or (m, 3), one per strut of
    the graph.
    """
    start, end, index = cell_struts(graph)
    edge_start, edge_end = cell_edges(graph.cell)
    shift = graph.cell.sum(1) / 2
    extent = np.ptp(np.vstack([edge_start, edge_end]), axis=0).max()
    radii = np.maximum(graph.radii(relative_density), 0.008 * extent)
    colors = (
        np.asarray(color)[index]
        if not isinstance(color, str)
        else np.tile(np.array(to_rgb(color)), (len(start), 1))
    )
    picture(
        ax,
        np.vstack([start, edge_start]) - shift,
        np.vstack([end, edge_end]) - shift,
        np.concatenate([radii[index], np.full(12, 0.0028 * extent)]),
        np.vstack([colors, np.tile(to_rgb(GUIDE), (12, 1))]),
        limits,
        pixels,
        view,
    )


def lattice_limits(graph: PeriodicGraph, pad: float = 0.05, view: np.ndarray = CAMERA) -> Window:
    """Return the limits in the picture of one cell about the origin."""
    return bounds(np.vstack(cell_edges(graph.cell)) - graph.cell.sum(1) / 2, pad, view)


def surface_directions(polar: np.ndarray, around: np.ndarray) -> np.ndarray:
    """Return unit vectors (k, m, 3) at polar angles and angles around z.

    ``polar`` (k,) are measured from z, ``around`` (m,) about it.
    """
    polar = np.asarray(polar)[:, None]
    around = np.asarray(around)
    return np.stack(
        [
            np.sin(polar) * np.cos(around),
            np.sin(polar) * np.sin(around),
            np.cos(polar) + 0 * around,
        ],
        axis=-1,
    )


def surface_grid(
    modulus: Callable[[np.ndarray], np.ndarray], steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the angles of a grid that follows a surface.

    The grid is finer where the modulus, a function of directions (..., 3), changes. Returns the
    polar angles (steps + 1,) from 0 to π, the same from either pole, and those around (steps + 1,)
    from 0 to π: from there on, the surface repeats itself in the opposite directions. ``steps`` is
    even.
    """
    fine = np.linspace(0, np.pi, 3 * steps + 1)
    value = modulus(surface_directions(fine, fine))
    value = np.hstack([value, value[::-1]])  # All the way round.
    grids = []
    for axis in (0, 1):
        change = np.abs(np.diff(value, axis=axis)).max(1 - axis)[: len(fine) - 1]
        profile = value.mean(1 - axis)[: len(fine)]
        share = change / max(change.sum(), 1e-9 * np.abs(value).max()) + 1 / len(change)
        level = np.concatenate([[0], np.cumsum(share) / share.sum()])
        grid = np.interp(np.linspace(0, 1, steps + 1), level, fine)
        peaks = fine[1:-1][(profile[1:-1] >= profile[:-2]) & (profile[1:-1] > profile[2:])]
        # A narrow peak must not fall between two angles.
        grid[np.abs(grid[:, None] - peaks).argmin(0)] = peaks
        grids.append(grid)

    polar, around = grids
    polar[steps // 2] = np.pi / 2
    polar[steps // 2 :] = np.pi - polar[steps // 2 :: -1]
    return polar, around


def elastic_surface(
    ax: Axes,
    stiffness: np.ndarray,
    norm: Normalize | None = None,
    limits: Window | None = None,
    view: np.ndarray = CAMERA,
    steps: int = 110,
) -> tuple[Normalize, Colormap]:
    """Draw the surface E(n)·n of one stiffness (21,), coloured by E(n).

    Returns (norm, colour map) for a colour bar. ``norm`` and ``limits`` shared between axes give
    one scale to all of them.
    """
    polar, around = surface_grid(lambda n: directional_modulus(stiffness, n), steps)
    n = surface_directions(polar, np.concatenate([around, np.pi + around[1:]]))
    modulus = directional_modulus(stiffness, n)
    norm = norm or Normalize(0, modulus.max())
    points = (modulus[..., None] * n) @ view.T
    quads = np.stack(_corners(points), -2).reshape(-1, 4, 3)
    # With the largest value of its corners, the tip of a narrow peak has the peak's colour.
    value = np.max(_corners(modulus), axis=0).reshape(-1)

    across = np.cross(quads[:, 2] - quads[:, 0], quads[:, 3] - quads[:, 1])
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-300)
    light = _LIGHT / np.linalg.norm(_LIGHT)
    shade = 0.62 + 0.42 * np.clip(across @ light, 0, 1)
    color = np.clip(colormaps[MODULUS_MAP](norm(value))[:, :3] * shade[:, None], 0, 1)

    order = np.argsort(quads[..., 2].mean(1))
    polygons: Any = quads[order][..., :2]
    look = {"facecolors": color[order], "edgecolors": color[order], "linewidths": 0.3}
    ax.add_collection(PolyCollection(polygons, **look))
    if limits is None:
        x = points[..., 0]
        y = points[..., 1]
        limits = square((x.min(), x.max(), y.min(), y.max()))
    ax.set(xlim=limits[:2], ylim=limits[2:], aspect="equal")
    ax.axis("off")
    return norm, colormaps[MODULUS_MAP]


def _corners(grid: np.ndarray) -> list[np.ndarray]:
    """Return the four corners (k, m, ...) of the cells of a grid."""
    return [grid[:-1, :-1], grid[1:, :-1], grid[1:, 1:], grid[:-1, 1:]]


def maximum_modulus(stiffness: np.ndarray) -> float:
    """Return the largest directional modulus of stiffnesses (..., 21)."""
    return float(extrema(stiffness)["E_max"].value.max())


def triad(
    ax: Axes,
    at: tuple[float, float] = (0.1, 0.1),
    size: float = 0.1,
    view: np.ndarray = CAMERA,
    fontsize: float = 8,
) -> None:
    """Draw small coordinate axes x, y, z in the corner of ``ax``.

    ``at`` and ``size`` are fractions of the axes, whose aspect has to be equal.
    """
    arrow = {
        "arrowstyle": "->,head_length=0.22,head_width=0.12",
        "lw": 0.9,
        "color": "#3b4250",
        "shrinkA": 0,
        "shrinkB": 0,
    }
    for name, direction in zip("xyz", view[:2].T, strict=True):
        tip = np.array(at) + size * direction
        ax.annotate(
            "",
            tip,
            at,
            xycoords="axes fraction",
            arrowprops=arrow,
            annotation_clip=False,
        )
        x, y = np.array(at) + 1.32 * size * direction
        ax.text(
            x,
            y,
            f"${name}$",
            transform=ax.transAxes,
            ha="center",
            va="center",
            fontsize=fontsize,
        )


def scale_bar(ax: Axes, length: float, text: str, y: float = 0.04) -> None:
    """Draw a horizontal bar with its length in words.

    It is ``length`` data units long and lies at the bottom of ``ax``.
    """
    x0, x1 = ax.get_xlim()
    y0, y1 = ax.get_ylim()
    middle = (x0 + x1) / 2
    height = y0 + y * (y1 - y0)
    ends = [middle - length / 2, middle + length / 2]
    ax.plot(ends, [height] * 2, color="#1d2330", lw=1.4, clip_on=False)
    ax.text(middle, height - 0.02 * (y1 - y0), text, ha="center", va="top", fontsize=8)


def round_length(value: float) -> float:
    """Return the largest 1, 2 or 5 times a power of ten below ``value``.

    >>> float(round_length(3.7))
    2.0
    """
    power = 10.0 ** np.floor(np.log10(value))
    return max(step * power for step in (1, 2, 5) if step * power <= value)
