"""How far a lattice of round struts, made as a solid, is from the beams that it is computed as
(docs/validity.md).
"""

import numpy as np

from trussmap.lattice.graph import PeriodicGraph
from trussmap.mechanics.homogenization.reference import beam_stiffness, homogenize_elements
from trussmap.tensors.stiffness import POISSON_RATIO

#: Shares of the overlap with its neighbours by which each end of a strut is shortened, in
#: stretching and in bending, to behave as in a solid: fitted to the solids of
#: benchmarks/validity.py (docs/results/validity.json, ``summary.fit``).
STRETCHING = 0.374
BENDING = 0.549
#: Share of a strut that its two ends are shortened by at the most.
_MOST = 0.9


def crowding(graph: PeriodicGraph, radii: np.ndarray) -> str | None:
    """Why struts of radii (m,) in a primitive cell are no struts but a perforated solid, in words,
    or None.
    """
    if (graph.overlaps(radii) > graph.lengths[:, None] / 2).any():
        return "struts overlap beyond their middle"
    if graph.smallest_gap() < 2 * radii.max():
        return "struts touch that share no node"
    return None


def solid_stiffness(
    graph: PeriodicGraph,
    relative_density: float,
    poisson_ratio: float = POISSON_RATIO,
    shares: tuple[float, float] = (STRETCHING, BENDING),
) -> np.ndarray:
    """Estimate (21,) of the stiffness of a lattice as a solid of its struts, of the beams' radii;
    base modulus 1.

    Where struts merge, they hardly deform: beams are shortened at both ends by ``shares`` of the
    length by which they overlap with others (`PeriodicGraph.overlaps`), the first in tension, the
    second in bending, shear and torsion.

    >>> from trussmap.lattice.elementary import elementary_lattice
    >>> float(solid_stiffness(elementary_lattice(0), 0.03)[0] / 0.01) > 1.03  # simple cubic; beams would have 0.01
    True
    """
    radii = graph.radii(relative_density)
    length = graph.lengths
    overlap = graph.overlaps(radii)
    stretched, bent = (np.minimum(share * overlap, _MOST / 2 * length[:, None]) for share in shares)
    k = beam_stiffness(length - bent.sum(1), radii, poisson_ratio)
    axial = np.pi * radii**2 / (length - stretched.sum(1))
    k[:, [0, 6], [0, 6]] = axial[:, None]
    k[:, [0, 6], [6, 0]] = -axial[:, None]
    # Rigid ends: where the beam begins, the strut has moved by rotation times distance, too.
    arm = np.tile(np.eye(12), (len(length), 1, 1))
    arm[:, 1, 5] = bent[:, 0]
    arm[:, 2, 4] = -bent[:, 0]
    arm[:, 7, 11] = -bent[:, 1]
    arm[:, 8, 10] = bent[:, 1]
    return homogenize_elements(graph, arm.transpose(0, 2, 1) @ k @ arm)
