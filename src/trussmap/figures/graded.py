"""Fig. 3B: a lattice graded in space between two designs."""

from pathlib import Path
from textwrap import wrap

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from trussmap.figures import draw, style


def plot(
    nodes: np.ndarray,
    struts: np.ndarray,
    radii: np.ndarray,
    path: str | Path,
    position: np.ndarray | None = None,
    label: str = "",
    ends: tuple[str, str] = ("first design", "second design"),
    pixels: int = 2400,
) -> None:
    """Draw a graded structure to ``path`` (PNG).

    Parameters
    ----------
    nodes : (n, 3) coordinates, any unit
    struts : (m, 2) indices of nodes
    radii : (m,) in the unit of ``nodes``
    position : (m,) progress from the first design (0) to the second (1); by default that of the strut's middle along
        the longest side of the structure
    label : text below the structure
    ends : names of the two designs
    pixels : resolution of the structure along the longer side of its picture
    """
    nodes, struts, radii = np.asarray(nodes, float), np.asarray(struts, int), np.asarray(radii, float)
    start, end = nodes[struts[:, 0]], nodes[struts[:, 1]]
    long_side = int(np.ptp(nodes, axis=0).argmax())
    if position is None:
        middle = (start + end)[:, long_side] / 2
        position = (middle - nodes[:, long_side].min()) / np.ptp(nodes[:, long_side])
    colors = style.PATH_MAP(np.clip(np.asarray(position, float), 0, 1))[:, :3]
    centre = (nodes.min(0) + nodes.max(0)) / 2
    start, end = start - centre, end - centre
    # look along the structure's flank, its long side running across the picture
    view = draw.camera({0: -70.0, 1: -20.0, 2: -58.0}[long_side], 18.0)
    limits = draw.bounds(np.vstack([start, end]), 0.02, view)
    text = f"{len(struts):,} struts, {len(nodes):,} nodes, radii {radii.min():.3g} to {radii.max():.3g}"
    lines = wrap(f"{text}, {label}" if label else text, 140)
    width, below = 12.0, 1.05 + 0.2 * len(lines)
    picture = float(np.clip(width * (limits[3] - limits[2]) / (limits[1] - limits[0]), 2.5, 9.5))
    height = below + picture + 0.55
    with style.figure(path, width, height) as fig:
        ax = fig.add_axes((0.005, below / height, 0.99, picture / height))
        draw.picture(ax, start, end, radii, colors, limits, pixels, view)
        draw.triad(ax, at=(0.02, 0.04), size=0.03, view=view)
        fig.suptitle("A lattice graded in space between two designs", y=1 - 0.15 / height, fontsize=13)
        bar = fig.add_axes((0.3, (below - 0.3) / height, 0.4, 0.15 / height))
        handle = fig.colorbar(ScalarMappable(Normalize(0, 1), style.PATH_MAP), cax=bar, orientation="horizontal")
        handle.set_ticks([0, 0.5, 1], labels=[ends[0], "halfway", ends[1]])
        fig.text(0.5, (below - 0.8) / height, "\n".join(lines), ha="center", va="top", fontsize=9, linespacing=1.5)
