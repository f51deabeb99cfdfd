"""Draw stiffness targets and the designs A and B found for them (paper, Fig. 3A): a PNG."""

from trussmap.job import job

with job(snakemake):
    import pandas as pd

    from trussmap.figures import targets
    from trussmap.stiffness import COMPONENTS

    table = pd.read_csv(snakemake.input.targets)
    targets.plot(
        table["name"].tolist(),
        table[COMPONENTS].to_numpy(),
        pd.read_csv(snakemake.input.designs),
        snakemake.output[0],
        **snakemake.params.unit,
    )
