"""The one training loop of all models: schedule, mixed precision, clipping, checkpoints, progress, history."""

import hashlib
import json
import math
import time
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from trussmap.io import atomic_path
from trussmap.learning.networks import hidden_layers_in


def device():
    """The GPU, where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def precision(choice="auto"):
    """The torch type of the hidden layers: ``float32``, ``bfloat16``, or ``auto``.

    ``auto`` is bfloat16 on a GPU and on CPUs with bfloat16 instructions (two to three times as fast there), float32 on
    others. It is not measured at run time, so that a training and its resumption agree.
    """
    if choice != "auto":
        return getattr(torch, choice)
    able = torch.cpu.get_capabilities()
    fast = device().type == "cuda" or able.get("avx512_bf16") or able.get("amx_bf16")
    return torch.bfloat16 if fast else torch.float32


def learning_rate(settings, step, steps, plateau_factor=1.0):
    """Learning rate at ``step`` of ``steps``: ``constant``, ``plateau`` or ``cosine`` (2 % warm-up, down to zero)."""
    if settings["schedule"] == "cosine":
        warm = max(1, steps // 50)
        ramp = min(1.0, (step + 1) / warm)
        return settings["learning_rate"] * ramp * 0.5 * (1 + math.cos(math.pi * step / steps))
    return settings["learning_rate"] * plateau_factor


def train(name, model, loss_function, data, test, settings, seed, provenance, checkpoint):
    """Train ``model`` in place and return its history, one dictionary per epoch.

    Parameters
    ----------
    name : what the progress lines say.
    model : torch module; only parameters that require a gradient are trained.
    loss_function : (batch, generator) -> scalar tensor, or dictionary of scalars whose ``loss`` is minimised.
    data, test : dictionaries of tensors with equal first dimension, held in memory as float32.
    settings : epochs, batch, learning_rate, schedule, and optionally precision, clip, checkpoint_seconds.
    seed : of weights' order of batches and of all random choices in the loss.
    provenance : anything JSON; a checkpoint with another provenance or other settings is not resumed.
    checkpoint : path of the checkpoint (safetensors), written every ``checkpoint_seconds`` and removed by the caller.

    Every epoch ends with the loss on the test data. ``plateau`` halves the rate after 20 epochs without a lower
    training loss (ReduceLROnPlateau of the paper).
    """
    where, kind = device(), precision(settings.get("precision", "auto"))
    model.to(where)
    data, test = ({k: v.to(where) for k, v in d.items()} for d in (data, test))
    parameters = {k: p for k, p in model.named_parameters() if p.requires_grad}
    optimizer = torch.optim.Adam(parameters.values(), lr=settings["learning_rate"], fused=True)
    rows, batch = len(next(iter(data.values()))), settings["batch"]
    per_epoch = max(1, rows // batch)
    steps = settings["epochs"] * per_epoch
    key = _digest({"settings": settings, "seed": seed, "provenance": provenance, "rows": rows})
    state = {"step": 0, "history": [], "sums": {}, "seconds": 0.0, "factor": 1.0, "best": math.inf, "bad": 0}
    state |= _resume(checkpoint, key, parameters, optimizer) or {}
    if state["step"]:
        print(f"{name}: resumed at epoch {state['step'] // per_epoch + 1} of {settings['epochs']}", flush=True)
    print(
        f"{name}: {rows:,} designs, {sum(p.numel() for p in parameters.values()):,} weights, "
        f"{settings['epochs']} epochs of {per_epoch} batches, {where.type}, {str(kind).removeprefix('torch.')}",
        flush=True,
    )
    generator = torch.Generator(where)
    begun = said = saved = time.monotonic()
    before, first = state["seconds"], state["step"]
    while state["step"] < steps:
        epoch, position = divmod(state["step"], per_epoch)
        if position == 0 or state["step"] == first:
            order = torch.randperm(rows, generator=torch.Generator().manual_seed(_mix(seed, epoch))).to(where)
        chosen = order[position * batch : (position + 1) * batch]
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(settings, state["step"], steps, state["factor"])
        generator.manual_seed(_mix(seed, state["step"] + 2**32))
        with hidden_layers_in(kind):
            losses = _as_dictionary(loss_function({k: v[chosen] for k, v in data.items()}, generator))
        optimizer.zero_grad(set_to_none=True)
        losses["loss"].backward()
        torch.nn.utils.clip_grad_norm_(parameters.values(), settings.get("clip", 1.0))
        optimizer.step()
        for k, v in losses.items():
            state["sums"][k] = state["sums"].get(k, 0.0) + v.detach().double()
        state["step"] += 1
        now = time.monotonic()
        state["seconds"] = before + now - begun
        if state["step"] % per_epoch == 0:
            state["history"].append(_end_of_epoch(state, per_epoch, loss_function, test, batch, seed, settings, kind))
            _plateau(state, settings)
            _say(name, state, steps, per_epoch, batch, (now - begun) / (state["step"] - first))
            state["sums"], said = {}, now
        elif now - said > 10:
            _say(name, state, steps, per_epoch, batch, (now - begun) / (state["step"] - first))
            said = now
        if now - saved > settings.get("checkpoint_seconds", 60) and state["step"] < steps:
            _save(checkpoint, key, parameters, optimizer, state)
            saved = time.monotonic()
    return state["history"]


def _as_dictionary(loss):
    return loss if isinstance(loss, dict) else {"loss": loss}


def _end_of_epoch(state, per_epoch, loss_function, test, batch, seed, settings, kind):
    rows = len(next(iter(test.values())))
    where = next(iter(test.values())).device
    generator = torch.Generator(where).manual_seed(_mix(seed, 2**33))
    total = 0.0
    with torch.no_grad(), hidden_layers_in(kind):
        for start in range(0, rows, batch):
            part = {k: v[start : start + batch] for k, v in test.items()}
            total += float(_as_dictionary(loss_function(part, generator))["loss"]) * min(batch, rows - start)
    entry = {"epoch": state["step"] // per_epoch} | {k: float(v) / per_epoch for k, v in state["sums"].items()}
    rate = learning_rate(settings, state["step"] - 1, settings["epochs"] * per_epoch, state["factor"])
    return entry | {"test_loss": total / rows, "learning_rate": rate, "seconds": round(state["seconds"], 2)}


def _plateau(state, settings):
    if settings["schedule"] != "plateau":
        return
    loss = state["history"][-1]["loss"]
    state["bad"] = 0 if loss < state["best"] * (1 - 1e-4) else state["bad"] + 1
    state["best"] = min(state["best"], loss)
    if state["bad"] > 20:
        state["factor"], state["bad"] = state["factor"] / 2, 0


def _say(name, state, steps, per_epoch, batch, pace):
    position = state["step"] % per_epoch or per_epoch
    sums = {k: float(v) / position for k, v in state["sums"].items()}
    left = int(pace * (steps - state["step"]))
    text = ", ".join(f"{k} {v:.4g}" for k, v in sums.items())
    if position == per_epoch and state["history"]:
        text += f", test {state['history'][-1]['test_loss']:.4g}"
    epoch = (state["step"] - 1) // per_epoch + 1
    print(
        f"{name}: epoch {epoch}/{steps // per_epoch}, {100 * state['step'] / steps:.0f} %, {text}, "
        f"{batch / pace:,.0f} designs/s, {left // 60}:{left % 60:02d} left",
        flush=True,
    )


# ------------------------------------------------------------------------------------------------------ checkpoints
def _save(path, key, parameters, optimizer, state):
    tensors = {}
    for name, p in parameters.items():
        tensors[f"weight/{name}"] = p.detach().contiguous()
        tensors |= {f"{k}/{name}": v.contiguous() for k, v in optimizer.state[p].items()}
    plain = state | {"sums": {k: float(v) for k, v in state["sums"].items()}}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, {"key": key, "state": json.dumps(plain)})


def _resume(path, key, parameters, optimizer):
    """Load a checkpoint of the same run into weights and optimizer; None where there is none."""
    if not Path(path).is_file():
        return None
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    if metadata.get("key") != key:
        return None
    tensors = load_file(path)
    with torch.no_grad():
        for name, p in parameters.items():
            p.copy_(tensors[f"weight/{name}"])
            optimizer.state[p] = {
                "step": tensors[f"step/{name}"],
                "exp_avg": tensors[f"exp_avg/{name}"].to(p.device),
                "exp_avg_sq": tensors[f"exp_avg_sq/{name}"].to(p.device),
            }
    return json.loads(metadata["state"])


def _digest(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _mix(seed, number):
    return (int(seed) * 0x9E3779B1 + number * 0x85EBCA77) % 2**63
