"""Train one network of an architecture; for a point of the scaling study with other numbers of designs and batches.

Outputs: the weights (`.safetensors`) and the record beside them (`.json`, fields in `trussmap.learning.models`).
"""

from trussmap.progress import rule_log

with rule_log(snakemake.log[0], snakemake.threads):
    from trussmap.dataset import open_dataset
    from trussmap.learning.models import train_network
    from trussmap.learning.scaling import scaled_settings

    p, job = snakemake.params, snakemake.wildcards
    settings = dict(p.settings)
    if hasattr(job, "effort"):
        with open_dataset(snakemake.input.dataset) as data:
            settings = scaled_settings(settings, int(job.designs), float(job.effort), len(data.train))
    out = snakemake.output.weights
    train_network(job.architecture, job.network, snakemake.input.dataset, settings, p.seed, out, p.source)
