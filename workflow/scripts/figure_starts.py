"""Draw what starts are worth against finite-element solutions: a PNG."""

from trussmap.study.job import job

with job(snakemake):
    import pandas as pd

    from trussmap.figures import starts

    starts.plot(pd.read_csv(snakemake.input[0]), snakemake.output[0])
