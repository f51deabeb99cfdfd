"""How accuracy grows with the number of designs and with compute: the same models, trained on more and more."""

from pathlib import Path

import pandas as pd

from trussmap.dataset import open_dataset
from trussmap.learning.evaluation import evaluate
from trussmap.learning.models import RECIPES, read_record, train_model


def scaling_study(dataset, sizes, architectures, models, evaluation, seed, folder, common=None, threads=None):
    """Train and evaluate architectures on the first designs of a data set, for several ``sizes``.

    Every size gets the batches that the settings give to the whole data set (epochs are scaled), so that along a row of
    sizes compute is the same; ``models`` holds the settings as in the study's config. Returns a table with one row for
    each architecture and size: ``architecture, designs, seconds`` (of all its trainings), and lowest and mean R² over
    the 21 constants: ``forward_min, forward_mean, inverse_min, inverse_mean`` (the latter two verified by FE).
    """
    with open_dataset(dataset) as data:
        whole = len(data.train)
    rows = []
    for architecture in architectures:
        for size in sizes:
            out, seconds = Path(folder) / f"{architecture}-{size}" / architecture, 0.0
            for name in (name for name in RECIPES if name.startswith(f"{architecture}/")):
                settings = dict(models[architecture][name.split("/")[1]])
                settings |= {"designs": size, "epochs": max(1, round(settings["epochs"] * whole / min(size, whole)))}
                weights = out / f"{name.split('/')[1]}.safetensors"
                if not weights.with_suffix(".json").exists():
                    train_model(name, dataset, settings, seed, weights, common)
                seconds += read_record(weights.with_suffix(".json"))["seconds"]
            metrics, _ = evaluate(out, dataset, evaluation, seed, threads)
            scores = {"forward": metrics["forward"]["r2"], "inverse": metrics["inverse"]["r2_fe"]}
            row = {"architecture": architecture, "designs": min(size, whole), "seconds": seconds}
            for kind, r2 in scores.items():
                row |= {f"{kind}_min": min(r2.values()), f"{kind}_mean": sum(r2.values()) / len(r2)}
            rows.append(row)
    return pd.DataFrame(rows)
