"""Train F2 of the paper: F1's stiffness, rotated by R1, and V → stiffness before R2.

Outputs: the weights (`.safetensors`) and the record beside them (`.json`, fields in `trussmap.learning.models`).
"""

from trussmap.progress import rule_log

with rule_log(snakemake.log[0], snakemake.threads):
    from trussmap.learning import train_model

    p = snakemake.params
    train_model("paper/forward_2", snakemake.input.dataset, p.settings, p.seed, snakemake.output.weights, p.common)
