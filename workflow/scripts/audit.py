"""Check the results of the study again, all but figures and report: `audit.json` (fields in `trussmap.audit`)."""

from trussmap.job import job

with job(snakemake):
    from pathlib import Path

    from trussmap.audit import audit, outcome
    from trussmap.io import write_json

    p, out = snakemake.params, Path(snakemake.output[0])
    tree = audit(
        out.parent,
        p.sample,
        p.seed,
        Path(snakemake.scriptdir).parents[1],
        ["metrics.json", "moments.csv"],
    )
    write_json(tree, out)
    print(outcome(tree))
