"""Draw the errors of designs for crystal-network cells by crystal system and connectivity (paper,
SI 4): a PNG.
"""

from trussmap.study.job import job

with job(snakemake):
    import pandas as pd

    from trussmap.figures import catalogue

    catalogue.plot(pd.read_csv(snakemake.input[0]), snakemake.output[0])
