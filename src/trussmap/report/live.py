"""The live parts of a page: lattices and elastic surfaces to turn, designs under the pointer, without a network.

A live part is an element of the page and its numbers: JSON whose coordinates are rounded to integers, gzipped, in
base64. The script of ``live.html`` draws it by plotly.js, which the page carries gzipped as well and unpacks when the
first part comes into view; `library` and `part` are what a template needs. The component that the parts share is a
*cell view*, `cell_view` here and ``drawCell`` there: one cell of a lattice, an elastic surface, or both.
"""

import base64
import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.colors import to_hex
from plotly.offline import get_plotlyjs

from trussmap import hdf5
from trussmap.elasticity import across_ranges, extrema
from trussmap.figures import draw, style
from trussmap.lattice.compound import compound, lattice_set
from trussmap.lattice.descriptor import DENSITY, DESIGN_COLUMNS, REPS, TYPES, deformation_map, design_graph
from trussmap.lattice.elementary import NAMES
from trussmap.lattice.graph import PeriodicGraph
from trussmap.learning.registry import architectures
from trussmap.measures import relative_error
from trussmap.parts import Part
from trussmap.report.text import find, name_of
from trussmap.stiffness import COMPONENTS, directional_modulus

#: Targets, test designs and struts that a part holds at most, so that the page stays small and quick.
MOST_TARGETS, MOST_DESIGNS, MOST_STRUTS = 6, 600, 40_000
#: Steps of the elastic surface from pole to pole, and half way round: opposite directions have the same modulus. Those
#: of G and ν, of which there are four.
_STEPS, _FEWER_STEPS = 72, 48
#: What 1 is in the integers of the data: of the edge of a cell, of the largest modulus, of E_base.
_LENGTH, _MODULUS, _STIFFNESS = 10_000, 5_000, 10_000_000
#: Surfaces of a page of one design, by what `_directional` calls them: words, symbol.
_SURFACES = {
    "E": ("Young’s modulus E(n)", "E"),
    "G_max": ("largest shear modulus G(n, m) of all m", "G"),
    "G_min": ("smallest shear modulus G(n, m) of all m", "G"),
    "nu_max": ("largest Poisson’s ratio ν(n, m) of all m", "ν"),
    "nu_min": ("smallest Poisson’s ratio ν(n, m) of all m", "ν"),
}


def part(kind: str, data: dict, words: str) -> Markup:
    """HTML of one live part: ``kind`` names the function of live.html for ``data``; ``words`` stand until it drew."""
    numbers = _packed(json.dumps(data, separators=(",", ":"), allow_nan=False))
    return Markup(
        '<div class="live" data-kind="{}"><p class="soft">{}</p><script type="application/gzip">{}</script></div>'
    ).format(kind, words, Markup(numbers))


@cache
def library() -> Markup:
    """HTML of what draws the live parts, once a page: plotly.js packed, and the script that unpacks it when needed."""
    script = Path(__file__).with_suffix(".html").read_text(encoding="utf-8")
    return Markup(f'<script type="application/gzip" id="plotly">{_packed(get_plotlyjs())}</script>\n{script}')


def look() -> Markup:
    """HTML of the style of all pages."""
    return Markup(Path(__file__).with_name("style.html").read_text(encoding="utf-8"))


def parts(study_dir: str | Path, settings: dict) -> dict[str, Markup]:
    """The live parts that the files of a study allow, by chapter: bone, catalogue, correlation, grading."""
    study_dir, made = Path(study_dir), {}
    waiting = "The lattices appear here, to be turned with the pointer."
    modulus = find(settings, "bone.youngs_modulus_gpa")
    for chapter, unit in (("bone", {"unit": "GPa", "unit_scale": modulus} if modulus else {}), ("catalogue", {})):
        files = [study_dir / "generalize" / chapter / f"{name}.csv" for name in ("targets", "designs")]
        if all(file.is_file() for file in files):
            made[chapter] = part("targets", targets_part(*files, **unit), waiting)
    order = {find(settings, "model.architecture"): None, **architectures()}
    files = {name: study_dir / "evaluation" / f"{name}_predictions.h5" for name in order}
    files = {name_of(name): file for name, file in files.items() if file.is_file()}
    if files:
        made["correlation"] = part("correlation", correlation_part(files), "The correlations appear here.")
    files = {name: study_dir / "grading" / name for name in ("nodes.csv", "struts.csv", "summary.json")}
    if all(file.is_file() for file in files.values()):
        summary = json.loads(files["summary.json"].read_text(encoding="utf-8"))
        ends = "specimen 1", f"specimen {summary['sites']}"
        made["grading"] = part("graded", graded_part(files["nodes.csv"], files["struts.csv"], ends), waiting)
    return made


