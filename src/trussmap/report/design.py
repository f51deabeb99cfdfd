"""The page of one design, and the page that leads to all designs of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from glob import escape
from pathlib import Path
from typing import BinaryIO

import jinja2
import numpy as np
import pandas as pd

from trussmap import __version__
from trussmap.elasticity import extrema, means, moduli, symmetry_distances, universal_anisotropy
from trussmap.figures import style
from trussmap.goals import ENGINEERING
from trussmap.io import atomic_path
from trussmap.lattice.graph import PeriodicGraph
from trussmap.output import MOST_LATTICES, lattice_stem, row_graph
from trussmap.parts import Part
from trussmap.report import live
from trussmap.report.page import picture_of
from trussmap.report.text import DASH, size
from trussmap.stiffness import COMPONENTS, mandel
from trussmap.strength import LOAD_CASES
from trussmap.targets import symmetry_words

#: What the files beside a page are, by the ends of their names.
_FILES = {
    ".stl": "the part as a watertight surface, in mm",
    ".3mf": "the part as a beam lattice to print, in mm",
    ".inp": "the part as beams for CalculiX, in mm; the force on a squeezed box is 2·ELSE/δ",
    ".vtk": "the part as lines with radii for ParaView, in mm",
    ".json": "what was cut off the part, and its volume",
    ".png": "picture of the cell and of E(n)",
    "_nodes.csv": "nodes of the cell",
    "_struts.csv": "struts of the cell, with lengths and radii",
    "_cell.csv": "vectors of the cell",
}
_LOADS = {
    **{case: f"along {axis} ({case})" for case, axis in zip(("11", "22", "33"), "xyz", strict=True)},
    **{case: f"shear {plane} ({case})" for case, plane in (("23", "yz"), ("13", "xz"), ("12", "xy"))},
    "hydrostatic": "hydrostatic",
}
#: Share of the largest constant below which a relative error says nothing.
_SMALL = 0.01


@dataclass(frozen=True)
class Pages:
    """What `trussmap.output.write_designs` writes pages by.

    Attributes
    ----------
    asked : the constants asked for of each target that has pages (`trussmap.goals.Goal.asked`)
    unit, cell_size_mm, made : as of `design_page`
    """

    asked: list[dict[str, float]]
    unit: str = ""
    cell_size_mm: float | None = None
    made: Mapping[str, object] | None = None

    def design(self, path: str | Path, row: Mapping[str, object], part: Part | None = None) -> None:
        """Write the page of a row of designs.csv, which lies in a folder below."""
        links = [
            ("designs.csv", "../designs.csv", "all designs", ""),
            ("index.html", "../index.html", "their pages", ""),
        ]
        how = {"unit": self.unit, "cell_size_mm": self.cell_size_mm, "made": self.made}
        write_design_page(path, row, self.asked[int(row["target"]) - 1], part=part, links=links, **how)

    def index(self, path: str | Path, table: pd.DataFrame) -> None:
        """Write the page of all rows of a designs.csv, some of which have pages."""
        some = table[table["target"] <= MOST_LATTICES].iterrows()
        pages = {index: f"lattices/{lattice_stem(row)}" for index, row in some}
        write_index(path, table, pages, self.unit)


def write_design_page(
    path: str | Path, row: Mapping[str, object], target: Mapping[str, float] | None = None, **how: object
) -> None:
    """Write `design_page` to ``path`` (HTML), with the files beside it that have its name, and its picture (PNG)."""
    path = Path(path)
    beside = [file for file in path.parent.glob(f"{escape(path.stem)}[._]*") if file.name != path.name]
    links = [(file.name, file.name, _what(file), size(file.stat().st_size)) for file in sorted(beside)]
    picture = path.with_suffix(".png")
    how = {"picture": picture if picture.is_file() else None, **how}
    page = design_page(row, target, **{**how, "links": [*links, *how.get("links", ())]})
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def design_page(
    row: Mapping[str, object],
    target: Mapping[str, float] | None = None,
    *,
    unit: str = "",
    graph: PeriodicGraph | None = None,
    cell_size_mm: float | None = None,
    part: Part | None = None,
    picture: str | Path | BinaryIO | None = None,
    links: Sequence[tuple[str, str, str, str]] = (),
    made: Mapping[str, object] | None = None,
) -> str:
    """One self-contained HTML page of a design: what it is, to turn and in numbers, beside its target.

    Parameters
    ----------
    row : a row of ``designs.csv`` as `trussmap design` writes it, in the units of the target. All that is not there is
        left out; ``relative_density`` and ``C11`` … ``C66`` are needed
    target : what was asked for in the same units, ``C11`` … or ``E1`` …, all of them or some
    unit : what these units are called, such as MPa
    graph : the lattice, where the row has no columns of a design
    cell_size_mm : edge of a cube of the cell's volume
    part : what the lattice fills, in mm
    picture : PNG that stands for the live parts on paper
    links : name, address, words and size of files
    made : how the design was made, in words

    >>> from trussmap.homogenization import homogenize_designs
    >>> from trussmap.lattice.descriptor import DESIGN_COLUMNS, sample_designs
    >>> theta = sample_designs(1, 0, 1)
    >>> row = dict(zip([*DESIGN_COLUMNS, *COMPONENTS], [*theta[0], *homogenize_designs(theta)[0]]))
    >>> design_page(row).startswith("<!doctype html>")
    True
    """
    target, stiffness = dict(target or {}), np.array([row[name] for name in COMPONENTS], float)
    own = row_graph(row) if graph is None else graph
    own = own.sized(cell_size_mm) if cell_size_mm else own
    rank = row.get("rank")
    color = {2: style.DESIGN_B}.get(rank, style.DESIGN_A)
    curves = [("design", color, stiffness)]
    if {*COMPONENTS} <= {*target}:
        curves.insert(0, ("target", style.TARGET, np.array([target[name] for name in COMPONENTS], float)))
    waiting = "It appears here, to be turned with the pointer."
    constants = [*ENGINEERING, *COMPONENTS]
    asked = {name: target[name] for name in constants if name in target}
    if len(curves) == 2:
        asked |= dict(zip(ENGINEERING, moduli(curves[0][2][None])[0], strict=True))
    return _template("design").render(
        style=live.look(),
        library=live.library(),
        name=row.get("name"),
        rank=None if rank is None else int(rank),
        version=__version__,
        unit=unit,
        facts=_facts(row),
        remarks=[remark for remark in str(row.get("remark") or "").split("; ") if remark and remark != "nan"],
        lattice=live.part("lattice", live.lattice_part(own, float(row["relative_density"]), color, part), waiting),
        directions=live.part("directions", live.directions_part(curves, unit), waiting),
        labels=[(label, shade) for label, shade, _ in curves],
        ranges=_ranges(curves, unit),
        moduli=_compared(ENGINEERING[:6], asked, row),
        ratios=_compared(ENGINEERING[6:], asked, row),
        constants=_compared(COMPONENTS, asked, row),
        averages=_averages(curves, unit),
        modes=_modes(curves, unit),
        strength=_strength(row),
        printing=_printing(row),
        links=links,
        made=dict(made or {}),
        every=[(key, value) for key, value in row.items() if value == value],
        picture=picture_of(picture) if picture else None,
        dash=DASH,
    )


def write_index(path: str | Path, table: pd.DataFrame, pages: Mapping[int, str], unit: str = "") -> None:
    """Write the page that leads to the pages of designs: a table of what counts, a picture and a link of each.

    ``table`` is that of ``designs.csv``, ``pages`` has the address of a page, without its ending, by the row's index.
    """
    rows = []
    for index, row in table.iterrows():
        remark = row["remark"] if isinstance(row.get("remark"), str) else ""
        facts = dict(_facts(row))
        name = {"name": row.get("name"), "rank": row["rank"]}
        rows.append({"row": name, "facts": facts, "page": pages.get(index), "remark": remark})
    columns = list(dict.fromkeys(name for row in rows for name in row["facts"]))
    page = _template("index").render(
        style=live.look(), rows=rows, columns=columns, unit=unit, version=__version__, dash=DASH
    )
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


@cache
def _template(name):
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["number"] = number
    return environment.from_string(Path(__file__).with_name(f"{name}.html").read_text(encoding="utf-8"))


def number(value: object, scale: float = 0.0) -> str:
    """A number to four digits, 0 where it is rounding beside ``scale``; words as they are.

    >>> number(0.123456), number(114000.0), number(1e-12, 1.0), number(3), number("octet")
    ('0.1235', '114000', '0', '3', 'octet')
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return str(value)
    if value == 0 or abs(value) < 1e-9 * scale:
        return "0"
    if not np.isfinite(value):
        return "∞" if value > 0 else str(value)
    return f"{value:.0f}" if 1e3 <= abs(value) < 1e7 or float(value).is_integer() else f"{value:.4g}"


