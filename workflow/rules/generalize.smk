# From stiffness targets to lattices, with the trained networks.


rule generalize_bone:
    input:
        models=models(config["model"]["architecture"]),
        dataset=f"{RESULTS}/dataset.h5",
        targets=PROJECT / config["bone"]["targets"],
    output:
        designs=f"{RESULTS}/generalize/bone/designs.csv",
        targets=f"{RESULTS}/generalize/bone/targets.csv",
        summary=f"{RESULTS}/generalize/bone/summary.json",
        lattices=directory(f"{RESULTS}/generalize/bone/lattices"),
    log:
        log_of("generalize_bone"),
    benchmark:
        benchmark_of("generalize_bone")
    conda:
        "../../envs/trussmap.yaml"
    threads: 4
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60),
    params:
        options=config["design"],
        seed=config["seed"],
        youngs_modulus=config["bone"]["youngs_modulus_gpa"],
        unit="GPa",
        poisson_ratio=config["poisson_ratio"],
        request={"family": "published", "closeness": "frobenius"} | config["printing"],
        prints={key: config["bone"][key] for key in ["cell_size_mm", "block"]},
        loads=loads_of(config["bone"]["yield_stress_gpa"]),
        source=source_of("generalize_bone", config["model"]["architecture"]),
    message:
        "Designing lattices with the stiffness of bone"
    script:
        "../scripts/generalize_bone.py"


rule generalize_families:
    input:
        models=models(config["model"]["architecture"]),
        targets=PROJECT / config["bone"]["targets"],
    output:
        designs=expand(
            f"{RESULTS}/generalize/bone_{{family}}/designs.csv", family=FAMILIES
        ),
        lattices=directory(
            expand(f"{RESULTS}/generalize/bone_{{family}}/lattices", family=FAMILIES)
        ),
    log:
        log_of("generalize_families"),
    benchmark:
        benchmark_of("generalize_families")
    conda:
        "../../envs/trussmap.yaml"
    threads: 4
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60),
    params:
        families=FAMILIES,
        options=config["design"] | {"keep": 1, "refine": "quick"},
        seed=config["seed"],
        youngs_modulus=config["bone"]["youngs_modulus_gpa"],
        cell_size_mm=config["bone"]["cell_size_mm"],
        poisson_ratio=config["poisson_ratio"],
        request=config["printing"] | {"topologies": config["front"]["topologies"]},
        loads=loads_of(config["bone"]["yield_stress_gpa"]),
        source=source_of("generalize_families", config["model"]["architecture"]),
    message:
        "Designing lattices with cross-sections and node positions of their own for bone"
    script:
        "../scripts/generalize_families.py"


rule generate_catalogue:
    output:
        f"{RESULTS}/generalize/catalogue/generated.lat",
    log:
        log_of("generate_catalogue"),
    benchmark:
        benchmark_of("generate_catalogue")
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(30),
    params:
        cells=config["catalogue"]["generated"],
        seed=config["seed"],
        source=source_of("generate_catalogue"),
    message:
        "Generating crystal networks over space groups"
    script:
        "../scripts/generate_catalogue.py"


rule generalize_catalogue:
    input:
        models=models(config["model"]["architecture"]),
        dataset=f"{RESULTS}/dataset.h5",
        targets=PROJECT
        / (config["catalogue"]["path"] or "resources/catalogue_targets.csv"),
        generated=(
            [rules.generate_catalogue.output[0]]
            if config["catalogue"]["generated"]
            else []
        ),
    output:
        designs=f"{RESULTS}/generalize/catalogue/designs.csv",
        targets=f"{RESULTS}/generalize/catalogue/targets.csv",
        cells=f"{RESULTS}/generalize/catalogue/cells.csv",
        groups=f"{RESULTS}/generalize/catalogue/by_group.csv",
        summary=f"{RESULTS}/generalize/catalogue/summary.json",
        lattices=directory(f"{RESULTS}/generalize/catalogue/lattices"),
    log:
        log_of("generalize_catalogue"),
    benchmark:
        benchmark_of("generalize_catalogue")
    conda:
        "../../envs/trussmap.yaml"
    threads: 4
    resources:
        mem_mb=memory(4000),
        runtime=minutes(240),
    params:
        options=config["design"] | {"draws": config["catalogue"]["draws"]},
        seed=config["seed"],
        relative_density=config["catalogue"]["relative_density"],
        poisson_ratio=config["poisson_ratio"],
        loads=loads_of(),
        source=source_of("generalize_catalogue", config["model"]["architecture"]),
    message:
        "Designing lattices with the stiffness of crystal-network cells"
    script:
        "../scripts/generalize_catalogue.py"


rule design_targets:
    input:
        models=models(config["model"]["architecture"]),
        targets=config["targets"] or [],
    output:
        designs=f"{RESULTS}/design/designs.csv",
        targets=f"{RESULTS}/design/targets.csv",
        summary=f"{RESULTS}/design/summary.json",
        lattices=directory(f"{RESULTS}/design/lattices"),
        pages=f"{RESULTS}/design/index.html",
    log:
        log_of("design_targets"),
    benchmark:
        benchmark_of("design_targets")
    conda:
        "../../envs/trussmap.yaml"
    threads: 4
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60),
    params:
        options=config["design"],
        seed=config["seed"],
        youngs_modulus=config["youngs_modulus"],
        unit="",
        poisson_ratio=config["poisson_ratio"],
        request=config["request"] | config["printing"],
        prints={key: config["bone"][key] for key in ["cell_size_mm", "block"]}
        | {"in_units": True},
        loads=loads_of(config["yield_stress"], config["load"]),
        source=source_of("generalize_bone", config["model"]["architecture"]),
    message:
        "Designing lattices for {input.targets}"
    script:
        "../scripts/generalize_bone.py"


