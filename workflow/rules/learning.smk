# Training and evaluation of the forward and inverse models. A training that was killed resumes from its checkpoint.


TRAINING = {key: config["model"][key] for key in ["precision", "checkpoint_seconds"]}


rule train_forward_1:
    input:
        dataset=f"{RESULTS}/dataset.h5",
    output:
        weights=f"{RESULTS}/models/paper/forward_1.safetensors",
        record=f"{RESULTS}/models/paper/forward_1.json",
    log:
        f"{RESULTS}/logs/train_forward_1/train_forward_1.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_forward_1/train_forward_1.tsv"
    conda:
        "../../envs/trussmap.yaml"
    threads: 16
    resources:
        mem_mb=2000,
        runtime=720,
    params:
        settings=config["model"]["paper"]["forward_1"],
        common=TRAINING,
        seed=config["seed"],
    message:
        "Training the published F1: density, U, lattices to nine constants"
    script:
        "../scripts/train_forward_1.py"


rule train_forward_2:
    input:
        dataset=f"{RESULTS}/dataset.h5",
        models=expand(
            f"{RESULTS}/models/paper/{{network}}.{{kind}}",
            network=["forward_1"],
            kind=["safetensors", "json"],
        ),
    output:
        weights=f"{RESULTS}/models/paper/forward_2.safetensors",
        record=f"{RESULTS}/models/paper/forward_2.json",
    log:
        f"{RESULTS}/logs/train_forward_2/train_forward_2.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_forward_2/train_forward_2.tsv"
    conda:
        "../../envs/trussmap.yaml"
    threads: 16
    resources:
        mem_mb=4000,
        runtime=1440,
    params:
        settings=config["model"]["paper"]["forward_2"],
        common=TRAINING,
        seed=config["seed"],
    message:
        "Training the published F2: stretch V after the first rotation"
    script:
        "../scripts/train_forward_2.py"


rule train_inverse:
    input:
        dataset=f"{RESULTS}/dataset.h5",
        models=expand(
            f"{RESULTS}/models/paper/{{network}}.{{kind}}",
            network=["forward_1", "forward_2"],
            kind=["safetensors", "json"],
        ),
    output:
        weights=f"{RESULTS}/models/paper/inverse.safetensors",
        record=f"{RESULTS}/models/paper/inverse.json",
    log:
        f"{RESULTS}/logs/train_inverse/train_inverse.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_inverse/train_inverse.tsv"
    conda:
        "../../envs/trussmap.yaml"
    threads: 16
    resources:
        mem_mb=4000,
        runtime=2880,
    params:
        settings=config["model"]["paper"]["inverse"],
        common=TRAINING,
        seed=config["seed"],
    message:
        "Training the published G1 and G2: stiffness to design, through the frozen F"
    script:
        "../scripts/train_inverse.py"


rule train_polar_forward:
    input:
        dataset=f"{RESULTS}/dataset.h5",
    output:
        weights=f"{RESULTS}/models/polar/forward.safetensors",
        record=f"{RESULTS}/models/polar/forward.json",
    log:
        f"{RESULTS}/logs/train_polar_forward/train_polar_forward.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_polar_forward/train_polar_forward.tsv"
    conda:
        "../../envs/trussmap.yaml"
    threads: 16
    resources:
        mem_mb=4000,
        runtime=720,
    params:
        settings=config["model"]["polar"]["forward"],
        common=TRAINING,
        seed=config["seed"],
    message:
        "Training the polar forward model"
    script:
        "../scripts/train_polar_forward.py"


rule train_polar_inverse:
    input:
        dataset=f"{RESULTS}/dataset.h5",
        models=expand(
            f"{RESULTS}/models/polar/{{network}}.{{kind}}",
            network=["forward"],
            kind=["safetensors", "json"],
        ),
    output:
        weights=f"{RESULTS}/models/polar/inverse.safetensors",
        record=f"{RESULTS}/models/polar/inverse.json",
    log:
        f"{RESULTS}/logs/train_polar_inverse/train_polar_inverse.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_polar_inverse/train_polar_inverse.tsv"
    conda:
        "../../envs/trussmap.yaml"
    threads: 16
    resources:
        mem_mb=6000,
        runtime=1440,
    params:
        settings=config["model"]["polar"]["inverse"],
        common=TRAINING,
        seed=config["seed"],
    message:
        "Training the polar inverse model, through the frozen forward model"
    script:
        "../scripts/train_polar_inverse.py"


