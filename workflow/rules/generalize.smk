# From stiffness targets to lattices: with networks, without them, by the paper's protocol.

DESIGNING = config["model"]["architecture"]
#: What the searches of all chapters share.
SEARCHING = {"seed": config["seed"], "poisson_ratio": config["poisson_ratio"]}
BONE_TARGETS = PROJECT / config["bone"]["targets"]
BONE_MODULUS = config["bone"]["youngs_modulus_gpa"]
#: Settings of a `trussmap.search.request.Search`.
SEARCH = {{"refine": "effort"}.get(key, key): value for key, value in config["search"].items()}
GENERATED = (
    [f"{RESULTS}/generalize/catalogue/generated.lat"] if config["catalogue"]["generated"] else []
)


single_job(
    "generalize_bone",
    "Designing lattices with the stiffness of bone",
    inputs={
        "models": models(DESIGNING),
        "dataset": f"{RESULTS}/dataset.h5",
        "targets": BONE_TARGETS,
    },
    outputs=files_of("generalize/bone", "designs.csv", "targets.csv", "summary.json")
    | {"lattices": directory(f"{RESULTS}/generalize/bone/lattices")},
    params=SEARCHING
    | {
        "search": SEARCH,
        "youngs_modulus": BONE_MODULUS,
        "unit": "GPa",
        "request": config["printing"],
        "closeness": "frobenius",
        "cell_size_mm": config["bone"]["cell_size_mm"],
        "block": config["bone"]["block"],
    }
    | loads_of(config["bone"]["yield_stress_gpa"]),
    architectures=[DESIGNING],
)
single_job(
    "generalize_families",
    "Designing lattices with free cross-sections and node positions for bone",
    inputs={"models": models(DESIGNING), "targets": BONE_TARGETS},
    outputs={
        "designs": expand(f"{RESULTS}/generalize/bone_{{f}}/designs.csv", f=FAMILIES),
        "lattices": directory(expand(f"{RESULTS}/generalize/bone_{{f}}/lattices", f=FAMILIES)),
    },
    params=SEARCHING
    | {
        "families": FAMILIES,
        "search": SEARCH | {"keep": 1, "effort": "quick"},
        "youngs_modulus": BONE_MODULUS,
        "cell_size_mm": config["bone"]["cell_size_mm"],
        "request": config["printing"] | {"topologies": config["front"]["topologies"]},
    }
    | loads_of(config["bone"]["yield_stress_gpa"]),
    architectures=[DESIGNING],
)
single_job(
    "generalize_catalogue",
    "Designing lattices with the stiffness of crystal-network cells",
    inputs={
        "models": models(DESIGNING),
        "dataset": f"{RESULTS}/dataset.h5",
        "targets": PROJECT / (config["catalogue"]["path"] or "resources/catalogue_targets.csv"),
        "generated": GENERATED,
    },
    outputs=files_of(
        "generalize/catalogue", "designs.csv", "targets.csv", "cells.csv", "summary.json"
    )
    | {
        "groups": f"{RESULTS}/generalize/catalogue/by_group.csv",
        "lattices": directory(f"{RESULTS}/generalize/catalogue/lattices"),
    },
    params=SEARCHING
    | {
        "search": SEARCH | {"draws": config["catalogue"]["draws"]},
        "relative_density": config["catalogue"]["relative_density"],
    }
    | loads_of(),
    architectures=[DESIGNING],
)
single_job(
    "generalize_unseen",
    "Designing lattices for the stiffness of unseen designs",
    inputs={"models": models(DESIGNING), "dataset": f"{RESULTS}/dataset.h5"},
    outputs=files_of("generalize/unseen", "summary.json")
    | {"timing": timing_of("generalize_unseen")},
    params={
        "search": SEARCH | {"draws": config["unseen"]["draws"]},
        "counts": {e: config["unseen"][e] for e in ["none", "quick", "thorough"]},
        "seed": config["seed"],
    },
    architectures=[DESIGNING],
)
single_job(
    "search_bone",
    "Searching all topologies for the stiffness of bone, without a network",
    inputs={"targets": BONE_TARGETS},
    outputs={
        "table": f"{RESULTS}/generalize/bone/search.csv",
        "summary": f"{RESULTS}/generalize/bone/search.json",
    },
    params=SEARCHING | {"youngs_modulus": BONE_MODULUS},
)
single_job(
    "compare_starts",
    "Refining from networks, lookups and random designs",
    inputs={
        "models": models(DESIGNING),
        "dataset": f"{RESULTS}/dataset.h5",
        "targets": f"{RESULTS}/generalize/catalogue/targets.csv",
    },
    outputs={
        "table": f"{RESULTS}/generalize/starts.csv",
        "summary": f"{RESULTS}/generalize/starts.json",
    },
    params={"settings": config["starts"], "seed": config["seed"]},
    architectures=[DESIGNING],
)
single_job(
    "cauchy",
    "Measuring what Cauchy's relations and each elementary lattice cost for bone",
    inputs={
        "dataset": f"{RESULTS}/dataset.h5",
        **{
            f"{targets}_{table}": f"{RESULTS}/generalize/{targets}/{table}.csv"
            for targets in ["bone", "catalogue"]
            for table in ["targets", "designs"]
        },
        "cells": f"{RESULTS}/generalize/catalogue/cells.csv",
    },
    outputs=files_of("cauchy", "data.csv", "targets.csv", "ablation.csv", "summary.json"),
    params={"settings": config["cauchy"], "seed": config["seed"]},
)
single_job(
    "front",
    "Measuring what radii of struts that differ buy",
    inputs={
        "bone": BONE_TARGETS,
        "generated": GENERATED if config["front"]["cells"] else [],
    },
    outputs={
        "table": f"{RESULTS}/front/front.csv",
        "summary": f"{RESULTS}/front/summary.json",
    },
    params=SEARCHING
    | {
        "settings": config["front"],
        "youngs_modulus": BONE_MODULUS,
        "relative_density": config["catalogue"]["relative_density"],
    },
)
single_job(
    "grade",
    "Grading a structure in space between specimens of bone (Fig. 3B)",
    inputs={
        "designs": f"{RESULTS}/generalize/bone/designs.csv",
        "targets": f"{RESULTS}/generalize/bone/targets.csv",
    },
    outputs=files_of("grading", "nodes.csv", "struts.csv", "path.csv", "summary.json")
    | {
        "structure": f"{RESULTS}/grading/structure.vtk",
        "beams": f"{RESULTS}/grading/structure.3mf",
    },
    params={
        "options": config["grading"],
        "cell_size_mm": config["bone"]["cell_size_mm"],
        "poisson_ratio": config["poisson_ratio"],
    },
)
single_job(
    "design_targets",
    "Designing lattices for {input.targets}",
    inputs={"models": models(DESIGNING), "targets": config["design"]["targets"] or []},
    outputs=files_of("design", "designs.csv", "targets.csv", "summary.json")
    | {
        "lattices": directory(f"{RESULTS}/design/lattices"),
        "pages": f"{RESULTS}/design/index.html",
    },
    params=SEARCHING
    | {
        "search": SEARCH,
        "youngs_modulus": config["design"]["youngs_modulus"],
        "unit": "",
        "request": config["design"]["request"] | config["printing"],
        "closeness": config["design"]["closeness"],
        "cell_size_mm": config["design"]["cell_size_mm"],
        "block": config["design"]["block"],
    }
    | loads_of(config["design"]["yield_stress"], config["design"]["load"]),
    architectures=[DESIGNING],
    script_name="generalize_bone",
)
single_job(
    "generate_catalogue",
    "Generating crystal networks over space groups",
    outputs={"catalogue": f"{RESULTS}/generalize/catalogue/generated.lat"},
    params={"cells": config["catalogue"]["generated"], "seed": config["seed"]},
    resources=SMALL,
)


rule paper_protocol:
    input:
        models=lambda wildcards: models(wildcards.architecture),
        bone=f"{RESULTS}/generalize/bone/targets.csv",
        catalogue=f"{RESULTS}/generalize/catalogue/targets.csv",
    output:
        f"{RESULTS}/generalize/protocol/{{architecture}}.json",
    log:
        log_of("paper_protocol", "{architecture}"),
    benchmark:
        benchmark_of("paper_protocol", "{architecture}")
    conda:
        "../../envs/trussmap.yaml"
    threads: 4
    resources:
        **LARGE,
    params:
        **SEARCHING,
        settings=config["protocol"],
        source=source_of_architecture("paper_protocol"),
    message:
        "Designing by the paper's protocol with the {wildcards.architecture} networks"
    script:
        "../scripts/paper_protocol.py"
