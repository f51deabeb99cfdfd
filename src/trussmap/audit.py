"""Whether what a study says holds: its files, designs, networks, numbers and tables, each checked again on its own.

`audit` returns a tree: ``checks``, a list of dicts with ``check`` (what was checked), ``checked`` (how many) and
``off`` (a sentence for each that is not as it should be), and ``mismatches``, how many of these there are.
"""

import json
import re
from collections.abc import Callable, Iterator
from html import unescape
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pandas as pd

from trussmap import cauchy, hdf5
from trussmap.assessment import summarize
from trussmap.dataset import SPLITS, open_dataset, split_of
from trussmap.errors import InputError
from trussmap.homogenization import homogenize_designs
from trussmap.homogenization.reference import homogenize_reference
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
from trussmap.measures import MEASURES, bootstrap_interval, errors, r_squared
from trussmap.output import row_graph
from trussmap.records import TIMED, Study, read_record
from trussmap.report.page import tables_of
from trussmap.report.text import find, flatten
from trussmap.starts import least_cost
from trussmap.stiffness import COMPONENTS, ORTHOTROPIC, ORTHOTROPIC_INDEX, tensor_norm
from trussmap.tables import numbers_of, read_design_blocks

#: ‖ΔC‖/‖C‖ to which the engine has to agree with the plain solver, which loses digits in slender cells.
_SOLVERS = 1e-6
#: The same of networks run again, whose arithmetic is in single or half precision and differs between machines.
_NETWORKS = 1e-3
#: The least share of proposals that have to come out the same: half precision may tip a choice on another machine.
_SAME = 0.99
#: Relative difference of numbers that are computed again from the same values.
_AGAIN = 1e-6
#: Differences that are rounding whatever the number, as of errors of lattices that meet their target.
_ROUNDING = 1e-12
#: Files of numbers that stand in metrics.json as they are, by the key that they stand under.
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


def audit(
    folder: str | Path,
    sample: int = 24,
    seed: int = 0,
    project: str | Path | None = None,
    roots: list[str] | None = None,
) -> dict:
    """Check a finished study all over; raises InputError only where there is none.

    Parameters
    ----------
    folder : the folder of the study, ``results/<study>``
    sample : how many designs of the data set, of the networks and of the designs for targets are homogenized again by
        the plain solver (`trussmap.homogenization.reference`), drawn at random by ``seed``
    project : the folder of the Snakefile, whose resources the study was made of; without it these are not compared
    roots : names of files; of the files of the study only these and what they were made of are checked, and no report
    """
    folder = Path(folder)
    if not (folder / "metrics.json").is_file():
        raise InputError(f"{folder}: no finished study; expected a folder with metrics.json, such as results/smoke.")
    random = np.random.default_rng(seed)
    what = "files are those that their jobs made, of the inputs that are there"
    checks = [_run(what, check_files, folder, project, roots)]
    if checks[0]["off"]:  # what follows would read what is not to be used
        return _tree(checks)
    settings = _read(folder / "study.json")
    metrics = _read(folder / "metrics.json")
    for what, check, *arguments in (
        ("designs are those of seed and number, in the split of their number", check_designs),
        ("stiffness of designs of the data set, by the plain solver", check_dataset, random, sample),
        ("predictions of networks, made again", check_networks),
        ("proposed lattices, by the plain solver", check_proposals, random, sample),
        ("lattices for targets, by the plain solver", check_found, random, sample),
        ("errors of lattices for targets, from the tables", check_errors),
        ("numbers of networks, from the stored predictions", check_evaluation, metrics),
        ("numbers of tables, from the tables", check_tables, metrics),
        ("numbers of every chapter, in metrics.json", check_chapters, metrics),
        ("rows of the report, against metrics.json", check_report, metrics),
    ):
        if check is not check_report or (roots is None and (folder / "report.html").is_file()):
            checks.append(_run(what, check, folder, settings, *arguments))
    return _tree(checks)