def cell_view(graph: PeriodicGraph | None = None, density: float = 0.0, stiffness: np.ndarray | None = None) -> dict:
    """The data of one cell view: a lattice of a relative density, an elastic surface of a stiffness (21,), or both."""
    view = {}
    if graph is not None:
        struts, index = _struts(graph)
        view |= {"struts": struts} | _placed(graph, density)
        if graph.areas is not None:
            view["radius"] = [_short(radius) for radius in graph.radii(density)[index]]
    if stiffness is not None:
        view |= _surface(lambda n: directional_modulus(stiffness, n), draw.maximum_modulus(stiffness), _STEPS)
    return view


def _surface(modulus, top, steps):
    """Data of the surface of a function of directions (..., 3), whose largest absolute value is ``top``."""
    polar, around = draw.surface_grid(modulus, steps)
    values = modulus(draw.surface_directions(polar, around))
    view = {"top": _short(top), "surface": _integers(values / top, _MODULUS), "modulus_unit": _MODULUS}
    return view | {"polar": polar.round(4).tolist(), "around": around.round(4).tolist()}


def _directional(stiffness: np.ndarray, name: str) -> Callable[[np.ndarray], np.ndarray]:
    """The function of directions (..., 3) that one of ``_SURFACES`` shows of a stiffness (21,)."""
    if name == "E":
        return lambda n: directional_modulus(stiffness, n)
    which = ("G_min", "G_max", "nu_min", "nu_max").index(name)
    return lambda n: across_ranges(stiffness[None], n.reshape(-1, 3))[which].reshape(n.shape[:-1])


def directions_part(curves: list[tuple[str, str, np.ndarray]], unit: str) -> dict:
    """Data of E, G and ν in all directions of stiffnesses in ``unit``: (label, colour, (21,)), the last of a design.

    Surfaces E(n), and the ends of G(n, m) and ν(n, m) over m, and their sections in the planes xy, xz and yz.
    """
    ends = {label: extrema(stiffness) for label, _, stiffness in curves}
    quantities = []
    for name, (words, symbol) in _SURFACES.items():
        views = []
        for label, color, stiffness in curves:
            span = [abs(ends[label][f"{name[:2].rstrip('_')}_{end}"].value[0]) for end in ("min", "max")]
            steps = _STEPS if name == "E" else _FEWER_STEPS
            view = _surface(_directional(stiffness, name), max(span), steps)
            views.append(view | {"label": label, "color": color})
        unit_of = "" if symbol == "ν" else unit
        quantities.append({"words": words, "symbol": symbol, "unit": unit_of, "views": views})
    angle = np.radians(np.arange(180))
    cos, sin, none = np.cos(angle), np.sin(angle), 0 * angle
    planes = {"xy": (cos, sin, none), "xz": (cos, none, sin), "yz": (none, cos, sin)}
    sections = {
        symbol: {
            plane: [
                [[_short(value) for value in _directional(stiffness, name)(np.stack(n, -1))] for name in names]
                for _, _, stiffness in curves
            ]
            for plane, n in planes.items()
        }
        for symbol, names in (("E", ["E"]), ("G", ["G_min", "G_max"]), ("ν", ["nu_min", "nu_max"]))
    }
    return {"quantities": quantities, "sections": sections}


def lattice_part(graph: PeriodicGraph, density: float, color: str, part: Part | None = None) -> dict:
    """Data of one cell of a lattice and, where there is one, of a part filled with it, in mm, and its bounds."""
    data = {"color": color, "length_unit": _LENGTH, "cell": cell_view(graph, density)}
    data["edges"] = [float(f"{edge:.3g}") for edge in np.linalg.norm(graph.cell, axis=0)]
    if part is not None:
        edges = part.region.high - part.region.low
        reach = np.linalg.norm(edges) / 2
        corner = [_short(edge / 2 / reach) for edge in edges]
        drawn = _structure(part.nodes - part.region.low - edges / 2, part.struts, part.radii, reach)[0]
        data["part"] = drawn | {"corner": corner, "size": [float(f"{edge:.4g}") for edge in edges]}
    return data


def targets_part(targets: str | Path, designs: str | Path, unit: str = "E_base", unit_scale: float = 1.0) -> dict:
    """Data of targets beside their designs A and B, cell views each, from ``targets.csv`` and ``designs.csv``.

    Moduli are multiplied by ``unit_scale`` and have the unit ``unit``. At most ``MOST_TARGETS``, the first ones.
    """
    table, found = pd.read_csv(targets), pd.read_csv(designs)
    rows = []
    for number, target in enumerate(table.head(MOST_TARGETS).to_dict("records"), 1):
        own = _vector(target)
        views = [cell_view(stiffness=unit_scale * own) | {"label": "target", "color": style.TARGET}]
        for label, color, (_, row) in zip(
            ("design A", "design B"),
            (style.DESIGN_A, style.DESIGN_B),
            found[found["target"] == number].sort_values("rank").head(2).iterrows(),
            strict=False,
        ):
            graph, density = design_graph(row[DESIGN_COLUMNS].to_numpy(float)), row["relative_density"]
            words = (
                f"ρ = {density:.3f}; off by {style.percent(row['relative_error'])}, "
                f"E(n) by up to {style.percent(row['modulus_error_largest'])}"
            )
            view = cell_view(graph, density, unit_scale * _vector(row))
            views.append(view | {"label": label, "color": color, "words": words})
        rows.append({"name": str(target["name"]).replace("_", " "), "views": views})
    return {"unit": unit.replace("_base", "<sub>base</sub>"), "targets": rows, "length_unit": _LENGTH}


