"""What starts from networks, lookups and random designs are worth, in the design space and out of
it.

Outputs: `starts.csv`, a table of `trussmap.study.starts.errors_by_cost` for each ``space``
(``inside``: unseen test designs; ``outside``: crystal-network cells), and `starts.json`, the least
cost of a median error below 1 % and what the search without any network reaches.
"""

from trussmap.study.job import job

with job(snakemake):
    from pathlib import Path

    import pandas as pd

    from trussmap.base.io import write_csv, write_json
    from trussmap.data.dataset import open_dataset
    from trussmap.learning.models import load_networks
    from trussmap.study.starts import errors_by_cost, least_cost
    from trussmap.tensors.stiffness import COMPONENTS

    p = snakemake.params
    source = snakemake.input
    out = snakemake.output
    networks = load_networks(Path(source.models[0]).parent)
    count = p.settings["targets"]
    with open_dataset(source.dataset) as data:
        inside = data.test.read(slice(count), ("stiffness",))["stiffness"]
    # The generated ones come last.
    outside = pd.read_csv(source.targets)[COMPONENTS].to_numpy()[-count:]
    tables = {}
    for space, targets in (("inside", inside), ("outside", outside)):
        tables[space] = errors_by_cost(
            targets, networks, source.dataset, p.settings, p.seed, snakemake.threads
        )
        print(f"{space}:\n{tables[space].to_string()}", flush=True)
    write_csv(pd.concat([table.assign(space=space) for space, table in tables.items()]), out.table)
    least = {
        f"{space}.{name}": n
        for space, table in tables.items()
        for name, n in least_cost(table).items()
    }
    search = {space: table[table["source"] == "search"].iloc[0] for space, table in tables.items()}
    tree = {"targets": count, "solutions_to_1_percent": least}
    tree["search_without_networks"] = {
        f"{space}.relative_error_median": float(row["median"]) for space, row in search.items()
    } | {"solutions": int(search["inside"]["solutions"])}
    write_json(tree, out.summary)
