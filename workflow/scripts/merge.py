"""Merge all shards into one data set and compare its moments with the published ones.

Outputs: `dataset.h5` (see `trussmap.dataset`) and `moments.csv`, a row per column of the data set:

| field                       | meaning                                                                             |
|-----------------------------|-------------------------------------------------------------------------------------|
| `column`                    | name as in the published data set; `C…_hat` is the stiffness before the rotation R2 |
| `mean`, `std`, `min`, `max` | here; stiffness in units of the base material's Young's modulus                     |
| `published_mean`, …         | the same of the published 3,000,000 designs (tessellations as 1/2)                  |
| `mean_z`                    | difference of the means in standard errors of ours                                  |
"""

from trussmap.job import job

with job(snakemake):
    import pandas as pd

    from trussmap.dataset import SPLITS, column_statistics, merge_shards, open_dataset
    from trussmap.io import atomic_path

    p = snakemake.params
    merge_shards(snakemake.input.shards, snakemake.output.dataset, p.shares, {"seed": p.seed} | p.shares, p.source)
    with open_dataset(snakemake.output.dataset) as data:
        designs, sizes = len(data), [f"{len(getattr(data, split)):,} {split}" for split in SPLITS]
        print(f"{designs:,} designs: {', '.join(sizes)}")
    published = pd.read_csv(snakemake.input.published, comment="#").set_index("column")
    tessellation = published.index.str.startswith("lattice_rep")  # 0/1 there, 1/2 here
    published.loc[tessellation, ["mean", "min", "max"]] += 1
    moments = column_statistics(snakemake.output.dataset).join(published.add_prefix("published_"), on="column")
    moments["mean_z"] = (moments["mean"] - moments["published_mean"]) / (moments["std"] / designs**0.5)
    with atomic_path(snakemake.output.moments) as path:
        moments.to_csv(path, index=False, float_format="%.8g")
    worst = moments.loc[moments["mean_z"].abs().idxmax()]
    print(f"largest deviation from the published means: {worst['column']}, {worst['mean_z']:+.1f} standard errors")
