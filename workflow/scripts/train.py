"""Train one network of an architecture; with ``params.part``, on so many designs and with that
share of the batches.

Outputs: the weights (`.safetensors`) and the record beside them (`.json`, fields in
`trussmap.learning.models`).
"""

from trussmap.study.job import job

with job(snakemake):
    from trussmap.data.dataset import open_dataset
    from trussmap.learning.models import train_network
    from trussmap.learning.scaling import scaled_settings

    p = snakemake.params
    network = snakemake.wildcards
    settings = dict(p.settings)
    if hasattr(p, "part"):
        with open_dataset(snakemake.input.dataset) as data:
            settings = scaled_settings(settings, *p.part, len(data.train))
    out = snakemake.output.weights
    train_network(
        network.architecture,
        network.network,
        snakemake.input.dataset,
        settings,
        p.seed,
        out,
        p.source,
    )
