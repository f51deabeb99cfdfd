"""Checks of a finished study.

Its files, designs, networks, numbers and tables are computed again and compared.
`audit` returns a tree: ``checks``, a list of dicts with ``check`` (the subject of the check),
``checked`` (how many things) and ``off`` (a sentence for each mismatch), and ``mismatches``, their
total number.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import pandas as pd

from trussmap.base import hdf5
from trussmap.base.errors import InputError
from trussmap.base.records import TIMED, Record, Study, read_record
from trussmap.data.dataset import SPLITS, open_dataset, split_of
from trussmap.data.tables import numbers_of, read_design_blocks
from trussmap.designs.table import row_graph
from trussmap.lattice.compound import lattice_set
from trussmap.lattice.descriptor import (
    DENSITY,
    DESIGN_COLUMNS,
    REPS,
    TYPES,
    design_graph,
    design_topology,
    sample_designs,
)
from trussmap.learning.models import load_forward, load_inverse
from trussmap.mechanics.homogenization import homogenize_designs
from trussmap.mechanics.homogenization.reference import homogenize_reference
from trussmap.report.page import tables_of
from trussmap.report.text import find, flatten
from trussmap.study import cauchy
from trussmap.study.assessment import summarize
from trussmap.study.starts import least_cost
from trussmap.tensors.measures import MEASURES, bootstrap_interval, errors, r_squared
from trussmap.tensors.stiffness import COMPONENTS, ORTHOTROPIC, ORTHOTROPIC_INDEX, tensor_norm

#: ‖ΔC‖/‖C‖ within which the engine has to agree with the plain solver, which loses digits in
#: slender cells.
_SOLVERS = 1e-6
#: The same for networks that run again: their arithmetic is in single or half precision and differs
#: between machines.
_NETWORKS = 1e-3
#: Least share of proposals that have to come out the same: half precision may change a choice on
#: another machine.
_SAME = 0.99
#: Relative difference of numbers that are computed again from the same values.
_AGAIN = 1e-6
#: Differences that are rounding at any magnitude, as of errors of lattices that meet their target.
_ROUNDING = 1e-12
#: Relative error above which a row of the published data is reported.
_PUBLISHED = 0.05
#: Sets of lattices that `compare_published` reports, at most.
_MOST_SETS = 20
_CELLS = "generalize/catalogue/cells.csv"
_ORTHOTROPIC = [f"{name}_ort" for name in ORTHOTROPIC]
#: Files whose numbers metrics.json holds unchanged, by the key that it has for them.
_SUMMARIES = {
    "lookup": ["evaluation/lookup.json"],
    "bone": ["generalize/bone/summary.json", "generalize/bone/search.json"],
    "catalogue": ["generalize/catalogue/summary.json"],
    "unseen": ["generalize/unseen/summary.json"],
    "starts": ["generalize/starts.json"],
    "protocol": ["generalize/protocol/*.json"],
    "cauchy": ["cauchy/summary.json"],
    "front": ["front/summary.json"],
    "grading": ["grading/summary.json"],
}

#: A check yields, for each thing it looks at, a sentence about a mismatch or None.
Sentences = Iterator[str | None]
Settings = Mapping[str, Any]
Metrics = dict[str, Any]


class Check(TypedDict):
    """The outcome of one check."""

    check: str
    checked: int
    off: list[str]


class Audit(TypedDict):
    """The outcome of all checks."""

    checks: list[Check]
    mismatches: int


def audit(
    folder: str | Path,
    sample: int = 24,
    seed: int = 0,
    project: str | Path | None = None,
    roots: list[str] | None = None,
) -> Audit:
    """Check a finished study and return all mismatches.

    Parameters
    ----------
    folder : the folder of the study, ``results/<study>``
    sample : how many designs of the data set, of the networks and of the designs for targets are
        homogenized again by the plain solver (`trussmap.mechanics.homogenization.reference`)
    seed : for choosing these designs
    project : the folder of the Snakefile, whose resources the study was made of; without it these
        are not compared
    roots : names of files; only these files and the ones they were made of are checked, and the
        report is not

    Raises InputError only if there is no finished study.
    """
    folder = Path(folder)
    if not (folder / "metrics.json").is_file():
        words = "expected a folder with metrics.json, such as results/smoke."
        raise InputError(f"{folder}: no finished study; {words}")

    words = "files are those that their jobs made, of the inputs that are there"
    checks = [_run(words, check_files, folder, project, roots)]
    # The other checks would read files that should not be used.
    if checks[0]["off"]:
        return _total(checks)

    settings = _read(folder / "study.json")
    for words, check, *arguments in _checks(folder, sample, seed, with_report=roots is None):
        checks.append(_run(words, check, folder, settings, *arguments))
    return _total(checks)


def _checks(folder: Path, sample: int, seed: int, with_report: bool) -> list[tuple[Any, ...]]:
    """List the checks after that of the files: words, function, arguments."""
    drawn = np.random.default_rng(seed), sample
    metrics = _read(folder / "metrics.json")
    checks: list[tuple[Any, ...]] = [
        ("designs are those of seed and number, in the split of their number", check_designs),
        ("stiffness of designs of the data set, by the plain solver", check_dataset, *drawn),
        ("predictions of networks, made again", check_networks),
        ("proposed lattices, by the plain solver", check_proposals, *drawn),
        ("lattices for targets, by the plain solver", check_target_designs, *drawn),
        ("errors of lattices for targets, from the tables", check_errors),
        ("numbers of networks, from the stored predictions", check_evaluation, metrics),
        ("numbers of tables, from the tables", check_tables, metrics),
        ("numbers of every chapter, in metrics.json", check_chapters, metrics),
    ]
    if with_report and (folder / "report.html").is_file():
        checks.append(("rows of the report, against metrics.json", check_report, metrics))
    return checks


def outcome(tree: Audit) -> str:
    """Return the outcome of an audit as lines: checks and mismatches."""
    lines = []
    for check in tree["checks"]:
        lines.append(f"{check['check']}: {check['checked']:,} checked, {len(check['off'])} off")
        lines += [f"  {sentence}" for sentence in check["off"]]
    return "\n".join([*lines, f"{tree['mismatches']} mismatches"])


def _total(checks: list[Check]) -> Audit:
    return {"checks": checks, "mismatches": sum(len(check["off"]) for check in checks)}


def _run(words: str, check: Callable[..., Sentences], *arguments: object) -> Check:
    """Run a check; an error in it counts as a mismatch."""
    sentences: list[str | None] = []
    try:
        # Numbers that are not finite are compared as such.
        with np.errstate(all="ignore"):
            sentences.extend(check(*arguments))
    except Exception as error:  # The other checks go on after any error.
        sentences.append(" ".join(f"could not be checked: {error!r}".split())[:500])
    off = [sentence for sentence in sentences if sentence]
    return {"check": words, "checked": len(sentences), "off": off}


# ------------------------------------------------------------------------------------------ files
def check_files(
    folder: Path, project: str | Path | None, roots: list[str] | None = None
) -> Sentences:
    """Compare files with the records of the jobs that made them.

    These are all files, or those that ``roots`` were made of. Without ``roots``, files that no
    record knows are reported too.
    """
    study = Study(folder, project)
    records = _records(study, roots)
    known = {name for record in records.values() for name in record["outputs"]}
    digests: dict[str, str] = {}
    for name in sorted(known):
        try:
            digests |= study.digests([folder / name])
            yield None
        except InputError as error:
            yield str(error)

    for job, record in records.items():
        yield from _check_inputs(study, folder / job, record, known, digests)
    yield from _check_sources(records)
    if roots is None:
        yield from _unknown(folder, known)


def _check_inputs(
    study: Study, job: Path, record: Record, known: set[str], digests: dict[str, str]
) -> Sentences:
    """Compare the inputs that a record states with the files."""
    for name, digest in record["inputs"].items():
        if name in known:
            is_same = digests.get(name, digest) == digest
            sentence = f"{job}: made of another {name} than the one that is there."
            yield None if is_same else sentence
        elif study.is_recorded(name):
            yield f"{job}: made of {name}, which no record knows."
        elif name.startswith("project/") and study.has_project:
            path = study.path(name)
            is_same = path.is_file() and study.digests([path])[name] == digest
            yield None if is_same else f"{job}: made of another {name} than the project's."


def _check_sources(records: Mapping[str, Record]) -> Sentences:
    """Report rules whose jobs ran different source."""
    jobs_of: dict[tuple[str, str | None], dict[str | None, str]] = {}
    for job, record in records.items():
        key = record["rule"], record["wildcards"].get("architecture")
        jobs_of.setdefault(key, {}).setdefault(record["source_digest"], job)
    for (rule, _), jobs in jobs_of.items():
        if len(jobs) > 1:
            yield f"rule {rule}: {' and '.join(jobs.values())} were made by different source."


def _records(study: Study, roots: list[str] | None) -> dict[str, Record]:
    """Return {path: record} of all jobs, or of those that led to ``roots``."""
    if roots is None:
        paths = sorted((study.folder / "provenance").glob("*/*.json"))
        return {str(path.relative_to(study.folder)): read_record(path, path) for path in paths}

    records = {}
    waiting = list(roots)
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in seen and study.is_recorded(name):
            seen.add(name)
            record = study.record(name)
            records[f"made_by/{name}.json"] = record
            seen |= record["outputs"].keys()
            waiting += record["inputs"]
    return dict(sorted(records.items()))


def _unknown(folder: Path, known: set[str]) -> Sentences:
    """Report files that no record knows."""
    free = ("logs/", "provenance/", "made_by/", *TIMED)
    folders = tuple(f"{name}/" for name in known)
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        is_free = name.startswith((*free, *folders)) or path.name.startswith(".")
        if name not in known and not is_free:
            yield f"{path}: no record says what made it."


# ----------------------------------------------------------------------------- designs, stiffness
def check_designs(folder: Path, settings: Settings) -> Sentences:
    """Compare the designs of the data set with those of its seed.

    Each has to occur once, in the split of its number.
    """
    path = folder / "dataset.h5"
    total = settings["sampling"]["designs"]
    shares = {key: settings["dataset"][key] for key in ("validation_share", "test_share")}
    seen = np.zeros(total, bool)
    with open_dataset(path) as data:
        seed = int(data.attrs["seed"])
        if seed != settings["seed"]:
            yield f"{path}: of seed {seed}, where study.json says {settings['seed']}."
        for index, split in enumerate(SPLITS):
            for block in getattr(data, split).blocks(names=("number", "designs")):
                numbers = block["number"]
                if numbers.min() < 0 or numbers.max() >= total or seen[numbers].any():
                    yield f"{path}, {split}: numbers of designs beyond {total - 1}, or twice."
                    continue
                seen[numbers] = True
                first = int(numbers[0])
                designs = sample_designs(seed, first, int(numbers[-1]) + 1)[numbers - first]
                is_same = (designs == block["designs"]).all(1)
                is_same &= split_of(numbers, seed, **shares) == index
                for number, same in zip(numbers.tolist(), is_same.tolist(), strict=True):
                    words = f"design {number} does not follow from seed {seed}."
                    yield None if same else f"{path}, {split}: {words}"
    if not seen.all():
        yield f"{path}: {int((~seen).sum())} of {total} designs are missing."


def check_dataset(
    folder: Path, settings: Settings, random: np.random.Generator, sample: int
) -> Sentences:
    """Solve random rows of the data set again.

    Both stiffnesses are compared: after U and after the whole map.
    """
    path = folder / "dataset.h5"
    with open_dataset(path) as data:
        sizes = [len(getattr(data, split)) for split in SPLITS]
        for number in _drawn(random, sum(sizes), sample):
            split = int(np.searchsorted(np.cumsum(sizes), number, side="right"))
            row = number - sum(sizes[:split])
            block = getattr(data, SPLITS[split]).read(slice(row, row + 1))
            stated = {name: values[0] for name, values in block.items()}
            design = stated["designs"]
            for stage, name in (("full", "stiffness"), ("orthotropic", "stiffness_orthotropic")):
                graph = design_graph(design, stage)
                plain = homogenize_reference(graph, design[DENSITY], data.poisson_ratio)
                plain = plain if stage == "full" else plain[ORTHOTROPIC_INDEX]
                distance = np.linalg.norm(stated[name] - plain) / np.linalg.norm(plain)
                where = f"{path}, {SPLITS[split]}, row {row + 1}: {name}"
                yield _too_far(distance, _SOLVERS, where)


def check_proposals(
    folder: Path, settings: Settings, random: np.random.Generator, sample: int
) -> Sentences:
    """Solve random proposals of inverse networks again."""
    for path, arrays in _predictions(folder):
        for row in _drawn(random, len(arrays["inverse_designs"]), sample):
            design = arrays["inverse_designs"][row]
            graph = design_graph(design)
            plain = homogenize_reference(graph, design[DENSITY], settings["poisson_ratio"])
            distance = _distance(arrays["inverse_fe"][row], plain)
            yield _too_far(distance, _SOLVERS, f"{path}, row {row + 1}: inverse_fe")


def check_target_designs(
    folder: Path, settings: Settings, random: np.random.Generator, sample: int
) -> Sentences:
    """Solve random lattices for targets again."""
    for name in ("bone", "catalogue"):
        path = folder / "generalize" / name / "designs.csv"
        table = pd.read_csv(path)
        for index in _drawn(random, len(table), sample):
            row = {str(name): value for name, value in table.iloc[index].items()}
            density = row["relative_density"]
            plain = homogenize_reference(row_graph(row), density, settings["poisson_ratio"])
            stated = np.array([row[component] for component in COMPONENTS])
            where = f"{path}, row {index + 1}: C11 … C66"
            yield _too_far(_distance(stated, plain), _SOLVERS, where)


# --------------------------------------------------------------------------------------- networks
def check_networks(folder: Path, settings: Settings) -> Sentences:
    """Run networks again.

    Forward networks predict the test designs, and inverse networks propose designs for their
    stiffness.
    """
    metrics = _read(folder / "metrics.json")
    for path, arrays in _predictions(folder):
        name = path.stem.removesuffix("_predictions")
        forward = load_forward(folder / "models" / name)
        inverse = load_inverse(folder / "models" / name)
        for key, designs in (("forward", "designs"), ("inverse_surrogate", "inverse_designs")):
            distances = _distance(arrays[key], forward.predict(arrays[designs]))
            for row, distance in enumerate(distances.tolist(), 1):
                yield _too_far(distance, _NETWORKS, f"{path}, row {row}: {key}")

        draws = settings["evaluation"]["redraws"]
        proposals = inverse.propose(arrays["stiffness"], draws=draws, seed=settings["seed"])
        same = np.abs(proposals[:, 0] - arrays["inverse_designs"]).max(1) < _NETWORKS
        words = f"{same.sum()} of {len(same)} proposals come out the same; expected {_SAME:.0%}."
        yield None if same.mean() >= _SAME else f"{path}: {words}"

        key = f"inverse.{name}.redraw_differs_share"
        stated = find(metrics, key)
        share = _share_of_other_topologies(proposals)
        words = f"metrics.json, {key}: {stated}, but {share:.6g} when drawn again."
        yield None if abs(share - stated) <= 1 - _SAME else words


def _share_of_other_topologies(proposals: np.ndarray) -> float:
    """Return the share of redraws (n, draws, 19) with another topology."""
    topology = design_topology(proposals.reshape(-1, proposals.shape[-1]))
    topology = topology.reshape(proposals.shape[:2])
    return float((topology[:, 1:] != topology[:, :1]).mean())


# ---------------------------------------------------------------------------------------- numbers
def check_evaluation(folder: Path, settings: Settings, metrics: Metrics) -> Sentences:
    """Compute the numbers of each architecture from its predictions.

    These are R², their intervals, errors and shares of topologies.
    """
    resamples = settings["evaluation"]["bootstrap"]
    for path, arrays in _predictions(folder):
        name = path.stem.removesuffix("_predictions")
        truth = arrays["stiffness"]
        scored = {
            f"forward.{name}.r2": (truth, arrays["forward"], COMPONENTS),
            f"inverse.{name}.r2_surrogate": (truth, arrays["inverse_surrogate"], COMPONENTS),
            f"inverse.{name}.r2_fe": (truth, arrays["inverse_fe"], COMPONENTS),
        }
        if "forward_orthotropic" in arrays:
            nine = arrays["stiffness_orthotropic"], arrays["forward_orthotropic"], ORTHOTROPIC
            scored[f"forward_1.{name}.r2"] = nine
        for key, (true, predicted, names) in scored.items():
            r2 = r_squared(true, predicted)
            interval = bootstrap_interval(true, predicted, resamples, settings["seed"])
            scores = dict(zip(names, r2.tolist(), strict=True))
            intervals = dict(zip(names, interval.T.tolist(), strict=True))
            yield from _compare(metrics, key, scores)
            yield from _compare(metrics, f"{key}_interval", intervals)
        yield from _compare(metrics, f"inverse.{name}", _numbers_of_proposals(arrays))


def _numbers_of_proposals(arrays: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return errors and shares of topologies of proposals."""
    true = design_topology(arrays["designs"])
    proposed = design_topology(arrays["inverse_designs"])
    values = errors(arrays["inverse_fe"], arrays["stiffness"])
    numbers = {f"{measure}_median": float(np.median(value)) for measure, value in values.items()}
    numbers["same_topology_share"] = float((true == proposed).mean())
    numbers["same_topology_share_by_chance"] = float(((np.bincount(true) / len(true)) ** 2).sum())
    return numbers


