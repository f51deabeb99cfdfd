"""Evaluate one point of the scaling study: a JSON with the fields of
`trussmap.learning.scaling.scaling_row`.
"""

from trussmap.study.job import job

with job(snakemake):
    from pathlib import Path

    from trussmap.base.io import write_json
    from trussmap.learning.scaling import scaling_row
    from trussmap.study.evaluation import evaluate, evaluate_forward

    p = snakemake.params
    point = snakemake.wildcards
    dataset = snakemake.input.dataset
    folder = Path(snakemake.input.models[0]).parent
    if any(Path(path).stem == "inverse" for path in snakemake.input.models):
        metrics, *_ = evaluate(folder, dataset, p.settings, p.seed, snakemake.threads)
    else:
        metrics, _ = evaluate_forward(folder, dataset, p.settings, p.seed)
    run = int(point.run.strip("_") or 1)
    row = scaling_row(folder, dataset, metrics, int(point.designs), float(point.effort), run)
    write_json(row, snakemake.output[0])
    print(", ".join(f"{key} {value:.4g}" for key, value in row.items() if key != "architecture"))
