"""The page of a study: its template filled with figures, tables and links."""

import base64
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypedDict

import jinja2
from PIL import Image

from trussmap import __version__
from trussmap.base.io import atomic_path
from trussmap.report import live
from trussmap.report.files import linked_files
from trussmap.report.findings import findings
from trussmap.report.tables import (
    cauchy_table,
    chapter_table,
    front_tables,
    headline_rows,
    moments_table,
    protocol_table,
    r2_table,
    seconds_table,
    specimen_tables,
)
from trussmap.report.text import DASH, count, find, flatten, name_of, plain, size

#: Caption of each figure by the stem of its file, in the order of the report; ``*`` stands for an
#: architecture.
CAPTIONS = {
    "generation": (
        "Fig. 1A. How a design comes about: elementary lattices are superposed, stretched by U, "
        "rotated by R1, stretched by V, rotated by R2. Below each stage its elastic surface, the "
        "Young’s modulus E(n) in every direction n relative to that of the base material, by "
        "finite elements; all surfaces at one scale."
    ),
    "examples": (
        "Fig. 1B–D. Three designs of relative density 0.05, of one, two and three elementary "
        "lattices, and their elastic surfaces E(n)·n by finite elements, each at a scale of its "
        "own. The designs are of this study’s choice, not those of the paper."
    ),
    "elementary": (
        "SI Fig. S1. The seven elementary lattices with their numbers, all at one relative density."
    ),
    "dataset": (
        "Distribution of the 21 elastic constants of the training data, with mean ± standard "
        "deviation here and in the published data set. Lower left: differences of the moments in "
        "standard errors; the grey band is ±2."
    ),
    "losses": "Training and validation losses of every network over its epochs.",
    "correlation_forward_*": (
        "Fig. 2 and SI Fig. S3, forward model; {0}. Stiffness as predicted over that by finite "
        "elements, test designs."
    ),
    "correlation_surrogate_*": (
        "Fig. 2 and SI Fig. S4, inverse model, as in the paper; {0}. Stiffness of the proposed "
        "lattices, as the networks’ own forward model predicts it, over the target stiffness, "
        "test designs."
    ),
    "correlation_inverse_*": "The same for the same proposals judged by finite elements; {0}.",
    "bone_designs": (
        "Fig. 3A, bone. Four bovine femoral specimens, the best design A of the published family "
        "and the best of another topology B; the best where every strut that symmetry tells apart "
        "has a cross-section of its own (family areas), and where nodes have positions of their "
        "own too (geometry)."
    ),
    "catalogue": (
        "SI 4. Errors of the closest training design, of the inverse model’s best proposal and of "
        "the refined design A for crystal-network cells, by crystal system and mean number of "
        "struts at a node. Generated cells are random nets over all space groups made here; they "
        "are no part of the circulated catalogue."
    ),
    "catalogue_designs": (
        "Fig. 3A, catalogue. Crystal-network cells, the circulated ones first, and the designs A "
        "and B for them."
    ),
    "starts": (
        "What the networks buy. Median error of the best design after refinement by exact "
        "gradients, by where the starts come from, against its cost in finite-element solutions "
        "for a target; the best choice of starts and steps at each cost. Left, targets that lie "
        "in the design space; right, crystal networks, which in general do not."
    ),
    "cauchy": (
        "Why bone is hard. Above, the part of ‖C‖² off Cauchy’s relations (C12 = C66 and so on), "
        "by the sign of its trace, against relative density: test designs, bone at the density of "
        "its designs A, and these. Below left, that part of bone and crystal networks against the "
        "error of the designs found for them; right, the error that a search without networks "
        "reaches for bone when an elementary lattice is left out, or alone allowed."
    ),
    "front": (
        "What radii that differ buy, against the ratio of the thickest to the thinnest that is "
        "allowed. Above left, bone; arrows mark what it has off Cauchy’s relations, about where "
        "the published family (ratio 1, areas) ends. Above right and below left, generated "
        "crystal networks. Below right, those stiffer in shear than Cauchy’s relations: what they "
        "have off these against the error reached (what lies outside is drawn at the edge)."
    ),
    "graded": (
        "Fig. 3B. A lattice graded in space: one topology with the stiffness of all specimens, "
        "and between them."
    ),
}


class Layout(TypedDict, total=False):
    """Arguments of `trussmap.report.tables.chapter_table`."""

    head: str
    proposal: str


#: Chapters of metrics.json with a table, and their layout.
CHAPTERS: dict[str, Layout] = {
    "bone": {"head": "all"},
    "catalogue": {"head": "circulated cells"},
    "unseen": {"proposal": "best_"},
    "grading": {},
    "dataset": {},
}
#: Width of a figure in the page, pixels: twice that of a column on a screen of usual density.
_PICTURE_WIDTH = 1800


class Picture(TypedDict):
    """A picture as a page holds it: address of its data, size in pixels."""

    uri: str
    width: int
    height: int


class LinkedPicture(Picture):
    """A picture with the address of its file and the file's size in words."""

    href: str
    size: str


class Figure(NamedTuple):
    """A figure of the page."""

    stem: str
    caption: str
    picture: LinkedPicture


