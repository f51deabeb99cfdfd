"""Design lattices with the stiffness of bone, or of a table of your own, and compare them with the training set.

Outputs: `targets.csv` (`name` and the 21 constants divided by the base material's Young's modulus), `designs.csv`
(fields in `trussmap.design.design_lattices` and `trussmap.generalize.write_designs`), `lattices/` (nodes and struts of
each, a block to print, a picture) and `summary.json`, the errors of each target as in `trussmap.generalize.generalize`.
"""

from trussmap.job import job

with job(snakemake):
    from pathlib import Path

    from trussmap.generalize import generalize
    from trussmap.io import write_json
    from trussmap.targets import read_targets

    p, summary = snakemake.params, Path(snakemake.output.summary)
    models = Path(snakemake.input.models[0]).parent
    targets, names = read_targets(snakemake.input.targets, p.youngs_modulus)
    rows = generalize(
        names,
        targets,
        models,
        snakemake.input.get("dataset"),
        summary.parent,
        p.options,
        p.seed,
        snakemake.threads,
        p.youngs_modulus,
        **p.prints,
    )
    tree = {row.pop("name"): row for row in rows.to_dict("records")}
    write_json(tree, summary)
