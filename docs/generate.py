"""Fill README.md and the pages of docs/ from measured results, so that they cannot disagree with
them.

    python docs/generate.py                          # templates + docs/results/ → README.md,
    docs/*.md   (make pages) python docs/generate.py --take results/laptop    # first copy the
    numbers of a finished study to docs/results/ python docs/generate.py --take-more results/laptop
    # first copy more of it: scaling, trend, holdout, front

A page is `docs/templates/<page>.md`, in Jinja. What it can use: every file of `docs/results/` by
its stem (the numbers of a study as in metrics.json, and ``run``, which says what run they are of; a
CSV as a list of rows), the filters below, and ``least`` and ``mean`` of a dictionary of R².
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
from pathlib import Path

import jinja2

from trussmap.base.io import write_json
from trussmap.report.text import duration, percent, plain
from trussmap.tensors.stiffness import COMPONENTS

DOCS = Path(__file__).parent
#: Tables of a study that pages quote beside ``metrics.json``.
TABLES = ["generalize/starts.csv", "cauchy/ablation.csv"]


def take(study):
    """Copy the numbers of a finished study, and what run they are of, to
    ``docs/results/<study>.json``.
    """
    metrics = json.loads((study / "metrics.json").read_text(encoding="utf-8"))
    settings = json.loads((study / "study.json").read_text(encoding="utf-8"))
    commit = subprocess.run(
        ["git", "-C", study, "log", "-1", "--format=%h of %as"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    tree = {
        "run": {
            "study": settings["study"],
            "commit": commit,
            "cores": os.cpu_count(),
            "seed": settings["seed"],
        }
    }
    # Not the time between the first file and the last: other work on the machine would count as
    # well.
    times = [
        row["cpu_time"] for path in study.glob("benchmarks/*/*.tsv") for row in _rows(path, "\t")
    ]
    tree["run"]["cpu_seconds"] = sum(time for time in times if time != "NA")
    write_json(rounded(tree | metrics), DOCS / "results" / f"{settings['study']}.json")
    for table in TABLES:
        shutil.copy(study / table, DOCS / "results" / f"{settings['study']}_{Path(table).name}")


#: What may be made beside a study, and where it stands in docs/.
MORE = {
    "scaling/scaling.csv": "results/scaling.csv",
    "figures/scaling.png": "scaling.png",
    "scaling/trend.csv": "results/trend_points.csv",
    "scaling/trend.json": "results/trend.json",
    "figures/trend.png": "trend.png",
    "holdout/holdout.json": "results/holdout.json",
    "front/summary.json": "results/front.json",
    "figures/front.png": "front.png",
}


def take_more(study):
    """Copy what `snakemake scaling`, `trend`, `holdout` and the rule `front` made of a study, where
    they did.
    """
    for source, place in MORE.items():
        if (study / source).exists():
            shutil.copyfile(study / source, DOCS / place)


def pages():
    """{path: text} of all pages, made of the templates and the results."""
    results = {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((DOCS / "results").glob("*.json"))
    }
    results |= {path.stem: _rows(path) for path in sorted((DOCS / "results").glob("*.csv"))}
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(DOCS / "templates"),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent,
        "time": duration,
        "plain": plain,
        "count": lambda value: f"{round(value):,}",
        "r2": lambda value: f"{value:.4f}",
        "short": lambda value: f"{value:.2g}" if value < 10 else f"{round(value):,}",
        "fixed": lambda value, digits=2: f"{value:.{digits}f}",
    }
    bone = results["laptop"]["bone"]
    environment.globals |= {
        "bone_range": lambda key: " to ".join(
            percent(pick(v[key] for v in bone.values())) for pick in (min, max)
        ),
        "constants": COMPONENTS,
        "least": lambda r2: min(r2.values()),
        "mean": lambda r2: sum(r2.values()) / len(r2),
    }
    out = {}
    for template in sorted((DOCS / "templates").glob("*.md")):
        folder = DOCS.parent if template.stem == "README" else DOCS
        out[folder / template.name] = environment.get_template(template.name).render(**results)
    return out


def rounded(value):
    """A tree of results with its floats to six digits."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _rows(path, delimiter=","):
    with open(path, encoding="utf-8") as file:
        return [
            {k: _number(v) for k, v in row.items()}
            for row in csv.DictReader(file, delimiter=delimiter)
        ]


def _number(text):
    try:
        return float(text)
    except ValueError:
        return text


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--take", type=Path, metavar="STUDY")
    parser.add_argument("--take-more", type=Path, metavar="STUDY")
    arguments = parser.parse_args()
    if arguments.take:
        take(arguments.take)
    if arguments.take_more:
        take_more(arguments.take_more)
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
