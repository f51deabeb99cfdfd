"""How far a target lies from the design space: the best stiffness that any of its topologies has, by finite elements.

Outputs: `search.csv`, a row for each specimen and topology that came closest (`name`, `nmse_frobenius`, `topology` and
the descriptor of `trussmap.lattice.descriptor`), and `search.json`, the least error of each. No network is used.
"""

from trussmap.job import job

with job(snakemake):
    import numpy as np
    import pandas as pd

    from trussmap.design import search
    from trussmap.io import write_csv, write_json
    from trussmap.lattice.descriptor import DESIGN_COLUMNS, design_topology
    from trussmap.measures import nmse_frobenius
    from trussmap.targets import read_targets

    p = snakemake.params
    targets, names = read_targets(snakemake.input.targets, p.youngs_modulus)
    nothing = np.zeros(0, int), np.zeros((0, len(DESIGN_COLUMNS)))
    owner, designs, stiffness = search(targets, *nothing, "thorough", p.seed, snakemake.threads)
    table = pd.DataFrame({"name": np.array(names)[owner], "nmse_frobenius": nmse_frobenius(stiffness, targets[owner])})
    table["topology"] = design_topology(designs)
    table[DESIGN_COLUMNS] = designs
    write_csv(table.sort_values(["name", "nmse_frobenius"]), snakemake.output.table)
    least = {
        name: {"search_nmse_frobenius": error} for name, error in table.groupby("name")["nmse_frobenius"].min().items()
    }
    write_json(least, snakemake.output.summary)
    print(least)
