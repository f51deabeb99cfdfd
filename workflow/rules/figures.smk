# One picture a figure; what they show is in `trussmap.figures`.

# Base material's Young's modulus where it is not 1.
UNITS = {
    "bone": {"unit_scale": config["bone"]["youngs_modulus_gpa"], "unit": "GPa"},
    "catalogue": {},
}

#: Figures with one job: {name: (subject, inputs by name)}.
FIGURES = {
    "elementary": ("the seven elementary lattices (SI Fig. S1)", {}),
    "examples": ("three designs with their elastic surfaces (Fig. 1B-D)", {}),
    "generation": ("how a design is generated, with its elastic surfaces (Fig. 1)", {}),
    "dataset": (
        "the distribution of the data set and the published moments",
        {
            "dataset": f"{RESULTS}/dataset.h5",
            "published": PROJECT / "resources/published_moments.csv",
        },
    ),
    "losses": (
        "the course of the trainings",
        {
            "records": [
                f"{RESULTS}/models/{architecture}/{network}.json"
                for architecture in ARCHITECTURES
                for network in NETWORKS[architecture]
            ]
        },
    ),
    "catalogue": (
        "the errors of the designs for crystal-network cells (SI 4)",
        {"cells": f"{RESULTS}/generalize/catalogue/cells.csv"},
    ),
    "starts": ("what starts are worth", {"table": f"{RESULTS}/generalize/starts.csv"}),
    "cauchy": (
        "what Cauchy's relations allow",
        files_of("cauchy", "data.csv", "targets.csv", "ablation.csv"),
    ),
    "front": (
        "what radii of struts that differ buy",
        {"table": f"{RESULTS}/front/front.csv"},
    ),
    "graded": (
        "the spatially graded structure (Fig. 3B)",
        files_of("grading", "nodes.csv", "struts.csv", "path.csv", "summary.json")
        | {"targets": f"{RESULTS}/generalize/bone/targets.csv"},
    ),
}
#: Parameters of some of them, and architectures whose source they depend on.
FIGURE_PARAMS = {"graded": {"youngs_modulus": config["bone"]["youngs_modulus_gpa"]}}
FIGURE_ARCHITECTURES = {"losses": NETWORKS}

#: Pictures of the study; those of `scaling` and `trend` are made on request.
PICTURES = [
    f"{RESULTS}/figures/{name}.png"
    for name in [
        *FIGURES,
        *[f"{targets}_designs" for targets in UNITS],
        *[
            f"correlation_{direction}_{architecture}"
            for architecture in ARCHITECTURES
            for direction in ["forward", "inverse", "surrogate"]
        ],
    ]
]


for name, (subject, tables) in FIGURES.items():
    single_job(
        f"figure_{name}",
        f"Drawing {subject}",
        inputs=tables,
        outputs={"figure": f"{RESULTS}/figures/{name}.png"},
        params=FIGURE_PARAMS.get(name),
        architectures=FIGURE_ARCHITECTURES.get(name, []),
        # A data set or thousands of struts take more than a gigabyte to draw.
        resources=LARGE if {"dataset", "struts"} & {*tables} else SMALL,
    )


single_job(
    "figure_scaling",
    "Drawing accuracy against designs and compute",
    inputs={
        "points": scaling_files(COMPARED),
        "published": PROJECT / "resources/paper_metrics.yaml",
    },
    outputs={
        "figure": f"{RESULTS}/figures/scaling.png",
        "table": f"{RESULTS}/scaling/scaling.csv",
    },
    architectures=NETWORKS,
    resources=SMALL,
)
single_job(
    "figure_trend",
    "Fitting the trend of the paper's networks with compute",
    inputs={
        "points": scaling_files(["paper"], only_all=True) + config["scaling"]["further_points"],
        "published": PROJECT / "resources/paper_metrics.yaml",
        "settings": PUBLISHED_STUDY,
    },
    outputs={
        "figure": f"{RESULTS}/figures/trend.png",
        "fits": f"{RESULTS}/scaling/trend.json",
        "table": f"{RESULTS}/scaling/trend.csv",
    },
    params={
        "published": published_settings,
        "resamples": config["scaling"]["resamples"],
        "seed": config["seed"],
    },
    architectures=["paper"],
    resources=SMALL,
)


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
    resources:
        **LARGE,
    params:
        source=source_of_architecture("figure_correlation"),
    message:
        "Drawing predicted against true stiffness, {wildcards.architecture} (Fig. 2, SI S3, S4)"
    script:
        "../scripts/figure_correlation.py"


rule figure_targets:
    input:
        designs=f"{RESULTS}/generalize/{{targets}}/designs.csv",
        targets=f"{RESULTS}/generalize/{{targets}}/targets.csv",
        families=lambda wildcards: (
            rules.generalize_families.output.designs if wildcards.targets == "bone" else []
        ),
    output:
        f"{RESULTS}/figures/{{targets}}_designs.png",
    log:
        log_of("figure_targets", "{targets}"),
    benchmark:
        benchmark_of("figure_targets", "{targets}")
    conda:
        "../../envs/trussmap.yaml"
    resources:
        **LARGE,
    params:
        unit=lambda wildcards: UNITS[wildcards.targets],
        source=source_of("figure_targets"),
    message:
        "Drawing the {wildcards.targets} targets and the designs found for them (Fig. 3A)"
    script:
        "../scripts/figure_targets.py"
