"""Design lattices for the stiffness of unseen test designs, which can be had exactly, with every effort of refinement.

Outputs: `summary.json`, the numbers of `trussmap.study.assessment.unseen`, and `timing`, how long a
target took.
"""

from trussmap.study.job import job

with job(snakemake):
    from pathlib import Path

    from trussmap.base.io import write_json
    from trussmap.learning.models import load_forward, load_inverse
    from trussmap.study.assessment import unseen

    p = snakemake.params
    models = Path(snakemake.input.models[0]).parent
    networks = load_forward(models), load_inverse(models)
    tree, times = unseen(
        *networks, snakemake.input.dataset, p.counts, p.options, p.seed, snakemake.threads
    )
    write_json(tree, snakemake.output.summary)
    write_json(times, snakemake.output.timing)
