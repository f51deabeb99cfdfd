"""Draw accuracy against designs and compute (PNG), with the table behind it (CSV).

Columns: those of `trussmap.learning.scaling.scaling_row`.
"""

from trussmap.study.job import job

with job(snakemake):
    import json
    from pathlib import Path

    import pandas as pd
    import yaml

    from trussmap.base.io import write_csv
    from trussmap.figures import scaling

    table = pd.DataFrame(
        [json.loads(Path(path).read_text(encoding="utf-8")) for path in snakemake.input.points]
    )
    paper = yaml.safe_load(Path(snakemake.input.published).read_text(encoding="utf-8"))
    published = {
        "forward": paper["forward"]["paper"]["r2_at_least"],
        "inverse": paper["inverse"]["paper"]["r2_surrogate_at_least"],
    }
    write_csv(table, snakemake.output.table)
    scaling.plot(table, published, snakemake.output.figure)
