"""Draw the seven elementary lattices (paper, SI Fig. S1): a PNG."""

from trussmap.progress import rule_log

with rule_log(snakemake.log[0], snakemake.threads):
    from trussmap.figures import elementary

    elementary.plot(snakemake.output[0])
