"""Design lattices with the stiffness of crystal-network cells and compare with the closest training designs.

Outputs: as of `generalize_bone`; besides, `cells.csv` has for each cell its `source` (`catalogue`: the circulated one;
`generated`: ours), `crystal_system`, mean `connectivity` (struts at a node) and the errors as in
`trussmap.generalize.generalize`; `by_group.csv` has medians, quartiles and shares better than the lookup by source and
crystal system or connectivity. `summary.json` has them for the circulated cells and, under `generated`, for ours.
"""

from trussmap.job import job

with job(snakemake):
    from pathlib import Path

    import numpy as np
    import pandas as pd

    from trussmap.generalize import catalogue_targets, generalize, summarize, summarize_groups
    from trussmap.io import write_csv, write_json

    p, source, out = snakemake.params, snakemake.input, snakemake.output
    paths = [("catalogue", source.targets), *(("generated", path) for path in source.generated)]
    parts = [catalogue_targets(path, kind, p.relative_density, snakemake.threads) for kind, path in paths]
    cells = pd.concat([table for table, _ in parts], ignore_index=True)
    rows = generalize(
        cells["name"].tolist(),
        np.concatenate([targets for _, targets in parts]),
        Path(source.models[0]).parent,
        source.dataset,
        Path(out.summary).parent,
        p.options,
        p.seed,
        snakemake.threads,
    )
    cells = cells.join(rows.drop(columns="name").reset_index(drop=True))
    write_csv(cells, out.cells)
    write_csv(summarize_groups(cells), out.groups)
    trees = {name: summarize(part) for name, part in cells.groupby("source")}
    write_json(trees.pop("catalogue") | trees, out.summary)
