"""Draw the distribution of the data set's stiffness beside the published moments: a PNG."""

from trussmap.study.job import job

with job(snakemake):
    import numpy as np
    import pandas as pd

    from trussmap.data.dataset import SPLITS, open_dataset
    from trussmap.figures import dataset

    with open_dataset(snakemake.input.dataset) as data:
        parts = (
            block["stiffness"]
            for split in SPLITS
            for block in getattr(data, split).blocks(names=("stiffness",))
        )
        stiffness = np.concatenate([part.astype(np.float32) for part in parts])  # for the memory
    dataset.plot(stiffness, pd.read_csv(snakemake.input.published), snakemake.output[0])
