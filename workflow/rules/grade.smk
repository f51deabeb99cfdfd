# A lattice that changes in space from one bone design into another.


rule grade:
    input:
        designs=f"{RESULTS}/generalize/bone/designs.csv",
        targets=f"{RESULTS}/generalize/bone/targets.csv",
    output:
        structure=f"{RESULTS}/grading/structure.vtk",
        nodes=f"{RESULTS}/grading/nodes.csv",
        struts=f"{RESULTS}/grading/struts.csv",
        summary=f"{RESULTS}/grading/summary.json",
    log:
        log_of("grade"),
    benchmark:
        benchmark_of("grade")
    conda:
        "../../envs/trussmap.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        options=config["grading"] | {"poisson_ratio": config["poisson_ratio"]},
        source=source_of("grade"),
    message:
        "Grading a structure in space between two bone designs (Fig. 3B)"
    script:
        "../scripts/grade.py"
