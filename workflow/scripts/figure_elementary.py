"""Draw the seven elementary lattices (paper, SI Fig. S1): a PNG."""

from trussmap.study.job import job

with job(snakemake):
    from trussmap.figures import elementary

    elementary.plot(snakemake.output[0])
