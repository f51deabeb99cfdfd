"""The files of a study by kind, each with a way to audit it."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup, escape

from trussmap.report.text import size

#: Links to files of one kind, at most.
MOST_LINKS = 300


class Kind(NamedTuple):
    """A kind of files: glob pattern, description, and way to audit them."""

    pattern: str
    words: str
    audit: str


class LinkedFiles(NamedTuple):
    """The files of one kind in a study.

    Attributes
    ----------
    pattern, what : of the kind
    audit : way to audit them, HTML
    number : how many there are
    size : of all of them, in words
    anchor : of the list of links
    links : (name, address relative to the page), at most ``MOST_LINKS``
    folder : address of the folder with all of them
    """

    pattern: str
    what: str
    audit: Markup
    number: int
    size: str
    anchor: str
    links: list[tuple[str, str]]
    folder: str


#: The kinds of files of a study, in the order of the page.
FILES = [
    Kind("study.json", "settings and versions", "compare with config.yaml and studies/"),
    Kind(
        "designs/*.h5",
        "sampled designs, by shard",
        "design k is a function of (seed, k): "
        "trussmap.lattice.descriptor.sample_designs(seed, k, k + 1)",
    ),
    Kind(
        "stiffness/*.h5",
        "stiffness of each design by finite elements, by shard",
        "write some of its designs to a CSV file and run `trussmap homogenize` on them",
    ),
    Kind(
        "dataset.h5",
        "training and test data",
        "its attributes name settings, seed, version and digest; "
        "trussmap.data.dataset.open_dataset checks and reads it",
    ),
    Kind(
        "moments.csv",
        "moments here and published",
        "recompute with trussmap.data.dataset.column_statistics",
    ),
    Kind(
        "models/*/*.json",
        "architecture, scaling and training history of the networks",
        "`dataset_digest` must equal the digest of dataset.h5; "
        "`history` is what figures/losses.png draws",
    ),
    Kind(
        "models/*/*.safetensors",
        "weights of the networks",
        "delete one and run the study again: only it is trained",
    ),
    Kind(
        "evaluation/*.json",
        "R² and diversity on the test designs",
        "recompute from the predictions beside it",
    ),
    Kind(
        "evaluation/*.h5",
        "test designs, their stiffness, all predictions",
        "R² of `forward` against `stiffness`; "
        "`trussmap homogenize` of `inverse_designs` against `inverse_fe`",
    ),
    Kind(
        "generalize/*/targets.csv",
        "targets, in units of the base material’s Young’s modulus",
        "compare with resources/",
    ),
    Kind(
        "generalize/*/designs.csv",
        "ranked designs for each target",
        "`trussmap homogenize` on its designs must give its C11 … C66",
    ),
    Kind(
        "generalize/catalogue/generated.lat",
        "crystal networks generated here, none of the circulated catalogue",
        "`trussmap homogenize-cells`; cell k is a function of (seed, k): trussmap.crystal.generate",
    ),
    Kind(
        "generalize/catalogue/[bc]*.csv",
        "errors of each cell, and their quartiles by crystal system and connectivity",
        "recompute from designs.csv",
    ),
    Kind(
        "generalize/bone/search.*",
        "closest designs of a thorough search of all topologies, without networks",
        "`trussmap homogenize` on its designs, then the error against targets.csv",
    ),
    Kind(
        "generalize/*/summary.json",
        "errors of the designs and of the lookup",
        "recompute from designs.csv",
    ),
    Kind(
        "generalize/protocol/*.json",
        "what the paper’s protocol takes for bone and catalogue cells",
        "the errors by finite elements and those that the network thought of",
    ),
    Kind(
        "cauchy/*",
        "how far data, targets and designs are from Cauchy’s relations; "
        "bone by fewer elementary lattices",
        "trussmap.tensors.stiffness.non_cauchy_share of any stiffness; draw figures/cauchy.png "
        "anew",
    ),
    Kind(
        "front/*",
        "errors of bone and crystal networks by the ratio of strut radii",
        "no error rises with the ratio; draw figures/front.png anew",
    ),
    Kind(
        "generalize/starts.*",
        "errors by cost of refinement from every kind of start",
        "draw figures/starts.png anew",
    ),
    Kind(
        "generalize/*/lattices/*",
        "nodes and struts of each design",
        "open in any spreadsheet or 3D program",
    ),
    Kind("grading/*", "graded structure and its measures", "open structure.vtk in ParaView"),
    Kind(
        "figures/*.png",
        "figures of this page",
        "each is drawn from the files above by workflow/scripts/figure_*.py",
    ),
    Kind(
        "audit.json",
        "what was checked again, and how it came out",
        "trussmap audit, with the folder of the study",
    ),
    Kind("metrics.json", "every number of this page", "compare with the tables here"),
    Kind("benchmarks/*/*.tsv", "time and memory of each job", "written by Snakemake"),
    Kind(
        "provenance/*/*.json",
        "what the results of each job were made of: source, settings, inputs",
        "its digests are those of `sha256sum`",
    ),
    Kind("logs/*/*.log", "what each job said", "read"),
]


def linked_files(study_dir: Path, path: Path) -> list[LinkedFiles]:
    """List the files of a study by kind, for a page at ``path``."""
    kinds: list[LinkedFiles] = []
    for kind in FILES:
        files = sorted(_visible(Path(study_dir), kind.pattern))
        if files:
            addresses = [_address(file, path) for file in files]
            names = [file.relative_to(study_dir).as_posix() for file in files]
            kinds.append(
                LinkedFiles(
                    pattern=kind.pattern,
                    what=kind.words,
                    audit=_code(kind.audit),
                    number=len(files),
                    size=size(sum(file.stat().st_size for file in files)),
                    anchor=f"files-{len(kinds) + 1}",
                    links=list(zip(names, addresses, strict=True))[:MOST_LINKS],
                    folder=_address(study_dir / kind.pattern.split("/")[0], path),
                )
            )
    return kinds


def _visible(study_dir: Path, pattern: str) -> Iterator[Path]:
    """Yield the files of a pattern, without hidden ones."""
    for file in study_dir.glob(pattern):
        if file.is_file() and not file.name.startswith("."):
            yield file


def _address(file: Path, page: Path) -> str:
    """Return the address of a file relative to a page."""
    return Path(os.path.relpath(file, page.parent)).as_posix()


def _code(text: str) -> Markup:
    """Return text as HTML, with `this` set as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))
