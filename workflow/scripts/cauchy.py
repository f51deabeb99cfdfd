"""How far data, targets and designs are from Cauchy's relations, and what that and each elementary
lattice cost bone.

Outputs, with the fields of the functions of `trussmap.study.cauchy`: `data.csv` (`describe_designs`
of test designs), `targets.csv` (`describe_residual` of targets and their designs A, with
``source``: bone, catalogue, generated, and ``name``), `ablation.csv` (`ablate` of the bone
targets), and `summary.json` (`summarize`).
"""

from trussmap.study.job import job

with job(snakemake):
    import numpy as np
    import pandas as pd

    from trussmap.base.io import write_csv, write_json
    from trussmap.data.dataset import open_dataset
    from trussmap.mechanics.solver import Solver
    from trussmap.study.cauchy import ablate, describe_designs, describe_residual, summarize
    from trussmap.tensors.material import Material
    from trussmap.tensors.stiffness import COMPONENTS

    p = snakemake.params
    source = snakemake.input
    out = snakemake.output
    with open_dataset(source.dataset) as data:
        sample = data.test.read(slice(p.settings["designs"]), ("designs", "stiffness"))
        solver = Solver(Material(poisson_ratio=data.poisson_ratio), snakemake.threads)
    data = describe_designs(sample["designs"], sample["stiffness"])
    write_csv(data, out.data)
    tables = []
    sources = {"bone": "bone", "catalogue": pd.read_csv(source.cells)["source"]}
    for folder, origin in sources.items():
        targets = pd.read_csv(source[f"{folder}_targets"])
        designs = pd.read_csv(source[f"{folder}_designs"])
        best = designs[designs["rank"] == 1].set_index("target").loc[np.arange(len(targets)) + 1]
        table = describe_residual(targets[COMPONENTS].to_numpy(), best[COMPONENTS].to_numpy())
        table["relative_density"] = best["relative_density"].to_numpy()
        tables.append(table.assign(source=origin, name=targets["name"]))
    residuals = pd.concat(tables, ignore_index=True)
    write_csv(residuals, out.targets)
    bone = pd.read_csv(source.bone_targets)
    stiffness = bone[COMPONENTS].to_numpy()
    ablation = ablate(stiffness, bone["name"].tolist(), p.settings["effort"], p.seed, solver)
    write_csv(ablation, out.ablation)
    tree = summarize(data, residuals, ablation)
    write_json(tree, out.summary)
    print(tree)
