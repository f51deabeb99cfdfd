"""Scaling study: the accuracy with more designs and more compute."""

from math import ceil
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from trussmap.data.dataset import open_dataset
from trussmap.learning import training
from trussmap.learning.models import architecture_of, load_parents, read_record
from trussmap.learning.networks import Parents, Settings, Tensors, TrainableNetwork
from trussmap.learning.registry import architectures, network_class


def scaled_settings(settings: Settings, designs: int, effort: float, whole: int) -> Settings:
    """Scale the settings of a training.

    It sees ``designs`` of ``whole`` and has ``effort`` times the batches. The number of batches
    depends on ``effort`` alone, except for the rest of an epoch after its last whole batch: fewer
    designs are seen in more epochs. A fraction of an epoch becomes whole epochs of fewer designs.

    >>> scaled_settings({"epochs": 4}, designs=100, effort=0.25, whole=1000)
    {'epochs': 10, 'designs': 100}
    """
    designs = min(designs, whole)
    passes = settings["epochs"] * effort * whole / designs
    epochs = ceil(passes - 1e-9)
    return settings | {"epochs": epochs, "designs": max(1, round(designs * passes / epochs))}


def training_flop(folder: str | Path, architecture: str, name: str, dataset: str | Path) -> int:
    """Count the operations in the training of a network in a folder.

    These are floating-point operations of the matrix products.
    """
    record = read_record(Path(folder) / f"{name}.json")
    settings = record["settings"]
    designs = record["designs"]
    device = training.device()
    kind: type[TrainableNetwork] = network_class(architecture, name)
    parents = load_parents(folder, architecture, name)

    with open_dataset(dataset) as data:
        block = data.train.read(slice(min(settings["batch"], designs)), kind.columns)
    batch = kind.features(block, parents)
    network = kind.from_data(settings, batch).to(device)

    batch = {key: rows.to(device) for key, rows in batch.items()}
    flop = step_flop(network, batch, parents, settings)
    return flop * settings["epochs"] * max(1, designs // settings["batch"])


def step_flop(
    network: TrainableNetwork, batch: Tensors, parents: Parents, settings: Settings
) -> int:
    """Count the operations of the matrix products in one step of training."""
    device = next(iter(batch.values())).device
    with FlopCounterMode(display=False) as counter:
        loss = network.loss(batch, torch.Generator(device), parents, settings)
        (loss["loss"] if isinstance(loss, dict) else loss).backward()
    return counter.get_total_flops()


def scaling_row(
    folder: str | Path,
    dataset: str | Path,
    metrics: dict[str, Any],
    designs: int,
    effort: float,
    run: int = 1,
) -> dict[str, Any]:
    """Summarize one point of the scaling study in a row of its table.

    Parameters
    ----------
    folder : models of the point
    dataset : path of the data set
    metrics : of these models by `trussmap.study.evaluation.evaluate`, or by `evaluate_forward`
        alone
    designs, effort : the settings of the point
    run : number of a repetition, which has its own seed

    Returns
    -------
    dict with ``architecture``; ``designs``, the number of designs to train with, and ``of_all``,
    whether these are all of the data set; ``effort``; ``run``; and for ``forward`` and ``inverse``
    the lowest and the mean R² over the 21 constants, ``…_min`` and ``…_mean`` (for the inverse by
    finite elements), and the compute of the training, ``…_flop``. The compute of the inverse
    includes that of all networks. Without an inverse there are only the numbers of the forward
    model.
    """
    architecture = architecture_of(folder)
    whole = metrics["training_designs"]
    directions = ("forward", "inverse") if "inverse" in metrics else ("forward",)
    networks = architectures()[architecture].networks
    names = [name for name in networks if "inverse" in metrics or name != "inverse"]
    flop = {name: training_flop(folder, architecture, name, dataset) for name in names}

    row: dict[str, Any] = {
        "architecture": architecture,
        "designs": min(designs, whole),
        "of_all": designs >= whole,
        "effort": effort,
        "run": run,
    }
    for network in directions:
        r2 = metrics[network]["r2" if network == "forward" else "r2_fe"]
        trained = [name for name in names if network == "inverse" or name != "inverse"]
        row |= {
            f"{network}_min": min(r2.values()),
            f"{network}_mean": sum(r2.values()) / len(r2),
            f"{network}_flop": sum(flop[name] for name in trained),
        }
    return row
