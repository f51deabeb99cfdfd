"""The trained networks of a study put to use: lattices for given targets, their files, and how well they do."""

import json
import re
import shutil
from pathlib import Path
from tempfile import mkdtemp
from time import perf_counter

import numpy as np

from trussmap.dataset import open_dataset
from trussmap.errors import InputError
from trussmap.lookup import closest_stiffness
from trussmap.measures import nmse_frobenius, r_squared
from trussmap.stiffness import COMPONENTS

#: Targets whose lattices are written as files of their own; of the others, the designs stand in designs.csv.
MOST_LATTICES = 100
_MOST_LINES = 20
# How the circulated catalogue and ours begin or go on in a name, as in ``trig_Z04.0_R57``.
_SYSTEM_AND_CONNECTIVITY = re.compile(r"(?:^|_)(tric|mon|ort|tet|trig|hex|cub)_Z(\d+\.?\d*)")
#: Upper ends, included, of the classes of mean connectivity, and what they are called.
CONNECTIVITY = {4: "at most 4", 6: "4 to 6", 8: "6 to 8", 12: "8 to 12", np.inf: "above 12"}


def load_models(study_dir=None):
    """Forward and inverse model of the architecture that designs in a finished study (results/<study>).

    Without a study, the models that come with the package.
    """
    from trussmap.learning.models import load_forward, load_inverse, pretrained

    if study_dir is None:
        return load_forward(pretrained()), load_inverse(pretrained())
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


def generalize(
    names, targets, models, dataset, out, options, seed=0, threads=None, youngs_modulus=1.0, cell_size_mm=None, block=2
):
    """Design lattices for targets (n, 21), base modulus 1, and write all that comes of it into the folder ``out``.

    ``targets.csv`` (name and constants), ``designs.csv`` and ``lattices`` as in `write_designs`. ``models`` is a folder
    of trained models, ``options`` are those of `trussmap.design.design_lattices`, the rest those of `write_designs`; no
    ``dataset``, no lookup. Returns a table with a row for each
    target: ``name``; errors of the paper's design A and B by finite elements, ``nmse_frobenius`` of the network's best
    proposal, ``…_refined`` of the designs that come out; ``lookup_nmse_frobenius`` of the closest training design.
    """
    import pandas as pd

    from trussmap.design import design_lattices
    from trussmap.io import write_csv
    from trussmap.learning.models import load_forward, load_inverse

    found = design_lattices(targets, load_forward(models), load_inverse(models), seed=seed, threads=threads, **options)
    table = pd.DataFrame(targets, columns=COMPONENTS)
    table.insert(0, "name", names)
    write_csv(table, Path(out) / "targets.csv")
    write_designs(found, out, names, targets, youngs_modulus, cell_size_mm, block)
    a, b = (found[found["rank"] == rank].set_index("target") for rank in (1, 2))
    rows = pd.DataFrame({"name": names}, index=np.arange(len(names)) + 1)
    rows["nmse_frobenius"] = a["unrefined_nmse_frobenius"]
    if options["refine"] != "none":
        rows["nmse_frobenius_refined"] = a["nmse_frobenius"]
        rows["nmse_componentwise_refined"] = a["nmse_componentwise"]
        rows["design_b_nmse_frobenius_refined"] = b["nmse_frobenius"]
    if dataset:
        with open_dataset(dataset) as data:
            rows["lookup_nmse_frobenius"] = nmse_frobenius(closest_stiffness(data.train, targets), targets)
    for row in rows.head(_MOST_LINES).to_dict("records"):
        print(", ".join(f"{k.replace('_', ' ')} {v:.3g}" if k != "name" else v for k, v in row.items()))
    return rows


def unseen(models, dataset, counts, options, seed=0, threads=None):
    """How close designs come to stiffnesses that can be had exactly: those of the data set's test designs.

    ``counts`` says for how many targets each effort of refinement is tried: {"none": …, "quick": …, "thorough": …}.
    Returns for each effort a dict: ``targets``, ``nmse_frobenius_median``, ``nmse_frobenius_p95``, ``r2`` of each
    constant, ``same_topology_share`` (the target's own topology found) and ``seconds_per_target``.
    """
    from trussmap.design import design_lattices
    from trussmap.lattice.descriptor import topology_keys
    from trussmap.learning.models import load_forward, load_inverse

    forward, inverse = load_forward(models), load_inverse(models)
    with open_dataset(dataset) as data:
        test = data.test.read(slice(0, max(counts.values())), ("designs", "stiffness"))
    tree = {}
    for effort, count in counts.items():
        targets, designs = test["stiffness"][:count], test["designs"][:count]
        start = perf_counter()
        found = design_lattices(
            targets, forward, inverse, options["draws"], options["temperature"], 1, effort, seed, threads
        )
        error = found["nmse_frobenius"]
        tree[effort] = {
            "targets": len(targets),
            "nmse_frobenius_median": error.median(),
            "nmse_frobenius_p95": error.quantile(0.95),
            "r2": dict(zip(COMPONENTS, r_squared(targets, found[COMPONENTS].to_numpy()).tolist(), strict=True)),
            "same_topology_share": float((found["topology"] == topology_keys(designs)).mean()),
            "seconds_per_target": (perf_counter() - start) / len(targets),
        }
        numbers = ", ".join(f"{k.replace('_', ' ')} {v:.3g}" for k, v in tree[effort].items() if k != "r2")
        print(f"{effort}: {numbers}, lowest R² {min(tree[effort]['r2'].values()):.5f}")
    return tree


