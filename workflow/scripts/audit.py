"""Check the results of the study again, all but figures and report.

Output: `audit.json`, with the fields of `trussmap.review.audit`.
"""

from trussmap.study.job import job

with job(snakemake):
    from pathlib import Path

    from trussmap.base.io import write_json
    from trussmap.review.audit import audit, outcome

    p = snakemake.params
    out = Path(snakemake.output[0])
    tree = audit(
        out.parent,
        p.sample,
        p.seed,
        Path(snakemake.scriptdir).parents[1],
        ["metrics.json", "moments.csv"],
    )
    write_json(tree, out)
    print(outcome(tree))