def check_errors(folder: Path, settings: Settings) -> Sentences:
    """Compute the errors of the lattices A and B for each target.

    They follow from designs.csv and targets.csv, and are compared with designs.csv and the files
    that sum them up.
    """
    is_refined = settings["search"]["refine"] != "none"
    for name in ("bone", "catalogue"):
        chapter = folder / "generalize" / name
        table = pd.read_csv(chapter / "designs.csv")
        targets = pd.read_csv(chapter / "targets.csv")
        numbers = table["target"].to_numpy() - 1
        stiffness = targets[COMPONENTS].to_numpy()[numbers]
        computed = errors(table[COMPONENTS].to_numpy(), stiffness)
        for measure, values in computed.items():
            yield from _compare_column(chapter / "designs.csv", measure, table[measure], values)
        if not is_refined:
            continue

        for rank, prefix in ((1, ""), (2, "design_b_")):
            rows = (table["rank"] == rank).to_numpy()
            for measure, values in computed.items():
                key = f"{prefix}{measure}_refined"
                check = _check_summary if name == "bone" else _check_cells
                yield from check(chapter, key, targets, numbers[rows], values[rows])


def _check_summary(
    chapter: Path, key: str, targets: pd.DataFrame, numbers: np.ndarray, values: np.ndarray
) -> Sentences:
    """Compare errors of targets of these numbers with summary.json."""
    summary = _read(chapter / "summary.json")
    stated = [summary[name].get(key, np.nan) for name in targets["name"].iloc[numbers]]
    finite = np.where(np.isfinite(values), values, np.nan)
    yield from _compare_column(chapter / "summary.json", key, stated, finite)


