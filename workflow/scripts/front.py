"""Measure how close lattices come to bone and to crystal networks as the radii of their struts may
differ more.

Outputs: `front.csv`, tables of `trussmap.study.front.front` with ``source`` (bone, generated),
``name`` and the columns of `trussmap.study.front.describe_targets`, and `summary.json`
(`trussmap.study.front.summarize`).
"""

from trussmap.study.job import job

with job(snakemake):
    import numpy as np
    import pandas as pd

    from trussmap.base.io import write_csv, write_json
    from trussmap.crystal.targets import cell_targets
    from trussmap.mechanics.solver import Solver
    from trussmap.search.lattices import FAMILIES
    from trussmap.study.front import describe_targets, front, summarize
    from trussmap.targets.reading import read_all_targets
    from trussmap.tensors.material import Material

    p = snakemake.params
    source = snakemake.input
    material = Material(p.youngs_modulus, p.poisson_ratio, unit="GPa")
    solver = Solver(material, snakemake.threads)
    bone = read_all_targets(source.bone, material, whole=True)
    targets_of = {"bone": (bone.stiffness, bone.names)}
    for path in source.generated:
        cells, stiffness = cell_targets(
            path, "generated", p.relative_density, solver, p.settings["cells"]
        )
        targets_of["generated"] = stiffness, cells["name"].tolist()
    numbers = p.settings["topologies"]
    topologies = None if numbers is None else np.array(numbers)
    ratios = sorted(p.settings["ratios"])

    tables = []
    for origin, (targets, names) in targets_of.items():
        known = describe_targets(targets).assign(
            source=origin, name=names, target=np.arange(len(targets)) + 1
        )
        for family in FAMILIES[1:]:
            everywhere = origin == "bone"
            closest = front(targets, family, solver, ratios, everywhere, topologies, p.seed)
            tables.append(known.merge(closest, on="target"))
    table = pd.concat(tables, ignore_index=True)
    write_csv(table, snakemake.output.table)
    write_json(summarize(table), snakemake.output.summary)
