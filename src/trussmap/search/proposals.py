"""Proposals of the networks, screened by the forward network and by finite elements."""

import numpy as np

from trussmap.base.streams import stream
from trussmap.lattice.descriptor import DESIGN_COLUMNS, design_topology
from trussmap.learning.interfaces import Networks
from trussmap.mechanics.solver import Solver
from trussmap.search.candidates import Candidates, ranked
from trussmap.search.lattices import plain_lattices
from trussmap.search.request import Search
from trussmap.tensors.measures import nmse_frobenius

# Proposals of a topology that the forward network leaves for finite elements.
_SCREENED = 3


def best_proposals(
    targets: np.ndarray,
    networks: Networks,
    search: Search,
    family: str,
    topologies: np.ndarray | None,
    seed: int,
    solver: Solver,
) -> Candidates:
    """Best proposal of each topology for every target (n, 21), as lattices of a family.

    Parameters
    ----------
    topologies : numbers of those allowed, or None for all
    seed : of the draws
    """
    proposals = networks.inverse.propose(
        targets,
        draws=search.draws,
        temperature=search.temperature,
        seed=stream(seed, "proposals"),
    )
    target = np.repeat(np.arange(len(targets)), proposals.shape[1])
    designs = proposals.reshape(-1, len(DESIGN_COLUMNS))
    if topologies is not None:
        allowed = np.isin(design_topology(designs), topologies)
        target = target[allowed]
        designs = designs[allowed]
    if not len(designs):
        return Candidates(target, plain_lattices(designs, family), np.empty((0, 21)))

    predicted = networks.forward.predict(designs)
    order = _closest(predicted, targets, target, designs, _SCREENED)
    target = target[order]
    designs = designs[order]
    stiffness = solver.homogenize_designs(designs)
    order = _closest(stiffness, targets, target, designs, 1)
    designs = designs[order]
    return Candidates(target[order], plain_lattices(designs, family), stiffness[order])


def _closest(
    stiffness: np.ndarray,
    targets: np.ndarray,
    target: np.ndarray,
    designs: np.ndarray,
    alike: int,
) -> np.ndarray:
    """Rows of the ``alike`` closest designs of each topology and target, best first."""
    error = nmse_frobenius(stiffness, targets[target])
    return ranked(target, error, design_topology(designs), len(designs), alike)
