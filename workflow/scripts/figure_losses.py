"""Draw the losses of all networks over their training (not in the paper): a PNG."""

from trussmap.study.job import job

with job(snakemake):
    import json
    from pathlib import Path

    from trussmap.figures import losses

    paths = [Path(path) for path in snakemake.input]
    histories = {
        f"{path.parent.name}/{path.stem}": json.loads(path.read_text(encoding="utf-8"))["history"]
        for path in paths
    }
    losses.plot(histories, snakemake.output[0])
