"""The common look of all figures: colours, fonts and files.

A colour has the same meaning in every figure.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from trussmap.base.io import atomic_path

#: Targets, and the designs A and B for them.
TARGET = "#2d3340"
DESIGN_A = "#1f6fb4"
DESIGN_B = "#d9661f"
#: Numbers computed here, and published ones.
HERE = "#2a8c82"
PUBLISHED = "#2d3340"
#: Training and test data.
TRAIN = "#8a93a3"
TEST = "#b3324a"
#: Struts without another meaning.
STEEL = "#93a3b8"
#: Grids, rings and edges of cells.
GUIDE = "#c9ced6"
#: Crystal networks that are stiffer in shear than Cauchy's relations allow.
STIFFER = "#7b6fa8"
#: The four bone specimens.
SPECIMENS = ["#7b6fa8", "#c2912e", "#5b8c5a", "#b3324a"]
#: The seven elementary lattices.
LATTICES = ["#cc6677", "#c9ae3b", "#2f8049", "#74b3d6", "#882255", "#3fa596", "#9a55a5"]
#: Directional Young's modulus.
MODULUS_MAP = "viridis"
#: Way from one design to another in space.
PATH_MAP = LinearSegmentedColormap.from_list("path", ["#47479b", "#2f9d8f", "#d98a1e"])

_RC: dict[Any, Any] = {
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
def figure(
    path: str | Path | None, width: float, height: float, dpi: int = 200
) -> Iterator[Figure]:
    """Yield a Figure of ``width`` × ``height`` inches in the common look.

    It is then written to ``path`` (PNG), if any. It never uses pyplot, so nothing depends on a
    display or on the order of the figures.
    """
    with matplotlib.rc_context(_RC):
        fig = Figure(figsize=(width, height))
        yield fig
        if path is None:
            return
        with atomic_path(path) as temporary:
            fig.savefig(temporary, dpi=dpi, format="png", metadata={"Software": None})


def symbol(component: str) -> str:
    """Return ``C11`` as it is set in a figure.

    >>> symbol("C11")
    '$C_{11}$'
    """
    return f"$C_{{{component[1:]}}}$"


def number(value: float, digits: int = 3) -> str:
    """Return a number as text with ``digits`` significant figures.

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
    """Return a share in %, with two significant figures.

    >>> percent(0.01234), percent(1e-6)
    ('1.2 %', '< 0.01 %')
    """
    if value < 1e-4:
        return "< 0.01 %"
    return f"{100 * value:.2g} %" if value < 0.995 else f"{100 * value:,.0f} %"
