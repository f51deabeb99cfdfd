# Training and evaluation of the forward and inverse models. A training that was killed resumes from its checkpoint.


#: What networks that are trained without some topologies learn about the others: a vector of each, or no more than
#: what it is made of. Settings of the network.
HOLDOUT = {"vectors": {}, "members": {"embedding": 0}}


#: What a training asks of a cluster's scheduler beside cores, memory and time.
ACCELERATOR = {"gres": config["gres"]} if config["gres"] else {}


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
        **ACCELERATOR,
        mem_mb=memory(3000),
        runtime=2880,  # all that it took stays: tried again, it goes on from its checkpoint
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
        weights=f"{RESULTS}/scaling/{{designs}}_{{effort}}{{run}}/{{architecture}}/{{network}}.safetensors",
        record=f"{RESULTS}/scaling/{{designs}}_{{effort}}{{run}}/{{architecture}}/{{network}}.json",
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
        "Training {wildcards.architecture}/{wildcards.network} on {wildcards.designs} designs with {wildcards.effort} of the compute"


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
        mem_mb=memory(4000),
        runtime=minutes(60),
    params:
        settings=config["evaluation"],
        seed=config["seed"],
        source=source_of_architecture("evaluate"),
    message:
        "Evaluating the {wildcards.architecture} models on unseen designs"
    script:
        "../scripts/evaluate.py"


rule lookup:
    input:
        dataset=f"{RESULTS}/dataset.h5",
    output:
        f"{RESULTS}/evaluation/lookup.json",
    log:
        log_of("lookup"),
    benchmark:
        benchmark_of("lookup")
    conda:
        "../../envs/trussmap.yaml"
    threads: 16
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60),
    params:
        settings=config["evaluation"],
        source=source_of("lookup"),
    message:
        "Looking up the closest training designs of unseen ones, in place of a network"
    script:
        "../scripts/lookup.py"


rule scale_evaluate:
    input:
        dataset=f"{RESULTS}/dataset.h5",
        models=scaled_models,
    output:
        f"{RESULTS}/scaling/{{architecture}}_{{designs}}_{{effort}}{{run}}.json",
    log:
        log_of("scale_evaluate", "{architecture}_{designs}_{effort}{run}"),
    benchmark:
        benchmark_of("scale_evaluate", "{architecture}_{designs}_{effort}{run}")
    conda:
        "../../envs/trussmap.yaml"
    threads: 16
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60),
    params:
        settings=config["evaluation"] | {"refine_steps": 0, "timing_predictions": 0},
        seed=config["seed"],
        source=source_of_architecture("scale_evaluate"),
    message:
        "Evaluating {wildcards.architecture} after {wildcards.designs} designs with {wildcards.effort} of the compute"
    script:
        "../scripts/scale_evaluate.py"


use rule scale_evaluate as scale_evaluate_forward with:
    input:
        dataset=f"{RESULTS}/dataset.h5",
        models=forward_alone,
    output:
        f"{RESULTS}/scaling/{{architecture}}_{{designs}}_{{effort}}{{run}}_forward.json",
    log:
        log_of("scale_evaluate", "{architecture}_{designs}_{effort}{run}_forward"),
    benchmark:
        benchmark_of("scale_evaluate", "{architecture}_{designs}_{effort}{run}_forward")
    message:
        "Evaluating the forward networks of {wildcards.architecture} after {wildcards.designs} designs with {wildcards.effort} of the compute"


rule holdout_dataset:
    input:
        f"{RESULTS}/dataset.h5",
    output:
        dataset=f"{RESULTS}/holdout/dataset.h5",
        topologies=f"{RESULTS}/holdout/topologies.csv",
    log:
        log_of("holdout_dataset"),
    benchmark:
        benchmark_of("holdout_dataset")
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(30),
    params:
        topologies=config["holdout"]["topologies"],
        seed=config["seed"],
        source=source_of("holdout_dataset"),
    message:
        "Taking the designs of some topologies out of the training split"
    script:
        "../scripts/holdout_dataset.py"


use rule train as holdout_train with:
    input:
        dataset=rules.holdout_dataset.output.dataset,
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
        "Training {wildcards.architecture}/{wildcards.network} without some topologies ({wildcards.variant})"


rule holdout_evaluate:
    input:
        dataset=f"{RESULTS}/dataset.h5",
        topologies=rules.holdout_dataset.output.topologies,
        vectors=networks(f"{RESULTS}/holdout/vectors", "polar"),
        members=networks(f"{RESULTS}/holdout/members", "polar", ["forward"]),
        study=models("polar"),
        all=networks(
            f"{RESULTS}/scaling/{config['sampling']['designs']}_{config['holdout']['effort']:g}",
            "polar",
        ),
    output:
        f"{RESULTS}/holdout/holdout.json",
    log:
        log_of("holdout_evaluate"),
    benchmark:
        benchmark_of("holdout_evaluate")
    conda:
        "../../envs/trussmap.yaml"
    threads: 16
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60),
    params:
        settings=config["evaluation"],
        effort=config["holdout"]["effort"],
        seed=config["seed"],
        source=source_of("holdout_evaluate", "polar"),
    message:
        "Evaluating networks on topologies that they were trained without"
    script:
        "../scripts/holdout_evaluate.py"
