"""The shared look: one colour for one thing in every figure, fonts, and how a figure becomes a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from trussmap.io import atomic_path

#: What a colour means, in every figure.
TARGET, DESIGN_A, DESIGN_B = "#2d3340", "#1f6fb4", "#d9661f"
HERE, PUBLISHED = "#2a8c82", "#2d3340"
TRAIN, TEST = "#8a93a3", "#b3324a"
STEEL = "#93a3b8"
GUIDE = "#c9ced6"
#: The seven elementary lattices.
LATTICES = ["#cc6677", "#c9ae3b", "#2f8049", "#74b3d6", "#882255", "#3fa596", "#9a55a5"]
#: Directional Young's modulus, and the way from one design to another in space.
MODULUS_MAP = "viridis"
PATH_MAP = LinearSegmentedColormap.from_list("path", ["#47479b", "#2f9d8f", "#d98a1e"])

_RC = {
    "axes.axisbelow": True,
    "grid.color": "0.8",
    "lines.solid_capstyle": "round",
    "patch.edgecolor": "w",
    "patch.force_edgecolor": True,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "axes.edgecolor": "#5b6472",
    "axes.linewidth": 0.8,
    "xtick.color": "#3b4250",
    "ytick.color": "#3b4250",
    "text.color": "#1d2330",
    "axes.labelcolor": "#1d2330",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "white",
}


@contextmanager
def figure(path: str | Path | None, width: float, height: float, dpi: int = 200) -> Iterator[Figure]:
    """Yield a Figure of ``width`` × ``height`` inches in the shared style; then write it to ``path`` (PNG), if any.

    The figure never touches pyplot, so nothing depends on a display or on the order of the figures.
    """
    with matplotlib.rc_context(_RC):
        fig = Figure(figsize=(width, height))
        yield fig
        if path is None:
            return
        with atomic_path(path) as temporary:
            fig.savefig(temporary, dpi=dpi, format="png", metadata={"Software": None})


def symbol(component: str) -> str:
    """``C11`` as it is set in a figure.

    >>> symbol("C11")
    '$C_{11}$'
    """
    return f"$C_{{{component[1:]}}}$"


def number(value: float, digits: int = 3) -> str:
    """A number as short text with ``digits`` significant figures.

    >>> number(0.01234), number(1.2e-7)
    ('0.0123', '$1.2\\\\times10^{-7}$')
    """
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e4:
        return f"{value:.{digits}g}"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return rf"${mantissa}\times10^{{{int(exponent)}}}$"


def percent(value: float) -> str:
    """A share as text with two significant figures, in %.

    >>> percent(0.01234), percent(1e-6)
    ('1.2 %', '< 0.01 %')
    """
    if value < 1e-4:
        return "< 0.01 %"
    return f"{100 * value:.2g} %" if value < 0.995 else f"{100 * value:,.0f} %"
