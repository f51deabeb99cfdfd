"""The live parts of a page: lattices to turn, and correlations.

They need no network connection. A live part is an element of the page and its numbers: JSON whose
coordinates are rounded to integers, gzipped, in base64. The script of ``live.html`` draws it by
plotly.js, which the page holds gzipped as well and unpacks when the first part comes into view. A
template needs `library` and `part`. The parts share the *cell view*, `cell_view` here and
``drawCell`` there: one cell of a lattice, an elastic surface, or both.
"""

import base64
import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.colors import to_hex
from plotly.offline import get_plotlyjs

from trussmap.base import hdf5
from trussmap.figures import draw, style
from trussmap.lattice.compound import compound, lattice_set
from trussmap.lattice.descriptor import (
    DENSITY,
    DESIGN_COLUMNS,
    REPS,
    TYPES,
    deformation_map,
    design_graph,
)
from trussmap.lattice.elementary import NAMES
from trussmap.lattice.graph import PeriodicGraph
from trussmap.learning.registry import architectures
from trussmap.parts.fill import Part
from trussmap.report.text import find, name_of
from trussmap.tensors.elasticity import across_ranges, extrema
from trussmap.tensors.measures import relative_error
from trussmap.tensors.stiffness import COMPONENTS, directional_modulus

#: Targets in a part, at most, so that the page stays small and quick.
MOST_TARGETS = 6
#: Test designs in a part, at most.
MOST_DESIGNS = 600
#: Struts in a part, at most.
MOST_STRUTS = 40_000
#: Steps of the surface E(n) from pole to pole, and half way round: opposite directions have the
#: same modulus.
_STEPS = 72
#: The same for each of the four surfaces of G and ν.
_FEWER_STEPS = 48
#: Integer that stands for the edge of a cell.
_LENGTH = 10_000
#: Integer that stands for the largest modulus.
_MODULUS = 5_000
#: Integer that stands for E_base.
_STIFFNESS = 10_000_000
#: Surfaces of the page of one design, by the names of `_directional`: words, symbol.
_SURFACES = {
    "E": ("Young’s modulus E(n)", "E"),
    "G_max": ("largest shear modulus G(n, m) of all m", "G"),
    "G_min": ("smallest shear modulus G(n, m) of all m", "G"),
    "nu_max": ("largest Poisson’s ratio ν(n, m) of all m", "ν"),
    "nu_min": ("smallest Poisson’s ratio ν(n, m) of all m", "ν"),
}
#: Curves of the sections of each symbol, by the names of `_directional`.
_SECTIONS = {"E": ["E"], "G": ["G_min", "G_max"], "ν": ["nu_min", "nu_max"]}
#: Correlations of an architecture: words, axis across, axis up, name of the values.
_CORRELATIONS = (
    ("forward model over finite elements", "finite elements", "forward model", "forward"),
    ("inverse model, by finite elements", "target", "achieved, by finite elements", "inverse_fe"),
    (
        "inverse model, by the forward model",
        "target",
        "achieved, by the forward model",
        "inverse_surrogate",
    ),
)
#: Text of a part before it is drawn.
_WAITING = "The lattices appear here, to be turned with the pointer."

#: Data of a part, as JSON.
Data = dict[str, Any]
#: A curve of a stiffness: label, colour, (21,).
Curve = tuple[str, str, np.ndarray]


def part(kind: str, data: Data, words: str) -> Markup:
    """Return one live part as HTML.

    ``kind`` names the function of live.html for ``data``; ``words`` are shown until it has drawn.
    """
    numbers = _packed(json.dumps(data, separators=(",", ":"), allow_nan=False))
    return Markup(
        '<div class="live" data-kind="{}"><p class="soft">{}</p>'
        '<script type="application/gzip">{}</script></div>'
    ).format(kind, words, Markup(numbers))


@cache
def library() -> Markup:
    """Return the scripts of all live parts as HTML, once a page.

    They are plotly.js, packed, and the script that unpacks it when it is needed.
    """
    script = Path(__file__).with_suffix(".html").read_text(encoding="utf-8")
    plotly = _packed(get_plotlyjs())
    return Markup(f'<script type="application/gzip" id="plotly">{plotly}</script>\n{script}')


def look() -> Markup:
    """Return the style of all pages as HTML."""
    return Markup(Path(__file__).with_name("style.html").read_text(encoding="utf-8"))


def parts(study_dir: str | Path, settings: Mapping[str, Any]) -> dict[str, Markup]:
    """Return the live parts of a study by chapter.

    The chapters are bone, catalogue, correlation and grading, if their files are there.
    """
    return dict(_parts(Path(study_dir), settings))