def catalogue_targets(path, source, relative_density, threads=None):
    """Cells as targets: their stiffness (n, 21), and before it a table of what they are.

    The table has ``source`` as given, ``name``, ``crystal_system`` and mean ``connectivity`` (struts at a node).

    A catalogue (.lat) is homogenized at ``relative_density``; a table of targets (.csv) has the stiffness in it, and
    tells system and connectivity by names such as ``trig_Z04.0_R57`` only.
    """
    import pandas as pd

    from trussmap.crystal.catalogue import read_catalogue
    from trussmap.crystal.space_groups import crystal_system, space_group
    from trussmap.homogenization import homogenize_cells
    from trussmap.targets import read_targets

    if Path(path).suffix == ".csv":
        targets, names = read_targets(path, 1.0)
        told = [_SYSTEM_AND_CONNECTIVITY.search(name) for name in names]
        rows = [(m[1], float(m[2])) if m else ("unknown", np.nan) for m in told]
    else:
        cells = read_catalogue(path)
        names, graphs = [cell.name for cell in cells], [cell.graph for cell in cells]
        targets = homogenize_cells(graphs, relative_density, threads=threads)
        rows = [(crystal_system(space_group(g)), 2 * len(g.struts) / len(g.nodes)) for g in graphs]
    table = pd.DataFrame(rows, columns=["crystal_system", "connectivity"])
    table.insert(0, "name", names)
    table.insert(0, "source", source)
    return table, targets


def summarize(rows):
    """Numbers of a table of `generalize`: cells, median and quartiles of each error, shares better than the lookup."""
    tree = {"cells": len(rows)}
    errors = rows.filter(like="nmse_frobenius")
    for word, share in (("q25", 0.25), ("median", 0.5), ("q75", 0.75)):
        tree |= errors.quantile(share).add_suffix(f"_{word}").to_dict()
    for key in ("", "_refined"):
        if f"nmse_frobenius{key}" in rows:
            better = rows[f"nmse_frobenius{key}"] < rows["lookup_nmse_frobenius"]
            tree[f"better_than_lookup{key}_share"] = float(better.mean())
    return tree


def summarize_groups(cells):
    """`summarize` by ``source`` and crystal system or class of connectivity: a table with ``by`` and ``group``."""
    import pandas as pd

    classes = np.array(list(CONNECTIVITY))
    known = cells[cells["connectivity"].notna()]
    words = [CONNECTIVITY[classes[np.searchsorted(classes, z - 1e-9)]] for z in known["connectivity"]]
    groupings = (("crystal_system", cells, cells["crystal_system"]), ("connectivity", known, words))
    return pd.DataFrame(
        {"source": source, "by": by, "group": group} | summarize(rows)
        for by, table, keys in groupings
        for (source, group), rows in table.groupby(["source", np.asarray(keys)])
    )


def write_designs(table, out, names, targets, youngs_modulus=1.0, cell_size_mm=None, block=2):
    """Write ``designs.csv`` and the folder ``lattices`` into ``out``; what it held of a former run is replaced.

    Parameters
    ----------
    table : that of `trussmap.design.design_lattices`; the file also has the columns ``name`` and ``remark``
        (`trussmap.design.remarks`)
    names, targets, youngs_modulus : what the table was designed for, base modulus 1, and the base material's modulus
    cell_size_mm : if given, the columns ``strut_diameter_mm`` and ``smallest_gap_mm`` (`trussmap.design.printability`),
        and for each lattice, beside the CSV files, a block of ``block``³ cells to print (STL) and to see in ParaView
        (VTK), in mm, and a picture (PNG)

    Each lattice of the first ``MOST_LATTICES`` targets is a set of CSV files ``target1_rank1_nodes.csv`` … (see
    `trussmap.export.write_nodes_and_struts`), lengths relative to the unit cell.
    """
    from trussmap.design import printability, remarks
    from trussmap.export import write_nodes_and_struts
    from trussmap.io import write_csv
    from trussmap.lattice.descriptor import DESIGN_COLUMNS, design_graph

    table = table.assign(remark=remarks(table, targets, youngs_modulus))
    table.insert(1, "name", np.asarray(names)[table["target"] - 1])
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    staging = Path(mkdtemp(dir=out, prefix=".lattices-"))
    try:
        for row in table[table["target"] <= MOST_LATTICES].to_dict("records"):
            graph = design_graph(np.array([row[column] for column in DESIGN_COLUMNS]))
            stem = staging / f"target{int(row['target'])}_rank{int(row['rank'])}"
            write_nodes_and_struts(graph, graph.radius(row["relative_density"]), stem)
            if cell_size_mm:
                _write_prints(graph, row, stem, cell_size_mm, block)
        if cell_size_mm:
            table["strut_diameter_mm"], table["smallest_gap_mm"] = printability(table, cell_size_mm)
        staging.chmod(0o755)
        shutil.rmtree(out / "lattices", ignore_errors=True)
        staging.rename(out / "lattices")
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    write_csv(table, out / "designs.csv")
    return table


def _write_prints(graph, row, stem, cell_size_mm, block):
    from trussmap.export import block as block_of
    from trussmap.export import write_stl, write_vtk
    from trussmap.figures import cell

    density = row["relative_density"]
    scaled = graph.mapped(np.eye(3) * cell_size_mm / graph.volume ** (1 / 3))
    nodes, struts = block_of(scaled, block)
    write_vtk(f"{stem}.vtk", nodes, struts, scaled.radius(density))
    write_stl(f"{stem}.stl", graph, density, block, cell_size_mm)
    title = f"target {int(row['target'])}, rank {int(row['rank'])}: NMSE {row['nmse_frobenius']:.2g}"
    cell.plot(graph, density, np.array([row[name] for name in COMPONENTS]), f"{stem}.png", title)
