"""How many generated crystal cells the families areas and geometry meet within a ratio of radii,
and in what time.

    python benchmarks/exact_cells.py results/laptop --family areas --out areas.csv
    python benchmarks/exact_cells.py results/laptop --summary areas.csv geometry.csv \
        > docs/results/exact_cells.json

The first resumes where its file ends.

The targets are the study's own generated cells (`generalize/catalogue/generated.lat`), 25 at a time
on one core.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd

from trussmap.base.streams import stream
from trussmap.crystal.targets import cell_targets
from trussmap.mechanics.solver import Solver
from trussmap.search.halving import CONVERGED, Space, search
from trussmap.search.objective import measured_struts
from trussmap.search.request import Limits
from trussmap.study.front import NEARLY_MET
from trussmap.targets.goal import Goal

CHUNK = 25


def measure(targets, first, family, ratio):
    """The closest lattice of each of some targets (n, 21), as a table."""
    start, goal = time.process_time(), Goal(targets)
    space = Space(family, Limits(radius_ratio=ratio))
    found = search(goal, Solver(threads=1), "quick", stream(0, "bar", first), space)
    owner, lattices = found.target, found.lattices
    error = found.error(goal)
    best = np.lexsort((error, owner))
    best = best[np.searchsorted(owner[best], np.arange(len(targets)))]
    diameters = measured_struts(lattices.take(best), gap=False)
    return pd.DataFrame(
        {
            "target": first + 1 + np.arange(len(targets)),
            "nmse_frobenius": error[best],
            "topology": lattices.topology[best],
            "radius_ratio": diameters[:, 1] / diameters[:, 0],
            "left_out": (lattices.areas[best] == 0).sum(1),
            "cpu_seconds": (time.process_time() - start) / len(targets),
        }
    )


def summarize(table):
    """Shares met, how many leave struts out, and CPU seconds a target."""
    error = table["nmse_frobenius"]
    return {
        "cells": len(table),
        "met_share": (error < NEARLY_MET).mean(),
        "exact_share": (error < CONVERGED).mean(),
        "error_q99": error.quantile(0.99),
        "error_largest": error.max(),
        "left_out_share": (table["left_out"] > 0).mean(),
        "cpu_seconds_median": table["cpu_seconds"].median(),
        "radius_ratio_largest": table["radius_ratio"].max(),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", type=Path)
    parser.add_argument("--family", choices=["areas", "geometry"], default="areas")
    parser.add_argument("--ratio", type=float, default=10.0)
    parser.add_argument(
        "--density", type=float, default=0.02, help="of the cells that are the targets"
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--summary", nargs="+", type=Path)
    given = parser.parse_args()
    if given.summary:
        print(
            json.dumps(
                {path.stem: summarize(pd.read_csv(path)) for path in given.summary}, indent=1
            )
        )
    else:
        path = given.study / "generalize" / "catalogue" / "generated.lat"
        targets = cell_targets(path, "generated", given.density, Solver())[1]
        done = len(pd.read_csv(given.out)) if given.out.exists() else 0
        for first in range(done, len(targets), CHUNK):
            table = measure(targets[first : first + CHUNK], first, given.family, given.ratio)
            table.to_csv(given.out, mode="a", index=False, header=first == 0)
