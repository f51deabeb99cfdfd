# Figures, headline numbers and one page with all of it.

# Base material's Young's modulus where it is not 1.
UNITS = {
    "bone": {"unit_scale": config["bone"]["youngs_modulus_gpa"], "unit": "GPa"},
    "catalogue": {},
}


FIGURES = expand(
    f"{RESULTS}/figures/{{figure}}.png",
    figure=[
        *[
            "generation",
            "examples",
            "elementary",
            "dataset",
            "losses",
            "bone_designs",
            "catalogue_designs",
            "catalogue",
            "starts",
            "cauchy",
            "front",
            "graded",
        ],
        *[
            f"correlation_{direction}_{a}"
            for a in ARCHITECTURES
            for direction in ["forward", "inverse", "surrogate"]
        ],
    ],
)


rule figure_elementary:
    output:
        f"{RESULTS}/figures/elementary.png",
    log:
        log_of("figure_elementary"),
    benchmark:
        benchmark_of("figure_elementary")
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        source=source_of("figure_elementary"),
    message:
        "Drawing the seven elementary lattices (SI Fig. S1)"
    script:
        "../scripts/figure_elementary.py"


rule figure_examples:
    output:
        f"{RESULTS}/figures/examples.png",
    log:
        log_of("figure_examples"),
    benchmark:
        benchmark_of("figure_examples")
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        source=source_of("figure_examples"),
    message:
        "Drawing three designs with their elastic surfaces (Fig. 1B-D)"
    script:
        "../scripts/figure_examples.py"


rule figure_generation:
    output:
        f"{RESULTS}/figures/generation.png",
    log:
        log_of("figure_generation"),
    benchmark:
        benchmark_of("figure_generation")
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        source=source_of("figure_generation"),
    message:
        "Drawing how a design is generated, with its elastic surfaces (Fig. 1)"
    script:
        "../scripts/figure_generation.py"


rule figure_dataset:
    input:
        dataset=f"{RESULTS}/dataset.h5",
        published=PROJECT / "resources/published_moments.csv",
    output:
        f"{RESULTS}/figures/dataset.png",
    log:
        log_of("figure_dataset"),
    benchmark:
        benchmark_of("figure_dataset")
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        source=source_of("figure_dataset"),
    message:
        "Drawing the distribution of the data set and the published moments"
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
        log_of("figure_losses"),
    benchmark:
        benchmark_of("figure_losses")
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        source=source_of("figure_losses", *NETWORKS),
    message:
        "Drawing the course of the trainings"
    script:
        "../scripts/figure_losses.py"


rule figure_scaling:
    input:
        points=expand(
            f"{RESULTS}/scaling/{{point}}.json",
            point=scaling_points(COMPARED),
        ),
        published=PROJECT / "resources/paper_metrics.yaml",
    output:
        figure=f"{RESULTS}/figures/scaling.png",
        table=f"{RESULTS}/scaling/scaling.csv",
    log:
        log_of("figure_scaling"),
    benchmark:
        benchmark_of("figure_scaling")
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        source=source_of("figure_scaling", *NETWORKS),
    message:
        "Drawing accuracy against designs and compute"
    script:
        "../scripts/figure_scaling.py"


rule figure_trend:
    input:
        points=[
            *[
                f"{RESULTS}/scaling/{point}.json"
                for point in scaling_points(["paper"], only_all=True)
            ],
            *config["scaling"]["further_points"],
        ],
        published=PROJECT / "resources/paper_metrics.yaml",
        settings=PUBLISHED_STUDY,
    output:
        figure=f"{RESULTS}/figures/trend.png",
        fits=f"{RESULTS}/scaling/trend.json",
        table=f"{RESULTS}/scaling/trend.csv",
    log:
        log_of("figure_trend"),
    benchmark:
        benchmark_of("figure_trend")
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        published=published_settings,
        resamples=config["scaling"]["resamples"],
        seed=config["seed"],
        source=source_of("figure_trend", "paper"),
    message:
        "Fitting the trend of the paper's networks with compute"
    script:
        "../scripts/figure_trend.py"