def _check_cells(
    chapter: Path, key: str, targets: pd.DataFrame, numbers: np.ndarray, values: np.ndarray
) -> Sentences:
    """Compare errors of targets of these numbers with cells.csv."""
    cells = pd.read_csv(chapter / "cells.csv")[key].to_numpy()[numbers]
    yield from _compare_column(chapter / "cells.csv", key, cells, values)


def check_tables(folder: Path, settings: Settings, metrics: Metrics) -> Sentences:
    """Compute the numbers that sum up a table.

    The tables are those of the catalogue, of Cauchy's relations, of starts, and of the search for
    bone.
    """
    with open_dataset(folder / "dataset.h5") as data:
        yield from _compare(metrics, "dataset", {"designs": len(data)})

    cells = pd.read_csv(folder / _CELLS).groupby("source")
    by_source = {str(source): summarize(rows) for source, rows in cells}
    yield from _compare(metrics, "catalogue", by_source.pop("catalogue") | by_source)

    names = ("data", "targets", "ablation")
    tables = [pd.read_csv(folder / "cauchy" / f"{name}.csv") for name in names]
    yield from _compare(metrics, "cauchy", cauchy.summarize(*tables))

    least = {}
    for space, table in pd.read_csv(folder / "generalize/starts.csv").groupby("space"):
        for source, number in least_cost(table).items():
            least[f"{space}.{source}"] = number
    yield from _compare(metrics, "starts", {"solutions_to_1_percent": least})

    search = pd.read_csv(folder / "generalize/bone/search.csv")
    best = search.groupby("name")[list(MEASURES)].first().replace(np.inf, np.nan)
    for name, row in best.iterrows():
        numbers = {f"search_{measure}": value for measure, value in row.dropna().items()}
        yield from _compare(metrics["bone"], str(name), numbers)


