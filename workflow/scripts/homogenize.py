"""Homogenize the designs of one shard by finite elements.

Output: the shard's `designs` (n, 19) with `stiffness_orthotropic` (n, 9), after the stretch U
alone, and `stiffness` (n, 21), after the whole map; both divided by the base material's Young's
modulus, each admissible (0 ≺ C ⪯ ρ·C_base). Apart from it `timing`, a JSON file: `designs`,
`seconds` of the finite elements alone, and `threads`.
"""

from trussmap.study.job import job

with job(snakemake):
    from time import perf_counter

    from trussmap.base.io import write_json
    from trussmap.data.dataset import read_shard, write_shard
    from trussmap.lattice.descriptor import DENSITY
    from trussmap.mechanics.homogenization import homogenize_designs
    from trussmap.tensors.stiffness import ORTHOTROPIC_INDEX, check_admissible

    shard = read_shard(snakemake.input[0])
    designs = shard["designs"]
    first = int(shard["first"])
    how = {"threads": snakemake.threads, "poisson_ratio": snakemake.params.poisson_ratio}
    homogenize_designs(designs[:1], **how)  # what is prepared once is not timed
    stiffness = []
    seconds = 0.0
    for orthotropic, what in ((True, "after the stretch U"), (False, "after the whole map")):
        start = perf_counter()
        c = homogenize_designs(designs, orthotropic=orthotropic, **how)
        seconds += perf_counter() - start
        named = f"{snakemake.input[0]}, {what}, design"
        check_admissible(c, designs[:, DENSITY], named, first, snakemake.params.poisson_ratio)
        stiffness.append(c)
        print(f"{len(designs):,} designs {what}: {perf_counter() - start:.1f} s")
    write_shard(
        snakemake.output.stiffness,
        designs,
        stiffness_orthotropic=stiffness[0][:, ORTHOTROPIC_INDEX],
        stiffness=stiffness[1],
        first=first,
        settings=shard["settings"] | {"poisson_ratio": snakemake.params.poisson_ratio},
        source=snakemake.params.source,
    )
    timing = {"designs": len(designs), "seconds": seconds, "threads": snakemake.threads}
    write_json(timing, snakemake.output.timing)
