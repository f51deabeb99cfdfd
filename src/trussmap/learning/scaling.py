"""How accuracy grows with the number of designs and with compute: the same networks, trained on more and for longer."""

from math import ceil
from pathlib import Path

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from trussmap.dataset import open_dataset
from trussmap.learning import training
from trussmap.learning.models import architecture_of, load_parents, read_record
from trussmap.learning.networks import Parents, Tensors
from trussmap.learning.registry import architectures, network_class


def scaled_settings(settings: dict, designs: int, effort: float, whole: int) -> dict:
    """Settings of a training that sees the first ``designs`` of ``whole`` and takes ``effort`` times as many batches.

    The number of batches depends on ``effort`` alone, but for what is left of an epoch after its last whole batch:
    fewer designs are seen in more epochs. A fraction of an epoch is made of whole epochs of fewer designs.

    >>> scaled_settings({"epochs": 4}, designs=100, effort=0.25, whole=1000)
    {'epochs': 10, 'designs': 100}
    """
    designs = min(designs, whole)
    passes = settings["epochs"] * effort * whole / designs
    epochs = ceil(passes - 1e-9)
    return settings | {"epochs": epochs, "designs": max(1, round(designs * passes / epochs))}


def training_flop(folder: str | Path, architecture: str, name: str, dataset: str | Path) -> int:
    """Floating-point operations of the matrix products in the training of a network in a folder."""
    record = read_record(Path(folder) / f"{name}.json")
    settings, designs = record["settings"], record["designs"]
    device, cls = training.device(), network_class(architecture, name)
    parents = load_parents(folder, architecture, name)
    with open_dataset(dataset) as data:
        batch = cls.features(data.train.read(slice(min(settings["batch"], designs)), cls.columns), parents)
    network = cls.from_data(settings, batch).to(device)
    flop = step_flop(network, {k: v.to(device) for k, v in batch.items()}, parents, settings)
    return flop * settings["epochs"] * max(1, designs // settings["batch"])


def step_flop(network: nn.Module, batch: Tensors, parents: Parents, settings: dict) -> int:
    """Operations of the matrix products of one step of training."""
    device = next(iter(batch.values())).device
    with FlopCounterMode(display=False) as counter:
        loss = network.loss(batch, torch.Generator(device), parents, settings)
        (loss["loss"] if isinstance(loss, dict) else loss).backward()
    return counter.get_total_flops()


def scaling_row(
    folder: str | Path, dataset: str | Path, metrics: dict, designs: int, effort: float, run: int = 1
) -> dict:
    """One row of the scaling study: a folder of models and what `evaluate` says of them.

    ``architecture``; ``designs``, how many there were to train with, and whether that is ``of_all`` in the data set;
    ``effort``; the ``run``, each of which has its own seed; and for ``forward`` and ``inverse`` each the lowest and
    the mean R² over the 21 constants, ``…_min`` and ``…_mean`` (the inverse's by finite elements), and what they cost,
    ``…_flop`` of training. The inverse costs what all networks do; where there was none, there are
    only the numbers of the forward model.
    """
    architecture, whole = architecture_of(folder), metrics["training_designs"]
    directions = ("forward", "inverse") if "inverse" in metrics else ("forward",)
    names = [n for n in architectures()[architecture].networks if "inverse" in metrics or n != "inverse"]
    flop = {name: training_flop(folder, architecture, name, dataset) for name in names}
    row = {"architecture": architecture, "designs": min(designs, whole), "of_all": designs >= whole, "effort": effort}
    row["run"] = run
    for network in directions:
        r2 = metrics[network]["r2" if network == "forward" else "r2_fe"]
        trained = [name for name in names if network == "inverse" or name != "inverse"]
        row |= {
            f"{network}_min": min(r2.values()),
            f"{network}_mean": sum(r2.values()) / len(r2),
            f"{network}_flop": sum(flop[name] for name in trained),
        }
    return row
