"""Headline numbers of a study, gathered from its files beside the paper's (architecture.md §5)."""

import csv
import json
from pathlib import Path

import yaml

from trussmap.dataset import open_dataset
from trussmap.lattice.compound import topologies


def gather(
    dataset: str | Path, timings: list, evaluations: list, summaries: dict, benchmarks: list, paper: str | Path
) -> dict:
    """The tree of ``metrics.json``; a number that was not computed is absent.

    Parameters
    ----------
    dataset : path of the data set
    timings : paths of JSON files with ``designs`` and the ``seconds`` of homogenizing them twice, after U and in full
    evaluations : paths of JSON trees, of one architecture each and named after it, that have chapters as keys
    summaries : {key: paths of JSON trees to go under that key, one into the other}
    benchmarks : paths of Snakemake's benchmark files, ``<rule>/<job>.tsv``
    paper : path of the paper's numbers under the same keys, in YAML
    """
    with open_dataset(dataset) as data:
        metrics = {"dataset": {"designs": len(data), "topologies": len(topologies()[0])}}
    timings = [json.loads(Path(path).read_text(encoding="utf-8")) for path in timings]
    core_seconds = sum(t["seconds"] * t["threads"] for t in timings)
    metrics["dataset"]["designs_per_second"] = round(sum(t["designs"] for t in timings) / core_seconds)
    for path in evaluations:
        architecture, tree = Path(path).stem, json.loads(Path(path).read_text(encoding="utf-8"))
        for chapter, numbers in tree.items():
            if isinstance(numbers, dict):
                metrics.setdefault(chapter, {}).setdefault(architecture, {}).update(numbers)
            else:
                metrics.setdefault("evaluation", {}).setdefault(architecture, {})[chapter] = numbers
    for key, paths in summaries.items():
        for tree in (json.loads(Path(path).read_text(encoding="utf-8")) for path in paths):
            for name, value in tree.items():
                own = metrics.setdefault(key, {})
                own[name] = own.get(name, {}) | value if isinstance(value, dict) else value
    return metrics | {
        "seconds": rule_seconds(benchmarks),
        "paper": yaml.safe_load(Path(paper).read_text(encoding="utf-8")),
    }


def rule_seconds(benchmarks: list) -> dict[str, float]:
    """Wall-clock seconds by rule, summed over its jobs; of ``train`` by network, as in ``train_polar_forward``.

    ``benchmarks``: paths of Snakemake's benchmark files, ``<rule>/<job>.tsv``.
    """
    total = {}
    for path in sorted(map(Path, benchmarks)):
        rule = path.parent.name if path.parent.name != "train" else f"train_{path.stem}"
        with open(path, encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                total[rule] = round(total.get(rule, 0.0) + float(row["s"]), 1)
    return total
