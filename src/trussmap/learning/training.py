"""The one training loop of all networks.

It takes care of schedule, mixed precision, clipping, checkpoints, progress and history.
"""

import hashlib
import json
import math
import time
from inspect import unwrap
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from trussmap.base.errors import InputError
from trussmap.base.io import atomic_path
from trussmap.base.streams import stream
from trussmap.learning.networks import (
    Parents,
    Settings,
    Tensors,
    ThreadMap,
    TrainableNetwork,
    hidden_layers_in,
    single_threads,
)

#: Largest norm of a gradient.
CLIP = 1.0
# Seconds between two progress lines within an epoch.
_LINE_SECONDS = 10


class _Adam(torch.optim.Adam):
    """Adam without the wrappers that import torch's compiler.

    The import takes two seconds, and a training compiles nothing.
    """

    add_param_group = unwrap(torch.optim.Adam.add_param_group)
    step = torch.no_grad()(unwrap(torch.optim.Adam.step))


def device() -> torch.device:
    """Return the GPU, where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def precision(choice: str = "auto") -> torch.dtype:
    """Choose the type of the hidden layers.

    ``choice`` is ``float32``, ``bfloat16`` or ``auto``. ``auto`` is bfloat16 on a GPU and on CPUs
    with bfloat16 instructions (two to three times as fast there), float32 on others. It is not
    measured at run time, so that a training and its resumption agree.
    """
    if choice != "auto":
        return getattr(torch, choice)

    able = torch.cpu.get_capabilities()
    fast = device().type == "cuda" or able.get("avx512_bf16") or able.get("amx_bf16")
    return torch.bfloat16 if fast else torch.float32


def schedule(optimizer: torch.optim.Optimizer, settings: Settings, steps: int) -> LRScheduler:
    """Make the scheduler of the learning rate: constant, plateau or cosine.

    ``cosine`` has 2 % warm-up and goes down to zero. ``plateau`` halves the rate after 20 epochs
    without a lower training loss, as the paper does; it takes a step per epoch, the others one per
    batch.
    """
    if settings["schedule"] == "plateau":
        return ReduceLROnPlateau(optimizer, factor=0.5, patience=20)
    if settings["schedule"] == "constant":
        return LambdaLR(optimizer, lambda step: 1.0)

    warm = max(1, steps // 50)

    def share(step: int) -> float:
        return min(1.0, (step + 1) / warm) * 0.5 * (1 + math.cos(math.pi * step / steps))

    return LambdaLR(optimizer, share)


def train(
    name: str,
    network: TrainableNetwork,
    parents: Parents,
    data: Tensors,
    validation: Tensors,
    settings: Settings,
    seed: int,
    provenance: dict[str, Any],
    checkpoint: str | Path,
) -> list[dict[str, float]]:
    """Train a network in place and return its history, a dictionary per epoch.

    Every epoch ends with the loss on the validation data. Raises InputError if the loss is not
    finite there.

    Parameters
    ----------
    name : of the network in the progress lines
    network : see `trussmap.learning.registry`
    parents : trained networks that it is trained through, by name; they do not change
    data, validation : dictionaries of tensors with equal first dimension
    settings : epochs, batch, learning_rate, schedule, precision, checkpoint_seconds, threads, and
        the settings of its loss. On a CPU each of the ``threads`` computes a share of every batch,
        so that the result depends on their number, but not on that of the cores.
    seed : for the order of batches and for all random choices in the loss
    provenance : anything that JSON can hold; a checkpoint with another provenance or other settings
        is not resumed
    checkpoint : path of the checkpoint (safetensors), written every ``checkpoint_seconds`` and
        removed by the caller
    """
    run = _Training(name, network, parents, data, validation, settings, seed)
    key = json_digest(
        {"settings": settings, "seed": seed, "provenance": provenance, "rows": run.rows}
    )
    run.resume(checkpoint, key)
    run.begin()

    saved = run.begun
    with single_threads(run.workers) as mapped:
        while run.step < run.steps:
            rate = run.train_batch(mapped)
            now = time.monotonic()
            if run.step % run.per_epoch == 0:
                run.end_epoch(rate, mapped, now)
            else:
                run.print_progress(now)
            if now - saved > settings["checkpoint_seconds"] and run.step < run.steps:
                run.save(checkpoint, key)
                saved = time.monotonic()
    return run.history


class _Training:
    """Training in progress: network, optimizer, schedule, and history."""

    def __init__(
        self,
        name: str,
        network: TrainableNetwork,
        parents: Parents,
        data: Tensors,
        validation: Tensors,
        settings: Settings,
        seed: int,
    ) -> None:
        self.name = name
        self.parents = parents
        self.settings = settings
        self.seed = seed
        self.device = device()
        self.hidden = precision(settings["precision"])
        self.network = network.to(self.device)
        self.network.precision = self.hidden

        self.workers: int = settings["threads"]
        if self.device.type == "cuda":
            self.workers = 1
            data = {key: rows.to(self.device) for key, rows in data.items()}
            validation = {key: rows.to(self.device) for key, rows in validation.items()}
        self.data = data
        self.validation = validation

        #: Designs, designs of a batch, batches of an epoch, and of the training.
        self.rows = len(next(iter(data.values())))
        self.batch: int = settings["batch"]
        self.per_epoch = max(1, self.rows // self.batch)
        self.steps: int = settings["epochs"] * self.per_epoch

        named = network.named_parameters()
        self.parameters = {key: value for key, value in named if value.requires_grad}
        self.weights = list(self.parameters.values())
        self.optimizer = _Adam(self.weights, lr=settings["learning_rate"], fused=True)
        self.rate = schedule(self.optimizer, settings, self.steps)

        #: Batches done, entries of the epochs done, and sums of the losses in the current epoch.
        self.step = 0
        self.history: list[dict[str, float]] = []
        self.sums: dict[str, float | torch.Tensor] = {}
        #: Order of the designs in the current epoch.
        self.order = torch.empty(0, dtype=torch.long)

        #: Batches done and time when this run began, and time of the last progress line.
        self.first = 0
        self.begun = time.monotonic()
        self.printed = self.begun

    def resume(self, checkpoint: str | Path, key: str) -> None:
        """Continue from a checkpoint of the same run, if there is a whole one."""
        saved = read_checkpoint(checkpoint, key)
        if not saved:
            return

        tensors, state = saved
        restore(tensors, state, self.parameters, self.optimizer, self.rate)
        self.step = state["step"]
        self.history = state["history"]
        self.sums = state["sums"]
        epoch = self.step // self.per_epoch + 1
        print(f"{self.name}: resumed at epoch {epoch} of {self.settings['epochs']}", flush=True)

    def begin(self) -> None:
        """Print how large the training is, and start the clock."""
        weights = sum(p.numel() for p in self.weights)
        print(
            f"{self.name}: {self.rows:,} designs, {weights:,} weights, {self.settings['epochs']} "
            f"epochs of {self.per_epoch} batches, {self.device.type}, "
            f"{str(self.hidden).removeprefix('torch.')}",
            flush=True,
        )
        self.first = self.step
        self.begun = time.monotonic()
        self.printed = self.begun

    def train_batch(self, mapped: ThreadMap) -> float:
        """Take one step of the optimizer and return its learning rate.

        ``mapped`` is the map over threads of `single_threads`.
        """
        epoch, position = divmod(self.step, self.per_epoch)
        if position == 0 or self.step == self.first:
            shuffle = torch.Generator().manual_seed(stream(self.seed, "order", epoch))
            self.order = torch.randperm(self.rows, generator=shuffle).to(self.device)
        chosen = self.order[position * self.batch : (position + 1) * self.batch]
        shares = chosen.chunk(self.workers)

        results = mapped(self._share_of_batch, shares, range(len(shares)))
        losses, gradients = zip(*results, strict=True)
        mapped(_add_up, self.weights, zip(*gradients, strict=True))
        torch.nn.utils.clip_grad_norm_(self.weights, CLIP)

        # The optimizer works element by element, so that the number of threads changes no result.
        torch.set_num_threads(self.workers)
        self.optimizer.step()
        torch.set_num_threads(1)
        rate = self.optimizer.param_groups[0]["lr"]
        if self.settings["schedule"] != "plateau":
            self.rate.step()

        for key in losses[0]:
            self.sums[key] = self.sums.get(key, 0.0) + sum(share[key] for share in losses)
        self.step += 1
        return rate

    def end_epoch(self, rate: float, mapped: ThreadMap, now: float) -> None:
        """Add an entry to the history, after the last batch of an epoch."""
        epoch = self.step // self.per_epoch
        means = {key: float(value) / self.per_epoch for key, value in self.sums.items()}
        if not math.isfinite(means["loss"]):
            raise InputError(
                f"{self.name}: the loss is {means['loss']} after epoch {epoch}; expected a "
                f"learning_rate below {self.settings['learning_rate']:g}."
            )
        if isinstance(self.rate, ReduceLROnPlateau):
            self.rate.step(means["loss"])

        loss = self._validation_loss(mapped)
        entry = {"epoch": epoch} | means | {"validation_loss": loss, "learning_rate": rate}
        self.history.append(entry)
        self._print_line(now)
        self.sums = {}
        self.printed = now

    def print_progress(self, now: float) -> None:
        """Print a progress line within an epoch, if the last one is old enough."""
        if now - self.printed > _LINE_SECONDS:
            self._print_line(now)
            self.printed = now

    def save(self, path: str | Path, key: str) -> None:
        """Write a checkpoint."""
        tensors = {f"weight/{name}": p.detach().contiguous() for name, p in self.parameters.items()}
        optimizer = self.optimizer.state_dict()
        for number, moments in optimizer["state"].items():
            tensors |= {f"optimizer/{number}/{k}": v.contiguous() for k, v in moments.items()}

        state = json.dumps(
            {
                "step": self.step,
                "history": self.history,
                "sums": {name: float(value) for name, value in self.sums.items()},
                "rate": self.rate.state_dict(),
                "groups": optimizer["param_groups"],
            }
        )
        metadata = {"key": key, "state": state, "digest": _content(tensors, state)}
        with atomic_path(path) as temporary:
            save_file(tensors, temporary, metadata)

    def _losses(self, rows: Tensors, *purpose: object) -> Tensors:
        """Compute the losses of some rows, with random choices by ``purpose``."""
        seed = stream(self.seed, *purpose)
        generator = torch.Generator(self.device).manual_seed(seed)
        with hidden_layers_in(self.hidden):
            loss = self.network.loss(rows, generator, self.parents, self.settings)
        return loss if isinstance(loss, dict) else {"loss": loss}

    def _share_of_batch(
        self, chosen: torch.Tensor, share: int
    ) -> tuple[Tensors, tuple[torch.Tensor, ...]]:
        """Compute losses and gradients of a worker's rows of a batch.

        They are weighted, so that those of all workers add up to those of the batch.
        """
        rows = {key: values[chosen] for key, values in self.data.items()}
        losses = self._losses(rows, "batch", self.step, share)
        weight = len(chosen) / min(self.batch, self.rows)
        gradients = torch.autograd.grad(losses["loss"] * weight, self.weights)
        return {key: loss.detach().double() * weight for key, loss in losses.items()}, gradients

    def _validation_loss(self, mapped: ThreadMap) -> float:
        """Compute the mean loss of the validation data."""
        count = len(next(iter(self.validation.values())))

        def batch_loss(start: int) -> float:
            stop = start + self.batch
            with torch.no_grad():
                rows = {key: values[start:stop] for key, values in self.validation.items()}
                loss = self._losses(rows, "validation", start)["loss"]
                return float(loss) * min(self.batch, count - start)

        return sum(mapped(batch_loss, range(0, count, self.batch))) / count

    def _print_line(self, now: float) -> None:
        """Print a progress line: epoch, mean losses, speed, and the time left."""
        pace = (now - self.begun) / (self.step - self.first)
        position = self.step % self.per_epoch or self.per_epoch
        means = {key: float(value) / position for key, value in self.sums.items()}
        text = ", ".join(f"{key} {value:.4g}" for key, value in means.items())
        if position == self.per_epoch and self.history:
            text += f", validation {self.history[-1]['validation_loss']:.4g}"

        epoch = (self.step - 1) // self.per_epoch + 1
        left = int(pace * (self.steps - self.step))
        print(
            f"{self.name}: epoch {epoch}/{self.steps // self.per_epoch}, "
            f"{100 * self.step / self.steps:.0f} %, {text}, "
            f"{self.batch / pace:,.0f} designs/s, {left // 60}:{left % 60:02d} left",
            flush=True,
        )


def _add_up(weight: torch.Tensor, gradients: tuple[torch.Tensor, ...]) -> None:
    """Set the gradient of a weight to the sum of those of all workers."""
    weight.grad = sum(gradients[1:], gradients[0])


# ------------------------------------------------------------------------------------- checkpoints
def read_checkpoint(path: str | Path, key: str) -> tuple[Tensors, dict[str, Any]] | None:
    """Read tensors and state of a training from a checkpoint.

    Returns None where there is no whole one of the run ``key``.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
        if metadata["key"] != key:
            return None
        tensors = load_file(path)
        state = metadata["state"]
        if metadata["digest"] != _content(tensors, state):
            return None
        return tensors, json.loads(state)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None


def restore(
    tensors: Tensors,
    state: dict[str, Any],
    parameters: dict[str, torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
    rate: LRScheduler,
) -> None:
    """Restore weights, optimizer and scheduler, on any device."""
    with torch.no_grad():
        for name, p in parameters.items():
            p.copy_(tensors[f"weight/{name}"])

    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer/"):
            _, number, k = name.split("/")
            moments.setdefault(int(number), {})[k] = tensor
    optimizer.load_state_dict({"state": moments, "param_groups": state["groups"]})
    rate.load_state_dict(state["rate"])


def _content(tensors: Tensors, state: str) -> str:
    """Digest of tensors and state of a checkpoint."""
    total = hashlib.sha256(state.encode())
    for name, tensor in sorted(tensors.items()):
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        total.update(tensor.cpu().reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def json_digest(value: dict[str, Any]) -> str:
    """SHA-256 of a tree that JSON can hold, in any order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
