"""The paper's own way from a target to a lattice: many draws at a high temperature, the network takes the best.

Bastek et al. 2022, SI 3.G: 10,000 draws for a target at τ = 200; the forward network decides, here by the error that
the published code computes. Finite elements only judge what was taken.
"""

import numpy as np
import pandas as pd

from trussmap.homogenization import homogenize_designs
from trussmap.lattice.descriptor import design_topology
from trussmap.measures import errors, nmse_published_code
from trussmap.stiffness import POISSON_RATIO
from trussmap.streams import stream

# Proposals worked on at once, which bounds the memory.
_AT_ONCE = 100_000


def selected_by_network(
    targets: np.ndarray,
    forward: object,
    inverse: object,
    draws: int,
    temperature: float,
    seed: int = 0,
    poisson_ratio: float = POISSON_RATIO,
) -> pd.DataFrame:
    """Errors of the proposal that the forward network takes for each target (n, 21), base modulus 1.

    Returns a DataFrame with a row for each target: the errors of `trussmap.measures.MEASURES` by finite elements, the
    same by the network as ``surrogate_…``, and ``topologies``, how many different ones were drawn.
    """
    own = stream(seed, "protocol")
    rows = []
    for number, target in enumerate(targets):
        goal, best, drawn = target[None], None, set()
        for first in range(0, draws, _AT_ONCE):
            count = min(_AT_ONCE, draws - first)
            designs = inverse.propose(goal, draws=count, temperature=temperature, seed=stream(own, number, first))[0]
            predicted = forward.predict(designs)
            drawn |= {*design_topology(designs).tolist()}
            error = nmse_published_code(predicted, goal)
            least = error.argmin()
            if best is None or error[least] < best[0]:
                best = error[least], designs[least], predicted[least]
        surrogate = {f"surrogate_{name}": value[0] for name, value in errors(best[2][None], goal).items()}
        stiffness = homogenize_designs(best[1][None], poisson_ratio=poisson_ratio)
        exact = {name: value[0] for name, value in errors(stiffness, goal).items()}
        rows.append(exact | surrogate | {"topologies": len(drawn)})
    return pd.DataFrame(rows)
