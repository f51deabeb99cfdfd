"""Draw the distribution of the data set's stiffness beside the published moments: a PNG."""

from trussmap.job import job

with job(snakemake):
    import pandas as pd

    from trussmap.dataset import open_dataset
    from trussmap.figures import dataset

    with open_dataset(snakemake.input.dataset) as data:
        stiffness = data.train.read(slice(0, 200_000), names=("stiffness",))["stiffness"]
    dataset.plot(stiffness, pd.read_csv(snakemake.input.published), snakemake.output[0])
