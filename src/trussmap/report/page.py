"""The page: its template filled with figures, tables and links."""

import base64
import json
import os
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import jinja2
from PIL import Image

from trussmap import __version__
from trussmap.io import atomic_path
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

#: Caption of each figure by the stem of its file, in the order of the report; ``*`` stands for an architecture.
CAPTIONS = {
    "generation": "Fig. 1A. How a design comes about: elementary lattices are superposed, stretched by U, rotated by "
    "R1, stretched by V, rotated by R2. Below each stage its elastic surface, the Young’s modulus E(n) in every "
    "direction n relative to that of the base material, by finite elements; all surfaces at one scale.",
    "examples": "Fig. 1B–D. Three designs of relative density 0.05, of one, two and three elementary lattices, and "
    "their elastic surfaces E(n)·n by finite elements, each at a scale of its own. The designs are of this study’s "
    "choice, not those of the paper.",
    "elementary": "SI Fig. S1. The seven elementary lattices with their numbers, all at one relative density.",
    "dataset": "Distribution of the 21 elastic constants of the training data, with mean ± standard "
    "deviation here and in the published data set. Lower left: differences of the moments in standard errors; the grey "
    "band is ±2.",
    "losses": "Training and validation losses of every network over its epochs.",
    "correlation_forward_*": "Fig. 2 and SI Fig. S3, forward model; {0}. Stiffness as predicted over that by finite "
    "elements, test designs.",
    "correlation_surrogate_*": "Fig. 2 and SI Fig. S4, inverse model, as in the paper; {0}. Stiffness of the proposed "
    "lattices, as the networks’ own forward model predicts it, over the stiffness asked for, test designs.",
    "correlation_inverse_*": "The same for the same proposals judged by finite elements; {0}.",
    "bone_designs": "Fig. 3A, bone. Four bovine femoral specimens, the best design A of the published family and "
    "the best of another topology B; the best where every strut that symmetry tells apart has a cross-section of its "
    "own (family areas), and where nodes have positions of their own too (geometry).",
    "catalogue": "SI 4. Errors of the closest training design, of the inverse model’s best proposal and of the refined "
    "design A for crystal-network cells, by crystal system and mean number of struts at a node. Generated cells are "
    "random nets over all space groups made here; they are no part of the circulated catalogue.",
    "catalogue_designs": "Fig. 3A, catalogue. Crystal-network cells, the circulated ones first, and the designs A and "
    "B for them.",
    "starts": "What the networks buy. Median error of the best design after refinement by exact gradients, by where "
    "the starts come from, against its cost in finite-element solutions for a target; the best choice of starts and "
    "steps at each cost. Left, targets that lie in the design space; right, crystal networks, which in general do not.",
    "cauchy": "Why bone is hard. Above, the part of ‖C‖² off Cauchy’s relations (C12 = C66 and so on), by the sign of "
    "its trace, against relative density: test designs, bone at the density of its designs A, and these. Below left, "
    "that part of bone and crystal networks against the error of the designs found for them; right, the error that a "
    "search without networks reaches for bone when an elementary lattice is left out, or alone allowed.",
    "front": "What radii that differ buy, against the ratio of the thickest to the thinnest that is allowed. Above "
    "left, bone; arrows mark what it has off Cauchy’s relations, about where the published family (ratio 1, areas) "
    "ends. Above right and below left, generated crystal networks. Below right, those stiffer in shear than Cauchy’s "
    "relations: what they have off these against the error reached (what lies outside is drawn at the edge).",
    "graded": "Fig. 3B. A lattice graded in space: one topology with the stiffness of all specimens, and between them.",
}
#: Chapters of metrics.json with a table of their own, and how it is laid out.
CHAPTERS = {
    "bone": {"own": "all"},
    "catalogue": {"own": "circulated cells"},
    "unseen": {"proposal": "best_"},
    "grading": {},
    "dataset": {},
}
#: Pixels across of a figure in the page: twice those of a column on a screen of a usual density.
_PICTURE_WIDTH = 1800


