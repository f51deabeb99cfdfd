"""Draw stiffness targets and the designs A and B found for them (paper, Fig. 3A): a PNG."""

from trussmap.study.job import job

with job(snakemake):
    from pathlib import Path

    import pandas as pd

    from trussmap.figures import targets
    from trussmap.tensors.stiffness import COMPONENTS

    table = pd.read_csv(snakemake.input.targets)
    families = {
        Path(path).parent.name.split("_")[-1]: pd.read_csv(path)
        for path in snakemake.input.families
    }
    targets.plot(
        table["name"].tolist(),
        table[COMPONENTS].to_numpy(),
        pd.read_csv(snakemake.input.designs),
        snakemake.output[0],
        families=families,
        **snakemake.params.unit,
    )
