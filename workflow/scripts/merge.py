"""Merge all shards into one data set and compare its moments with the published ones.

Outputs: `dataset.h5` (see `trussmap.data.dataset`) and `moments.csv`, a row per column of the data
set:

| field                       | meaning                                                                             |
|-----------------------------|-------------------------------------------------------------------------------------|
| `column`                    | name as in the published data set; `C…_hat` is the stiffness before the rotation R2 |
| `mean`, `std`, `min`, `max` | here; stiffness in units of the base material's Young's modulus                     |
| `published_mean`, …         | the same of the published 3,000,000 designs (tessellations as 1/2)                  |
| `mean_z`                    | difference of the means in its standard errors, of both samples together            |
"""

from trussmap.study.job import job

with job(snakemake):
    import pandas as pd

    from trussmap.base.io import atomic_path
    from trussmap.data.dataset import (
        SPLITS,
        column_statistics,
        compare_moments,
        merge_shards,
        open_dataset,
    )

    p = snakemake.params
    plan = {"designs": p.designs, "made_by": p.shards_source}
    settings = {"seed": p.seed} | p.shares
    merge_shards(
        snakemake.input.shards, snakemake.output.dataset, p.shares, settings, p.source, **plan
    )
    with open_dataset(snakemake.output.dataset) as data:
        designs = len(data)
        sizes = [f"{len(getattr(data, split)):,} {split}" for split in SPLITS]
        print(f"{designs:,} designs: {', '.join(sizes)}")
    published = pd.read_csv(snakemake.input.published, comment="#")
    moments = compare_moments(column_statistics(snakemake.output.dataset), published, designs)
    with atomic_path(snakemake.output.moments) as path:
        moments.to_csv(path, index=False, float_format="%.8g")
    worst = moments.loc[moments["mean_z"].abs().idxmax()]
    print(
        f"largest deviation from the published means: {worst['column']}, {worst['mean_z']:+.1f} "
        f"standard errors"
    )
