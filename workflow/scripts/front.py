"""Measure how close lattices come to bone and to crystal networks as the radii of their struts may differ more.

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
    from trussmap.search.refine import FAMILIES
    from trussmap.study.front import describe_targets, front, summarize
    from trussmap.targets.reading import read_targets

    p, source, threads = snakemake.params, snakemake.input, snakemake.threads
    parts = {"bone": read_targets(source.bone, p.youngs_modulus, p.poisson_ratio, "GPa")}
    for path in source.generated:
        how = p.relative_density, threads, p.poisson_ratio, p.settings["cells"]
        cells, targets = cell_targets(path, "generated", *how)
        parts["generated"] = targets, cells["name"].tolist()
    topologies = None if p.settings["topologies"] is None else np.array(p.settings["topologies"])
    tables = []
    for origin, (targets, names) in parts.items():
        known = describe_targets(targets).assign(
            source=origin, name=names, target=np.arange(len(targets)) + 1
        )
        how = origin == "bone", topologies, p.seed, threads, p.poisson_ratio
        for family in FAMILIES[1:]:
            found = front(targets, family, sorted(p.settings["ratios"]), *how)
            tables.append(known.merge(found, on="target"))
    table = pd.concat(tables, ignore_index=True)
    write_csv(table, snakemake.output.table)
    write_json(summarize(table), snakemake.output.summary)
