"""Design lattices for bone in the families with free cross-sections and node positions.

Outputs for each family, in a folder of its own: the best design for each target, `designs.csv`
(fields in `trussmap.designs.table.Designs`), and its nodes and struts, `lattices/`.
"""

from trussmap.study.job import job

with job(snakemake):
    from dataclasses import replace
    from pathlib import Path

    from trussmap.designs.strength import Loads
    from trussmap.designs.table import Brief, Designs
    from trussmap.designs.writing import write_designs
    from trussmap.learning.models import load_networks
    from trussmap.mechanics.solver import Solver
    from trussmap.search.design import design_all
    from trussmap.search.request import Search, request_of
    from trussmap.targets.reading import read_all_targets
    from trussmap.tensors.material import Material

    p = snakemake.params
    source = snakemake.input
    material = Material(p.youngs_modulus, p.poisson_ratio, p.yield_stress, "GPa")
    targets = read_all_targets(source.targets, material, whole=True)
    search = Search(**p.search, seed=p.seed)
    networks = load_networks(Path(source.models[0]).parent)
    solver = Solver(material, snakemake.threads)
    for family, path in zip(p.families, snakemake.output.designs, strict=True):
        request = request_of(p.request | {"family": family}, p.cell_size_mm)
        batch = design_all(targets.goal, networks, solver, search, request)
        # The tables of the study have no sizes in mm, which a later job adds.
        brief = Brief(targets, material, replace(request, cell_size_mm=None), Loads(**p.loads))
        write_designs(Designs(brief, batch), Path(path).parent)
        print(family, batch.table[["target", "topology", "relative_error"]].to_string())
