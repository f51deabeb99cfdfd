"""Gather the headline numbers of the study beside the paper's: `metrics.json` (keys in `trussmap.metrics`)."""

from trussmap.progress import rule_log

with rule_log(snakemake.log[0]):
    import json

    from trussmap.io import atomic_path
    from trussmap.metrics import gather

    source = snakemake.input
    summaries = {
        "bone": [source.bone, source.search],
        "catalogue": [source.catalogue],
        "unseen": [source.unseen],
        "grading": [source.grading],
    }
    tree = gather(
        source.dataset, source.timings, source.evaluations, summaries, snakemake.params.benchmarks, source.paper
    )
    with atomic_path(snakemake.output[0]) as path:
        path.write_text(json.dumps(tree, indent=2, allow_nan=False) + "\n")
