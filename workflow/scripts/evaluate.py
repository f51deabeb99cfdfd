"""Evaluate the forward and inverse models of one architecture on the test designs.

Outputs: the numbers (`evaluation/<architecture>.json`, fields in `trussmap.study.evaluation`), the
predictions behind them (`…_predictions.h5`, one dataset per quantity, rows = test designs,
stiffness with base modulus 1), and `timing`, how long proposals and their refinement took.
"""

from trussmap.study.job import job

with job(snakemake):
    from pathlib import Path

    from trussmap.base import hdf5
    from trussmap.base.io import write_json
    from trussmap.study.evaluation import evaluate

    p = snakemake.params
    folder = Path(snakemake.input.models[0]).parent
    metrics, times, arrays = evaluate(
        folder, snakemake.input.dataset, p.settings, p.seed, snakemake.threads
    )
    with hdf5.create(snakemake.output.predictions) as file:
        for name, array in arrays.items():
            file[name] = array
    write_json(metrics, snakemake.output.metrics)
    write_json(times, snakemake.output.timing)
    for direction, key in (("forward", "r2"), ("inverse", "r2_surrogate"), ("inverse", "r2_fe")):
        worst = min(metrics[direction][key].items(), key=lambda item: item[1])
        print(
            f"{snakemake.wildcards.architecture} {direction} {key}: worst of 21 is {worst[0]} "
            f"with {worst[1]:.4f}"
        )
