"""The page of one design, and the page with links to all designs of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from glob import escape
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypedDict, Unpack

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup

from trussmap import __version__
from trussmap.base.io import atomic_path
from trussmap.designs.table import Brief, row_graph, rows_of
from trussmap.designs.writing import MOST_LATTICES, lattice_stem
from trussmap.figures import style
from trussmap.lattice.graph import PeriodicGraph
from trussmap.mechanics.strength import LOAD_CASES
from trussmap.parts.fill import Part
from trussmap.report import live
from trussmap.report.page import picture_of
from trussmap.report.text import DASH, size
from trussmap.search.request import Search
from trussmap.targets.hints import symmetry_words
from trussmap.tensors.elasticity import (
    extrema,
    means,
    moduli,
    symmetry_distances,
    universal_anisotropy,
)
from trussmap.tensors.engineering import ENGINEERING
from trussmap.tensors.stiffness import COMPONENTS, mandel

#: Description of the files beside a page, by the ends of their names.
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
    **{
        case: f"along {axis} ({case})" for case, axis in zip(("11", "22", "33"), "xyz", strict=True)
    },
    **{
        case: f"shear {plane} ({case})"
        for case, plane in (("23", "yz"), ("13", "xz"), ("12", "xy"))
    },
    "hydrostatic": "hydrostatic",
}
#: Share of the largest constant below which a relative error says nothing.
_SMALL = 0.01
#: Text of a live part before it is drawn.
_WAITING = "It appears here, to be turned with the pointer."

#: A row of a table of designs.
Row = Mapping[str, Any]
#: A link: name, address, words and size of a file.
Link = tuple[str, str, str, str]


class PageOptions(TypedDict, total=False):
    """Options of `design_page`.

    Attributes
    ----------
    unit : name of the units, such as MPa
    graph : the lattice, if the row has no columns of a design
    cell_size_mm : edge of a cube of the cell's volume
    part : a region filled with the lattice, in mm
    picture : PNG that replaces the live parts on paper
    links : name, address, words and size of files
    origin : settings that the design was made with
    """

    unit: str
    graph: PeriodicGraph | None
    cell_size_mm: float | None
    part: Part | None
    picture: str | Path | BinaryIO | None
    links: Sequence[Link]
    origin: Mapping[str, object] | None


class Comparison(TypedDict):
    """A constant of a design beside its target, as text.

    ``off`` is the difference, ``percent`` it over the target's constant, and ``share`` it over the
    largest constant of the target, both in %.
    """

    name: str
    design: str
    target: str
    off: str
    percent: str
    share: str


class Quantity(TypedDict):
    """A quantity of all curves, as text."""

    words: str
    unit: str
    cells: list[str]


class Range(Quantity):
    """The range of a quantity over all directions.

    ``where`` has the directions of both ends, and ``ratio`` is that of the ends, both of the last
    curve.
    """

    where: list[list[str]]
    ratio: float


class Strength(TypedDict):
    """Stresses that a design carries, and factors of a given load."""

    columns: list[str]
    rows: list[tuple[str, list[str]]]
    load: list[tuple[str, float]]


@dataclass(frozen=True)
class Pages:
    """The writer of pages that `trussmap.designs.writing.write_designs` takes.

    Attributes
    ----------
    targets : the given constants of each target that has pages (`trussmap.targets.goal.Goal.constants`)
    unit, cell_size_mm, origin : as of `PageOptions`
    """

    targets: list[dict[str, float]]
    unit: str = ""
    cell_size_mm: float | None = None
    origin: Mapping[str, object] | None = None

    def design(
        self, path: str | Path, row: Row, graph: PeriodicGraph, part: Part | None = None
    ) -> None:
        """Write the page of a row of designs.csv, which lies in a folder below."""
        links = [
            ("designs.csv", "../designs.csv", "all designs", ""),
            ("index.html", "../index.html", "their pages", ""),
        ]
        write_design_page(
            path,
            row,
            self.targets[int(row["target"]) - 1],
            graph=graph,
            part=part,
            links=links,
            unit=self.unit,
            cell_size_mm=self.cell_size_mm,
            origin=self.origin,
        )

    def index(self, path: str | Path, table: pd.DataFrame) -> None:
        """Write the page of all rows of a designs.csv, some of which have pages."""
        some = table[table["target"] <= MOST_LATTICES]
        stems = map(lattice_stem, rows_of(some))
        pages = {k: f"lattices/{stem}" for k, stem in zip(some.index, stems, strict=True)}
        write_index(path, table, pages, self.unit)


def pages_of(brief: Brief, search: Search) -> Pages:
    """Return the writer of pages for designs of a brief, with the settings that made them."""
    material = brief.material
    size = brief.request.cell_size_mm
    origin = {
        "Young's modulus of the base material": material.youngs_modulus,
        "its Poisson's ratio": material.poisson_ratio,
        "family": brief.request.family,
        "search": search.effort,
        "seed": search.seed,
        "cell size in mm": size,
    }
    first = brief.targets.goal.take(slice(MOST_LATTICES))
    return Pages(first.constants(material.youngs_modulus), material.unit, size, origin)


def write_design_page(
    path: str | Path,
    row: Row,
    target: Mapping[str, float] | None = None,
    **options: Unpack[PageOptions],
) -> None:
    """Write `design_page` to ``path`` (HTML).

    It has links to the files beside it that begin with its name, and their PNG is its picture.
    """
    path = Path(path)
    beside = [f for f in path.parent.glob(f"{escape(path.stem)}[._]*") if f.name != path.name]
    links = [(f.name, f.name, _description(f), size(f.stat().st_size)) for f in sorted(beside)]
    options["links"] = [*links, *options.get("links", ())]

    picture = path.with_suffix(".png")
    if "picture" not in options and picture.is_file():
        options["picture"] = picture
    page = design_page(row, target, **options)
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def design_page(
    row: Row, target: Mapping[str, float] | None = None, **options: Unpack[PageOptions]
) -> str:
    """Return the page of a design as self-contained HTML.

    It shows the design, to turn and in numbers, beside its target.

    Parameters
    ----------
    row : a row of ``designs.csv`` as `trussmap design` writes it, in the units of the target;
        ``relative_density`` and ``C11`` … ``C66`` are needed. The page leaves out numbers of
        columns that are absent
    target : constants of the target in the same units, ``C11`` … or ``E1`` …, all of them or some
    options : see `PageOptions`

    >>> from trussmap.mechanics.homogenization import homogenize_designs
    >>> from trussmap.lattice.descriptor import DESIGN_COLUMNS, sample_designs
    >>> theta = sample_designs(1, 0, 1)
    >>> row = dict(zip([*DESIGN_COLUMNS, *COMPONENTS], [*theta[0], *homogenize_designs(theta)[0]]))
    >>> design_page(row).startswith("<!doctype html>")
    True
    """
    target = dict(target or {})
    unit = options.get("unit", "")
    rank = row.get("rank")
    color = style.DESIGN_B if rank == 2 else style.DESIGN_A
    curves = _curves(row, target, color)
    remarks = str(row.get("remark") or "").split("; ")
    picture = options.get("picture")
    return _template("design").render(
        style=live.look(),
        library=live.library(),
        name=row.get("name"),
        rank=None if rank is None else int(rank),
        version=__version__,
        unit=unit,
        facts=_facts(row),
        remarks=[remark for remark in remarks if remark and remark != "nan"],
        lattice=_lattice(row, color, options),
        directions=live.part("directions", live.directions_part(curves, unit), _WAITING),
        labels=[(label, shade) for label, shade, _ in curves],
        ranges=_ranges(curves, unit),
        averages=_averages(curves, unit),
        modes=_modes(curves, unit),
        strength=_strength(row),
        printing=_printing(row),
        links=options.get("links", ()),
        origin=dict(options.get("origin") or {}),
        every=[(key, value) for key, value in row.items() if value == value],
        picture=picture_of(picture) if picture else None,
        dash=DASH,
        **_constants(row, target, curves),
    )


def _curves(row: Row, target: Mapping[str, float], color: str) -> list[live.Curve]:
    """Return the stiffness of a complete target and of the design."""
    curves = [("design", color, np.array([row[name] for name in COMPONENTS], float))]
    if {*COMPONENTS} <= {*target}:
        stiffness = np.array([target[name] for name in COMPONENTS], float)
        curves.insert(0, ("target", style.TARGET, stiffness))
    return curves


def _lattice(row: Row, color: str, options: PageOptions) -> Markup:
    """Return the live part of the lattice."""
    graph = options.get("graph")
    graph = row_graph(row) if graph is None else graph
    cell_size = options.get("cell_size_mm")
    graph = graph.sized(cell_size) if cell_size else graph
    data = live.lattice_part(graph, float(row["relative_density"]), color, options.get("part"))
    return live.part("lattice", data, _WAITING)


def _constants(
    row: Row, target: Mapping[str, float], curves: list[live.Curve]
) -> dict[str, list[Comparison]]:
    """Compare moduli, Poisson's ratios and the 21 constants with the target."""
    given = {name: target[name] for name in [*ENGINEERING, *COMPONENTS] if name in target}
    if len(curves) == 2:
        given |= dict(zip(ENGINEERING, moduli(curves[0][2][None])[0], strict=True))
    return {
        "moduli": _compared(ENGINEERING[:6], given, row),
        "ratios": _compared(ENGINEERING[6:], given, row),
        "constants": _compared(COMPONENTS, given, row),
    }


