"""Train G1 and G2 of the paper: stiffness → lattices → density, U, V and rotations, through the frozen F2∘F1.

Outputs: the weights (`.safetensors`) and the record beside them (`.json`, fields in `trussmap.learning.models`).
"""

from trussmap.progress import rule_log

with rule_log(snakemake.log[0], snakemake.threads):
    from trussmap.learning import train_model

    p = snakemake.params
    train_model("paper/inverse", snakemake.input.dataset, p.settings, p.seed, snakemake.output.weights, p.common)