def write_report(study_dir: str | Path, metrics: dict, figures: list, path: str | Path) -> None:
    """Write the report page to ``path``.

    Parameters
    ----------
    study_dir : folder of the study; its files are linked. study.json and moments.csv, and for the live parts and the
        tables of bone the results that `trussmap.report.live.parts` names, are read where present
    metrics : the tree of metrics.json (architecture.md §5); a number that it lacks is printed as an en dash
    figures : paths of PNG files; the stem decides caption and place. The page has them at the width of a screen
    path : the HTML file
    """
    study_dir, path = Path(study_dir), Path(path)
    settings = _read_json(study_dir / "study.json")
    moments = study_dir / "moments.csv"
    architectures = _architectures(metrics, settings)
    parts = live.parts(study_dir, settings)
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(Path(__file__).with_suffix(".html").read_text(encoding="utf-8"))
    page = template.render(
        style=live.look(),
        study=settings.get("study", study_dir.name),
        version=__version__,
        versions=settings.get("versions", {}),
        settings=[(key, value) for key, value in flatten(settings) if not key.startswith("versions.")],
        architectures=[(a, name_of(a)) for a in architectures],
        designer=name_of(find(settings, "model.architecture")),
        search=find(settings, "design.refine") or "none",
        designs=count(find(metrics, "dataset.designs")),
        headline=headline_rows(metrics, architectures),
        r2=r2_table(metrics, architectures),
        findings=findings(metrics, moments),
        specimens=specimen_tables(study_dir, find(settings, "bone.youngs_modulus_gpa")),
        cauchy=cauchy_table(metrics),
        front=front_tables(metrics),
        protocol=protocol_table(metrics, architectures),
        draws=[count(find(settings, f"protocol.{key}")) for key in ("draws", "temperature")],
        **{chapter: chapter_table(metrics, chapter, **how) for chapter, how in CHAPTERS.items()},
        audit=_read_json(study_dir / "audit.json"),
        moments=moments_table(moments),
        seconds=seconds_table(metrics.get("seconds", {})),
        every=[(key, plain(value)) for key, value in flatten(metrics)],
        files=linked_files(study_dir, path),
        figures=_figures(figures, path, architectures),
        live=parts,
        library=live.library(),
        dash=DASH,
    )
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def tables_of(metrics: dict, settings: dict) -> dict[str, list[tuple]]:
    """{what: rows of cells} of the tables of the page that say what stands in metrics.json."""
    architectures = _architectures(metrics, settings)
    tables = {
        "headline": [(name, published, *own) for name, published, own in headline_rows(metrics, architectures)],
        "constants": [(name, *texts) for name, texts, _ in r2_table(metrics, architectures)["rows"]],
        "all numbers": [(key, plain(value)) for key, value in flatten(metrics)],
    }
    for chapter, how in CHAPTERS.items():
        of = chapter_table(metrics, chapter, **how)
        rows = [row for part in ("sections", "nmse", "r2") for _, rows in of.get(part, []) for row in rows]
        tables[chapter] = [(label, *texts) for label, texts in rows]
    return tables


def _figures(paths, page, order):
    """{stem or family: [(stem, caption, picture)]}; a family is a caption's stem without its ``_*``.

    In a family, architectures stand in their ``order``.
    """
    by_stem = {Path(p).stem: Path(p) for p in paths}
    placed = {}
    for key, caption in CAPTIONS.items():
        stems = [s for s in by_stem if s == key or (key.endswith("*") and s.startswith(key[:-1]))]
        names = {stem[len(key) - 1 :] if key.endswith("*") else "": stem for stem in stems}
        for name, stem in sorted(names.items(), key=lambda own: [*order, own[0]].index(own[0])):
            text = caption.format(name_of(name))
            placed.setdefault(key.rstrip("_*"), []).append((stem, text, _picture(by_stem.pop(stem), page)))
    placed["other"] = [(stem, stem.replace("_", " "), _picture(path, page)) for stem, path in by_stem.items()]
    return placed


def _picture(path, page):
    """`picture_of` a file, with the link to it and its size in words."""
    href = Path(os.path.relpath(path, page.parent)).as_posix()
    return picture_of(path) | {"href": href, "size": size(path.stat().st_size)}


def picture_of(file: str | Path | BinaryIO) -> dict[str, object]:
    """A PNG as a page carries it: data ``uri``, ``width`` and ``height`` in pixels, at most as wide as a column."""
    image = Image.open(file).convert("RGB")
    image.thumbnail((_PICTURE_WIDTH, 4 * _PICTURE_WIDTH), Image.Resampling.LANCZOS)
    packed = BytesIO()
    image.save(packed, "WEBP", quality=86, method=2)  # method 6 takes twice as long for 4 % fewer bytes
    uri = "data:image/webp;base64," + base64.b64encode(packed.getvalue()).decode("ascii")
    return {"uri": uri, "width": image.width, "height": image.height}


def _architectures(metrics, settings):
    """Architectures with any number, the one that designs first."""
    present = [*metrics.get("forward", {}), *metrics.get("inverse", {})]
    order = [find(settings, "model.architecture"), *present]
    return [a for a in dict.fromkeys(order) if a in present]


def _read_json(path):
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
