"""The trained networks of a study put to use: lattices for given targets, their files, and how well they do."""

import json
import shutil
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from trussmap.dataset import open_dataset
from trussmap.errors import InputError
from trussmap.stiffness import COLUMNS, COMPONENTS, ROWS, nmse_frobenius

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


def generalize(names, targets, models, dataset, out, options, seed=0, threads=None):
    """Design lattices for targets (n, 21), base modulus 1, and write all that comes of it into the folder ``out``.

    ``targets.csv`` (name and constants), ``designs.csv`` and ``lattices`` as in `write_designs`. ``models`` is a folder
    of trained models, ``options`` are those of `trussmap.design.design_lattices`. Returns a table with a row for each
    target: ``name``; errors of the paper's design A and B by finite elements, ``nmse_frobenius`` of the network's best
    proposal, ``…_refined`` of the designs that come out; ``lookup_nmse_frobenius`` of the closest training design.
    """
    import pandas as pd

    from trussmap.design import design_lattices
    from trussmap.export import write_csv
    from trussmap.learning import load_forward, load_inverse

    found = design_lattices(targets, load_forward(models), load_inverse(models), seed=seed, threads=threads, **options)
    table = pd.DataFrame(targets, columns=COMPONENTS)
    table.insert(0, "name", names)
    write_csv(table, Path(out) / "targets.csv")
    write_designs(found, out)
    a, b = (found[found["rank"] == rank].set_index("target") for rank in (1, 2))
    rows = pd.DataFrame({"name": names}, index=np.arange(len(names)) + 1)
    rows["nmse_frobenius"] = a["unrefined_nmse_frobenius"]
    if options["refine"] != "none":
        rows["nmse_frobenius_refined"] = a["nmse_frobenius"]
        rows["nmse_componentwise_refined"] = a["nmse_componentwise"]
        rows["design_b_nmse_frobenius_refined"] = b["nmse_frobenius"]
    rows["lookup_nmse_frobenius"] = lookup(dataset, targets)
    for row in rows.to_dict("records"):
        print(", ".join(f"{k.replace('_', ' ')} {v:.3g}" if k != "name" else v for k, v in row.items()))
    return rows


def lookup(dataset, targets):
    """Frobenius error (n,) of the training design that is closest to each target (n, 21) (paper, SI 3.G)."""
    best = np.full(len(targets), np.inf)
    weighted = targets * _WEIGHT
    with open_dataset(dataset) as data:
        for block in data.train.blocks(names=("stiffness",)):
            c = block["stiffness"]
            distance = (_WEIGHT * c**2).sum(1)[:, None] - 2 * c @ weighted.T  # up to the target's own norm
            nearest = c[distance.argmin(0)]
            best = np.minimum(best, nmse_frobenius(nearest, targets))
    return best


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