def correlation_part(predictions: dict[str, str | Path]) -> dict:
    """Data of test designs and what networks made of them, from {label of an architecture: its predictions (HDF5)}.

    Every test design and every proposal of an inverse model has its lattice in it: the struts of a lattice set stand
    once, and each design has the cell that they lie in. At most ``MOST_DESIGNS``, the first ones.
    """
    lattices, graphs, networks = [], {}, []
    for label, path in predictions.items():
        with hdf5.open_checked(path, "table of predictions") as file:
            total = len(file["stiffness"])
            names = ("designs", "stiffness", "forward", "inverse_designs", "inverse_fe", "inverse_surrogate")
            array = {name: file[name][:MOST_DESIGNS] for name in names}
        truth = array["stiffness"]
        judged = [
            ("forward model over finite elements", "finite elements", "forward model", "forward"),
            ("inverse model, by finite elements", "target", "achieved, by finite elements", "inverse_fe"),
            ("inverse model, by the forward model", "target", "achieved, by the forward model", "inverse_surrogate"),
        ]
        networks.append(
            {
                "label": label,
                "total": total,
                "truth": _integers(truth, _STIFFNESS),
                "designs": _described(array["designs"], lattices, graphs),
                "proposals": _described(array["inverse_designs"], lattices, graphs),
                "plots": [
                    {
                        "label": words,
                        "across": across,
                        "up": up,
                        "values": _integers(array[name], _STIFFNESS),
                        "errors": _integers(relative_error(array[name], truth), 10_000),
                        "proposal": name.startswith("inverse"),
                    }
                    for words, across, up, name in judged
                ],
            }
        )
    return {
        "components": COMPONENTS,
        "colors": [style.STEEL, style.DESIGN_A],
        "lattices": lattices,
        "architectures": networks,
        "length_unit": _LENGTH,
        "stiffness_unit": _STIFFNESS,
    }


def graded_part(nodes: str | Path, struts: str | Path, ends: tuple[str, str]) -> dict:
    """Data of a graded structure from ``nodes.csv`` and ``struts.csv``: round struts coloured along its longest side.

    Where there are more than ``MOST_STRUTS``, the part keeps those of the middle of the longest side.
    """
    points = pd.read_csv(nodes)[["x", "y", "z"]].to_numpy(float)
    table = pd.read_csv(struts)
    ends_of = table[["node_1", "node_2"]].to_numpy(int) - 1
    centred = points - (points.min(0) + points.max(0)) / 2
    data, position = _structure(centred, ends_of, table["radius"].to_numpy(), np.abs(centred).max())
    return data | {
        "position": _integers(position, 1000),
        "colors": [to_hex(style.PATH_MAP(p)) for p in np.linspace(0, 1, 33)],
        "ends": ends,
        "words": ["blue", "ochre"],
    }


def _structure(points, struts, radii, reach):
    """Data of a finite structure about the origin, over ``reach``, and where struts are along its longest side, 0 to 1.

    Where there are more than ``MOST_STRUTS``, those of the middle of the longest side are kept.
    """
    low, high = points.min(0), points.max(0)
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


def _described(designs, lattices, graphs):
    """What is said of designs (n, 19) under the pointer, each with the index of its lattice among ``lattices``.

    ``graphs`` {lattice set: (index, graph of the unit cube)} and ``lattices`` grow by what is new.
    """
    out = []
    for design, deformation in zip(designs, deformation_map(designs), strict=True):
        members, density = lattice_set(design[TYPES], design[REPS]), float(design[DENSITY])
        if members not in graphs:
            graphs[members] = len(lattices), compound(design[TYPES], design[REPS])
            lattices.append(_struts(graphs[members][1])[0])
        index, cube = graphs[members]
        names = [NAMES[number].replace("_", " ") + (" 2×" if rep == 2 else "") for number, rep in members]
        words = f"{' + '.join(names)}, ρ = {density:.3f}"
        out.append({"lattice": index, "words": words} | _placed(cube.mapped(deformation), density))
    return out


def _struts(graph):
    """Ends of the struts of one closed cell as fractions of its edges, six integers a strut; and their numbers."""
    start, end, index = draw.cell_struts(replace(graph, cell=np.eye(3)))
    return _integers(np.hstack([start, end]), _LENGTH), index


def _placed(graph, density):
    """Cell vectors (nine numbers, row by row) and the radius of struts that are all alike."""
    return {"cell": [_short(value) for value in graph.cell.ravel()], "radius": _short(graph.radii(density)[0])}


def _vector(row):
    return np.array([row[component] for component in COMPONENTS], float)


def _short(value):
    return float(f"{value:.5g}")


def _integers(values, unit):
    return np.rint(np.asarray(values) * unit).astype(int).ravel().tolist()


def _packed(text):
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode("ascii")
