"""How far a target lies from the design space: the best stiffness that any of its topologies has, by finite elements.

Outputs: `search.csv`, a row for each specimen and topology that came closest (`name`, the errors of
`trussmap.tensors.measures.MEASURES`, `topology` and the descriptor of
`trussmap.lattice.descriptor`), and `search.json`, the errors of the closest of each. No network is
used.
"""

from trussmap.study.job import job

with job(snakemake):
    import numpy as np
    import pandas as pd

    from trussmap.base.io import write_csv, write_json
    from trussmap.base.streams import stream
    from trussmap.lattice.descriptor import DESIGN_COLUMNS
    from trussmap.search.design import search
    from trussmap.targets.goal import Goal
    from trussmap.targets.reading import read_targets
    from trussmap.tensors.measures import MEASURES, errors

    p = snakemake.params
    targets, names = read_targets(snakemake.input.targets, p.youngs_modulus, p.poisson_ratio, "GPa")
    how = "thorough", stream(p.seed, "bone search"), snakemake.threads, p.poisson_ratio
    owner, lattices, stiffness = search(Goal(targets), *how)
    table = pd.DataFrame({"name": np.array(names)[owner]} | errors(stiffness, targets[owner]))
    table["topology"] = lattices.topology
    table[DESIGN_COLUMNS] = lattices.designs
    table = table.sort_values(["name", "nmse_frobenius"])
    write_csv(table, snakemake.output.table)
    best = table.groupby("name")[list(MEASURES)].first().replace(np.inf, np.nan)
    least = {name: row.dropna().add_prefix("search_").to_dict() for name, row in best.iterrows()}
    write_json(least, snakemake.output.summary)
    print(least)
