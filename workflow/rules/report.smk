# Figures, headline numbers and one page with all of it.


rule figure_elementary:
    output:
        f"{RESULTS}/figures/elementary.png",
    log:
        f"{RESULTS}/logs/figure_elementary/figure_elementary.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure_elementary/figure_elementary.tsv"
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Drawing the seven elementary lattices (SI Fig. S1)"
    script:
        "../scripts/figure_elementary.py"


rule figure_generation:
    output:
        f"{RESULTS}/figures/generation.png",
    log:
        f"{RESULTS}/logs/figure_generation/figure_generation.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure_generation/figure_generation.tsv"
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Drawing how a design is generated, with its elastic surfaces (Fig. 1)"
    script:
        "../scripts/figure_generation.py"


rule figure_dataset:
    input:
        dataset=f"{RESULTS}/dataset.h5",
        published=RESOURCES / "resources/published_moments.csv",
    output:
        f"{RESULTS}/figures/dataset.png",
    log:
        f"{RESULTS}/logs/figure_dataset/figure_dataset.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure_dataset/figure_dataset.tsv"
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    message:
        "Drawing the distribution of the data set (SI Fig. S3)"
    script:
        "../scripts/figure_dataset.py"


rule figure_losses:
    input:
        expand(
            f"{RESULTS}/models/{{network}}.json",
            network=[f"{a}/{n}" for a in ARCHITECTURES for n in NETWORKS[a]],
        ),
    output:
        f"{RESULTS}/figures/losses.png",
    log:
        f"{RESULTS}/logs/figure_losses/figure_losses.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure_losses/figure_losses.tsv"
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Drawing the course of the trainings (SI Fig. S4)"
    script:
        "../scripts/figure_losses.py"


rule figure_scaling:
    input:
        points=expand(f"{RESULTS}/scaling/{{point}}.json", point=scaling_points()),
        published=RESOURCES / "resources/paper_metrics.yaml",
    output:
        figure=f"{RESULTS}/figures/scaling.png",
        table=f"{RESULTS}/scaling/scaling.csv",
    log:
        f"{RESULTS}/logs/figure_scaling/figure_scaling.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure_scaling/figure_scaling.tsv"
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Drawing accuracy against designs and compute"
    script:
        "../scripts/figure_scaling.py"


rule figure_correlation:
    input:
        f"{RESULTS}/evaluation/{{architecture}}_predictions.h5",
    output:
        forward=f"{RESULTS}/figures/correlation_forward_{{architecture}}.png",
        inverse=f"{RESULTS}/figures/correlation_inverse_{{architecture}}.png",
    log:
        f"{RESULTS}/logs/figure_correlation/{{architecture}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure_correlation/{{architecture}}.tsv"
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    message:
        "Drawing predicted against true stiffness, architecture {wildcards.architecture} (Fig. 2)"
    script:
        "../scripts/figure_correlation.py"


rule figure_targets:
    input:
        designs=f"{RESULTS}/generalize/{{targets}}/designs.csv",
        targets=f"{RESULTS}/generalize/{{targets}}/targets.csv",
    output:
        f"{RESULTS}/figures/{{targets}}_targets.png",
    log:
        f"{RESULTS}/logs/figure_targets/{{targets}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure_targets/{{targets}}.tsv"
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        unit=lambda wildcards: UNITS[wildcards.targets],
    message:
        "Drawing the {wildcards.targets} targets and the designs found for them (Fig. 3A)"
    script:
        "../scripts/figure_targets.py"


rule figure_catalogue:
    input:
        f"{RESULTS}/generalize/catalogue/cells.csv",
    output:
        f"{RESULTS}/figures/catalogue.png",
    log:
        f"{RESULTS}/logs/figure_catalogue/figure_catalogue.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure_catalogue/figure_catalogue.tsv"
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Drawing the errors of the designs for crystal-network cells (SI 4)"
    script:
        "../scripts/figure_catalogue.py"


rule figure_graded:
    input:
        nodes=f"{RESULTS}/grading/nodes.csv",
        struts=f"{RESULTS}/grading/struts.csv",
        summary=f"{RESULTS}/grading/summary.json",
    output:
        f"{RESULTS}/figures/graded.png",
    log:
        f"{RESULTS}/logs/figure_graded/figure_graded.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure_graded/figure_graded.tsv"
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    message:
        "Drawing the spatially graded structure (Fig. 3B)"
    script:
        "../scripts/figure_graded.py"


# The rules whose time is told. A benchmark is a product of its rule like any other: named as an input, it is waited for,
# and where it is missing its rule runs.
TIMED = [
    rules.study,
    rules.sample,
    rules.homogenize,
    rules.merge,
    *[
        getattr(rules, f"train_{network}" if a == "paper" else f"train_{a}_{network}")
        for a in ARCHITECTURES
        for network in NETWORKS[a]
    ],
    rules.evaluate,
    rules.generalize_bone,
    rules.search_bone,
    rules.generalize_catalogue,
    *([rules.generate_catalogue] if config["catalogue"]["generated"] else []),
    rules.generalize_unseen,
    rules.grade,
]


rule metrics:
    input:
        dataset=f"{RESULTS}/dataset.h5",
        timings=expand(f"{RESULTS}/stiffness/{{shard}}.json", shard=SHARDS),
        evaluations=expand(
            f"{RESULTS}/evaluation/{{architecture}}.json", architecture=ARCHITECTURES
        ),
        bone=f"{RESULTS}/generalize/bone/summary.json",
        search=rules.search_bone.output.summary,
        catalogue=f"{RESULTS}/generalize/catalogue/summary.json",
        unseen=rules.generalize_unseen.output[0],
        grading=f"{RESULTS}/grading/summary.json",
        benchmarks=sorted(
            {
                path
                for rule in TIMED
                for path in expand(
                    rule.benchmark, shard=SHARDS, architecture=ARCHITECTURES
                )
            }
        ),
        paper=RESOURCES / "resources/paper_metrics.yaml",
    output:
        f"{RESULTS}/metrics.json",
    log:
        f"{RESULTS}/logs/metrics/metrics.log",
    benchmark:
        f"{RESULTS}/benchmarks/metrics/metrics.tsv"
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Gathering the headline numbers beside the paper's"
    script:
        "../scripts/metrics.py"


rule report:
    input:
        study=f"{RESULTS}/study.json",
        moments=f"{RESULTS}/moments.csv",
        metrics=f"{RESULTS}/metrics.json",
        figures=FIGURES,
    output:
        f"{RESULTS}/report.html",
    log:
        f"{RESULTS}/logs/report/report.log",
    benchmark:
        f"{RESULTS}/benchmarks/report/report.tsv"
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Writing the report"
    script:
        "../scripts/report.py"
