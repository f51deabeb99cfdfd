"""Sample the designs of one shard.

Output: HDF5 with `designs` (n, 19), the columns of `trussmap.lattice.descriptor.DESIGN_COLUMNS`;
design k depends on the study's seed and k alone, so the shard size changes no design.
"""

from trussmap.study.job import job

with job(snakemake):
    from trussmap.data.dataset import write_shard
    from trussmap.lattice.descriptor import sample_designs

    seed = snakemake.params.seed
    (start, stop) = snakemake.params.bounds
    designs = sample_designs(seed, start, stop)
    write_shard(
        snakemake.output[0],
        designs,
        first=start,
        settings={"seed": seed},
        source=snakemake.params.source,
    )
    print(f"designs {start:,} to {stop - 1:,} sampled")
