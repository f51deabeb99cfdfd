"""Draw how far data, targets and designs are from Cauchy's relations: a PNG."""

from trussmap.study.job import job

with job(snakemake):
    import pandas as pd

    from trussmap.figures import cauchy

    tables = [pd.read_csv(snakemake.input[name]) for name in ("data", "targets", "ablation")]
    cauchy.plot(*tables, snakemake.output[0])