def told(tree: dict) -> str:
    """The outcome of an audit in lines: each check, and each mismatch by name."""
    lines = []
    for check in tree["checks"]:
        lines.append(f"{check['check']}: {check['checked']:,} checked, {len(check['off'])} off")
        lines += [f"  {text}" for text in check["off"]]
    return "\n".join([*lines, f"{tree['mismatches']} mismatches"])


def _tree(checks):
    return {"checks": checks, "mismatches": sum(len(check["off"]) for check in checks)}


def _run(what: str, check: Callable[..., Iterator[str | None]], *arguments: object) -> dict:
    """A check yields for each thing that it looks at a sentence where it is off, and None where it is not."""
    found = []
    try:
        with np.errstate(all="ignore"):  # what is not finite is compared as such
            found += check(*arguments)
    except Exception as error:  # an audit goes on, whatever it meets
        found.append(" ".join(f"could not be checked: {error!r}".split())[:500])
    return {"check": what, "checked": len(found), "off": [text for text in found if text]}


# -------------------------------------------------------------------------------------------------------------- files
def check_files(folder: Path, project: str | Path | None, roots: list[str] | None = None) -> Iterator[str | None]:
    """Every file from the records on, or what ``roots`` were made of; and files of the study that no record knows."""
    study = Study(folder, project)
    records = _records(study, roots)
    known = {name for record in records.values() for name in record["outputs"]}
    digests = {}
    for name in sorted(known):
        try:
            digests |= study.digests([folder / name])
            yield None
        except InputError as error:
            yield str(error)
    sources = {}
    for job, record in records.items():
        own = record["rule"], record["wildcards"].get("architecture")
        sources.setdefault(own, {}).setdefault(record["source_digest"], job)
        for name, digest in record["inputs"].items():
            if name in known:
                same = digests.get(name, digest) == digest
                yield None if same else f"{folder / job}: made of another {name} than the one that is there."
            elif study.is_recorded(name):
                yield f"{folder / job}: made of {name}, which no record knows."
            elif name.startswith("project/") and project:
                there = study.path(name).is_file() and study.digests([study.path(name)])[name] == digest
                yield None if there else f"{folder / job}: made of another {name} than the project's."
    for (rule, _), jobs in sources.items():
        if len(jobs) > 1:
            yield f"rule {rule}: {' and '.join(jobs.values())} were made by different source."
    if roots is None:
        yield from _unknown(folder, known)


def _records(study, roots):
    """{path: record} of all jobs of a study, or of those that made ``roots`` and what they were made of."""
    if roots is None:
        paths = sorted((study.folder / "provenance").glob("*/*.json"))
        return {str(path.relative_to(study.folder)): read_record(path, path) for path in paths}
    found, waiting, seen = {}, list(roots), set()
    while waiting:
        name = waiting.pop()
        if name not in seen and study.is_recorded(name):
            seen.add(name)
            record = study.record(name)
            found[f"made_by/{name}.json"] = record
            seen |= record["outputs"].keys()
            waiting += record["inputs"]
    return dict(sorted(found.items()))


def _unknown(folder, known):
    free = ("logs/", "provenance/", "made_by/", *TIMED)
    folders = tuple(f"{name}/" for name in known)
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if name not in known and not name.startswith((*free, *folders)) and not path.name.startswith("."):
            yield f"{path}: no record says what made it."


# ------------------------------------------------------------------------------------------------- designs, stiffness
def check_designs(folder: Path, settings: dict) -> Iterator[str | None]:
    """Every design of the data set is the one that follows from the seed, each once, in the split of its number."""
    path, total = folder / "dataset.h5", settings["sampling"]["designs"]
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
                own = sample_designs(seed, first, int(numbers[-1]) + 1)[numbers - first]
                good = (own == block["designs"]).all(1) & (split_of(numbers, seed, **shares) == index)
                yield from (
                    None if fine else f"{path}, {split}: design {number} does not follow from seed {seed}."
                    for number, fine in zip(numbers.tolist(), good.tolist(), strict=True)
                )
    if not seen.all():
        yield f"{path}: {int((~seen).sum())} of {total} designs are missing."