def check_chapters(folder: Path, settings: Settings, metrics: Metrics) -> Sentences:
    """Compare metrics.json with the files whose numbers it gathers."""
    for key, patterns in _SUMMARIES.items():
        for path in (path for pattern in patterns for path in sorted(folder.glob(pattern))):
            name = path.relative_to(folder).as_posix()
            yield from _compare(metrics, key, _read(path), 0.0, name)

    for path in sorted((folder / "evaluation").glob("*.json")):
        if path.stem != "lookup":
            name = f"evaluation/{path.name}"
            for chapter, numbers in _read(path).items():
                if isinstance(numbers, dict):
                    key = f"{chapter}.{path.stem}"
                    yield from _compare(metrics, key, numbers, 0.0, name)


def check_report(folder: Path, settings: Settings, metrics: Metrics) -> Sentences:
    """Look up every row of the report's tables of numbers in the page.

    The rows are those that `trussmap.report` would write from metrics.json.
    """
    page = (folder / "report.html").read_text(encoding="utf-8")
    tables = "".join(re.findall(r"<table.*?</table>", page, re.DOTALL))
    text = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "\0", tables)))
    cells = re.sub(r"\s*\0[\s\0]*", "\0", text)
    for table, rows in tables_of(metrics, settings).items():
        for row in rows:
            expected = "\0".join(re.sub(r"\s+", " ", str(cell)) for cell in row if cell)
            words = f"no row {' | '.join(map(str, row))}, as metrics.json has it."
            is_there = f"\0{expected}\0" in cells
            yield None if is_there else f"report.html, {table}: {words}"


