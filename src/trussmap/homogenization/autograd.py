"""Exact finite elements as a differentiable PyTorch function."""

import torch

from trussmap.homogenization.engine import homogenize_topologies
from trussmap.homogenization.symbolic import SymbolicFactorization
from trussmap.stiffness import POISSON_RATIO


class _Homogenize(torch.autograd.Function):
    @staticmethod
    def forward(context, topology, maps, relative_density, threads, poisson_ratio, lattices):
        wanted = maps.requires_grad or relative_density.requires_grad
        arguments = [t.detach().cpu().double().numpy() for t in (maps, relative_density)]
        result = homogenize_topologies(
            topology.cpu().numpy(), *arguments, threads, wanted, poisson_ratio, lattices=lattices
        )
        stiffness, derivative = result if wanted else (result, None)
        if wanted:
            context.save_for_backward(torch.from_numpy(derivative).to(maps))
        return torch.from_numpy(stiffness).to(maps)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(context, gradient):
        by_parameters = torch.einsum("nc,nck->nk", gradient, context.saved_tensors[0])
        return None, by_parameters[:, :9].reshape(-1, 3, 3), by_parameters[:, 9], None, None, None


def homogenize(
    topology: torch.Tensor,
    maps: torch.Tensor,
    relative_density: torch.Tensor,
    threads: int | None = None,
    poisson_ratio: float = POISSON_RATIO,
    lattices: SymbolicFactorization | None = None,
) -> torch.Tensor:
    """Effective stiffness (n, 21) of topologies (n,) under maps (n, 3, 3) at relative densities (n,), as tensors.

    Differentiable once by maps and relative densities, and so by whatever they are computed from. The gradients are
    exact and cost about one and a half more solves (envelope theorem, see `kernel._add_strut_gradient`). ``lattices``
    is what ``topology`` numbers, as in `homogenize_topologies`.
    """
    return _Homogenize.apply(topology, maps, relative_density, threads, poisson_ratio, lattices)
