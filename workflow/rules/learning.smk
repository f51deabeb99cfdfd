# Training and evaluation of the networks. A killed training resumes from its checkpoint.


#: Networks trained without some topologies know of the others either a vector of each, or only the
#: elementary lattices that it consists of: settings of the network by variant.
HOLDOUT = {"vectors": {}, "members": {"embedding": 0}}
#: Name of a network of the scaling study, without ending.
SCALED = f"{RESULTS}/scaling/{{designs}}_{{effort}}{{run}}/{{architecture}}/{{network}}"


rule train:
    input:
        dataset=f"{RESULTS}/dataset.h5",
        parents=parents(lambda _: f"{RESULTS}/models"),
    output:
        weights=f"{RESULTS}/models/{{architecture}}/{{network}}.safetensors",
        record=f"{RESULTS}/models/{{architecture}}/{{network}}.json",
    log:
        log_of("train", "{architecture}_{network}"),
    benchmark:
        benchmark_of("train", "{architecture}_{network}")
    conda:
        "../../envs/trussmap.yaml"
    threads: config["model"]["threads"]
    resources:
        **TRAINING,
    params:
        settings=settings_of_training,
        seed=config["seed"],
        source=source_of_architecture("train"),
    message:
        "Training {wildcards.architecture}/{wildcards.network}"
    script:
        "../scripts/train.py"


use rule train as scale_train with:
    input:
        dataset=f"{RESULTS}/dataset.h5",
        parents=parents(scaling_folder),
    output:
        weights=f"{SCALED}.safetensors",
        record=f"{SCALED}.json",
    log:
        log_of("scale_train", "{architecture}_{network}_{designs}_{effort}{run}"),
    benchmark:
        benchmark_of("scale_train", "{architecture}_{network}_{designs}_{effort}{run}")
    params:
        settings=settings_of_training,
        part=lambda point: [int(point.designs), float(point.effort)],
        seed=run_seed,
        source=source_of_architecture("train"),
    message:
        "Training {wildcards.architecture}/{wildcards.network} for the scaling study"


rule evaluate:
    input:
        dataset=f"{RESULTS}/dataset.h5",
        models=lambda wildcards: models(wildcards.architecture),
    output:
        metrics=f"{RESULTS}/evaluation/{{architecture}}.json",
        predictions=f"{RESULTS}/evaluation/{{architecture}}_predictions.h5",
        timing=timing_of("evaluate", "{architecture}"),
    log:
        log_of("evaluate", "{architecture}"),
    benchmark:
        benchmark_of("evaluate", "{architecture}")
    conda:
        "../../envs/trussmap.yaml"
    threads: 16
    resources:
        **LARGE,
    params:
        settings=config["evaluation"],
        seed=config["seed"],
        source=source_of_architecture("evaluate"),
    message:
        "Evaluating the {wildcards.architecture} models on unseen designs"
    script:
        "../scripts/evaluate.py"


single_job(
    "lookup",
    "Looking up the closest training designs of unseen ones, in place of a network",
    inputs={"dataset": f"{RESULTS}/dataset.h5"},
    outputs={"metrics": f"{RESULTS}/evaluation/lookup.json"},
    params={"settings": config["evaluation"]},
    cores=16,
)


rule scale_evaluate:
    input:
        dataset=f"{RESULTS}/dataset.h5",
        models=scaled_models,
    output:
        f"{RESULTS}/scaling/{{architecture}}_{{designs}}_{{effort}}{{run}}{{alone}}.json",
    log:
        log_of("scale_evaluate", "{architecture}_{designs}_{effort}{run}{alone}"),
    benchmark:
        benchmark_of("scale_evaluate", "{architecture}_{designs}_{effort}{run}{alone}")
    conda:
        "../../envs/trussmap.yaml"
    threads: 16
    resources:
        **LARGE,
    params:
        settings=config["evaluation"] | {"refine_steps": 0, "timing_predictions": 0},
        seed=config["seed"],
        source=source_of_architecture("scale_evaluate"),
    message:
        "Evaluating {wildcards.architecture} for the scaling study"
    script:
        "../scripts/scale_evaluate.py"


single_job(
    "holdout_dataset",
    "Taking the designs of some topologies out of the training split",
    inputs={"dataset": f"{RESULTS}/dataset.h5"},
    outputs={
        "dataset": f"{RESULTS}/holdout/dataset.h5",
        "topologies": f"{RESULTS}/holdout/topologies.csv",
    },
    params={"topologies": config["holdout"]["topologies"], "seed": config["seed"]},
    cores=1,
)


use rule train as holdout_train with:
    input:
        dataset=f"{RESULTS}/holdout/dataset.h5",
        parents=parents(lambda wildcards: f"{RESULTS}/holdout/{wildcards.variant}"),
    output:
        weights=f"{RESULTS}/holdout/{{variant}}/{{architecture}}/{{network}}.safetensors",
        record=f"{RESULTS}/holdout/{{variant}}/{{architecture}}/{{network}}.json",
    log:
        log_of("holdout_train", "{variant}_{architecture}_{network}"),
    benchmark:
        benchmark_of("holdout_train", "{variant}_{architecture}_{network}")
    params:
        settings=lambda job: settings_of_training(job) | HOLDOUT[job.variant],
        part=[config["sampling"]["designs"], config["holdout"]["effort"]],
        seed=config["seed"],
        source=source_of_architecture("train"),
    message:
        "Training {wildcards.architecture}/{wildcards.network} on held-in {wildcards.variant}"


single_job(
    "holdout_evaluate",
    "Evaluating networks on topologies that they were trained without",
    inputs={
        "dataset": f"{RESULTS}/dataset.h5",
        "topologies": f"{RESULTS}/holdout/topologies.csv",
        "vectors": networks(f"{RESULTS}/holdout/vectors", "polar"),
        "members": networks(f"{RESULTS}/holdout/members", "polar", ["forward"]),
        "study": models("polar"),
        "all": networks(
            f"{RESULTS}/scaling/{config['sampling']['designs']}_{config['holdout']['effort']:g}",
            "polar",
        ),
    },
    outputs={"summary": f"{RESULTS}/holdout/holdout.json"},
    params={
        "settings": config["evaluation"],
        "effort": config["holdout"]["effort"],
        "seed": config["seed"],
    },
    architectures=["polar"],
    cores=16,
)