def check_dataset(folder: Path, settings: dict, random: np.random.Generator, sample: int) -> Iterator[str | None]:
    """Stiffness after U and after the whole map, of random rows."""
    path = folder / "dataset.h5"
    with open_dataset(path) as data:
        sizes = [len(getattr(data, split)) for split in SPLITS]
        for row in sorted(random.choice(sum(sizes), min(sample, sum(sizes)), replace=False).tolist()):
            split = int(np.searchsorted(np.cumsum(sizes), row, side="right"))
            row -= sum(sizes[:split])
            found = {k: v[0] for k, v in getattr(data, SPLITS[split]).read(slice(row, row + 1)).items()}
            design, nu = found["designs"], data.poisson_ratio
            for stage, name in (("full", "stiffness"), ("orthotropic", "stiffness_orthotropic")):
                plain = homogenize_reference(design_graph(design, stage), design[DENSITY], nu)
                plain = plain if stage == "full" else plain[ORTHOTROPIC_INDEX]
                off = np.linalg.norm(found[name] - plain) / np.linalg.norm(plain)
                yield _apart(off, _SOLVERS, f"{path}, {SPLITS[split]}, row {row + 1}: {name}")


def check_proposals(folder: Path, settings: dict, random: np.random.Generator, sample: int) -> Iterator[str | None]:
    """Stiffness of random ones of the lattices that inverse networks proposed."""
    for path, arrays in _predictions(folder):
        count = len(arrays["inverse_designs"])
        for row in sorted(random.choice(count, min(sample, count), replace=False).tolist()):
            design = arrays["inverse_designs"][row]
            plain = homogenize_reference(design_graph(design), design[DENSITY], settings["poisson_ratio"])
            yield _apart(_off(arrays["inverse_fe"][row], plain), _SOLVERS, f"{path}, row {row + 1}: inverse_fe")


def check_found(folder: Path, settings: dict, random: np.random.Generator, sample: int) -> Iterator[str | None]:
    """Stiffness of random ones of the lattices for targets."""
    for name in ("bone", "catalogue"):
        path = folder / "generalize" / name / "designs.csv"
        table = pd.read_csv(path)
        for row in sorted(random.choice(len(table), min(sample, len(table)), replace=False).tolist()):
            own = table.iloc[row].to_dict()
            plain = homogenize_reference(row_graph(own), own["relative_density"], settings["poisson_ratio"])
            stated = np.array([own[component] for component in COMPONENTS])
            yield _apart(_off(stated, plain), _SOLVERS, f"{path}, row {row + 1}: C11 … C66")


# ----------------------------------------------------------------------------------------------------------- networks
def check_networks(folder: Path, settings: dict) -> Iterator[str | None]:
    """What forward networks predict for the test designs and inverse ones propose for their stiffness, made again."""
    for path, arrays in _predictions(folder):
        name = path.stem.removesuffix("_predictions")
        forward, inverse = load_forward(folder / "models" / name), load_inverse(folder / "models" / name)
        for key, designs in (("forward", "designs"), ("inverse_surrogate", "inverse_designs")):
            off = _off(arrays[key], forward.predict(arrays[designs]))
            yield from (_apart(value, _NETWORKS, f"{path}, row {k + 1}: {key}") for k, value in enumerate(off.tolist()))
        draws = settings["evaluation"]["redraws"]
        proposals = inverse.propose(arrays["stiffness"], draws=draws, seed=settings["seed"])
        same = np.abs(proposals[:, 0] - arrays["inverse_designs"]).max(1) < _NETWORKS
        share = f"{path}: {same.sum()} of {len(same)} proposals come out the same; expected {_SAME:.0%}."
        yield None if same.mean() >= _SAME else share
        topology = design_topology(proposals.reshape(-1, proposals.shape[-1])).reshape(proposals.shape[:2])
        found = float((topology[:, 1:] != topology[:, :1]).mean())
        stated = find(_read(folder / "metrics.json"), f"inverse.{name}.redraw_differs_share")
        words = f"metrics.json, inverse.{name}.redraw_differs_share: {stated}, but {found:.6g} when drawn again."
        yield None if abs(found - stated) <= 1 - _SAME else words