def check_quoted(path: str | Path, folder: Path) -> Check:
    """Compare numbers that pages quote with those of a study.

    ``path`` is a file such as docs/results/laptop.json. Times are left out; numbers are compared to
    the six digits of such a file. Raises InputError if it cannot be read.
    """
    try:
        tree = _read(path)
        apart = ("run", "seconds", "paper")
        quoted = {key: numbers for key, numbers in tree.items() if key not in apart}
    except (OSError, ValueError, AttributeError) as error:
        words = f"cannot be read ({error}); expected JSON such as docs/results/laptop.json."
        raise InputError(f"{path}: {words}") from None
    metrics = _read(folder / "metrics.json")
    timed = re.compile("seconds|per_second")

    def compare() -> Sentences:
        for key, numbers in quoted.items():
            untimed = {name: value for name, value in flatten(numbers) if not timed.search(name)}
            yield from _compare(metrics, key, untimed, 1e-5, str(path))

    return _run(f"numbers that pages quote from {path}", compare)


# --------------------------------------------------------------------------------- published data
def compare_published(path: str | Path) -> str:
    """Compare the authors' training file with finite elements, in words.

    ``path`` is a CSV or Parquet file with the published columns (doi 10.3929/ethz-b-000520254). It
    is read block by block: the design, and its stiffness as ``C11`` …, after the whole map, or
    ``C11_ort`` …, after U alone, or both. Raises InputError for a row that is no design.
    docs/findings.md explains the known differences.
    """
    comparisons = [
        _Comparison("C", COMPONENTS, slice(None), is_orthotropic=False),
        _Comparison("C_ort", _ORTHOTROPIC, ORTHOTROPIC_INDEX, is_orthotropic=True),
    ]
    rows = 0
    for table, designs in read_design_blocks(path, orthotropic_only=True):
        pairs = zip(designs[:, TYPES], designs[:, REPS], strict=True)
        members = [lattice_set(*pair) for pair in pairs]
        columns = {*table.column_names}
        for comparison in comparisons:
            needed = {*comparison.names}
            if not comparison.is_orthotropic:
                needed |= {*DESIGN_COLUMNS}
            if needed <= columns:
                stated = [numbers_of(table, name, path) for name in comparison.names]
                comparison.add(np.column_stack(stated), designs, members, rows)
        rows += len(designs)

    comparisons = [comparison for comparison in comparisons if comparison.errors]
    if not comparisons:
        words = "no stiffness; expected C11 … C66, C11_ort … C66_ort or both."
        raise InputError(f"{path}, row 0: {words}")
    lines = [f"{path}: {rows:,} designs against finite elements"]
    return "\n".join(lines + [line for one in comparisons for line in one.lines()])


