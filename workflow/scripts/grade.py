"""Grade a lattice in space between the designs of two bone specimens.

Outputs, lengths in units of the cell size: `nodes.csv` and `struts.csv` (`trussmap.export.write_structure_csv`),
`structure.vtk` with the radii, and `summary.json`: the metrics of `trussmap.grading.grade` and, as `from_target`,
`from_rank`, `to_target`, `to_rank`, the designs that were joined. Where no path joins the best designs of the two
specimens, their designs of other topologies are tried in turn.
"""

from trussmap.job import job

with job(snakemake):
    from itertools import product
    from pathlib import Path

    import pandas as pd

    from trussmap.errors import InputError
    from trussmap.export import write_structure_csv, write_vtk
    from trussmap.grading import grade
    from trussmap.io import write_json
    from trussmap.lattice.descriptor import DESIGN_COLUMNS

    options = dict(snakemake.params.options)
    table = pd.read_csv(snakemake.input.designs).set_index(["target", "rank"])[DESIGN_COLUMNS]
    start, end = options.pop("targets")
    if not {start, end} <= {*table.index.get_level_values("target")}:
        raise InputError(
            f"{snakemake.input.designs}: no target {start} or {end}; set grading.targets to two of its rows."
        )
    pairs = sorted(product(table.loc[start].index, table.loc[end].index), key=sum)
    for from_rank, to_rank in pairs:
        try:
            structure = grade(
                table.loc[(start, from_rank)].to_numpy(float), table.loc[(end, to_rank)].to_numpy(float), **options
            )
            break
        except InputError as error:
            print(f"designs {from_rank} of target {start} and {to_rank} of target {end}: {error}")
            if (from_rank, to_rank) == pairs[-1]:
                raise
    summary = {"from_target": start, "from_rank": from_rank, "to_target": end, "to_rank": to_rank} | structure.metrics
    print(", ".join(f"{key.replace('_', ' ')} {value:.3g}" for key, value in summary.items()))
    folder = Path(snakemake.output.summary).parent
    write_structure_csv(structure.nodes, structure.struts, structure.radii, folder)
    write_vtk(snakemake.output.structure, structure.nodes, structure.struts, structure.radii)
    write_json(summary, snakemake.output.summary)
