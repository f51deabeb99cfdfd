"""Fit how the accuracy of an architecture grows with compute: the fits (JSON), their picture (PNG),
the rows (CSV).

The JSON has `trussmap.learning.trend.fit_trend` under ``forward|inverse.min|mean`` and what was
published, at which compute, under ``published``, and the number of ``resamples``. Points that miss
more than ``trussmap.learning.trend.LARGEST`` times what the published lowest R² does are not
fitted, in each measure by itself.
"""

from trussmap.study.job import job

with job(snakemake):
    import json
    from pathlib import Path

    import pandas as pd
    import yaml

    from trussmap.base.io import write_csv, write_json
    from trussmap.figures import trend
    from trussmap.learning.planned import planned_flop
    from trussmap.learning.trend import LARGEST, fit_trend

    p = snakemake.params
    table = pd.DataFrame(
        [json.loads(Path(path).read_text(encoding="utf-8")) for path in snakemake.input.points]
    )
    paper = yaml.safe_load(Path(snakemake.input.published).read_text(encoding="utf-8"))
    flop = planned_flop(p.published, "paper")
    published = {
        "forward": {
            "r2": paper["forward"]["paper"]["r2_at_least"],
            "flop": flop["forward_1"] + flop["forward_2"],
        },
        "inverse": {
            "r2": paper["inverse"]["paper"]["r2_surrogate_at_least"],
            "flop": sum(flop.values()),
        },
    }
    trends = {}
    for network, what in published.items():
        if f"{network}_min" not in table:  # forward networks alone
            continue
        trends[network] = {}
        for key in ("min", "mean"):
            missing = 1 - table[f"{network}_{key}"]
            fitted = missing <= LARGEST * (1 - what["r2"])
            compute = table.loc[fitted, f"{network}_flop"]
            trends[network][key] = fit_trend(
                compute, missing[fitted], 1 - what["r2"], p.resamples, p.seed
            )
    write_json(trends | {"published": published, "resamples": p.resamples}, snakemake.output.fits)
    write_csv(table, snakemake.output.table)
    trend.plot(table, trends, published, snakemake.output.figure)
