"""Draw three designs of relative density 0.05 with their elastic surfaces (paper, Fig. 1B–D): a
PNG.
"""

from trussmap.study.job import job

with job(snakemake):
    from trussmap.figures import examples

    examples.plot(examples.EXAMPLES, snakemake.output[0])
