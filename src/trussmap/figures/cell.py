"""One design at a glance: its cell and its elastic surface."""

import numpy as np

from trussmap.figures import draw, style


def plot(graph, relative_density, stiffness, path, title=""):
    """Draw a cell and the directional Young's modulus of its stiffness (21,), base modulus 1, to ``path`` (PNG)."""
    with style.figure(path, 6.4, 3.4) as fig:
        left, right = fig.subplots(1, 2)
        draw.lattice(left, graph, relative_density)
        draw.triad(left)
        left.set_title(f"one cell, $\\rho$ = {style.number(relative_density)}", fontsize=9)
        draw.elastic_surface(right, np.asarray(stiffness, float))
        largest = style.number(draw.maximum_modulus(stiffness))
        right.set_title(f"elastic surface, largest $E(n)$ = {largest} $E_\\mathrm{{base}}$", fontsize=9)
        fig.suptitle(title, fontsize=10)
