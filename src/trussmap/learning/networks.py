"""Building blocks of all models: multilayer perceptrons, rotations and random choices as torch functions."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise

import torch
from torch import nn

from trussmap.stiffness import COLUMNS, PAIRS, ROWS

#: (81, 36) map from the products R_ij R_kl to the entries of Bond's matrix (Auld 1973, vol. 1, 3.D).
_BOND = torch.zeros(3, 3, 3, 3, 6, 6)
for _I, (_p, _q) in enumerate(PAIRS):
    for _J, (_r, _s) in enumerate(PAIRS):
        _half = 0.5 if _r == _s else 1.0
        _BOND[_p, _r, _q, _s, _I, _J] += _half
        _BOND[_p, _s, _q, _r, _I, _J] += _half
_BOND = _BOND.reshape(81, 36)
#: (21, 36) and (36, 21): between the 21 constants and the full Voigt matrix, as matrix products.
_FULL = torch.zeros(21, 6, 6)
_FULL[torch.arange(21), torch.as_tensor(ROWS), torch.as_tensor(COLUMNS)] = 1
_FULL = torch.maximum(_FULL, _FULL.mT).reshape(21, 36)
_PACK = torch.zeros(36, 21)
_PACK[torch.as_tensor(6 * ROWS + COLUMNS), torch.arange(21)] = 1


def rotate_fast(vector, rotation):
    """`stiffness.rotate` for (n, 21) and (n, 3, 3) by matrix products alone, which also makes its gradient fast."""
    flat = rotation.reshape(-1, 9)
    products = (flat[:, :, None] * flat[:, None, :]).reshape(-1, 81)
    m = (products @ _BOND.to(flat)).reshape(-1, 6, 6)
    c = (vector @ _FULL.to(vector)).reshape(-1, 6, 6)
    return (m @ c @ m.mT).reshape(-1, 36) @ _PACK.to(vector)


def rotation_6d(vector):
    """Rotations (n, 3, 3) whose first two columns span (n, 6), by Gram–Schmidt (Zhou et al. 2019)."""
    a, b = vector[:, :3], vector[:, 3:]
    first = nn.functional.normalize(a, dim=-1)
    second = nn.functional.normalize(b - (first * b).sum(-1, keepdim=True) * first, dim=-1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], dim=-1)


def rotation_vector(vector):
    """Rotations (n, 3, 3) by rotation vectors (n, 3), angle times axis (Rodrigues)."""
    square = (vector**2).sum(-1, keepdim=True)
    angle = (square + 1e-12).sqrt()
    x, y, z = vector.unbind(-1)
    o = torch.zeros_like(x)
    k = torch.stack([o, -z, y, z, o, -x, -y, x, o], -1).reshape(-1, 3, 3)
    s, c = torch.sin(angle) / angle, (1 - torch.cos(angle)) / angle**2
    return torch.eye(3).to(vector) + s[..., None] * k + c[..., None] * (k @ k)


_hidden_type = ContextVar("hidden_type", default=torch.float32)


@contextmanager
def hidden_layers_in(kind):
    """Context in which the hidden layers of all perceptrons run in ``kind``, float32 or bfloat16."""
    token = _hidden_type.set(kind)
    try:
        yield
    finally:
        _hidden_type.reset(token)


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

    def forward(self, x):
        kind = _hidden_type.get()
        first, *others = self.hidden
        weights = [(layer.weight.to(kind), layer.bias.to(kind)) for layer in others]

        def outputs(x):
            x = self.activation(first(x)).to(kind)
            for weight, bias in weights:
                x = self.activation(nn.functional.linear(x, weight, bias))
            return self.last(x.float())

        if torch.is_grad_enabled() or x.is_cuda:
            return outputs(x)
        return torch.cat([outputs(part) for part in x.split(_ROWS)])


def straight_through_choice(logits, temperature, generator=None):
    """One-hot draws (n, k) from softmax(logits / temperature), with the gradient of the relaxed draw.

    Gumbel-softmax with straight-through gradient (Jang et al. 2017; Maddison et al. 2017). The noise is added after
    the division, so that a higher temperature makes the draws themselves more diverse.
    """
    uniform = torch.rand(logits.shape, generator=generator, device=logits.device).clamp(1e-20, 1 - 1e-7)
    soft = torch.softmax(logits / temperature - torch.log(-torch.log(uniform)), dim=-1)
    hard = nn.functional.one_hot(soft.argmax(-1), logits.shape[-1]).to(soft)
    return hard + soft - soft.detach()


def draw(logits, temperature, generator=None):
    """Indices (n,) drawn from softmax(logits / temperature); the most probable ones at temperature 0."""
    if temperature == 0:
        return logits.argmax(-1)
    uniform = torch.rand(logits.shape, generator=generator, device=logits.device).clamp(1e-20, 1 - 1e-7)
    return (logits / temperature - torch.log(-torch.log(uniform))).argmax(-1)


def in_threads(function, items, device):
    """``[function(item) for item in items]``; on a CPU every thread of torch's takes items of its own.

    The threads then need not meet after every operation of a network, which costs a quarter of the time on two.
    """
    threads = torch.get_num_threads()
    if device.type != "cpu" or threads == 1:
        return [function(item) for item in items]
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return list(pool.map(function, items))
    finally:
        torch.set_num_threads(threads)
