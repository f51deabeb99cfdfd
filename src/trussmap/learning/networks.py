"""Building blocks of networks: base class, perceptrons, random choices."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise
from typing import Any, ClassVar, Self, TypeVar, cast

import numpy as np
import torch
from torch import nn

#: Tensors by name, rows first.
Tensors = dict[str, torch.Tensor]
#: Trained networks that another one is trained through, by name.
Parents = dict[str, nn.Module]
#: Settings of a network and of its training, as in config.yaml.
Settings = dict[str, Any]
#: Map over threads, which `single_threads` yields: function and iterables to the list of results.
ThreadMap = Callable[..., list[Any]]

#: Width of the vector that a network learns for each topology.
EMBEDDING = 32
#: Designs or targets of an inference that are processed at once, which bounds the memory.
AT_ONCE = 16384
# Rows that a perceptron processes at once where no gradient is needed. A CPU's caches hold their
# activations, and the allocator reuses them instead of asking the system for new pages each time,
# which takes as long again as the products.
_ROWS = 1024

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_hidden_type = ContextVar("hidden_type", default=torch.float32)


@contextmanager
def hidden_layers_in(dtype: torch.dtype) -> Iterator[None]:
    """Run the hidden layers of all perceptrons in float32 or bfloat16."""
    token = _hidden_type.set(dtype)
    try:
        yield
    finally:
        _hidden_type.reset(token)


class TrainableNetwork(nn.Module, ABC):
    """Network of an architecture, with all that training and loading need.

    Attributes
    ----------
    columns : arrays of the data set that it is trained on
    precision : type of the hidden layers in training, and therefore in proposals
    config : keyword arguments of its constructor
    """

    columns: ClassVar[tuple[str, ...]]
    precision: torch.dtype = torch.float32
    config: dict[str, Any]

    @staticmethod
    @abstractmethod
    def features(block: dict[str, np.ndarray], parents: Parents) -> Tensors:
        """Compute the training tensors of a block of designs, rows first."""

    @classmethod
    @abstractmethod
    def from_data(cls, settings: Settings, data: Tensors) -> Self:
        """Make an untrained network with the scaling of its data."""

    @abstractmethod
    def loss(
        self, batch: Tensors, generator: torch.Generator, parents: Parents, settings: Settings
    ) -> torch.Tensor | Tensors:
        """Compute a scalar, or scalars by name of which ``loss`` is minimised."""


class MLP(nn.Module):
    """Multilayer perceptron whose first and last layer run in float32.

    The layers between them run in the type that `hidden_layers_in` sets.
    """

    activation: Callable[[torch.Tensor], torch.Tensor]

    def __init__(
        self, inputs: int, hidden: Sequence[int], outputs: int, activation: str = "leaky_relu"
    ) -> None:
        super().__init__()
        widths = [inputs, *hidden]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.last = nn.Linear(widths[-1], outputs)
        self.activation = getattr(nn.functional, activation)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute the outputs (n, outputs) of rows (n, inputs)."""
        dtype = _hidden_type.get()
        first, *others = cast(Iterable[nn.Linear], self.hidden)
        weights = [(layer.weight.to(dtype), layer.bias.to(dtype)) for layer in others]

        def outputs(x: torch.Tensor) -> torch.Tensor:
            x = self.activation(first(x)).to(dtype)
            for weight, bias in weights:
                x = self.activation(nn.functional.linear(x, weight, bias))
            return self.last(x.float())

        if torch.is_grad_enabled() or x.is_cuda:
            return outputs(x)
        return torch.cat([outputs(rows) for rows in x.split(_ROWS)])


def gumbel_noise(logits: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
    """Draw Gumbel-distributed noise of the shape of ``logits``.

    The largest entry of their sum is a draw from the softmax of the logits.
    """
    uniform = torch.rand(logits.shape, generator=generator, device=logits.device)
    uniform = uniform.clamp(1e-20, 1 - 1e-7)
    return -torch.log(-torch.log(uniform))


def straight_through_choice(
    logits: torch.Tensor, temperature: float, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Draw one-hot rows (n, k) from softmax(logits / temperature).

    They have the gradient of the relaxed draw: Gumbel-softmax with straight-through gradient (Jang
    et al. 2017; Maddison et al. 2017). The noise is added after the division, so that a higher
    temperature makes the draws themselves more diverse.
    """
    soft = torch.softmax(logits / temperature + gumbel_noise(logits, generator), dim=-1)
    hard = nn.functional.one_hot(soft.argmax(-1), logits.shape[-1]).to(soft)
    return hard + soft - soft.detach()


def draw(
    logits: torch.Tensor, temperature: float, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Draw indices (n,) from softmax(logits / temperature); the largest at 0.

    >>> draw(torch.tensor([[0.0, 2.0, 1.0]]), temperature=0)
    tensor([1])
    """
    if temperature == 0:
        return logits.argmax(-1)
    return (logits / temperature + gumbel_noise(logits, generator)).argmax(-1)


@contextmanager
def single_threads(count: int = 1) -> Iterator[ThreadMap]:
    """Yield a map over ``count`` threads, each of which computes alone.

    Torch's operations then do not spread over further threads. So the threads need not meet after
    every operation of a network, which costs a quarter to two fifths of the time on two; and no
    result depends on the number of cores, as sums that torch spreads over threads do.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield lambda function, *items: list(pool.map(function, *items))
    finally:
        torch.set_num_threads(before)


def in_threads(
    function: Callable[[_Item], _Result], items: Iterable[_Item], device: torch.device
) -> list[_Result]:
    """Compute ``[function(item) for item in items]``, on a CPU in parallel.

    As many items are in work at a time as torch may use threads.
    """
    threads = torch.get_num_threads()
    if device.type != "cpu" or threads == 1:
        return [function(item) for item in items]

    with single_threads(threads) as mapped:
        return mapped(function, items)
