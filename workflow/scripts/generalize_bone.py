"""Design lattices with the stiffness of bone and compare them with the closest design of the training set.

Outputs: `targets.csv` (`name` and the 21 constants divided by the base material's Young's modulus), `designs.csv`
(fields in `trussmap.design.design_lattices`), `lattices/` (nodes and struts of each) and `summary.json`, the errors of
each specimen as in `trussmap.generalize.generalize`.
"""

from trussmap.progress import rule_log

with rule_log(snakemake.log[0], snakemake.threads):
    import json
    from pathlib import Path

    from trussmap.generalize import generalize
    from trussmap.io import atomic_path
    from trussmap.targets import read_targets

    p, summary = snakemake.params, Path(snakemake.output.summary)
    models = Path(snakemake.input.models[0]).parent
    targets, names = read_targets(snakemake.input.targets, p.youngs_modulus)
    rows = generalize(
        names, targets, models, snakemake.input.dataset, summary.parent, p.options, p.seed, snakemake.threads
    )
    tree = {row.pop("name"): row for row in rows.to_dict("records")}
    with atomic_path(summary) as path:
        path.write_text(json.dumps(tree, indent=2, allow_nan=False) + "\n")
