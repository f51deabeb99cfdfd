"""Headline numbers of a study, gathered from its files beside the paper's.

See architecture.md §5.
"""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from trussmap.data.dataset import open_dataset
from trussmap.lattice.compound import topologies


def gather(
    dataset: str | Path,
    timings: Sequence[str | Path],
    evaluations: Sequence[str | Path],
    summaries: Mapping[str, Sequence[str | Path]],
    benchmarks: Sequence[str | Path],
    paper: str | Path,
) -> dict[str, Any]:
    """Gather the tree of ``metrics.json``.

    A number that was not computed is absent.

    Parameters
    ----------
    dataset : path of the data set
    timings : paths of JSON files with ``designs`` and the ``seconds`` of homogenizing them twice,
        after U and in full
    evaluations : paths of JSON trees, each named after an architecture, with chapters as keys
    summaries : {key: paths of JSON trees to merge under that key}
    benchmarks : paths of Snakemake's benchmark files, ``<rule>/<job>.tsv``
    paper : path of the paper's numbers under the same keys, in YAML
    """
    metrics: dict[str, Any] = {"dataset": _dataset_metrics(dataset, timings)}
    for path in evaluations:
        architecture = Path(path).stem
        for chapter, numbers in _read(path).items():
            if isinstance(numbers, dict):
                metrics.setdefault(chapter, {}).setdefault(architecture, {}).update(numbers)
            else:
                evaluation = metrics.setdefault("evaluation", {})
                evaluation.setdefault(architecture, {})[chapter] = numbers

    for key, paths in summaries.items():
        for path in paths:
            for name, value in _read(path).items():
                summary = metrics.setdefault(key, {})
                merged = summary.get(name, {}) | value if isinstance(value, dict) else value
                summary[name] = merged

    published = yaml.safe_load(Path(paper).read_text(encoding="utf-8"))
    return metrics | {"seconds": rule_seconds(benchmarks), "paper": published}


def _dataset_metrics(dataset: str | Path, timings: Sequence[str | Path]) -> dict[str, int]:
    """Size of a data set and the speed of its homogenization by one core."""
    with open_dataset(dataset) as data:
        designs = len(data)
    runs = [_read(path) for path in timings]
    core_seconds = sum(run["seconds"] * run["threads"] for run in runs)
    return {
        "designs": designs,
        "topologies": len(topologies()[0]),
        "designs_per_second": round(sum(run["designs"] for run in runs) / core_seconds),
    }


def _read(path: str | Path) -> dict[str, Any]:
    """Read a JSON tree."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def rule_seconds(benchmarks: Iterable[str | Path]) -> dict[str, float]:
    """Sum the wall-clock seconds of all jobs by rule.

    Trainings are listed by network, as in ``train_polar_forward``. ``benchmarks`` are paths of
    Snakemake's benchmark files, ``<rule>/<job>.tsv``.
    """
    total: dict[str, float] = {}
    for path in sorted(map(Path, benchmarks)):
        rule = path.parent.name if path.parent.name != "train" else f"train_{path.stem}"
        with open(path, encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                total[rule] = round(total.get(rule, 0.0) + float(row["s"]), 1)
    return total
