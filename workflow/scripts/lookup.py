"""The baseline of all networks, the closest training design: `evaluation/lookup.json`
(`trussmap.study.evaluation`).
"""

from trussmap.study.job import job

with job(snakemake):
    from trussmap.base.io import write_json
    from trussmap.study.evaluation import evaluate_lookup

    metrics = evaluate_lookup(snakemake.input.dataset, snakemake.params.settings, snakemake.threads)
    write_json(metrics, snakemake.output[0])
    for name in ("raw", "symmetric"):
        print(f"{name}: lowest R² {min(metrics[name]['r2_fe'].values()):.4f}")
