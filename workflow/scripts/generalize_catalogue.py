"""Design lattices with the stiffness of crystal-network cells and compare with the closest training
designs.

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
    from trussmap.designs.strength import Loads
    from trussmap.designs.table import Brief, Designs, write_targets
    from trussmap.designs.writing import write_designs
    from trussmap.learning.models import load_networks
    from trussmap.mechanics.solver import Solver
    from trussmap.search.design import design_all
    from trussmap.search.request import Search
    from trussmap.study.assessment import assess, summarize, summarize_groups
    from trussmap.targets.goal import Goal, Targets
    from trussmap.tensors.material import Material

    p = snakemake.params
    source = snakemake.input
    out = snakemake.output
    material = Material(poisson_ratio=p.poisson_ratio, yield_stress=p.yield_stress)
    solver = Solver(material, snakemake.threads)
    search = Search(**p.search, seed=p.seed)
    paths = [("catalogue", source.targets), *(("generated", path) for path in source.generated)]
    groups = [cell_targets(path, origin, p.relative_density, solver) for origin, path in paths]
    cells = pd.concat([table for table, _ in groups], ignore_index=True)
    goal = Goal(np.concatenate([stiffness for _, stiffness in groups]))
    targets = Targets(goal, cells["name"].tolist())

    networks = load_networks(Path(source.models[0]).parent)
    batch = design_all(goal, networks, solver, search)
    write_targets(targets, out.targets)
    brief = Brief(targets, material, loads=Loads(**p.loads))
    write_designs(Designs(brief, batch), Path(out.designs).parent)
    errors = assess(batch.table, targets, search.effort != "none", source.dataset)
    cells = cells.join(errors.drop(columns="name"))
    write_csv(cells, out.cells)
    connectivity = connectivity_class(cells["connectivity"])
    groups = {"crystal_system": cells["crystal_system"], "connectivity": connectivity}
    write_csv(summarize_groups(cells, groups), out.groups)
    trees = {origin: summarize(rows) for origin, rows in cells.groupby("source")}
    write_json(trees.pop("catalogue") | trees, out.summary)
