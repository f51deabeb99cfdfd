"""Draw the spatially graded structure (paper, Fig. 3B) and its stiffness on the way: a PNG."""

from trussmap.study.job import job

with job(snakemake):
    import json
    from pathlib import Path

    import pandas as pd

    from trussmap.figures import graded

    nodes = pd.read_csv(snakemake.input.nodes)
    struts = pd.read_csv(snakemake.input.struts)
    summary = json.loads(Path(snakemake.input.summary).read_text(encoding="utf-8"))
    names = pd.read_csv(snakemake.input.targets)["name"].str.replace("_", " ").tolist()
    graded.plot(
        nodes[["x", "y", "z"]].to_numpy(),
        struts[["node_1", "node_2"]].to_numpy() - 1,
        struts["radius"].to_numpy(),
        struts["progress"].to_numpy(),
        pd.read_csv(snakemake.input.path),
        snakemake.output[0],
        names,
        summary["cell_size_mm"],
        scale=(snakemake.params.youngs_modulus, "GPa"),
    )
