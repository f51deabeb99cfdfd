"""Exact finite elements as a differentiable PyTorch function."""

from functools import partial

import torch

from trussmap.lattice.graph import PeriodicGraph
from trussmap.mechanics.homogenization.engine import homogenize_graphs, homogenize_topologies
from trussmap.tensors.stiffness import POISSON_RATIO


class _Homogenize(torch.autograd.Function):
    @staticmethod
    def forward(context, solve, maps, relative_density):
        wanted = maps.requires_grad or relative_density.requires_grad
        arguments = [t.detach().cpu().double().numpy() for t in (maps, relative_density)]
        result = solve(*arguments, gradient=wanted)
        stiffness, derivative = result if wanted else (result, None)
        if wanted:
            context.save_for_backward(torch.from_numpy(derivative).to(maps))
        return torch.from_numpy(stiffness).to(maps)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(context, gradient):
        by_parameters = torch.einsum("nc,nck->nk", gradient, context.saved_tensors[0])
        return None, by_parameters[:, :9].reshape(-1, 3, 3), by_parameters[:, 9]


def homogenize(
    topology: torch.Tensor,
    maps: torch.Tensor,
    relative_density: torch.Tensor,
    threads: int | None = None,
    poisson_ratio: float = POISSON_RATIO,
) -> torch.Tensor:
    """Effective stiffness (n, 21) of topologies (n,) under maps (n, 3, 3) at relative densities
    (n,), as tensors.

    Differentiable once by maps and relative densities, and so by whatever they are computed from.
    The gradients are exact and cost about one and a half more solves (envelope theorem, see
    `kernel._add_strut_gradient`).
    """
    numbers = topology.cpu().numpy()
    solve = partial(homogenize_topologies, numbers, threads=threads, poisson_ratio=poisson_ratio)
    return _Homogenize.apply(solve, maps, relative_density)


def homogenize_lattices(
    graphs: list[PeriodicGraph],
    maps: torch.Tensor,
    relative_density: torch.Tensor,
    threads: int | None = None,
    poisson_ratio: float = POISSON_RATIO,
) -> torch.Tensor:
    """Effective stiffness (n, 21) of any lattices, as `homogenize`; raises InputError as
    `homogenize_cells`.
    """
    solve = partial(homogenize_graphs, graphs, threads=threads, poisson_ratio=poisson_ratio)
    return _Homogenize.apply(solve, maps, relative_density)
