"""Design lattices with the stiffness of crystal-network cells and compare with the closest training designs.

Outputs: as of `generalize_bone`; besides, `cells.csv` has for each cell its `source` (`catalogue`:
the circulated one; `generated`: ours), `crystal_system`, mean `connectivity` (struts at a node) and
the errors as in `trussmap.study.assessment.assess`; `by_group.csv` has medians, quartiles and
shares better than the lookup by source and crystal system or connectivity. `summary.json` has them
for the circulated cells and, under `generated`, for ours.
"""

from trussmap.study.job import job

with job(snakemake):
    from pathlib import Path

    import numpy as np
    import pandas as pd

    from trussmap.base.io import write_csv, write_json
    from trussmap.crystal.targets import cell_targets, connectivity_class
    from trussmap.designs.table import write_designs, write_targets
    from trussmap.learning.models import load_forward, load_inverse
    from trussmap.search.design import design_lattices
    from trussmap.study.assessment import assess, summarize, summarize_groups

    p, source, out = snakemake.params, snakemake.input, snakemake.output
    models = Path(source.models[0]).parent
    networks = load_forward(models), load_inverse(models)
    paths = [("catalogue", source.targets), *(("generated", path) for path in source.generated)]
    how = p.relative_density, snakemake.threads, p.poisson_ratio
    parts = [cell_targets(path, origin, *how) for origin, path in paths]
    cells = pd.concat([table for table, _ in parts], ignore_index=True)
    names, targets = cells["name"].tolist(), np.concatenate([stiffness for _, stiffness in parts])
    how = p.options | {
        "seed": p.seed,
        "threads": snakemake.threads,
        "poisson_ratio": p.poisson_ratio,
    }
    found = design_lattices(targets, *networks, **how)
    write_targets(names, targets, out.targets)
    write_designs(found, Path(out.designs).parent, names, targets, loads=p.loads)
    errors = assess(found, names, targets, p.options["refine"] != "none", source.dataset)
    cells = cells.join(errors.drop(columns="name"))
    write_csv(cells, out.cells)
    connectivity = connectivity_class(cells["connectivity"])
    groups = {"crystal_system": cells["crystal_system"], "connectivity": connectivity}
    write_csv(summarize_groups(cells, groups), out.groups)
    trees = {origin: summarize(part) for origin, part in cells.groupby("source")}
    write_json(trees.pop("catalogue") | trees, out.summary)
