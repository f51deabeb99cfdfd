"""Design lattices with the stiffness of bone in the families with cross-sections and node positions of their own.

Outputs for each family, in a folder of its own: the best design for each target, `designs.csv`
(fields in `trussmap.search.design.design_lattices` and `trussmap.designs.table.write_designs`), and
its nodes and struts, `lattices/`.
"""

from trussmap.study.job import job

with job(snakemake):
    from pathlib import Path

    from trussmap.designs.table import write_designs
    from trussmap.learning.models import load_forward, load_inverse
    from trussmap.search.design import design_lattices, request_of
    from trussmap.targets.reading import read_targets

    p, source = snakemake.params, snakemake.input
    models = Path(source.models[0]).parent
    networks = load_forward(models), load_inverse(models)
    targets, names = read_targets(source.targets, p.youngs_modulus, p.poisson_ratio, "GPa")
    how = p.options | {
        "seed": p.seed,
        "threads": snakemake.threads,
        "poisson_ratio": p.poisson_ratio,
    }
    for family, path in zip(p.families, snakemake.output.designs, strict=True):
        request = request_of(p.request | {"family": family}, p.cell_size_mm)
        found = design_lattices(targets, *networks, **how, request=request)
        write_designs(found, Path(path).parent, names, targets, p.youngs_modulus, loads=p.loads)
        print(family, found[["target", "topology", "relative_error"]].to_string())