def _facts(row):
    """What is asked first of a design: (words, text)."""
    known = {key: value for key, value in row.items() if isinstance(value, int | float | np.number) and value == value}
    found = []
    if "strut_diameter_mm" in known:
        ends = [f"{known[key]:.3g}" for key in ("strut_diameter_mm", "largest_diameter_mm") if key in known]
        found.append(("strut diameter", f"{' to '.join(dict.fromkeys(ends))} mm"))
    for key, words in (("smallest_gap_mm", "smallest gap"), ("pore_size_mm", "pore size")):
        if key in known:
            found.append((words, f"{known[key]:.3g} mm"))
    found.append(("relative density", f"{known['relative_density']:.3g}"))
    for key, words in (
        ("relative_error_percent", "stiffness off by"),
        ("modulus_error_median_percent", "E(n) off by, median"),
        ("modulus_error_largest_percent", "E(n) off by, largest"),
    ):
        if key in known:
            found.append((words, _percent(known[key])))
    if "relative_error_percent" in row and "relative_error_percent" not in known:
        found.append(("what is given is off by", _percent(100 * known["error"] ** 0.5)))
    return found


def _percent(value):
    return "< 0.01 %" if abs(value) < 0.01 else f"{value:.3g} %"


def _compared(names, target, row):
    """Rows of constants: name, target, design, difference, that in % of the target's, and of the largest of them."""
    known = [abs(target[name]) for name in names if name in target]
    largest, rows = max(known, default=0.0), []
    scale = max(largest, *(abs(row[name]) for name in names if name in row), 0.0) if any(n in row for n in names) else 0
    for name in names:
        if name not in row:
            continue
        own, asked = row[name], target.get(name)
        cells = {
            "name": name,
            "design": number(own, scale),
            "target": DASH,
            "off": DASH,
            "percent": DASH,
            "share": DASH,
        }
        if asked is not None:
            off = own - asked
            cells |= {"target": number(asked, scale), "off": f"{off:+.3g}" if abs(off) > 1e-9 * scale else "0"}
            if largest:
                cells["share"] = _signed(100 * off / largest)
            if asked and abs(asked) >= _SMALL * largest:
                cells["percent"] = _signed(100 * off / abs(asked))
        rows.append(cells)
    return rows


