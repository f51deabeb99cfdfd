"""The page: its template filled with figures, tables and links."""

import base64
import json
from pathlib import Path

import jinja2

from trussmap import __version__
from trussmap.io import atomic_path
from trussmap.report.files import linked_files
from trussmap.report.findings import findings
from trussmap.report.tables import (
    chapter_table,
    headline_rows,
    moments_table,
    protocol_table,
    r2_table,
    seconds_table,
    specimen_tables,
)
from trussmap.report.text import DASH, count, find, flatten, name_of, plain

#: Caption of each figure by the stem of its file, in the order of the report; ``*`` stands for an architecture.
CAPTIONS = {
    "generation": "Fig. 1A. How a design comes about: elementary lattices are superposed, stretched by U, rotated by "
    "R1, stretched by V, rotated by R2. Below each stage its elastic surface, the Young’s modulus E(n) in every "
    "direction n relative to that of the base material, by finite elements; all surfaces at one scale.",
    "examples": "Fig. 1B–D. Three designs of relative density 0.05, of one, two and three elementary lattices, and "
    "their elastic surfaces, each at a scale of its own.",
    "elementary": "SI Fig. S1. The seven elementary lattices with their numbers, all at one relative density.",
    "dataset": "Distribution of the 21 elastic constants of the training data, with mean ± standard "
    "deviation here and in the published data set. Lower left: differences of the moments in standard errors; the grey "
    "band is ±2.",
    "losses": "Training and validation losses of every network.",
    "correlation_forward_*": "Fig. 2 and SI Fig. S3, forward. Stiffness predicted by the {0} over that by finite "
    "elements, test designs.",
    "correlation_surrogate_*": "Fig. 2 and SI Fig. S4, inverse, as in the paper. Stiffness of the lattices that the "
    "{0} propose, as their own forward model predicts it, over the stiffness asked for, test designs.",
    "correlation_inverse_*": "The same proposals of the {0}, judged by finite elements.",
    "bone_designs": "Fig. 3A, bone. Four bovine femoral specimens, the best design A and the best of another "
    "topology B.",
    "catalogue": "SI 4. Errors of the closest training design, of the inverse model’s best proposal and of the refined "
    "design A for crystal-network cells, by crystal system and mean number of struts at a node. Generated cells are "
    "random nets over all space groups made here; they are no part of the circulated catalogue.",
    "catalogue_designs": "Fig. 3A, catalogue. Crystal-network cells, the circulated ones first, and the designs A and "
    "B for them.",
    "starts": "What the networks buy. Median error of the best design after refinement by exact gradients, by where "
    "the starts come from, against its cost in finite-element solutions for a target; the best choice of starts and "
    "steps at each cost. Left, targets that lie in the design space; right, crystal networks, which in general do not.",
    "graded": "Fig. 3B. A lattice graded in space between two designs.",
}


def write_report(study_dir: str | Path, metrics: dict, figures: list, path: str | Path) -> None:
    """Write the report page to ``path``.

    Parameters
    ----------
    study_dir : folder of the study; its study.json and moments.csv are read where present, its files are linked
    metrics : the tree of metrics.json (architecture.md §5); a number that it lacks is printed as an en dash
    figures : paths of PNG files; the stem decides caption and place
    path : the HTML file
    """
    study_dir, path = Path(study_dir), Path(path)
    settings = _read_json(study_dir / "study.json")
    moments = study_dir / "moments.csv"
    architectures = _architectures(metrics, settings)
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(Path(__file__).with_suffix(".html").read_text(encoding="utf-8"))
    page = template.render(
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
        bone=chapter_table(metrics, "bone", "all"),
        catalogue=chapter_table(metrics, "catalogue", "circulated cells"),
        specimens=specimen_tables(study_dir, find(settings, "bone.youngs_modulus_gpa")),
        unseen=chapter_table(metrics, "unseen"),
        protocol=protocol_table(metrics, architectures),
        draws=[count(find(settings, f"protocol.{key}")) for key in ("draws", "temperature")],
        grading=chapter_table(metrics, "grading"),
        dataset=chapter_table(metrics, "dataset"),
        moments=moments_table(moments),
        seconds=seconds_table(metrics.get("seconds", {})),
        every=[(key, plain(value)) for key, value in flatten(metrics)],
        files=linked_files(study_dir, path),
        figures=_figures(figures),
        dash=DASH,
    )
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _figures(paths):
    """{stem or family: [(stem, caption, data URI)]}; a family is a caption's stem without its ``_*``."""
    by_stem = {Path(p).stem: Path(p) for p in paths}
    placed = {}
    for key, caption in CAPTIONS.items():
        stems = [s for s in by_stem if s == key or (key.endswith("*") and s.startswith(key[:-1]))]
        for stem in stems:
            name = stem[len(key) - 1 :] if key.endswith("*") else ""
            text = caption.format(name_of(name))
            placed.setdefault(key.rstrip("_*"), []).append((stem, text, _data_uri(by_stem.pop(stem))))
    placed["other"] = [(stem, stem.replace("_", " "), _data_uri(path)) for stem, path in by_stem.items()]
    return placed


def _data_uri(path):
    return "data:image/png;base64," + base64.b64encode(Path(path).read_bytes()).decode("ascii")


def _architectures(metrics, settings):
    """Architectures with any number, the one that designs first."""
    present = [*metrics.get("forward", {}), *metrics.get("inverse", {})]
    order = [find(settings, "model.architecture"), *present]
    return [a for a in dict.fromkeys(order) if a in present]


def _read_json(path):
    return json.loads(path.read_text()) if path.is_file() else {}
