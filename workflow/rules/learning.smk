# Training and evaluation of the forward and inverse models. A training that was killed resumes from its checkpoint.


def settings_of_training(wildcards):
    """Settings of a network, and those that all trainings share."""
    shared = ["precision", "threads", "checkpoint_seconds"]
    own = config["model"][wildcards.architecture][wildcards.network]
    return own | {key: config["model"][key] for key in shared}


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
        mem_mb=3000,
        runtime=2880,
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
    log:
        log_of("evaluate", "{architecture}"),
    benchmark:
        benchmark_of("evaluate", "{architecture}")
    conda:
        "../../envs/trussmap.yaml"
    threads: 16
    resources:
        mem_mb=4000,
        runtime=60,
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
        mem_mb=4000,
        runtime=60,
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
        mem_mb=4000,
        runtime=60,
    params:
        settings=config["evaluation"] | {"refine_steps": 0},
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
