"""Evaluate networks on topologies that they were trained without.

Output: a JSON with the fields of `trussmap.study.holdout.evaluate_holdout`.

Beside those trained without, ``vectors`` and ``members``, stand networks that learned from ``all``,
with equal compute, whose ``effort`` is told, and the ``study``'s own.
"""

from trussmap.study.job import job

with job(snakemake):
    from pathlib import Path

    import pandas as pd

    from trussmap.base.io import write_json
    from trussmap.study.holdout import evaluate_holdout

    p = snakemake.params
    given = snakemake.input
    folders = {
        name: Path(getattr(given, name)[0]).parent
        for name in ("vectors", "members", "all", "study")
    }
    topologies = pd.read_csv(given.topologies)["topology"].to_numpy()
    found = evaluate_holdout(
        folders, given.dataset, topologies, p.settings, p.seed, snakemake.threads
    )
    write_json(found | {"effort": p.effort}, snakemake.output[0])
