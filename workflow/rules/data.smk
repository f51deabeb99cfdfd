# Designs → stiffness → one data set.


single_job(
    "study",
    "Writing down the settings of the study",
    outputs={"settings": f"{RESULTS}/study.json"},
    params={"settings": config},
    resources=SMALL,
)


rule sample:
    output:
        f"{RESULTS}/designs/{{shard}}.h5",
    log:
        log_of("sample", "{shard}"),
    benchmark:
        benchmark_of("sample", "{shard}")
    group:
        "shard"
    conda:
        "../../envs/trussmap.yaml"
    resources:
        **SMALL,
    params:
        seed=config["seed"],
        bounds=shard_bounds,
        source=source_of("sample"),
    message:
        "Sampling designs of shard {wildcards.shard}"
    script:
        "../scripts/sample.py"


rule homogenize:
    input:
        f"{RESULTS}/designs/{{shard}}.h5",
    output:
        stiffness=f"{RESULTS}/stiffness/{{shard}}.h5",
        timing=timing_of("homogenize", "{shard}"),
    log:
        log_of("homogenize", "{shard}"),
    benchmark:
        benchmark_of("homogenize", "{shard}")
    group:
        "shard"
    conda:
        "../../envs/trussmap.yaml"
    resources:
        **SMALL,
    params:
        poisson_ratio=config["poisson_ratio"],
        source=source_of("homogenize"),
    message:
        "Homogenizing shard {wildcards.shard} by finite elements"
    script:
        "../scripts/homogenize.py"


single_job(
    "merge",
    "Merging all shards into one data set and comparing its moments with the published ones",
    inputs={
        "shards": [f"{RESULTS}/stiffness/{shard}.h5" for shard in SHARDS],
        "published": PROJECT / "resources/published_moments.csv",
    },
    outputs={"dataset": f"{RESULTS}/dataset.h5", "moments": f"{RESULTS}/moments.csv"},
    params={
        "seed": config["seed"],
        "designs": config["sampling"]["designs"],
        "shards_source": source_of("homogenize"),
        "shares": config["dataset"],
    },
    resources=SMALL,
)
