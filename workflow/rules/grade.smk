# A lattice whose stiffness changes in space from one bone specimen to the next.


rule grade:
    input:
        designs=f"{RESULTS}/generalize/bone/designs.csv",
        targets=f"{RESULTS}/generalize/bone/targets.csv",
    output:
        structure=f"{RESULTS}/grading/structure.vtk",
        beams=f"{RESULTS}/grading/structure.3mf",
        nodes=f"{RESULTS}/grading/nodes.csv",
        struts=f"{RESULTS}/grading/struts.csv",
        path=f"{RESULTS}/grading/path.csv",
        summary=f"{RESULTS}/grading/summary.json",
    log:
        log_of("grade"),
    benchmark:
        benchmark_of("grade")
    conda:
        "../../envs/trussmap.yaml"
    threads: 2
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60),
    params:
        options=config["grading"],
        cell_size_mm=config["bone"]["cell_size_mm"],
        poisson_ratio=config["poisson_ratio"],
        source=source_of("grade"),
    message:
        "Grading a structure in space between specimens of bone (Fig. 3B)"
    script:
        "../scripts/grade.py"