def _signed(percent):
    return "0.00" if abs(percent) < 0.005 else f"{percent:+.2f}"


def _ranges(curves, unit):
    """Rows of ranges over all directions: words, unit, ends of each curve, and where those of the last one are."""
    found = [extrema(c) for _, _, c in curves]
    rows = []
    for name, words, of in (
        ("E", "Young’s modulus E(n)", unit),
        ("G", "shear modulus G(n, m)", unit),
        ("nu", "Poisson’s ratio ν(n, m)", ""),
        ("beta", "linear compressibility β(n)", f"1/{unit}" if unit else ""),
    ):
        ends = [[own[f"{name}_{end}"].value[0] for end in ("min", "max")] for own in found]
        where = []
        for end in ("min", "max"):
            _, n, m = found[-1][f"{name}_{end}"]
            where.append([f"n = {_vector(n[0])}", *([f"m = {_vector(m[0])}"] if name in ("G", "nu") else [])])
        largest = max(abs(value) for pair in ends for value in pair)
        cells = [number(value, largest) for pair in ends for value in pair]
        ratio = ends[-1][1] / ends[-1][0] if ends[-1][0] > 0 else np.nan
        rows.append({"words": words, "unit": of, "cells": cells, "where": where, "ratio": ratio})
    return rows


def _vector(direction):
    return f"({', '.join(f'{value + 0.0:.2f}' for value in direction)})".replace("-0.00", "0.00")


def _averages(curves, unit):
    """Rows of the means of Voigt, Reuss and Hill: words, unit, three of each curve."""
    found = [means(c[None]) for _, _, c in curves]
    names = (("K", "bulk modulus K"), ("E", "Young’s modulus E"), ("G", "shear modulus G"), ("nu", "Poisson’s ratio ν"))
    return [
        {
            "words": words,
            "unit": "" if name == "nu" else unit,
            "cells": [number(own[f"{name}_{mean}"][0]) for own in found for mean in ("voigt", "reuss", "hill")],
        }
        for name, words in names
    ]


def _modes(curves, unit):
    """Rows of eigenvalues in Mandel form, anisotropy and symmetry: words, unit, one cell of each curve."""
    values = [np.linalg.eigvalsh(mandel(c)) for _, _, c in curves]
    rows = [
        {"words": f"eigenvalue {k + 1}", "unit": unit, "cells": [number(own[k], own[-1]) for own in values]}
        for k in range(6)
    ]
    anisotropy = [number(max(universal_anisotropy(c[None])[0], 0.0), 1e3) for _, _, c in curves]
    rows.append({"words": "universal anisotropy", "unit": "", "cells": anisotropy})
    symmetry = [symmetry_words(symmetry_distances(c)) for _, _, c in curves]
    return [*rows, {"words": "symmetry", "unit": "", "cells": symmetry}]


def _strength(row):
    """What is carried under each load: rows of words and cells, and the columns that there are; None without any."""
    columns = {
        "peak_stress": "largest strut stress over it",
        "buckling_stress": "first strut buckles at",
        "yield_stress": "first strut yields at",
    }
    columns = {key: words for key, words in columns.items() if f"{key}_11" in row}
    rows = [(_LOADS[case], [number(row[f"{key}_{case}"]) for key in columns]) for case in LOAD_CASES]
    load = [
        (words, row[key])
        for key, words in (("load_buckling_factor", "buckles"), ("load_yield_factor", "yields"))
        if key in row
    ]
    return {"columns": list(columns.values()), "rows": rows, "load": load} if columns else None


def _printing(row):
    keys = ("printing_relative_error_percent", "printing_relative_error_p95_percent")
    return [f"{row[key]:.3g} %" for key in keys] if all(key in row for key in keys) else None


def _what(file):
    return next((words for end, words in _FILES.items() if file.name.endswith(end)), "")