# ------------------------------------------------------------------------------------------------------------ numbers
def check_evaluation(folder: Path, settings: dict, metrics: dict) -> Iterator[str | None]:
    """R², their intervals, errors and shares of topologies, from the predictions of each architecture."""
    resamples, seed = settings["evaluation"]["bootstrap"], settings["seed"]
    for path, arrays in _predictions(folder):
        name, truth = path.stem.removesuffix("_predictions"), arrays["stiffness"]
        scored = {
            f"forward.{name}.r2": (truth, arrays["forward"], COMPONENTS),
            f"inverse.{name}.r2_surrogate": (truth, arrays["inverse_surrogate"], COMPONENTS),
            f"inverse.{name}.r2_fe": (truth, arrays["inverse_fe"], COMPONENTS),
        }
        if "forward_orthotropic" in arrays:
            nine = arrays["stiffness_orthotropic"], arrays["forward_orthotropic"], ORTHOTROPIC
            scored[f"forward_1.{name}.r2"] = nine
        for key, (true, predicted, names) in scored.items():
            r2, interval = r_squared(true, predicted), bootstrap_interval(true, predicted, resamples, seed)
            yield from _compared(metrics, key, dict(zip(names, r2.tolist(), strict=True)))
            yield from _compared(metrics, f"{key}_interval", dict(zip(names, interval.T.tolist(), strict=True)))
        own, proposed = design_topology(arrays["designs"]), design_topology(arrays["inverse_designs"])
        numbers = {f"{k}_median": float(np.median(v)) for k, v in errors(arrays["inverse_fe"], truth).items()}
        numbers["same_topology_share"] = float((own == proposed).mean())
        numbers["same_topology_share_by_chance"] = float(((np.bincount(own) / len(own)) ** 2).sum())
        yield from _compared(metrics, f"inverse.{name}", numbers)


def check_errors(folder: Path, settings: dict) -> Iterator[str | None]:
    """Errors of the lattices A and B for each target: of designs.csv against targets.csv, where they are summed up."""
    refined = settings["design"]["refine"] != "none"
    for name in ("bone", "catalogue"):
        part = folder / "generalize" / name
        table, targets = pd.read_csv(part / "designs.csv"), pd.read_csv(part / "targets.csv")
        wanted = targets[COMPONENTS].to_numpy()[table["target"].to_numpy() - 1]
        found = errors(table[COMPONENTS].to_numpy(), wanted)
        for measure, values in found.items():
            yield from _rows(part / "designs.csv", measure, table[measure], values)
        if not refined:
            continue
        for rank, before in ((1, ""), (2, "design_b_")):
            rows = (table["rank"] == rank).to_numpy()
            numbers = table["target"].to_numpy()[rows] - 1
            for measure, values in found.items():
                key = f"{before}{measure}_refined"
                if name == "bone":
                    stated = _read(part / "summary.json")
                    stated = [stated[own].get(key, np.nan) for own in targets["name"].iloc[numbers]]
                    finite = np.where(np.isfinite(values[rows]), values[rows], np.nan)
                    yield from _rows(part / "summary.json", key, stated, finite)
                else:
                    cells = pd.read_csv(part / "cells.csv")[key].to_numpy()[numbers]
                    yield from _rows(part / "cells.csv", key, cells, values[rows])


def check_tables(folder: Path, settings: dict, metrics: dict) -> Iterator[str | None]:
    """Numbers that sum up a table: of the catalogue, of Cauchy's relations, of starts, of the search for bone."""
    with open_dataset(folder / "dataset.h5") as data:
        yield from _compared(metrics, "dataset", {"designs": len(data)})
    cells = {origin: summarize(part) for origin, part in pd.read_csv(folder / _CELLS).groupby("source")}
    yield from _compared(metrics, "catalogue", cells.pop("catalogue") | cells)
    parts = [pd.read_csv(folder / "cauchy" / f"{name}.csv") for name in ("data", "targets", "ablation")]
    yield from _compared(metrics, "cauchy", cauchy.summarize(*parts))
    starts = pd.read_csv(folder / "generalize/starts.csv").groupby("space")
    least = {f"{space}.{source}": n for space, table in starts for source, n in least_cost(table).items()}
    yield from _compared(metrics, "starts", {"solutions_to_1_percent": least})
    search = pd.read_csv(folder / "generalize/bone/search.csv")
    best = search.groupby("name")[list(MEASURES)].first().replace(np.inf, np.nan)
    for name, row in best.iterrows():
        yield from _compared(metrics["bone"], name, row.dropna().add_prefix("search_").to_dict())


