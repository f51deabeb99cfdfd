"""The one training loop of all models: schedule, mixed precision, clipping, checkpoints, progress, history."""

import hashlib
import json
import math
import time
from inspect import unwrap
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from trussmap.errors import InputError
from trussmap.io import atomic_path
from trussmap.learning.networks import Parents, Tensors, hidden_layers_in, single_threads
from trussmap.streams import stream

#: Largest norm of a gradient.
CLIP = 1.0


class _Adam(torch.optim.Adam):
    """Adam without the wrappers that import torch's compiler, two seconds of a training that compiles nothing."""

    add_param_group = unwrap(torch.optim.Adam.add_param_group)
    step = torch.no_grad()(unwrap(torch.optim.Adam.step))


def device() -> torch.device:
    """The GPU, where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def precision(choice: str = "auto") -> torch.dtype:
    """The torch type of the hidden layers: ``float32``, ``bfloat16``, or ``auto``.

    ``auto`` is bfloat16 on a GPU and on CPUs with bfloat16 instructions (two to three times as fast there), float32 on
    others. It is not measured at run time, so that a training and its resumption agree.
    """
    if choice != "auto":
        return getattr(torch, choice)
    able = torch.cpu.get_capabilities()
    fast = device().type == "cuda" or able.get("avx512_bf16") or able.get("amx_bf16")
    return torch.bfloat16 if fast else torch.float32


def schedule(optimizer: torch.optim.Optimizer, settings: dict, steps: int) -> LRScheduler:
    """The scheduler of the learning rate: ``constant``, ``plateau`` or ``cosine`` (2 % warm-up, down to zero).

    ``plateau`` halves the rate after 20 epochs without a lower training loss, as the paper does; it takes a step per
    epoch, the others one per batch.
    """
    if settings["schedule"] == "plateau":
        return ReduceLROnPlateau(optimizer, factor=0.5, patience=20)
    if settings["schedule"] == "constant":
        return LambdaLR(optimizer, lambda step: 1.0)
    warm = max(1, steps // 50)
    return LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / warm) * 0.5 * (1 + math.cos(math.pi * step / steps)))


def train(
    name: str,
    network: nn.Module,
    parents: Parents,
    data: Tensors,
    validation: Tensors,
    settings: dict,
    seed: int,
    provenance: dict,
    checkpoint: str | Path,
) -> list[dict]:
    """Train a network in place and return its history, one dictionary per epoch.

    Parameters
    ----------
    name : what the progress lines say.
    network : see `trussmap.learning.registry`.
    parents : trained networks that it is trained through, by name; they do not change.
    data, validation : dictionaries of tensors with equal first dimension.
    settings : epochs, batch, learning_rate, schedule, precision, checkpoint_seconds, threads, and what its loss needs.
        On a CPU each of the ``threads`` takes a share of every batch, so that the result depends on their number, but
        not on that of the cores.
    seed : of weights' order of batches and of all random choices in the loss.
    provenance : anything JSON; a checkpoint with another provenance or other settings is not resumed.
    checkpoint : path of the checkpoint (safetensors), written every ``checkpoint_seconds`` and removed by the caller.

    Every epoch ends with the loss on the validation data. Raises InputError if the loss is not finite there.
    """
    own_device, hidden = device(), precision(settings["precision"])
    network.to(own_device).precision = hidden
    workers = 1 if own_device.type == "cuda" else settings["threads"]
    if own_device.type == "cuda":
        data, validation = ({k: v.to(own_device) for k, v in d.items()} for d in (data, validation))
    parameters = {k: p for k, p in network.named_parameters() if p.requires_grad}
    optimizer = _Adam(parameters.values(), lr=settings["learning_rate"], fused=True)
    rows, batch = len(next(iter(data.values()))), settings["batch"]
    per_epoch = max(1, rows // batch)
    steps = settings["epochs"] * per_epoch
    rate = schedule(optimizer, settings, steps)
    key = _digest({"settings": settings, "seed": seed, "provenance": provenance, "rows": rows})
    state = {"step": 0, "history": [], "sums": {}}
    if found := read_checkpoint(checkpoint, key):
        restore(*found, parameters, optimizer, rate)
        state |= {k: found[1][k] for k in state}
        print(f"{name}: resumed at epoch {state['step'] // per_epoch + 1} of {settings['epochs']}", flush=True)
    print(
        f"{name}: {rows:,} designs, {sum(p.numel() for p in parameters.values()):,} weights, "
        f"{settings['epochs']} epochs of {per_epoch} batches, {own_device.type}, {str(hidden).removeprefix('torch.')}",
        flush=True,
    )

    def losses(rows, *purpose):
        """Losses of some rows of ``data`` or ``validation``, with random choices of their own."""
        generator = torch.Generator(own_device).manual_seed(stream(seed, *purpose))
        with hidden_layers_in(hidden):
            found = network.loss(rows, generator, parents, settings)
        return found if isinstance(found, dict) else {"loss": found}

    def share_of_batch(chosen, share):
        """Losses and gradients of a worker's share of a batch, as parts of the whole batch's."""
        found = losses({k: v[chosen] for k, v in data.items()}, "batch", state["step"], share)
        part = len(chosen) / min(batch, rows)
        gradients = torch.autograd.grad(found["loss"] * part, weights)
        return {k: v.detach().double() * part for k, v in found.items()}, gradients

    def add_up(weight, parts):
        weight.grad = sum(parts[1:], parts[0])

    weights = list(parameters.values())
    begun = said = saved = time.monotonic()
    first = state["step"]
    with single_threads(workers) as mapped:
        while state["step"] < steps:
            epoch, position = divmod(state["step"], per_epoch)
            if position == 0 or state["step"] == first:
                shuffle = torch.Generator().manual_seed(stream(seed, "order", epoch))
                order = torch.randperm(rows, generator=shuffle).to(own_device)
            shares = order[position * batch : (position + 1) * batch].chunk(workers)
            found, gradients = zip(*mapped(share_of_batch, shares, range(len(shares))), strict=True)
            mapped(add_up, weights, zip(*gradients, strict=True))
            torch.nn.utils.clip_grad_norm_(weights, CLIP)
            torch.set_num_threads(workers)  # element by element, which comes to the same on any number
            optimizer.step()
            torch.set_num_threads(1)
            used = optimizer.param_groups[0]["lr"]
            if settings["schedule"] != "plateau":
                rate.step()
            for k in found[0]:
                state["sums"][k] = state["sums"].get(k, 0.0) + sum(part[k] for part in found)
            state["step"] += 1
            now = time.monotonic()
            if state["step"] % per_epoch == 0:
                means = {k: float(v) / per_epoch for k, v in state["sums"].items()}
                if not math.isfinite(means["loss"]):
                    raise InputError(
                        f"{name}: the loss is {means['loss']} after epoch {epoch + 1}; expected a learning_rate below "
                        f"{settings['learning_rate']:g}."
                    )
                if settings["schedule"] == "plateau":
                    rate.step(means["loss"])
                state["history"].append(
                    {"epoch": epoch + 1}
                    | means
                    | {"validation_loss": _validation_loss(losses, validation, batch, mapped), "learning_rate": used}
                )
                _say(name, state, steps, per_epoch, batch, (now - begun) / (state["step"] - first))
                state["sums"], said = {}, now
            elif now - said > 10:
                _say(name, state, steps, per_epoch, batch, (now - begun) / (state["step"] - first))
                said = now
            if now - saved > settings["checkpoint_seconds"] and state["step"] < steps:
                _save(checkpoint, key, parameters, optimizer, rate, state)
                saved = time.monotonic()
    return state["history"]


def _validation_loss(losses, validation, batch, mapped):
    rows = len(next(iter(validation.values())))

    def part(start):
        with torch.no_grad():
            few = {k: v[start : start + batch] for k, v in validation.items()}
            return float(losses(few, "validation", start)["loss"]) * min(batch, rows - start)

    return sum(mapped(part, range(0, rows, batch))) / rows


def _say(name, state, steps, per_epoch, batch, pace):
    position = state["step"] % per_epoch or per_epoch
    sums = {k: float(v) / position for k, v in state["sums"].items()}
    left = int(pace * (steps - state["step"]))
    text = ", ".join(f"{k} {v:.4g}" for k, v in sums.items())
    if position == per_epoch and state["history"]:
        text += f", validation {state['history'][-1]['validation_loss']:.4g}"
    epoch = (state["step"] - 1) // per_epoch + 1
    print(
        f"{name}: epoch {epoch}/{steps // per_epoch}, {100 * state['step'] / steps:.0f} %, {text}, "
        f"{batch / pace:,.0f} designs/s, {left // 60}:{left % 60:02d} left",
        flush=True,
    )


# ------------------------------------------------------------------------------------------------------ checkpoints
def _save(path, key, parameters, optimizer, rate, state):
    tensors = {f"weight/{name}": p.detach().contiguous() for name, p in parameters.items()}
    for number, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{number}/{k}": v.contiguous() for k, v in moments.items()}
    plain = state | {"sums": {k: float(v) for k, v in state["sums"].items()}, "rate": rate.state_dict()}
    plain["groups"] = optimizer.state_dict()["param_groups"]
    state = json.dumps(plain)
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, {"key": key, "state": state, "digest": _content(tensors, state)})


def read_checkpoint(path: str | Path, key: str) -> tuple[dict, dict] | None:
    """Tensors and state of the loop of a checkpoint of the run ``key``; None where there is no whole one."""
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
        if metadata["key"] != key:
            return None
        tensors, state = load_file(path), metadata["state"]
        return (tensors, json.loads(state)) if metadata["digest"] == _content(tensors, state) else None
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None


def restore(
    tensors: Tensors,
    state: dict,
    parameters: Tensors,
    optimizer: torch.optim.Optimizer,
    rate: LRScheduler,
) -> None:
    """Put a checkpoint into weights, optimizer and scheduler, on whichever device they are."""
    with torch.no_grad():
        for name, p in parameters.items():
            p.copy_(tensors[f"weight/{name}"])
    moments = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer/"):
            _, number, k = name.split("/")
            moments.setdefault(int(number), {})[k] = tensor
    optimizer.load_state_dict({"state": moments, "param_groups": state["groups"]})
    rate.load_state_dict(state["rate"])


def _content(tensors, state):
    """Digest of tensors and state of a checkpoint."""
    total = hashlib.sha256(state.encode())
    for name, tensor in sorted(tensors.items()):
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        total.update(tensor.cpu().reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def _digest(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
