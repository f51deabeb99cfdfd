"""Design lattices with the stiffness of bone, or of a table of your own.

Outputs: `targets.csv` (`name` and the 21 constants divided by the base material's Young's modulus),
`designs.csv` (fields in `trussmap.designs.table.Designs`), `lattices/` (nodes and struts of each, a
block to print, a picture and, for targets of your own, a page) and `summary.json`, the errors of
each target, and those of the closest training designs, as in `trussmap.study.assessment.assess`.
"""

from trussmap.study.job import job

with job(snakemake):
    from pathlib import Path

    from trussmap.base.io import write_json
    from trussmap.designs.strength import Loads
    from trussmap.designs.table import Brief, Designs, write_targets
    from trussmap.designs.writing import Files, write_designs
    from trussmap.figures import cell
    from trussmap.learning.models import load_networks
    from trussmap.mechanics.solver import Solver
    from trussmap.report.design import pages_of
    from trussmap.search.design import design_all
    from trussmap.search.request import Search, request_of
    from trussmap.study.assessment import assess, errors_by_name
    from trussmap.targets.reading import read_all_targets
    from trussmap.tensors.material import Material

    p = snakemake.params
    source = snakemake.input
    out = snakemake.output
    material = Material(p.youngs_modulus, p.poisson_ratio, p.yield_stress, p.unit)
    targets = read_all_targets(source.targets, material, p.closeness)
    request = request_of(p.request, p.cell_size_mm)
    search = Search(**p.search, seed=p.seed)
    networks = load_networks(Path(source.models[0]).parent)
    solver = Solver(material, snakemake.threads)
    batch = design_all(targets.goal, networks, solver, search, request)

    write_targets(targets, out.targets)
    brief = Brief(targets, material, request, Loads(**p.loads))
    pages = pages_of(brief, search) if out.get("pages") else None
    files = Files(block=p.block, picture=cell.plot, pages=pages, in_units=pages is not None)
    write_designs(Designs(brief, batch), Path(out.designs).parent, files)
    refined = search.effort != "none"
    errors = assess(batch.table, targets, refined, source.get("dataset"))
    write_json(errors_by_name(errors), out.summary)
