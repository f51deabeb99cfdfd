# Designs → stiffness → one data set.


rule study:
    output:
        f"{RESULTS}/study.json",
    log:
        log_of("study"),
    benchmark:
        benchmark_of("study")
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=memory(500),
        runtime=minutes(5),
    params:
        settings=config,
        source=source_of("study"),
    message:
        "Writing down the settings of the study"
    script:
        "../scripts/study.py"


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
    threads: 1
    resources:
        mem_mb=memory(500),
        runtime=minutes(10),
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
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(60),
    params:
        poisson_ratio=config["poisson_ratio"],
        source=source_of("homogenize"),
    message:
        "Homogenizing shard {wildcards.shard} by finite elements"
    script:
        "../scripts/homogenize.py"


rule merge:
    input:
        shards=expand(f"{RESULTS}/stiffness/{{shard}}.h5", shard=SHARDS),
        published=PROJECT / "resources/published_moments.csv",
    output:
        dataset=f"{RESULTS}/dataset.h5",
        moments=f"{RESULTS}/moments.csv",
    log:
        log_of("merge"),
    benchmark:
        benchmark_of("merge")
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(60),
    params:
        seed=config["seed"],
        designs=config["sampling"]["designs"],
        shards_source=source_of("homogenize"),
        shares=config["dataset"],
        source=source_of("merge"),
    message:
        "Merging all shards into one data set and comparing its moments with the published ones"
    script:
        "../scripts/merge.py"
