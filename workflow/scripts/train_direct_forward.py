"""Train one black box, descriptor → stiffness, to test a negative claim of the paper.

Outputs: the weights (`.safetensors`) and the record beside them (`.json`, fields in `trussmap.learning.models`).
"""

from trussmap.progress import rule_log

with rule_log(snakemake.log[0], snakemake.threads):
    from trussmap.learning import train_model

    p = snakemake.params
    train_model("direct/forward", snakemake.input.dataset, p.settings, p.seed, snakemake.output.weights, p.common)
