"""The paper's protocol: many draws, of which the network selects one.

Bastek et al. 2022, SI 3.G: 10,000 draws for a target at τ = 200; the forward network selects, here
by the error that the published code computes. Finite elements only judge the selected design.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from trussmap.base.streams import stream
from trussmap.lattice.descriptor import design_topology
from trussmap.learning.interfaces import Networks
from trussmap.mechanics.homogenization import homogenize_designs
from trussmap.mechanics.solver import Solver
from trussmap.tensors.measures import errors, nmse_published_code

# Proposals processed at once, which bounds the memory.
_AT_ONCE = 100_000


def selected_by_network(
    targets: np.ndarray,
    networks: Networks,
    solver: Solver,
    draws: int,
    temperature: float,
    seed: int = 0,
) -> pd.DataFrame:
    """Measure the proposal that the forward network selects for each target.

    Targets (n, 21) have base modulus 1. Returns a DataFrame with a row for each: the errors of
    `trussmap.tensors.measures.MEASURES` by finite elements, the same by the network as
    ``surrogate_…``, and ``topologies``, the number of different ones among the draws.
    """
    protocol_seed = stream(seed, "protocol")
    rows = []
    for number, target in enumerate(targets):
        goal = target[None]
        selections = []
        drawn: set[int] = set()
        for first in range(0, draws, _AT_ONCE):
            batch = networks.inverse.propose(
                goal,
                draws=min(_AT_ONCE, draws - first),
                temperature=temperature,
                seed=stream(protocol_seed, number, first),
            )
            designs = batch[0]
            drawn |= {*design_topology(designs).tolist()}
            selections.append(_selection(designs, networks.forward.predict(designs), goal))
        best = min(selections, key=lambda selection: selection.error)

        stiffness = homogenize_designs(best.design[None], poisson_ratio=solver.poisson_ratio)
        row = {name: value[0] for name, value in errors(stiffness, goal).items()}
        for name, value in errors(best.predicted[None], goal).items():
            row[f"surrogate_{name}"] = value[0]
        rows.append(row | {"topologies": len(drawn)})
    return pd.DataFrame(rows)


class _Selection(NamedTuple):
    """Selected design (19,), its error and its stiffness (21,) by the network."""

    error: float
    design: np.ndarray
    predicted: np.ndarray


def _selection(designs: np.ndarray, predicted: np.ndarray, goal: np.ndarray) -> _Selection:
    """Select the best of designs (n, 19) by their predicted stiffness (n, 21)."""
    error = nmse_published_code(predicted, goal)
    least = error.argmin()
    return _Selection(float(error[least]), designs[least].copy(), predicted[least].copy())
