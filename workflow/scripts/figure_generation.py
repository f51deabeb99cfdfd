"""Draw how a design is generated, with the elastic surface at each stage (paper, Fig. 1): a PNG."""

from trussmap.progress import rule_log

with rule_log(snakemake.log[0], snakemake.threads):
    from trussmap.figures import generation

    generation.plot(generation.EXAMPLE, snakemake.output[0])
