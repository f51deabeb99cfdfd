"""The paper's protocol with the networks of one architecture: what they take for bone and for
catalogue cells.

Output: `<architecture>.json`, under the architecture's name `bone`, the errors for each specimen,
and `catalogue`, their medians over some cells, by `trussmap.study.protocol.selected_by_network`.
"""

from trussmap.study.job import job

with job(snakemake):
    from pathlib import Path

    import pandas as pd

    from trussmap.base.io import write_json
    from trussmap.learning.models import load_networks
    from trussmap.mechanics.solver import Solver
    from trussmap.study.protocol import selected_by_network
    from trussmap.tensors.material import Material
    from trussmap.tensors.stiffness import COMPONENTS

    p = snakemake.params
    source = snakemake.input
    networks = load_networks(Path(source.models[0]).parent)
    solver = Solver(Material(poisson_ratio=p.poisson_ratio), snakemake.threads)
    draws = p.settings["draws"]
    temperature = p.settings["temperature"]
    tree = dict(p.settings)
    for name, path, count in (
        ("bone", source.bone, None),
        ("catalogue", source.catalogue, p.settings["cells"]),
    ):
        table = pd.read_csv(path, index_col="name").head(count)
        targets = table[COMPONENTS].to_numpy()
        errors = selected_by_network(targets, networks, solver, draws, temperature, p.seed)
        finite = errors.set_index(table.index).replace(float("inf"), float("nan"))
        print(name, finite.describe().to_string(), sep="\n", flush=True)
        if name == "bone":
            tree[name] = {specimen: row.dropna().to_dict() for specimen, row in finite.iterrows()}
        else:
            tree[name] = {"cells": len(table)} | finite.median().dropna().add_suffix(
                "_median"
            ).to_dict()
    write_json({snakemake.wildcards.architecture: tree}, snakemake.output[0])
