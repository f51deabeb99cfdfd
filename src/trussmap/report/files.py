"""The files of a study, each kind with a way to audit it."""

import os
import re
from pathlib import Path

from markupsafe import Markup, escape

from trussmap.report.text import size

MOST_LINKS = 300
#: Files of a study: pattern, what they are, how to audit them.
FILES = [
    ("study.json", "settings and versions", "compare with config.yaml and studies/"),
    (
        "designs/*.h5",
        "sampled designs, by shard",
        "design k is a function of (seed, k): trussmap.lattice.descriptor.sample_designs(seed, k, k + 1)",
    ),
    (
        "stiffness/*.h5",
        "stiffness of each design by finite elements, by shard",
        "write some of its designs to a CSV file and run `trussmap homogenize` on them",
    ),
    (
        "dataset.h5",
        "training and test data",
        "its attributes name settings, seed, version and digest; trussmap.dataset.open_dataset checks and reads it",
    ),
    ("moments.csv", "moments here and published", "recompute with trussmap.dataset.column_statistics"),
    (
        "models/*/*.json",
        "architecture, scaling and training history of the networks",
        "`dataset_digest` must equal the digest of dataset.h5; `history` is what figures/losses.png draws",
    ),
    ("models/*/*.safetensors", "weights of the networks", "delete one and run the study again: only it is trained"),
    ("evaluation/*.json", "R² and diversity on the test designs", "recompute from the predictions beside it"),
    (
        "evaluation/*.h5",
        "test designs, their stiffness, all predictions",
        "R² of `forward` against `stiffness`; `trussmap homogenize` of `inverse_designs` against `inverse_fe`",
    ),
    (
        "generalize/*/targets.csv",
        "targets, in units of the base material’s Young’s modulus",
        "compare with resources/",
    ),
    (
        "generalize/*/designs.csv",
        "ranked designs for each target",
        "`trussmap homogenize` on its designs must give its C11 … C66",
    ),
    (
        "generalize/catalogue/generated.lat",
        "crystal networks generated here, none of the circulated catalogue",
        "`trussmap homogenize-cells`; cell k is a function of (seed, k): trussmap.crystal.generate",
    ),
    (
        "generalize/catalogue/[bc]*.csv",
        "errors of each cell, and their quartiles by crystal system and connectivity",
        "recompute from designs.csv",
    ),
    (
        "generalize/bone/search.*",
        "closest designs of a thorough search of all topologies, without networks",
        "`trussmap homogenize` on its designs, then the error against targets.csv",
    ),
    ("generalize/*/summary.json", "errors of the designs and of the lookup", "recompute from designs.csv"),
    (
        "generalize/protocol/*.json",
        "what the paper’s protocol takes for bone and catalogue cells",
        "the errors by finite elements and those that the network thought of",
    ),
    (
        "cauchy/*",
        "how far data, targets and designs are from Cauchy’s relations; bone by fewer elementary lattices",
        "trussmap.stiffness.non_cauchy_share of any stiffness; draw figures/cauchy.png anew",
    ),
    (
        "front/*",
        "errors of bone and crystal networks by the ratio of strut radii",
        "no error rises with the ratio; draw figures/front.png anew",
    ),
    ("generalize/starts.*", "errors by cost of refinement from every kind of start", "draw figures/starts.png anew"),
    ("generalize/*/lattices/*", "nodes and struts of each design", "open in any spreadsheet or 3D program"),
    ("grading/*", "graded structure and its measures", "open structure.vtk in ParaView"),
    ("figures/*.png", "figures of this page", "each is drawn from the files above by workflow/scripts/figure_*.py"),
    ("audit.json", "what was checked again, and how it came out", "trussmap audit, with the folder of the study"),
    ("metrics.json", "every number of this page", "compare with the tables here"),
    ("benchmarks/*/*.tsv", "time and memory of each job", "written by Snakemake"),
    (
        "provenance/*/*.json",
        "what the results of each job were made of: source, settings, inputs",
        "its digests are those of `sha256sum`",
    ),
    ("logs/*/*.log", "what each job said", "read"),
]


def linked_files(study_dir: Path, path: Path) -> list[dict]:
    """The files of a study by kind: dicts of pattern, what, audit, number, size in words, anchor, and links.

    ``links`` are (name, link relative to ``path``), at most ``MOST_LINKS``; ``folder`` is the link of what holds them.
    """
    out = []
    for pattern, what, audit in FILES:
        found = sorted(f for f in Path(study_dir).glob(pattern) if f.is_file() and not f.name.startswith("."))
        if found:
            href = [Path(os.path.relpath(f, path.parent)).as_posix() for f in found]
            names = [f.relative_to(study_dir).as_posix() for f in found]
            out.append(
                {
                    "pattern": pattern,
                    "what": what,
                    "audit": _code(audit),
                    "number": len(found),
                    "size": size(sum(f.stat().st_size for f in found)),
                    "anchor": f"files-{len(out) + 1}",
                    "links": list(zip(names, href, strict=True))[:MOST_LINKS],
                    "folder": Path(os.path.relpath(study_dir / pattern.split("/")[0], path.parent)).as_posix(),
                }
            )
    return out


def _code(text):
    """Text with `this` set as code, for HTML."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))