rule figure_correlation:
    input:
        f"{RESULTS}/evaluation/{{architecture}}_predictions.h5",
    output:
        forward=f"{RESULTS}/figures/correlation_forward_{{architecture}}.png",
        inverse_fe=f"{RESULTS}/figures/correlation_inverse_{{architecture}}.png",
        inverse_surrogate=f"{RESULTS}/figures/correlation_surrogate_{{architecture}}.png",
    log:
        log_of("figure_correlation", "{architecture}"),
    benchmark:
        benchmark_of("figure_correlation", "{architecture}")
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        source=source_of_architecture("figure_correlation"),
    message:
        "Drawing predicted against true stiffness, architecture {wildcards.architecture} (Fig. 2, SI Figs. S3 and S4)"
    script:
        "../scripts/figure_correlation.py"


rule figure_targets:
    input:
        designs=f"{RESULTS}/generalize/{{targets}}/designs.csv",
        targets=f"{RESULTS}/generalize/{{targets}}/targets.csv",
        families=lambda wildcards: (
            rules.generalize_families.output.designs
            if wildcards.targets == "bone"
            else []
        ),
    output:
        f"{RESULTS}/figures/{{targets}}_designs.png",
    log:
        log_of("figure_targets", "{targets}"),
    benchmark:
        benchmark_of("figure_targets", "{targets}")
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        unit=lambda wildcards: UNITS[wildcards.targets],
        source=source_of("figure_targets"),
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
        log_of("figure_catalogue"),
    benchmark:
        benchmark_of("figure_catalogue")
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        source=source_of("figure_catalogue"),
    message:
        "Drawing the errors of the designs for crystal-network cells (SI 4)"
    script:
        "../scripts/figure_catalogue.py"


rule figure_starts:
    input:
        rules.compare_starts.output.table,
    output:
        f"{RESULTS}/figures/starts.png",
    log:
        log_of("figure_starts"),
    benchmark:
        benchmark_of("figure_starts")
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        source=source_of("figure_starts"),
    message:
        "Drawing what starts are worth"
    script:
        "../scripts/figure_starts.py"


rule figure_cauchy:
    input:
        data=rules.cauchy.output.data,
        targets=rules.cauchy.output.targets,
        ablation=rules.cauchy.output.ablation,
    output:
        f"{RESULTS}/figures/cauchy.png",
    log:
        log_of("figure_cauchy"),
    benchmark:
        benchmark_of("figure_cauchy")
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        source=source_of("figure_cauchy"),
    message:
        "Drawing what Cauchy's relations allow"
    script:
        "../scripts/figure_cauchy.py"


rule figure_front:
    input:
        rules.front.output.table,
    output:
        f"{RESULTS}/figures/front.png",
    log:
        log_of("figure_front"),
    benchmark:
        benchmark_of("figure_front")
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        source=source_of("figure_front"),
    message:
        "Drawing what radii of struts that differ buy"
    script:
        "../scripts/figure_front.py"


rule figure_graded:
    input:
        nodes=f"{RESULTS}/grading/nodes.csv",
        struts=f"{RESULTS}/grading/struts.csv",
        path=f"{RESULTS}/grading/path.csv",
        targets=f"{RESULTS}/generalize/bone/targets.csv",
        summary=f"{RESULTS}/grading/summary.json",
    output:
        f"{RESULTS}/figures/graded.png",
    log:
        log_of("figure_graded"),
    benchmark:
        benchmark_of("figure_graded")
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        youngs_modulus=config["bone"]["youngs_modulus_gpa"],
        source=source_of("figure_graded"),
    message:
        "Drawing the spatially graded structure (Fig. 3B)"
    script:
        "../scripts/figure_graded.py"