def write_report(
    study_dir: str | Path,
    metrics: dict[str, Any],
    figures: Sequence[str | Path],
    path: str | Path,
) -> None:
    """Write the page of a study to ``path``.

    Parameters
    ----------
    study_dir : folder of the study; the page links to its files. study.json and moments.csv are
        read if present, and so are the results that `trussmap.report.live.parts` names, for the
        live parts and the tables of bone
    metrics : the tree of metrics.json (architecture.md §5); a number that it lacks is printed as an
        en dash
    figures : paths of PNG files; the stem decides caption and place. The page has them at the width
        of a screen
    path : the HTML file
    """
    study_dir = Path(study_dir)
    path = Path(path)
    settings = _read_json(study_dir / "study.json")
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    source = Path(__file__).with_suffix(".html").read_text(encoding="utf-8")
    order = _architectures(metrics, settings)
    page = environment.from_string(source).render(
        style=live.look(),
        library=live.library(),
        live=live.parts(study_dir, settings),
        figures=_figures(figures, path, order),
        files=linked_files(study_dir, path),
        audit=_read_json(study_dir / "audit.json"),
        dash=DASH,
        **_of_settings(study_dir, settings),
        **_tables(study_dir, metrics, settings),
    )
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _of_settings(study_dir: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the variables of the template that follow from the settings."""
    leaves = [
        (key, value) for key, value in flatten({**settings}) if not key.startswith("versions.")
    ]
    return {
        "study": settings.get("study", study_dir.name),
        "version": __version__,
        "versions": settings.get("versions", {}),
        "settings": leaves,
        "designer": name_of(find(settings, "model.architecture")),
        "search": find(settings, "design.refine") or "none",
        "draws": [count(find(settings, f"protocol.{key}")) for key in ("draws", "temperature")],
    }


def _tables(
    study_dir: Path, metrics: dict[str, Any], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the variables of the template that are numbers and tables."""
    moments = study_dir / "moments.csv"
    order = _architectures(metrics, settings)
    modulus = find(settings, "bone.youngs_modulus_gpa")
    return {
        "architectures": [(architecture, name_of(architecture)) for architecture in order],
        "designs": count(find(metrics, "dataset.designs")),
        "headline": headline_rows(metrics, order),
        "r2": r2_table(metrics, order),
        "findings": findings(metrics, moments),
        "specimens": specimen_tables(study_dir, modulus),
        "cauchy": cauchy_table(metrics),
        "front": front_tables(metrics),
        "protocol": protocol_table(metrics, order),
        **{name: chapter_table(metrics, name, **layout) for name, layout in CHAPTERS.items()},
        "moments": moments_table(moments),
        "seconds": seconds_table(metrics.get("seconds", {})),
        "every": [(key, plain(value)) for key, value in flatten(metrics)],
    }


def tables_of(
    metrics: dict[str, Any], settings: Mapping[str, Any]
) -> dict[str, list[tuple[str, ...]]]:
    """Return {name: rows of cells} of the page's tables of metrics.json."""
    order = _architectures(metrics, settings)
    tables: dict[str, list[tuple[str, ...]]] = {
        "headline": [
            (name, published, *cells) for name, published, cells in headline_rows(metrics, order)
        ],
        "constants": [(name, *texts) for name, texts, _ in r2_table(metrics, order).rows],
        "all numbers": [(key, plain(value)) for key, value in flatten(metrics)],
    }
    for chapter, layout in CHAPTERS.items():
        table = chapter_table(metrics, chapter, **layout)
        sections = [*table.sections, *table.nmse, *table.r2]
        tables[chapter] = [(label, *texts) for _, rows in sections for label, texts in rows]
    return tables


def _figures(
    paths: Iterable[str | Path], page: Path, order: Sequence[str]
) -> dict[str, list[Figure]]:
    """Return {stem or family: figures}.

    A family is a caption's stem without its ``_*``; in it, architectures stand in their ``order``.
    """
    by_stem = {Path(path).stem: Path(path) for path in paths}
    families: dict[str, list[Figure]] = {}
    for key, caption in CAPTIONS.items():
        is_family = key.endswith("*")
        stems = [s for s in by_stem if s == key or (is_family and s.startswith(key[:-1]))]
        names = {stem[len(key) - 1 :] if is_family else "": stem for stem in stems}
        for name in sorted(names, key=lambda name: [*order, name].index(name)):
            stem = names[name]
            picture = _picture(by_stem.pop(stem), page)
            figure = Figure(stem, caption.format(name_of(name)), picture)
            families.setdefault(key.rstrip("_*"), []).append(figure)

    families["other"] = [
        Figure(stem, stem.replace("_", " "), _picture(path, page)) for stem, path in by_stem.items()
    ]
    return families


def _picture(path: Path, page: Path) -> LinkedPicture:
    """Return `picture_of` a file with its address and its size."""
    picture = picture_of(path)
    return {
        "uri": picture["uri"],
        "width": picture["width"],
        "height": picture["height"],
        "href": Path(os.path.relpath(path, page.parent)).as_posix(),
        "size": size(path.stat().st_size),
    }


def picture_of(file: str | Path | BinaryIO) -> Picture:
    """Return a PNG as a page holds it, at most as wide as a column."""
    image = Image.open(file).convert("RGB")
    image.thumbnail((_PICTURE_WIDTH, 4 * _PICTURE_WIDTH), Image.Resampling.LANCZOS)
    packed = BytesIO()
    # Method 6 takes twice as long for 4 % fewer bytes.
    image.save(packed, "WEBP", quality=86, method=2)
    uri = "data:image/webp;base64," + base64.b64encode(packed.getvalue()).decode("ascii")
    return {"uri": uri, "width": image.width, "height": image.height}


def _architectures(metrics: Mapping[str, Any], settings: Mapping[str, Any]) -> list[str]:
    """List the architectures with any number, the one that designs first."""
    present = [*metrics.get("forward", {}), *metrics.get("inverse", {})]
    order = [find(settings, "model.architecture"), *present]
    return [architecture for architecture in dict.fromkeys(order) if architecture in present]


def _read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