def check_chapters(folder: Path, settings: dict, metrics: dict) -> Iterator[str | None]:
    """Every number of the files that metrics.json gathers stands in it under its key."""
    for key, patterns in _SUMMARIES.items():
        for path in (path for pattern in patterns for path in sorted(folder.glob(pattern))):
            yield from _compared(metrics, key, _read(path), 0.0, path.relative_to(folder).as_posix())
    for path in sorted((folder / "evaluation").glob("*.json")):
        if path.stem != "lookup":
            for chapter, numbers in _read(path).items():
                if isinstance(numbers, dict):
                    yield from _compared(metrics, f"{chapter}.{path.stem}", numbers, 0.0, f"evaluation/{path.name}")


def check_report(folder: Path, settings: dict, metrics: dict) -> Iterator[str | None]:
    """Every row of the report's tables of numbers, as `trussmap.report` would write it from metrics.json."""
    page = (folder / "report.html").read_text(encoding="utf-8")
    tables = "".join(re.findall(r"<table.*?</table>", page, re.DOTALL))
    cells = re.sub(r"\s*\0[\s\0]*", "\0", re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "\0", tables))))
    for table, rows in tables_of(metrics, settings).items():
        for row in rows:
            there = "\0" + "\0".join(re.sub(r"\s+", " ", str(cell)) for cell in row if cell) + "\0" in cells
            words = f"report.html, {table}: no row {' | '.join(map(str, row))}, as metrics.json has it."
            yield None if there else words


def check_quoted(path: str | Path, folder: Path) -> dict:
    """Whether a file of numbers that pages quote, such as docs/results/laptop.json, has those of a study.

    Times are left out; numbers are compared to the six digits of such a file. Raises InputError where it is none.
    """
    try:
        quoted = _read(path)
        quoted = {key: tree for key, tree in quoted.items() if key not in ("run", "seconds", "paper")}
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); expected JSON such as docs/results/laptop.json.") from None
    metrics, timed = _read(folder / "metrics.json"), re.compile("seconds|per_second")

    def compare():
        for key, tree in quoted.items():
            untimed = {name: value for name, value in flatten(tree) if not timed.search(name)}
            yield from _compared(metrics, key, untimed, 1e-5, str(path))

    return _run(f"numbers that pages quote from {path}", compare)


