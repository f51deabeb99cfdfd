"""Design lattices with the stiffness of crystal-network cells and compare with the closest training designs.

Outputs: as of `generalize_bone`, but `summary.json` has the number of cells, medians over them, and the share of cells
for which the designed lattice is closer than the closest training design.
"""

from trussmap.progress import rule_log

with rule_log(snakemake.log[0], snakemake.threads):
    import json
    from pathlib import Path

    from trussmap.generalize import generalize
    from trussmap.homogenization import homogenize_cells
    from trussmap.io import atomic_path
    from trussmap.lattice.catalogue import read_catalogue
    from trussmap.targets import read_targets

    p, summary = snakemake.params, Path(snakemake.output.summary)
    models = Path(snakemake.input.models[0]).parent
    if Path(snakemake.input.targets).suffix == ".csv":
        targets, names = read_targets(snakemake.input.targets, 1.0)
    else:
        cells = read_catalogue(snakemake.input.targets)
        names = [cell.name for cell in cells]
        targets = homogenize_cells([cell.graph for cell in cells], p.relative_density, threads=snakemake.threads)
    rows = generalize(
        names, targets, models, snakemake.input.dataset, summary.parent, p.options, p.seed, snakemake.threads
    )
    best = rows["nmse_frobenius_refined" if p.options["refine"] != "none" else "nmse_frobenius"]
    tree = {"cells": len(rows)} | rows.filter(like="nmse_frobenius").median().add_suffix("_median").to_dict()
    tree["better_than_lookup_share"] = float((best < rows["lookup_nmse_frobenius"]).mean())
    with atomic_path(summary) as path:
        path.write_text(json.dumps(tree, indent=2, allow_nan=False) + "\n")