# The rules whose time is told, and their jobs. A benchmark is a product of its rule like any other: named as an input, it
# is waited for, and where it is missing its rule runs.
TIMED = {
    **dict.fromkeys(["study", "merge", "generalize_bone", "search_bone"], [None]),
    **dict.fromkeys(["generalize_catalogue", "generalize_unseen", "grade"], [None]),
    **dict.fromkeys(
        ["compare_starts", "cauchy", "front", "generalize_families"], [None]
    ),
    "paper_protocol": ARCHITECTURES,
    **dict.fromkeys(["sample", "homogenize"], SHARDS),
    "generate_catalogue": [None] if config["catalogue"]["generated"] else [],
    "train": [f"{a}_{network}" for a in ARCHITECTURES for network in NETWORKS[a]],
    "evaluate": ARCHITECTURES,
    "lookup": [None],
}


rule metrics:
    input:
        dataset=f"{RESULTS}/dataset.h5",
        homogenization=[timing_of("homogenize", shard) for shard in SHARDS],
        evaluations=[
            path
            for architecture in ARCHITECTURES
            for path in [
                f"{RESULTS}/evaluation/{architecture}.json",
                timing_of("evaluate", architecture),
            ]
        ],
        lookup=rules.lookup.output[0],
        bone=f"{RESULTS}/generalize/bone/summary.json",
        search=rules.search_bone.output.summary,
        catalogue=f"{RESULTS}/generalize/catalogue/summary.json",
        unseen=rules.generalize_unseen.output,
        starts=rules.compare_starts.output.summary,
        protocol=expand(rules.paper_protocol.output[0], architecture=ARCHITECTURES),
        cauchy=rules.cauchy.output.summary,
        front=rules.front.output.summary,
        grading=f"{RESULTS}/grading/summary.json",
        benchmarks=[
            benchmark_of(rule, job) for rule, jobs in TIMED.items() for job in jobs
        ],
        paper=PROJECT / "resources/paper_metrics.yaml",
    output:
        f"{RESULTS}/metrics.json",
    log:
        log_of("metrics"),
    benchmark:
        benchmark_of("metrics")
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        source=source_of("metrics"),
    message:
        "Gathering the headline numbers beside the paper's"
    script:
        "../scripts/metrics.py"


rule audit:
    input:
        metrics=f"{RESULTS}/metrics.json",
        study=f"{RESULTS}/study.json",
        moments=f"{RESULTS}/moments.csv",
        dataset=f"{RESULTS}/dataset.h5",
        models=[models(architecture) for architecture in ARCHITECTURES],
        predictions=expand(
            f"{RESULTS}/evaluation/{{architecture}}_predictions.h5",
            architecture=ARCHITECTURES,
        ),
        tables=[
            *expand(
                f"{RESULTS}/generalize/{{targets}}/{{name}}.csv",
                targets=UNITS,
                name=["targets", "designs"],
            ),
            rules.generalize_catalogue.output.cells,
            rules.search_bone.output.table,
            rules.compare_starts.output.table,
            rules.cauchy.output,
        ],
    output:
        f"{RESULTS}/audit.json",
    log:
        log_of("audit"),
    benchmark:
        benchmark_of("audit")
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60),
    params:
        sample=config["audit"]["sample"],
        seed=config["seed"],
        source=source_of("audit", *ARCHITECTURES),
    message:
        "Checking files, designs, networks and numbers again"
    script:
        "../scripts/audit.py"


rule report:
    input:
        audit=rules.audit.output[0],
        study=f"{RESULTS}/study.json",
        moments=f"{RESULTS}/moments.csv",
        metrics=f"{RESULTS}/metrics.json",
        figures=FIGURES,
        # what its live parts and the tables of bone are drawn from
        targets=expand(
            f"{RESULTS}/generalize/{{targets}}/{{name}}.csv",
            targets=UNITS,
            name=["targets", "designs"],
        ),
        families=rules.generalize_families.output.designs,
        predictions=expand(
            f"{RESULTS}/evaluation/{{architecture}}_predictions.h5",
            architecture=ARCHITECTURES,
        ),
        grading=[
            rules.grade.output.nodes,
            rules.grade.output.struts,
            rules.grade.output.summary,
        ],
    output:
        f"{RESULTS}/report.html",
    log:
        log_of("report"),
    benchmark:
        benchmark_of("report")
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        source=source_of("report", *NETWORKS),
    message:
        "Writing the report"
    script:
        "../scripts/report.py"
