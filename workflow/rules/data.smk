# Designs → stiffness → one data set.


rule study:
    output:
        f"{RESULTS}/study.json",
    log:
        f"{RESULTS}/logs/study/study.log",
    benchmark:
        f"{RESULTS}/benchmarks/study/study.tsv"
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        settings=config,
    message:
        "Writing down the settings of the study"
    script:
        "../scripts/study.py"


rule sample:
    output:
        f"{RESULTS}/designs/{{shard}}.h5",
    log:
        f"{RESULTS}/logs/sample/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/sample/{{shard}}.tsv"
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        seed=config["seed"],
        bounds=shard_bounds,
    message:
        "Sampling designs of shard {wildcards.shard}"
    script:
        "../scripts/sample.py"


rule homogenize:
    input:
        f"{RESULTS}/designs/{{shard}}.h5",
    output:
        stiffness=f"{RESULTS}/stiffness/{{shard}}.h5",
        timing=f"{RESULTS}/stiffness/{{shard}}.json",
    log:
        f"{RESULTS}/logs/homogenize/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/homogenize/{{shard}}.tsv"
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=60,
    message:
        "Homogenizing shard {wildcards.shard} by finite elements"
    script:
        "../scripts/homogenize.py"


rule merge:
    input:
        shards=expand(f"{RESULTS}/stiffness/{{shard}}.h5", shard=SHARDS),
        published=RESOURCES / "resources/published_moments.csv",
    output:
        dataset=f"{RESULTS}/dataset.h5",
        moments=f"{RESULTS}/moments.csv",
    log:
        f"{RESULTS}/logs/merge/merge.log",
    benchmark:
        f"{RESULTS}/benchmarks/merge/merge.tsv"
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        seed=config["seed"],
        test_share=config["dataset"]["test_share"],
    message:
        "Merging all shards into one data set and comparing its moments with the published ones"
    script:
        "../scripts/merge.py"
