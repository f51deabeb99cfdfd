"""Train one network of the scaling study, on fewer designs or with another number of batches than the study's own.

Outputs: the weights (`.safetensors`) and the record beside them (`.json`, fields in `trussmap.learning.models`).
"""

from trussmap.progress import rule_log

with rule_log(snakemake.log[0], snakemake.threads):
    from trussmap.dataset import open_dataset
    from trussmap.learning import train_model
    from trussmap.learning.scaling import scaled_settings

    p, point = snakemake.params, snakemake.wildcards
    with open_dataset(snakemake.input.dataset) as data:
        settings = scaled_settings(p.settings, int(point.designs), float(point.effort), len(data.train))
    name = f"{point.architecture}/{point.network}"
    train_model(name, snakemake.input.dataset, settings, p.seed, snakemake.output.weights, p.common)
