"""Draw how a design is generated, with the elastic surface at each stage (paper, Fig. 1): a PNG."""

from trussmap.study.job import job

with job(snakemake):
    from trussmap.figures import generation

    generation.plot(generation.EXAMPLE, snakemake.output[0])