rule search_bone:
    input:
        targets=PROJECT / config["bone"]["targets"],
    output:
        table=f"{RESULTS}/generalize/bone/search.csv",
        summary=f"{RESULTS}/generalize/bone/search.json",
    log:
        log_of("search_bone"),
    benchmark:
        benchmark_of("search_bone")
    conda:
        "../../envs/trussmap.yaml"
    threads: 4
    resources:
        mem_mb=memory(4000),
        runtime=minutes(30),
    params:
        seed=config["seed"],
        youngs_modulus=config["bone"]["youngs_modulus_gpa"],
        poisson_ratio=config["poisson_ratio"],
        source=source_of("search_bone"),
    message:
        "Searching all topologies for the stiffness of bone, without a network"
    script:
        "../scripts/search_bone.py"


rule generalize_unseen:
    input:
        models=models(config["model"]["architecture"]),
        dataset=f"{RESULTS}/dataset.h5",
    output:
        summary=f"{RESULTS}/generalize/unseen/summary.json",
        timing=timing_of("generalize_unseen"),
    log:
        log_of("generalize_unseen"),
    benchmark:
        benchmark_of("generalize_unseen")
    conda:
        "../../envs/trussmap.yaml"
    threads: 4
    resources:
        mem_mb=memory(4000),
        runtime=minutes(120),
    params:
        options=config["design"] | {"draws": config["unseen"]["draws"]},
        counts={
            effort: config["unseen"][effort]
            for effort in ["none", "quick", "thorough"]
        },
        seed=config["seed"],
        source=source_of("generalize_unseen", config["model"]["architecture"]),
    message:
        "Designing lattices for the stiffness of unseen designs"
    script:
        "../scripts/generalize_unseen.py"


rule paper_protocol:
    input:
        models=lambda wildcards: models(wildcards.architecture),
        bone=f"{RESULTS}/generalize/bone/targets.csv",
        catalogue=rules.generalize_catalogue.output.targets,
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
        mem_mb=memory(4000),
        runtime=minutes(240),
    params:
        settings=config["protocol"],
        seed=config["seed"],
        poisson_ratio=config["poisson_ratio"],
        source=source_of_architecture("paper_protocol"),
    message:
        "Designing by the paper's protocol with the {wildcards.architecture} networks"
    script:
        "../scripts/paper_protocol.py"


rule compare_starts:
    input:
        models=models(config["model"]["architecture"]),
        dataset=f"{RESULTS}/dataset.h5",
        targets=rules.generalize_catalogue.output.targets,
    output:
        table=f"{RESULTS}/generalize/starts.csv",
        summary=f"{RESULTS}/generalize/starts.json",
    log:
        log_of("compare_starts"),
    benchmark:
        benchmark_of("compare_starts")
    conda:
        "../../envs/trussmap.yaml"
    threads: 4
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60),
    params:
        settings=config["starts"],
        seed=config["seed"],
        source=source_of("compare_starts", config["model"]["architecture"]),
    message:
        "Refining from networks, lookups and random designs"
    script:
        "../scripts/compare_starts.py"


rule cauchy:
    input:
        dataset=f"{RESULTS}/dataset.h5",
        bone_targets=rules.generalize_bone.output.targets,
        bone_designs=rules.generalize_bone.output.designs,
        catalogue_targets=rules.generalize_catalogue.output.targets,
        catalogue_designs=rules.generalize_catalogue.output.designs,
        cells=rules.generalize_catalogue.output.cells,
    output:
        data=f"{RESULTS}/cauchy/data.csv",
        targets=f"{RESULTS}/cauchy/targets.csv",
        ablation=f"{RESULTS}/cauchy/ablation.csv",
        summary=f"{RESULTS}/cauchy/summary.json",
    log:
        log_of("cauchy"),
    benchmark:
        benchmark_of("cauchy")
    conda:
        "../../envs/trussmap.yaml"
    threads: 4
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60),
    params:
        settings=config["cauchy"],
        seed=config["seed"],
        source=source_of("cauchy"),
    message:
        "Measuring what Cauchy's relations and each elementary lattice cost the designs for bone"
    script:
        "../scripts/cauchy.py"


rule front:
    input:
        bone=PROJECT / config["bone"]["targets"],
        generated=(
            [rules.generate_catalogue.output[0]]
            if config["front"]["cells"] and config["catalogue"]["generated"]
            else []
        ),
    output:
        table=f"{RESULTS}/front/front.csv",
        summary=f"{RESULTS}/front/summary.json",
    log:
        log_of("front"),
    benchmark:
        benchmark_of("front")
    conda:
        "../../envs/trussmap.yaml"
    threads: 4
    resources:
        mem_mb=memory(4000),
        runtime=minutes(480),
    params:
        settings=config["front"],
        seed=config["seed"],
        youngs_modulus=config["bone"]["youngs_modulus_gpa"],
        relative_density=config["catalogue"]["relative_density"],
        poisson_ratio=config["poisson_ratio"],
        source=source_of("front"),
    message:
        "Measuring what radii of struts that differ buy"
    script:
        "../scripts/front.py"
