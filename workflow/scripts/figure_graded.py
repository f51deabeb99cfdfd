"""Draw the spatially graded structure (paper, Fig. 3B): a PNG."""

from trussmap.job import job

with job(snakemake):
    import json
    from pathlib import Path

    import pandas as pd

    from trussmap.figures import graded

    nodes = pd.read_csv(snakemake.input.nodes)
    struts = pd.read_csv(snakemake.input.struts)
    summary = json.loads(Path(snakemake.input.summary).read_text())
    shown = ("control_point_error", "path_error", "path_error_max", "end_error", "floating_struts")
    graded.plot(
        nodes[["x", "y", "z"]].to_numpy(),
        struts[["node_1", "node_2"]].to_numpy() - 1,
        struts["radius"].to_numpy(),
        snakemake.output[0],
        label=", ".join(f"{key.replace('_', ' ')} {summary[key]:.3g}" for key in shown),
        ends=tuple(f"specimen {summary[key]}" for key in ("from_target", "to_target")),
    )
