"""Draw errors against the ratio of strut radii: a PNG."""

from trussmap.study.job import job

with job(snakemake):
    import pandas as pd

    from trussmap.figures import front

    front.plot(pd.read_csv(snakemake.input[0]), snakemake.output[0])
