"""Design lattices with the stiffness of bone, or of a table of your own, and compare them with the training set.

Outputs: `targets.csv` (`name` and the 21 constants divided by the base material's Young's modulus),
`designs.csv` (fields in `trussmap.search.design.design_lattices` and
`trussmap.designs.table.write_designs`), `lattices/` (nodes and struts of each, a block to print, a
picture and, for targets of your own, a page) and `summary.json`, the errors of each target as in
`trussmap.study.assessment.assess`.
"""

from trussmap.study.job import job

with job(snakemake):
    from pathlib import Path

    from trussmap.base.io import write_json
    from trussmap.designs.table import write_designs, write_targets
    from trussmap.figures import cell
    from trussmap.learning.models import load_forward, load_inverse
    from trussmap.report.design import Pages
    from trussmap.search.design import design_lattices, request_of
    from trussmap.search.objective import PrintLimits
    from trussmap.study.assessment import assess, errors_by_name
    from trussmap.targets.reading import read_goal

    p, source, out = snakemake.params, snakemake.input, snakemake.output
    models = Path(source.models[0]).parent
    networks = load_forward(models), load_inverse(models)
    how = {"poisson_ratio": p.poisson_ratio, "unit": p.unit}
    goal, names = read_goal(source.targets, p.youngs_modulus, p.request["closeness"], **how)
    targets, request = goal.targets, request_of(p.request, p.prints["cell_size_mm"])
    how = p.options | {
        "seed": p.seed,
        "threads": snakemake.threads,
        "poisson_ratio": p.poisson_ratio,
    }
    how |= {"request": request, "goal": goal}
    found = design_lattices(targets, *networks, **how)
    write_targets(names, targets, out.targets)
    folder = Path(out.designs).parent
    wanted = PrintLimits(
        *(p.request.get(f"{name}_mm") for name in ("minimum_strut", "maximum_strut", "minimum_gap"))
    )
    files = {"picture": cell.plot, "loads": p.loads, "wanted_mm": wanted}
    if out.get("pages"):
        made = {
            "Young's modulus of the base material": p.youngs_modulus,
            "its Poisson's ratio": p.poisson_ratio,
        }
        made |= {"family": p.request["family"], "search": p.options["refine"], "seed": p.seed}
        size = p.prints["cell_size_mm"]
        files["pages"] = Pages(
            goal.asked(p.youngs_modulus), "", size, made | {"cell size in mm": size}
        )
    write_designs(found, folder, names, targets, p.youngs_modulus, **p.prints, **files)
    errors = assess(found, names, targets, p.options["refine"] != "none", source.get("dataset"))
    write_json(errors_by_name(errors), out.summary)
