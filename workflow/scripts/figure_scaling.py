"""Draw accuracy against designs and compute (PNG), with the table behind it (CSV).

Columns: those of `trussmap.learning.scaling.scaling_row`, `effort` (multiple of the study's own batches), and `of_all`
(whether all designs of the study were at hand).
"""

from trussmap.progress import rule_log

with rule_log(snakemake.log[0], snakemake.threads):
    import json
    from pathlib import Path

    import pandas as pd
    import yaml

    from trussmap.figures import scaling
    from trussmap.io import write_csv

    points = [Path(path) for path in snakemake.input.points]
    table = pd.DataFrame([json.loads(path.read_text()) for path in points])
    at_hand = pd.Series([int(path.stem.split("_")[1]) for path in points])
    table["of_all"] = at_hand == at_hand.max()
    paper = yaml.safe_load(Path(snakemake.input.published).read_text())
    published = {
        "forward": paper["forward"]["paper"]["r2_at_least"],
        "inverse": paper["inverse"]["paper"]["r2_surrogate_at_least"],
    }
    write_csv(table, snakemake.output.table)
    scaling.plot(table, published, snakemake.output.figure)