class _IndexRow(NamedTuple):
    """A row of the page with links to all designs."""

    row: dict[str, Any]
    facts: dict[str, str]
    page: str | None
    remark: str


def write_index(
    path: str | Path, table: pd.DataFrame, pages: Mapping[Any, str], unit: str = ""
) -> None:
    """Write the page with links to the pages of designs.

    It is a table of their main numbers, with a picture and a link for each.

    Parameters
    ----------
    table : that of ``designs.csv``
    pages : address of a page, without its ending, by the row's index
    unit : name of the units
    """
    rows = []
    for index, row in table.iterrows():
        cells = {str(name): value for name, value in row.to_dict().items()}
        remark = cells["remark"] if isinstance(cells.get("remark"), str) else ""
        name = {"name": cells.get("name"), "rank": cells["rank"]}
        rows.append(_IndexRow(name, dict(_facts(cells)), pages.get(index), remark))
    columns = list(dict.fromkeys(name for row in rows for name in row.facts))
    page = _template("index").render(
        style=live.look(), rows=rows, columns=columns, unit=unit, version=__version__, dash=DASH
    )
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


@cache
def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["number"] = number
    path = Path(__file__).with_name(f"{name}.html")
    return environment.from_string(path.read_text(encoding="utf-8"))


def number(value: object, scale: float = 0.0) -> str:
    """Return a number with four digits, and words as they are.

    Numbers that are rounding beside ``scale`` are 0.

    >>> number(0.123456), number(114000.0), number(1e-12, 1.0), number(3), number("octet")
    ('0.1235', '114000', '0', '3', 'octet')
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return str(value)
    real: Any = value
    if real == 0 or abs(real) < 1e-9 * scale:
        return "0"
    if not np.isfinite(real):
        return "∞" if real > 0 else str(real)
    is_long = 1e3 <= abs(real) < 1e7 or float(real).is_integer()
    return f"{real:.0f}" if is_long else f"{real:.4g}"


def _facts(row: Row) -> list[tuple[str, str]]:
    """Return the main numbers of a design: (words, text)."""
    numbers: dict[str, Any] = {
        key: value
        for key, value in row.items()
        if isinstance(value, int | float | np.number) and value == value
    }
    facts = []
    if "strut_diameter_mm" in numbers:
        keys = ("strut_diameter_mm", "largest_diameter_mm")
        ends = [f"{numbers[key]:.3g}" for key in keys if key in numbers]
        facts.append(("strut diameter", f"{' to '.join(dict.fromkeys(ends))} mm"))
    for key, words in (("smallest_gap_mm", "smallest gap"), ("pore_size_mm", "pore size")):
        if key in numbers:
            facts.append((words, f"{numbers[key]:.3g} mm"))
    facts.append(("relative density", f"{numbers['relative_density']:.3g}"))
    for key, words in (
        ("relative_error_percent", "stiffness off by"),
        ("modulus_error_median_percent", "E(n) off by, median"),
        ("modulus_error_largest_percent", "E(n) off by, largest"),
    ):
        if key in numbers:
            facts.append((words, _percent(numbers[key])))
    if "relative_error_percent" in row and "relative_error_percent" not in numbers:
        facts.append(("what is given is off by", _percent(100 * numbers["error"] ** 0.5)))
    return facts


def _percent(value: float) -> str:
    return "< 0.01 %" if abs(value) < 0.01 else f"{value:.3g} %"


def _compared(names: Sequence[str], target: Mapping[str, float], row: Row) -> list[Comparison]:
    """Compare constants of a design with those of its target."""
    largest = max((abs(target[name]) for name in names if name in target), default=0.0)
    values = [abs(row[name]) for name in names if name in row]
    scale = max(largest, *values, 0.0) if values else 0.0
    rows = []
    for name in names:
        if name not in row:
            continue
        cells: Comparison = {
            "name": name,
            "design": number(row[name], scale),
            "target": DASH,
            "off": DASH,
            "percent": DASH,
            "share": DASH,
        }
        goal = target.get(name)
        if goal is not None:
            difference = row[name] - goal
            cells["target"] = number(goal, scale)
            cells["off"] = f"{difference:+.3g}" if abs(difference) > 1e-9 * scale else "0"
            if largest:
                cells["share"] = _signed(100 * difference / largest)
            if goal and abs(goal) >= _SMALL * largest:
                cells["percent"] = _signed(100 * difference / abs(goal))
        rows.append(cells)
    return rows


def _signed(percent: float) -> str:
    return "0.00" if abs(percent) < 0.005 else f"{percent:+.2f}"


def _ranges(curves: list[live.Curve], unit: str) -> list[Range]:
    """Return the ranges of E, G, ν and β over all directions."""
    ends_of = [extrema(stiffness) for _, _, stiffness in curves]
    rows = []
    for name, words, unit_of in (
        ("E", "Young’s modulus E(n)", unit),
        ("G", "shear modulus G(n, m)", unit),
        ("nu", "Poisson’s ratio ν(n, m)", ""),
        ("beta", "linear compressibility β(n)", f"1/{unit}" if unit else ""),
    ):
        keys = (f"{name}_min", f"{name}_max")
        pairs = [[ends[key].value[0] for key in keys] for ends in ends_of]
        where = []
        for key in keys:
            _, n, m = ends_of[-1][key]
            across = [f"m = {_vector(m[0])}"] if name in ("G", "nu") else []
            where.append([f"n = {_vector(n[0])}", *across])
        largest = max(abs(value) for pair in pairs for value in pair)
        low, high = pairs[-1]
        row: Range = {
            "words": words,
            "unit": unit_of,
            "cells": [number(value, largest) for pair in pairs for value in pair],
            "where": where,
            "ratio": high / low if low > 0 else np.nan,
        }
        rows.append(row)
    return rows


def _vector(direction: np.ndarray) -> str:
    return f"({', '.join(f'{value + 0.0:.2f}' for value in direction)})".replace("-0.00", "0.00")


def _averages(curves: list[live.Curve], unit: str) -> list[Quantity]:
    """Return the means of Voigt, Reuss and Hill, three of each curve."""
    means_of = [means(stiffness[None]) for _, _, stiffness in curves]
    rows: list[Quantity] = []
    for name, words in (
        ("K", "bulk modulus K"),
        ("E", "Young’s modulus E"),
        ("G", "shear modulus G"),
        ("nu", "Poisson’s ratio ν"),
    ):
        kinds = [f"{name}_{mean}" for mean in ("voigt", "reuss", "hill")]
        cells = [number(values[kind][0]) for values in means_of for kind in kinds]
        rows.append({"words": words, "unit": "" if name == "nu" else unit, "cells": cells})
    return rows


def _modes(curves: list[live.Curve], unit: str) -> list[Quantity]:
    """Return eigenvalues in Mandel form, anisotropy and symmetry."""
    stiffnesses = [stiffness for _, _, stiffness in curves]
    eigenvalues = [np.linalg.eigvalsh(mandel(c)) for c in stiffnesses]
    rows: list[Quantity] = []
    for k in range(6):
        cells = [number(values[k], values[-1]) for values in eigenvalues]
        rows.append({"words": f"eigenvalue {k + 1}", "unit": unit, "cells": cells})
    anisotropy = [number(max(universal_anisotropy(c[None])[0], 0.0), 1e3) for c in stiffnesses]
    rows.append({"words": "universal anisotropy", "unit": "", "cells": anisotropy})
    symmetry = [symmetry_words(symmetry_distances(c)) for c in stiffnesses]
    rows.append({"words": "symmetry", "unit": "", "cells": symmetry})
    return rows


def _strength(row: Row) -> Strength | None:
    """Return the stresses that a design carries, or None without any."""
    words_of = {
        "peak_stress": "largest strut stress over it",
        "buckling_stress": "first strut buckles at",
        "yield_stress": "first strut yields at",
    }
    columns = {key: words for key, words in words_of.items() if f"{key}_11" in row}
    if not columns:
        return None
    factors = (("load_buckling_factor", "buckles"), ("load_yield_factor", "yields"))
    return {
        "columns": list(columns.values()),
        "rows": [
            (_LOADS[case], [number(row[f"{key}_{case}"]) for key in columns]) for case in LOAD_CASES
        ],
        "load": [(words, row[key]) for key, words in factors if key in row],
    }


def _printing(row: Row) -> list[str] | None:
    """Return the change of stiffness by printing errors: mean and 95 %."""
    keys = ("printing_relative_error_percent", "printing_relative_error_p95_percent")
    return [f"{row[key]:.3g} %" for key in keys] if all(key in row for key in keys) else None


def _description(file: Path) -> str:
    return next((words for ending, words in _FILES.items() if file.name.endswith(ending)), "")
