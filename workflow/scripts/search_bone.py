"""How far a target lies from the design space: the best stiffness that any of its topologies has,
by finite elements.

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
    from trussmap.mechanics.solver import Solver
    from trussmap.search.halving import search
    from trussmap.targets.reading import read_all_targets
    from trussmap.tensors.material import Material
    from trussmap.tensors.measures import MEASURES, errors

    p = snakemake.params
    material = Material(p.youngs_modulus, p.poisson_ratio, unit="GPa")
    targets = read_all_targets(snakemake.input.targets, material, whole=True)
    solver = Solver(material, snakemake.threads)
    candidates = search(targets.goal, solver, "thorough", stream(p.seed, "bone search"))
    lattices = candidates.lattices
    names = np.array(targets.names)[candidates.target]
    off = errors(candidates.stiffness, targets.stiffness[candidates.target])
    table = pd.DataFrame({"name": names} | off)
    table["topology"] = lattices.topology
    table[DESIGN_COLUMNS] = lattices.designs
    table = table.sort_values(["name", "nmse_frobenius"])
    write_csv(table, snakemake.output.table)
    best = table.groupby("name")[list(MEASURES)].first().replace(np.inf, np.nan)
    least = {name: row.dropna().add_prefix("search_").to_dict() for name, row in best.iterrows()}
    write_json(least, snakemake.output.summary)
    print(least)
