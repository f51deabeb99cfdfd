"""Design lattices for the stiffness of unseen test designs, which can be had exactly, with every
effort of refinement.

Outputs: `summary.json`, the numbers of `trussmap.study.assessment.unseen`, and `timing`, how long a
target took.
"""

from trussmap.study.job import job

with job(snakemake):
    from pathlib import Path

    from trussmap.base.io import write_json
    from trussmap.learning.models import load_networks
    from trussmap.study.assessment import unseen

    p = snakemake.params
    networks = load_networks(Path(snakemake.input.models[0]).parent)
    tree, times = unseen(
        networks, snakemake.input.dataset, p.counts, p.search, p.seed, snakemake.threads
    )
    write_json(tree, snakemake.output.summary)
    write_json(times, snakemake.output.timing)
