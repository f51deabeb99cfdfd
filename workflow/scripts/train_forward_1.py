"""Train F1 of the paper: density, U and lattices → nine orthotropic constants after U.

Outputs: the weights (`.safetensors`) and the record beside them (`.json`, fields in `trussmap.learning.models`).
"""

from trussmap.progress import rule_log

with rule_log(snakemake.log[0], snakemake.threads):
    from trussmap.learning import train_model

    p = snakemake.params
    train_model("paper/forward_1", snakemake.input.dataset, p.settings, p.seed, snakemake.output.weights, p.common)
