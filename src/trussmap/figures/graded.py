"""Fig. 3B: a lattice graded in space between two designs."""

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from trussmap.figures import draw, style


def plot(nodes, struts, radii, path, position=None, label="", pixels=2400):
    """Draw a graded structure to ``path`` (PNG).

    Parameters
    ----------
    nodes : (n, 3) coordinates, any unit
    struts : (m, 2) indices of nodes
    radii : (m,) in the unit of ``nodes``
    position : (m,) progress from design A (0) to design B (1); by default that of the strut's middle along the longest
        side of the structure
    label : a line of text below the structure
    pixels : resolution of the structure along the longer side of its picture
    """
    nodes, struts, radii = np.asarray(nodes, float), np.asarray(struts, int), np.asarray(radii, float)
    start, end = nodes[struts[:, 0]], nodes[struts[:, 1]]
    if position is None:
        axis = np.ptp(nodes, axis=0).argmax()
        middle = (start + end)[:, axis] / 2
        position = (middle - nodes[:, axis].min()) / np.ptp(nodes[:, axis])
    position = np.clip(np.asarray(position, float), 0, 1)
    centre = (nodes.min(0) + nodes.max(0)) / 2
    start, end = start - centre, end - centre
    # look along the structure's flank, its long side running across the picture
    long_side = np.ptp(nodes, axis=0).argmax()
    view = draw.camera({0: -70.0, 1: -20.0, 2: -58.0}[int(long_side)], 18.0)
    limits = draw.bounds(np.vstack([start, end]), 0.02, view)
    width, height = limits[1] - limits[0], limits[3] - limits[2]
    across = 12.0
    tall = float(np.clip(across * height / width, 2.5, 9.5))
    with style.figure(path, across, tall + 1.9) as fig:
        total = tall + 1.9
        ax = fig.add_axes((0.005, 1.35 / total, 0.99, tall / total))
        colors = style.PATH_MAP(position)[:, :3]
        draw.picture(ax, start, end, radii, colors, limits, pixels, view)
        draw.triad(ax, at=(0.015, 0.02), size=0.03, view=view)
        fig.suptitle("A lattice graded from design A to design B", y=1 - 0.18 / total, fontsize=13)
        bar = fig.add_axes((0.3, 0.85 / total, 0.4, 0.16 / total))
        handle = fig.colorbar(ScalarMappable(Normalize(0, 1), style.PATH_MAP), cax=bar, orientation="horizontal")
        handle.set_ticks([0, 0.5, 1], labels=["design A", "halfway", "design B"])
        summary = f"{len(struts):,} struts, {len(nodes):,} nodes, radii {radii.min():.3g} to {radii.max():.3g}"
        fig.text(0.5, 0.2 / total, f"{summary}{'   ·   ' if label else ''}{label}", ha="center", fontsize=9)