@dataclass
class _Comparison:
    """Published stiffnesses of one kind against finite elements."""

    kind: str
    names: list[str]
    index: Any
    is_orthotropic: bool
    #: Of every column: rows, sum, sum of squares, sum of squared differences.
    sums: Any = 0
    errors: list[np.ndarray] = field(default_factory=list)
    #: (error, row) of every row that is far off, by set of lattices.
    far: dict[tuple, list[tuple[float, int]]] = field(default_factory=dict)

    def add(
        self, stated: np.ndarray, designs: np.ndarray, members: list[tuple], first: int
    ) -> None:
        """Add a block of rows, which begins after ``first`` rows."""
        computed = homogenize_designs(designs, orthotropic=self.is_orthotropic)[:, self.index]
        computed = computed.astype(float)
        scale = np.linalg.norm(computed, axis=1)
        error = np.linalg.norm(stated - computed, axis=1) / scale
        moments = [np.ones_like(stated), stated, stated**2, (stated - computed) ** 2]
        self.sums = self.sums + np.array([moment.sum(0) for moment in moments])
        self.errors.append(error.astype(np.float32))
        for row in np.flatnonzero(~(error <= _PUBLISHED)):
            entry = float(error[row]), first + int(row) + 1
            self.far.setdefault(members[row], []).append(entry)

    def lines(self) -> list[str]:
        """Return the comparison in words."""
        count, first, second, residual = self.sums
        r2 = 1 - residual / (second - first**2 / count)
        error = np.concatenate(self.errors)
        quantiles = ", ".join(f"{np.quantile(error, q):.2%}" for q in (0.5, 0.95, 0.99, 1))
        share = np.mean(~(error <= _PUBLISHED))
        lines = [
            f"{self.kind}: lowest R² {r2.min():.6f} ({self.names[int(r2.argmin())]}); "
            f"relative error, median, 95 %, 99 % and largest: {quantiles}; "
            f"{share:.2%} of the rows beyond {_PUBLISHED:.0%}"
        ]
        worst = sorted(self.far.items(), key=lambda item: -len(item[1]))
        for members, entries in worst[:_MOST_SETS]:
            lattices = ", ".join(f"{number} at {rep}×" for number, rep in members)
            largest, row = max(entries)
            lines.append(
                f"  lattices {lattices}: {len(entries)} rows beyond {_PUBLISHED:.0%}, "
                f"by up to {largest:.1%} (row {row})"
            )
        if len(worst) > _MOST_SETS:
            lines.append(f"  … and {len(worst) - _MOST_SETS} other sets of lattices")
        return lines


