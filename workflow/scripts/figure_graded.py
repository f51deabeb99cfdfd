"""Draw the spatially graded structure (paper, Fig. 3B): a PNG."""

from trussmap.progress import rule_log

with rule_log(snakemake.log[0], snakemake.threads):
    import json
    from pathlib import Path

    import pandas as pd

    from trussmap.figures import graded

    nodes = pd.read_csv(snakemake.input.nodes)
    struts = pd.read_csv(snakemake.input.struts)
    summary = json.loads(Path(snakemake.input.summary).read_text())
    graded.plot(nodes.to_numpy(), struts.iloc[:, :2].to_numpy(int), struts["radius"].to_numpy(), snakemake.output[0])