def _parts(study_dir: Path, settings: Mapping[str, Any]) -> Iterator[tuple[str, Markup]]:
    modulus = find(settings, "bone.youngs_modulus_gpa")
    for chapter in ("bone", "catalogue"):
        targets = study_dir / "generalize" / chapter / "targets.csv"
        designs = targets.with_name("designs.csv")
        if targets.is_file() and designs.is_file():
            if chapter == "bone" and modulus:
                data = targets_part(targets, designs, "GPa", modulus)
            else:
                data = targets_part(targets, designs)
            yield chapter, part("targets", data, _WAITING)

    order = dict.fromkeys([find(settings, "model.architecture"), *architectures()])
    files = {name: study_dir / "evaluation" / f"{name}_predictions.h5" for name in order}
    predictions = {name_of(name): file for name, file in files.items() if file.is_file()}
    if predictions:
        data = correlation_part(predictions)
        yield "correlation", part("correlation", data, "The correlations appear here.")

    nodes, struts, summary = (
        study_dir / "grading" / name for name in ("nodes.csv", "struts.csv", "summary.json")
    )
    if nodes.is_file() and struts.is_file() and summary.is_file():
        sites = json.loads(summary.read_text(encoding="utf-8"))["sites"]
        data = graded_part(nodes, struts, ("specimen 1", f"specimen {sites}"))
        yield "grading", part("graded", data, _WAITING)


def cell_view(
    graph: PeriodicGraph | None = None, density: float = 0.0, stiffness: np.ndarray | None = None
) -> Data:
    """Return the data of one cell view.

    It shows a lattice of a relative density, an elastic surface of a stiffness (21,), or both.
    """
    view: Data = {}
    if graph is not None:
        struts, index = _struts(graph)
        view |= {"struts": struts} | _placed(graph, density)
        if graph.areas is not None:
            view["radius"] = [_short(radius) for radius in graph.radii(density)[index]]
    if stiffness is not None:
        top = draw.maximum_modulus(stiffness)
        view |= _surface(_directional(stiffness, "E"), top, _STEPS)
    return view


def _surface(modulus: Callable[[np.ndarray], np.ndarray], top: float, steps: int) -> Data:
    """Return the data of the surface of a function of directions (..., 3).

    ``top`` is its largest absolute value.
    """
    polar, around = draw.surface_grid(modulus, steps)
    values = modulus(draw.surface_directions(polar, around))
    return {
        "top": _short(top),
        "surface": _integers(values / top, _MODULUS),
        "modulus_unit": _MODULUS,
        "polar": polar.round(4).tolist(),
        "around": around.round(4).tolist(),
    }


