"""The paper's protocol with the networks of one architecture: what they take for bone and for catalogue cells.

Output: `<architecture>.json`, under the architecture's name `bone`, the errors for each specimen,
and `catalogue`, their medians over some cells, by `trussmap.study.protocol.selected_by_network`.
"""

from trussmap.study.job import job

with job(snakemake):
    from pathlib import Path

    import pandas as pd

    from trussmap.base.io import write_json
    from trussmap.learning.models import load_forward, load_inverse
    from trussmap.study.protocol import selected_by_network
    from trussmap.tensors.stiffness import COMPONENTS

    p, source = snakemake.params, snakemake.input
    models = Path(source.models[0]).parent
    networks = load_forward(models), load_inverse(models)
    how = p.settings["draws"], p.settings["temperature"], p.seed, p.poisson_ratio
    tree = dict(p.settings)
    for name, path, count in (
        ("bone", source.bone, None),
        ("catalogue", source.catalogue, p.settings["cells"]),
    ):
        table = pd.read_csv(path, index_col="name").head(count)
        found = selected_by_network(table[COMPONENTS].to_numpy(), *networks, *how)
        finite = found.set_index(table.index).replace(float("inf"), float("nan"))
        print(name, finite.describe().to_string(), sep="\n", flush=True)
        if name == "bone":
            tree[name] = {specimen: row.dropna().to_dict() for specimen, row in finite.iterrows()}
        else:
            tree[name] = {"cells": len(table)} | finite.median().dropna().add_suffix(
                "_median"
            ).to_dict()
    write_json({snakemake.wildcards.architecture: tree}, snakemake.output[0])
