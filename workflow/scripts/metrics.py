"""Gather the headline numbers of the study beside the paper's: `metrics.json` (keys in
`trussmap.study.metrics`).
"""

from trussmap.study.job import job

with job(snakemake):
    from trussmap.base.io import write_json
    from trussmap.study.metrics import gather

    source = snakemake.input
    summaries = {
        "lookup": [source.lookup],
        "bone": [source.bone, source.search],
        "catalogue": [source.catalogue],
        "unseen": source.unseen,
        "starts": [source.starts],
        "protocol": source.protocol,
        "cauchy": [source.cauchy],
        "front": [source.front],
        "grading": [source.grading],
    }
    tree = gather(
        source.dataset,
        source.homogenization,
        source.evaluations,
        summaries,
        source.benchmarks,
        source.paper,
    )
    write_json(tree, snakemake.output[0])
