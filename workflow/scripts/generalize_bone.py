"""Design lattices with the stiffness of bone and compare them with the closest design of the training set.

Outputs: `targets.csv` (`name` and the 21 constants divided by the base material's Young's modulus), `designs.csv`
(see `trussmap.design.design_lattices`), `lattices/` (nodes and struts of each) and `summary.json`, the errors of each
specimen under the keys of `metrics.json`.
"""

from trussmap.progress import rule_log

with rule_log(snakemake.log[0], snakemake.threads):
    from trussmap.generalize import generalize
    from trussmap.targets import read_targets

    targets, names = read_targets(snakemake.input.targets, snakemake.params.youngs_modulus)
    generalize(names, targets, snakemake.input.models, snakemake.input.dataset, snakemake.params, snakemake.output)
