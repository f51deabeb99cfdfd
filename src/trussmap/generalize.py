"""The trained networks of a study put to use: lattices for given targets, their files, and how well they do."""

import json
import shutil
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from trussmap.dataset import open_dataset
from trussmap.errors import InputError
from trussmap.stiffness import COLUMNS, ROWS, nmse_frobenius

_WEIGHT = np.where(ROWS == COLUMNS, 1.0, 2.0)


def load_models(study_dir):
    """Forward and inverse model of the architecture that designs in a finished study (results/<study>)."""
    from trussmap.learning import load_forward, load_inverse

    study_dir = Path(study_dir)
    try:
        architecture = json.loads((study_dir / "study.json").read_text())["model"]["architecture"]
    except FileNotFoundError:
        known = sorted(path.parent.name for path in study_dir.parent.glob("*/study.json"))
        raise InputError(
            f"{study_dir}: no finished study; expected {'one of ' + ', '.join(known) if known else 'one made'} "
            f"by `make study STUDY={study_dir.name}`."
        ) from None
    directory = study_dir / "models" / architecture
    return load_forward(directory), load_inverse(directory)


def lookup(dataset, targets):
    """Closest design of the training set to each target (n, 21) in the Frobenius norm (paper, SI 3.G).

    Returns the stiffness (n, 21), designs (n, 19) and errors ``nmse_frobenius`` (n,) of the closest ones.
    """
    best = np.full(len(targets), np.inf)
    stiffness, designs = np.zeros((len(targets), 21)), np.zeros((len(targets), 19))
    weighted = targets * _WEIGHT
    with open_dataset(dataset) as data:
        for block in data.train.blocks(names=("designs", "stiffness")):
            c = block["stiffness"]
            distance = (_WEIGHT * c**2).sum(1)[:, None] - 2 * c @ weighted.T  # up to the target's own norm
            nearest = distance.argmin(0)
            closer = np.flatnonzero(distance[nearest, np.arange(len(targets))] < best)
            best[closer] = distance[nearest[closer], closer]
            stiffness[closer], designs[closer] = c[nearest[closer]], block["designs"][nearest[closer]]
    return stiffness, designs, nmse_frobenius(stiffness, targets)


def write_designs(table, out):
    """Write ``designs.csv`` and the folder ``lattices`` into ``out``; what it held of a former run is replaced.

    ``table`` is that of `trussmap.design.design_lattices`. Each lattice is a set of CSV files
    ``target1_rank1_nodes.csv`` … (see `trussmap.export.write_nodes_and_struts`), lengths relative to the unit cell.
    """
    from trussmap.export import write_csv, write_nodes_and_struts
    from trussmap.lattice.descriptor import DESIGN_COLUMNS, design_graph

    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    staging = Path(mkdtemp(dir=out, prefix=".lattices-"))
    try:
        for row in table.to_dict("records"):
            graph = design_graph(np.array([row[column] for column in DESIGN_COLUMNS]))
            stem = f"target{int(row['target'])}_rank{int(row['rank'])}"
            write_nodes_and_struts(graph, graph.radius(row["relative_density"]), staging / stem)
        staging.chmod(0o755)
        shutil.rmtree(out / "lattices", ignore_errors=True)
        staging.rename(out / "lattices")
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    write_csv(table, out / "designs.csv")
