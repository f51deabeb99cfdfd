"""Building blocks of all models: multilayer perceptrons and random choices as torch functions."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise

import torch
from torch import nn

#: Tensors by name, rows first, and the trained networks that one is trained through.
Tensors, Parents = dict[str, torch.Tensor], dict[str, nn.Module]
#: Width of what a network learns about each topology.
EMBEDDING = 32

_hidden_type = ContextVar("hidden_type", default=torch.float32)


@contextmanager
def hidden_layers_in(dtype: torch.dtype) -> Iterator[None]:
    """Context in which the hidden layers of all perceptrons run in ``dtype``, float32 or bfloat16."""
    token = _hidden_type.set(dtype)
    try:
        yield
    finally:
        _hidden_type.reset(token)


#: Designs or targets of an inference that are worked on at once, which bounds the memory.
AT_ONCE = 16384
#: Rows that a perceptron takes at once where no gradient is wanted: a CPU's caches hold their activations, and the
#: allocator reuses them instead of asking the system for new pages each time, which took as long again as the products.
_ROWS = 1024


class MLP(nn.Module):
    """Multilayer perceptron; first and last layer run in float32, the others as ``hidden_layers_in`` says."""

    def __init__(self, inputs, hidden, outputs, activation="leaky_relu"):
        super().__init__()
        widths = [inputs, *hidden]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.last = nn.Linear(widths[-1], outputs)
        self.activation = getattr(nn.functional, activation)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs of the network for rows (n, inputs)."""
        dtype = _hidden_type.get()
        first, *others = self.hidden
        weights = [(layer.weight.to(dtype), layer.bias.to(dtype)) for layer in others]

        def outputs(x):
            x = self.activation(first(x)).to(dtype)
            for weight, bias in weights:
                x = self.activation(nn.functional.linear(x, weight, bias))
            return self.last(x.float())

        if torch.is_grad_enabled() or x.is_cuda:
            return outputs(x)
        return torch.cat([outputs(part) for part in x.split(_ROWS)])


def gumbel_noise(logits: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
    """Gumbel-distributed noise of the shape of ``logits``: their sum's largest entry is a draw from the softmax."""
    uniform = torch.rand(logits.shape, generator=generator, device=logits.device).clamp(1e-20, 1 - 1e-7)
    return -torch.log(-torch.log(uniform))


def straight_through_choice(
    logits: torch.Tensor, temperature: float, generator: torch.Generator | None = None
) -> torch.Tensor:
    """One-hot draws (n, k) from softmax(logits / temperature), with the gradient of the relaxed draw.

    Gumbel-softmax with straight-through gradient (Jang et al. 2017; Maddison et al. 2017). The noise is added after
    the division, so that a higher temperature makes the draws themselves more diverse.
    """
    soft = torch.softmax(logits / temperature + gumbel_noise(logits, generator), dim=-1)
    hard = nn.functional.one_hot(soft.argmax(-1), logits.shape[-1]).to(soft)
    return hard + soft - soft.detach()


def draw(logits: torch.Tensor, temperature: float, generator: torch.Generator | None = None) -> torch.Tensor:
    """Indices (n,) drawn from softmax(logits / temperature); the most probable ones at temperature 0.

    >>> draw(torch.tensor([[0.0, 2.0, 1.0]]), temperature=0)
    tensor([1])
    """
    if temperature == 0:
        return logits.argmax(-1)
    return (logits / temperature + gumbel_noise(logits, generator)).argmax(-1)


@contextmanager
def single_threads(count: int = 1) -> Iterator[Callable]:
    """Yield a map over ``count`` threads, in which torch's operations do not spread over further ones.

    The threads then need not meet after every operation of a network, which costs a quarter to two fifths of the time
    on two; and no result depends on the number of cores, as sums that torch spreads over threads do.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield lambda function, *items: list(pool.map(function, *items))
    finally:
        torch.set_num_threads(before)


def in_threads(function: Callable, items: Iterable, device: torch.device) -> list:
    """``[function(item) for item in items]``; on a CPU every thread of torch's takes items of its own."""
    threads = torch.get_num_threads()
    if device.type != "cpu" or threads == 1:
        return [function(item) for item in items]
    with single_threads(threads) as mapped:
        return mapped(function, items)