# ---------------------------------------------------------------------------------------- helpers
def _read(path: str | Path) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8"))


def _predictions(folder: Path) -> Iterator[tuple[Path, dict[str, np.ndarray]]]:
    """Yield path and arrays of the predictions of each architecture."""
    for path in sorted((folder / "evaluation").glob("*_predictions.h5")):
        with hdf5.open_checked(path, "table of predictions") as file:
            yield path, {name: file[name][:] for name in file}


def _drawn(random: np.random.Generator, count: int, sample: int) -> list[int]:
    """Draw at most ``sample`` of ``count`` row numbers, in rising order."""
    return sorted(random.choice(count, min(sample, count), replace=False).tolist())


def _distance(stated: np.ndarray, again: np.ndarray) -> np.ndarray:
    return tensor_norm(stated - again) / tensor_norm(again)


def _too_far(distance: Any, most: float, where: str) -> str | None:
    if distance <= most:
        return None
    return f"{where} is off by {distance:.2g} of its norm; expected at most {most:g}."


def _compare_column(
    path: Path, column: str, stated: Iterable[float], again: np.ndarray
) -> Sentences:
    """Compare values of a column with those that were computed again."""
    pairs = zip(np.asarray(stated, float).tolist(), np.asarray(again).tolist(), strict=True)
    for row, (value, value_again) in enumerate(pairs, 1):
        words = f"{path}, row {row}, column {column}: {{1}}, but {{0}} from the tables."
        yield _difference(value, value_again, _AGAIN, words)


def _compare(
    metrics: Metrics,
    key: str,
    numbers: dict[str, Any],
    most: float = _AGAIN,
    of: str = "what it is made of",
) -> Sentences:
    """Compare a tree that was computed again with a key of metrics.json."""
    tree = find(metrics, key)
    stated = dict(flatten(tree)) if isinstance(tree, dict) else {}
    for name, value in flatten(numbers):
        words = f"metrics.json, {key}.{name}: {{1}}, but {{0}} from {of}."
        if isinstance(value, list):
            for item, stated_item in zip_longest(value, stated.get(name) or []):
                yield _difference(stated_item, item, most, words)
        else:
            yield _difference(stated.get(name), value, most, words)


def _difference(stated: Any, again: Any, most: float, words: str) -> str | None:
    """Return a sentence with both values if they differ.

    No file states numbers that are not finite.
    """
    if isinstance(again, float) and not np.isfinite(again):
        is_same = stated is None or not np.isfinite(stated)
    elif isinstance(again, (int, float)) and isinstance(stated, (int, float)):
        is_same = abs(stated - again) <= most * abs(again) + _ROUNDING
    else:
        is_same = stated == again
    return None if is_same else words.format(again, stated)
