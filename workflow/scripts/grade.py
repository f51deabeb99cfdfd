"""Grade a lattice in space with the specimens of bone as sites, and fade the designs of two of them
for comparison.

Outputs, lengths in mm: `nodes.csv` and `struts.csv` (`trussmap.parts.files.write_structure_csv`,
with `progress`), `structure.vtk` and `structure.3mf`; `path.csv`, the stiffness on the way
(`trussmap.grading.Graded.path_table`); and `summary.json`: the metrics of `trussmap.grading.grade`,
and as `faded` those of designs of two specimens that fade into each other. Where no path joins the
best designs of these, their designs of other topologies are tried in turn.
"""

from trussmap.study.job import job

with job(snakemake):
    from itertools import product

    import numpy as np
    import pandas as pd

    from trussmap.base.errors import InputError
    from trussmap.base.io import write_json
    from trussmap.grading import Sites, fade, grade, write_graded
    from trussmap.lattice.descriptor import DESIGN_COLUMNS
    from trussmap.mechanics.solver import Solver
    from trussmap.parts.region import box
    from trussmap.tensors.material import Material
    from trussmap.tensors.stiffness import COMPONENTS

    options = snakemake.params.options
    cell = snakemake.params.cell_size_mm
    material = Material(poisson_ratio=snakemake.params.poisson_ratio)
    solver = Solver(material, snakemake.threads)
    targets = pd.read_csv(snakemake.input.targets)
    length = options["length"] * cell
    width = options["width"] * cell
    region = box((length, width, width))
    places = np.zeros((len(targets), 3))
    places[:, 0] = np.linspace(
        options["margin"] * length, (1 - options["margin"]) * length, len(targets)
    )
    allowed = options["topologies"] and np.array(options["topologies"])
    sites = Sites(places, targets[COMPONENTS].to_numpy(float), targets["name"].tolist())
    graded = grade(sites, region, cell, solver, allowed, options["radius_ratio"])
    table = pd.read_csv(snakemake.input.designs).set_index(["target", "rank"])[DESIGN_COLUMNS]
    first, last = options["faded"]
    if not {first, last} <= {*table.index.get_level_values("target")}:
        raise InputError(
            f"{snakemake.input.designs}: no target {first} or {last}; set grading.faded to two of "
            f"its rows."
        )
    pairs = sorted(product(table.loc[first].index, table.loc[last].index), key=sum)
    for k, (rank, other) in enumerate(pairs, 1):
        try:
            ends = table.loc[[(first, rank), (last, other)]].to_numpy(float)
            at = places[[0, -1]]
            faded = fade(ends, at, ["", ""], region, cell, solver, options["minimum_radius"])
            break
        except InputError as error:
            print(f"designs {rank} of target {first} and {other} of target {last}: {error}")
            if k == len(pairs):
                raise
    write_graded(graded, snakemake.output.structure.removesuffix("structure.vtk"))
    summary = graded.metrics | {
        "sites": len(targets),
        "faded": {"from_target": first, "to_target": last} | faded.metrics,
    }
    write_json(summary, snakemake.output.summary)
    print(
        ", ".join(f"{key.replace('_', ' ')} {value:.3g}" for key, value in graded.metrics.items())
    )