# ----------------------------------------------------------------------------------------------------- published data
def compare_published(path: str | Path) -> str:
    """How every design of the authors' training file compares with finite elements here, in words.

    ``path``: CSV or Parquet in the published columns (doi 10.3929/ethz-b-000520254), read block by block: the design,
    and its stiffness as ``C11`` …, after the whole map, or ``C11_ort`` …, after U alone, or both. Raises InputError
    where a row is no design. What is known to differ there stands in docs/findings.md.
    """
    kinds = {"C": (False, COMPONENTS, slice(None)), "C_ort": (True, _ORTHOTROPIC, ORTHOTROPIC_INDEX)}
    sums, off, sets, rows = {}, {}, {}, 0
    for table, designs in read_design_blocks(path, orthotropic_only=True):
        members = [lattice_set(*pair) for pair in zip(designs[:, TYPES], designs[:, REPS], strict=True)]
        for kind, (orthotropic, names, index) in kinds.items():
            if not {*names} <= {*table.column_names} or not (orthotropic or {*DESIGN_COLUMNS} <= {*table.column_names}):
                continue
            stated = np.column_stack([numbers_of(table, name, path) for name in names])
            own = homogenize_designs(designs, orthotropic=orthotropic)[:, index]
            own, scale = own.astype(float), np.linalg.norm(own, axis=1)
            error = np.linalg.norm(stated - own, axis=1) / scale
            moments = [np.ones_like(stated), stated, stated**2, (stated - own) ** 2]
            sums[kind] = sums.get(kind, 0) + np.array([m.sum(0) for m in moments])
            off.setdefault(kind, []).append(error.astype(np.float32))
            for row in np.flatnonzero(~(error <= _PUBLISHED)):
                sets.setdefault(kind, {}).setdefault(members[row], []).append((float(error[row]), rows + int(row) + 1))
        rows += len(designs)
    if not sums:
        raise InputError(f"{path}, row 0: no stiffness; expected C11 … C66, C11_ort … C66_ort or both.")
    lines = [f"{path}: {rows:,} designs against finite elements"]
    for kind, (count, first, second, residual) in sums.items():
        names, error = kinds[kind][1], np.concatenate(off[kind])
        r2 = 1 - residual / (second - first**2 / count)
        shares = ", ".join(f"{np.quantile(error, q):.2%}" for q in (0.5, 0.95, 0.99, 1))
        lines.append(
            f"{kind}: lowest R² {r2.min():.6f} ({names[int(r2.argmin())]}); relative error, median, 95 %, 99 %"
        )
        lines[-1] += (
            f" and largest: {shares}; {np.mean(~(error <= _PUBLISHED)):.2%} of the rows beyond {_PUBLISHED:.0%}"
        )
        worst = sorted(sets.get(kind, {}).items(), key=lambda item: -len(item[1]))
        lines += [
            f"  lattices {', '.join(f'{number} at {rep}×' for number, rep in own)}: {len(found)} rows beyond "
            f"{_PUBLISHED:.0%}, by up to {max(found)[0]:.1%} (row {max(found)[1]})"
            for own, found in worst[:20]
        ]
        if len(worst) > 20:
            lines.append(f"  … and {len(worst) - 20} other sets of lattices")
    return "\n".join(lines)


# ------------------------------------------------------------------------------------------------------------ helpers
_CELLS = "generalize/catalogue/cells.csv"
_ORTHOTROPIC = [f"{name}_ort" for name in ORTHOTROPIC]
#: Relative error beyond which a row of the published data is told.
_PUBLISHED = 0.05


def _read(path):
    return json.loads(Path(path).read_text(encoding="utf-8"))


def _predictions(folder):
    for path in sorted((folder / "evaluation").glob("*_predictions.h5")):
        with hdf5.open_checked(path, "table of predictions") as file:
            yield path, {name: file[name][:] for name in file}


def _off(stated, again):
    return tensor_norm(stated - again) / tensor_norm(again)


def _apart(off, most, what):
    return None if off <= most else f"{what} is off by {off:.2g} of its norm; expected at most {most:g}."


def _rows(path, column, stated, again):
    """Values of a column against those that were computed again."""
    for row, (a, b) in enumerate(zip(np.asarray(stated, float).tolist(), np.asarray(again).tolist(), strict=True)):
        yield _differs(a, b, _AGAIN, f"{path}, row {row + 1}, column {column}: {{1}}, but {{0}} from the tables.")


def _compared(metrics, key, numbers, most=_AGAIN, of="what it is made of"):
    """Leaves of a tree that was computed again against those at a key of metrics.json."""
    stated = find(metrics, key)
    stated = dict(flatten(stated)) if isinstance(stated, dict) else {}
    for name, value in flatten(numbers):
        words = f"metrics.json, {key}.{name}: {{1}}, but {{0}} from {of}."
        values = zip_longest(value, stated.get(name) or []) if isinstance(value, list) else None
        if values is None:
            yield _differs(stated.get(name), value, most, words)
        else:
            yield from (_differs(there, own, most, words) for own, there in values)


def _differs(stated, again, most, words):
    """A sentence with both where they differ; what is not finite is stated nowhere."""
    if isinstance(again, float) and not np.isfinite(again):
        same = stated is None or not np.isfinite(stated)
    elif isinstance(again, (int, float)) and isinstance(stated, (int, float)):
        same = abs(stated - again) <= most * abs(again) + _ROUNDING
    else:
        same = stated == again
    return None if same else words.format(again, stated)
