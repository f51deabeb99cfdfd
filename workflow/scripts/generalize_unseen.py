"""Design lattices for the stiffness of unseen test designs, which can be had exactly, with every effort of refinement.

Output: `summary.json`, the numbers of `trussmap.generalize.unseen`.
"""

from trussmap.job import job

with job(snakemake):
    from pathlib import Path

    from trussmap.generalize import unseen
    from trussmap.io import write_json

    p = snakemake.params
    models = Path(snakemake.input.models[0]).parent
    tree = unseen(models, snakemake.input.dataset, p.counts, p.options, p.seed, snakemake.threads)
    write_json(tree, snakemake.output[0])