def _directional(stiffness: np.ndarray, name: str) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function of directions (..., 3) of one of ``_SURFACES``."""
    if name == "E":
        return lambda n: directional_modulus(stiffness, n)
    which = ("G_min", "G_max", "nu_min", "nu_max").index(name)
    return lambda n: across_ranges(stiffness[None], n.reshape(-1, 3))[which].reshape(n.shape[:-1])


def directions_part(curves: list[Curve], unit: str) -> Data:
    """Return the data of E, G and ν in all directions.

    They are surfaces E(n), and the ends of G(n, m) and ν(n, m) over m, and their sections in the
    planes xy, xz and yz. The stiffnesses are in ``unit``; the last curve is that of a design.
    """
    ends = {label: extrema(stiffness) for label, _, stiffness in curves}
    quantities = []
    for name, (words, symbol) in _SURFACES.items():
        steps = _STEPS if name == "E" else _FEWER_STEPS
        quantity = name[:2].rstrip("_")
        views = []
        for label, color, stiffness in curves:
            span = [abs(ends[label][f"{quantity}_{end}"].value[0]) for end in ("min", "max")]
            view = _surface(_directional(stiffness, name), max(span), steps)
            views.append(view | {"label": label, "color": color})
        unit_of = "" if symbol == "ν" else unit
        quantities.append({"words": words, "symbol": symbol, "unit": unit_of, "views": views})

    stiffnesses = [stiffness for _, _, stiffness in curves]
    return {"quantities": quantities, "sections": _sections(stiffnesses)}


def _sections(stiffnesses: list[np.ndarray]) -> Data:
    """Return {symbol: {plane: [[values of each curve] of each stiffness]}}."""
    angle = np.radians(np.arange(180))
    cos = np.cos(angle)
    sin = np.sin(angle)
    zero = 0 * angle
    planes = {"xy": (cos, sin, zero), "xz": (cos, zero, sin), "yz": (zero, cos, sin)}
    directions = {plane: np.stack(n, -1) for plane, n in planes.items()}

    def values(stiffness: np.ndarray, name: str, n: np.ndarray) -> list[float]:
        return [_short(value) for value in _directional(stiffness, name)(n)]

    return {
        symbol: {
            plane: [[values(stiffness, name, n) for name in names] for stiffness in stiffnesses]
            for plane, n in directions.items()
        }
        for symbol, names in _SECTIONS.items()
    }


def lattice_part(
    graph: PeriodicGraph, density: float, color: str, part: Part | None = None
) -> Data:
    """Return the data of one cell and of a part filled with it.

    The part, if any, is in mm.
    """
    edges = np.linalg.norm(graph.cell, axis=0)
    data = {"color": color, "length_unit": _LENGTH, "cell": cell_view(graph, density)}
    data["edges"] = [float(f"{edge:.3g}") for edge in edges]
    if part is not None:
        edges = part.region.high - part.region.low
        reach = float(np.linalg.norm(edges)) / 2
        centred = part.nodes - part.region.low - edges / 2
        structure, _ = _structure(centred, part.struts, part.radii, reach)
        structure["corner"] = [_short(edge / 2 / reach) for edge in edges]
        structure["size"] = [float(f"{edge:.4g}") for edge in edges]
        data["part"] = structure
    return data


def targets_part(
    targets: str | Path, designs: str | Path, unit: str = "E_base", unit_scale: float = 1.0
) -> Data:
    """Return the data of targets beside their designs A and B.

    Each is a cell view. ``targets`` and ``designs`` are CSV files; moduli are multiplied by
    ``unit_scale`` and have the unit ``unit``. The part has the first ``MOST_TARGETS``.
    """
    table = pd.read_csv(designs)
    rows = []
    for number, target in enumerate(pd.read_csv(targets).head(MOST_TARGETS).to_dict("records"), 1):
        surface = cell_view(stiffness=unit_scale * _vector(target))
        views = [surface | {"label": "target", "color": style.TARGET}]
        best = table[table["target"] == number].sort_values("rank").head(2)
        looks = (("design A", style.DESIGN_A), ("design B", style.DESIGN_B))
        for (label, color), (_, row) in zip(looks, best.iterrows(), strict=False):
            density = row["relative_density"]
            words = (
                f"ρ = {density:.3f}; off by {style.percent(row['relative_error'])}, "
                f"E(n) by up to {style.percent(row['modulus_error_largest'])}"
            )
            graph = design_graph(row[DESIGN_COLUMNS].to_numpy(float))
            view = cell_view(graph, density, unit_scale * _vector(row))
            views.append(view | {"label": label, "color": color, "words": words})
        rows.append({"name": str(target["name"]).replace("_", " "), "views": views})
    return {
        "unit": unit.replace("_base", "<sub>base</sub>"),
        "targets": rows,
        "length_unit": _LENGTH,
    }


def correlation_part(predictions: Mapping[str, str | Path]) -> Data:
    """Return the data of test designs and predictions for them.

    ``predictions`` are {label of an architecture: HDF5 file}. Every test design and every proposal
    of an inverse model has its lattice in the data: the struts of a lattice set once, and the cell
    of each design. The part has the first ``MOST_DESIGNS``.
    """
    lattices = _Lattices()
    networks = [_network(label, path, lattices) for label, path in predictions.items()]
    return {
        "components": COMPONENTS,
        "colors": [style.STEEL, style.DESIGN_A],
        "lattices": lattices.struts,
        "architectures": networks,
        "length_unit": _LENGTH,
        "stiffness_unit": _STIFFNESS,
    }


def _network(label: str, path: str | Path, lattices: "_Lattices") -> Data:
    """Return the data of one architecture."""
    with hdf5.open_checked(path, "table of predictions") as file:
        total = len(file["stiffness"])
        names = ("designs", "stiffness", "inverse_designs", *(row[-1] for row in _CORRELATIONS))
        array = {name: file[name][:MOST_DESIGNS] for name in names}
    truth = array["stiffness"]
    plots = [
        {
            "label": words,
            "across": across,
            "up": up,
            "values": _integers(array[name], _STIFFNESS),
            "errors": _integers(relative_error(array[name], truth), 10_000),
            "proposal": name.startswith("inverse"),
        }
        for words, across, up, name in _CORRELATIONS
    ]
    return {
        "label": label,
        "total": total,
        "truth": _integers(truth, _STIFFNESS),
        "designs": lattices.describe(array["designs"]),
        "proposals": lattices.describe(array["inverse_designs"]),
        "plots": plots,
    }


@dataclass
class _Lattices:
    """The lattices of designs, each lattice set once.

    ``struts`` are those of each lattice; ``known`` is {lattice set: (index, graph of the unit
    cube)}.
    """

    struts: list[list[int]] = field(default_factory=list)
    known: dict[tuple, tuple[int, PeriodicGraph]] = field(default_factory=dict)

    def describe(self, designs: np.ndarray) -> list[Data]:
        """Describe designs (n, 19) under the pointer and place their lattices."""
        rows = []
        for design, deformation in zip(designs, deformation_map(designs), strict=True):
            density = float(design[DENSITY])
            members = lattice_set(design[TYPES], design[REPS])
            if members not in self.known:
                cube = compound(design[TYPES], design[REPS])
                self.known[members] = len(self.struts), cube
                self.struts.append(_struts(cube)[0])
            index, cube = self.known[members]
            names = [
                NAMES[number].replace("_", " ") + (" 2×" if rep == 2 else "")
                for number, rep in members
            ]
            row: Data = {"lattice": index, "words": f"{' + '.join(names)}, ρ = {density:.3f}"}
            rows.append(row | _placed(cube.mapped(deformation), density))
        return rows


def graded_part(nodes: str | Path, struts: str | Path, ends: tuple[str, str]) -> Data:
    """Return the data of a graded structure, coloured along its longest side.

    ``nodes`` and ``struts`` are CSV files, ``ends`` the words for the ends of that side. The part
    has at most ``MOST_STRUTS``, those of the middle.
    """
    points = pd.read_csv(nodes)[["x", "y", "z"]].to_numpy(float)
    table = pd.read_csv(struts)
    ends_of = table[["node_1", "node_2"]].to_numpy(int) - 1
    centred = points - (points.min(0) + points.max(0)) / 2
    radii = table["radius"].to_numpy()
    data, position = _structure(centred, ends_of, radii, np.abs(centred).max())
    return data | {
        "position": _integers(position, 1000),
        "colors": [to_hex(style.PATH_MAP(value)) for value in np.linspace(0, 1, 33)],
        "ends": ends,
        "words": ["blue", "ochre"],
    }


def _structure(
    points: np.ndarray, struts: np.ndarray, radii: np.ndarray, reach: float
) -> tuple[Data, np.ndarray]:
    """Return the data of a finite structure about the origin.

    Lengths are divided by ``reach``. The place of every strut along the longest side, 0 to 1, comes
    second. At most ``MOST_STRUTS`` are kept, those of the middle of that side.
    """
    low = points.min(0)
    high = points.max(0)
    side = int((high - low).argmax())
    middle = points[struts, side].mean(1)
    kept = np.sort(np.argsort(np.abs(middle), kind="stable")[:MOST_STRUTS])
    data = {
        "nodes": _integers(points / reach, _LENGTH),
        "struts": struts[kept].ravel().tolist(),
        "radii": [_short(radius) for radius in radii[kept] / reach],
        "left_out": len(struts) - len(kept),
        "length_unit": _LENGTH,
    }
    return data, (middle[kept] - low[side]) / (high - low)[side]


def _struts(graph: PeriodicGraph) -> tuple[list[int], np.ndarray]:
    """Return the struts of one closed cell and their numbers.

    A strut is six integers: its ends as fractions of the cell's edges.
    """
    start, end, index = draw.cell_struts(replace(graph, cell=np.eye(3)))
    return _integers(np.hstack([start, end]), _LENGTH), index


def _placed(graph: PeriodicGraph, density: float) -> Data:
    """Return the cell vectors, row by row, and the radius of equal struts."""
    return {
        "cell": [_short(value) for value in graph.cell.ravel()],
        "radius": _short(graph.radii(density)[0]),
    }


def _vector(row: Any) -> np.ndarray:
    """Return the constants (21,) of a row of a table."""
    return np.array([row[component] for component in COMPONENTS], float)


def _short(value: float) -> float:
    return float(f"{value:.5g}")


def _integers(values: np.ndarray, unit: int) -> list[int]:
    return np.rint(np.asarray(values) * unit).astype(int).ravel().tolist()


def _packed(text: str) -> str:
    """Return a text gzipped, in base64."""
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode("ascii")