rule train_direct_forward:
    input:
        dataset=f"{RESULTS}/dataset.h5",
    output:
        weights=f"{RESULTS}/models/direct/forward.safetensors",
        record=f"{RESULTS}/models/direct/forward.json",
    log:
        f"{RESULTS}/logs/train_direct_forward/train_direct_forward.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_direct_forward/train_direct_forward.tsv"
    conda:
        "../../envs/trussmap.yaml"
    threads: 16
    resources:
        mem_mb=2000,
        runtime=720,
    params:
        settings=lambda _: config["model"]["direct"]["forward"],
        common=TRAINING,
        seed=config["seed"],
    message:
        "Training a black box from the whole descriptor to the stiffness"
    script:
        "../scripts/train_direct_forward.py"


rule train_direct_inverse:
    input:
        dataset=f"{RESULTS}/dataset.h5",
    output:
        weights=f"{RESULTS}/models/direct/inverse.safetensors",
        record=f"{RESULTS}/models/direct/inverse.json",
    log:
        f"{RESULTS}/logs/train_direct_inverse/train_direct_inverse.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_direct_inverse/train_direct_inverse.tsv"
    conda:
        "../../envs/trussmap.yaml"
    threads: 16
    resources:
        mem_mb=2000,
        runtime=720,
    params:
        settings=lambda _: config["model"]["direct"]["inverse"],
        common=TRAINING,
        seed=config["seed"],
    message:
        "Training the direct regression of the descriptor on the stiffness (Eq. 2)"
    script:
        "../scripts/train_direct_inverse.py"


rule evaluate:
    input:
        dataset=f"{RESULTS}/dataset.h5",
        models=lambda wildcards: models(wildcards.architecture),
    output:
        metrics=f"{RESULTS}/evaluation/{{architecture}}.json",
        predictions=f"{RESULTS}/evaluation/{{architecture}}_predictions.h5",
    log:
        f"{RESULTS}/logs/evaluate/{{architecture}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluate/{{architecture}}.tsv"
    conda:
        "../../envs/trussmap.yaml"
    threads: 16
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        settings=config["evaluation"],
        seed=config["seed"],
    message:
        "Evaluating the {wildcards.architecture} models on unseen designs"
    script:
        "../scripts/evaluate.py"


rule scale_train:
    input:
        dataset=f"{RESULTS}/dataset.h5",
        models=lambda wildcards: scaled_networks(wildcards, parents(wildcards)),
    output:
        weights=f"{RESULTS}/scaling/{{designs}}_{{effort}}/{{architecture}}/{{network}}.safetensors",
        record=f"{RESULTS}/scaling/{{designs}}_{{effort}}/{{architecture}}/{{network}}.json",
    log:
        f"{RESULTS}/logs/scale_train/{{architecture}}_{{network}}_{{designs}}_{{effort}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/scale_train/{{architecture}}_{{network}}_{{designs}}_{{effort}}.tsv"
    conda:
        "../../envs/trussmap.yaml"
    threads: 16
    resources:
        mem_mb=6000,
        runtime=2880,
    params:
        settings=lambda wildcards: config["model"][wildcards.architecture][
            wildcards.network
        ],
        common=TRAINING,
        seed=config["seed"],
    message:
        "Training {wildcards.architecture}/{wildcards.network} on {wildcards.designs} designs with {wildcards.effort} of the compute"
    script:
        "../scripts/scale_train.py"


rule scale_evaluate:
    input:
        dataset=f"{RESULTS}/dataset.h5",
        models=scaled_models,
    output:
        f"{RESULTS}/scaling/{{architecture}}_{{designs}}_{{effort}}.json",
    log:
        f"{RESULTS}/logs/scale_evaluate/{{architecture}}_{{designs}}_{{effort}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/scale_evaluate/{{architecture}}_{{designs}}_{{effort}}.tsv"
    conda:
        "../../envs/trussmap.yaml"
    threads: 16
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        settings=config["evaluation"] | {"refine_steps": 0},
        seed=config["seed"],
    message:
        "Evaluating {wildcards.architecture} after {wildcards.designs} designs with {wildcards.effort} of the compute"
    script:
        "../scripts/scale_evaluate.py"
