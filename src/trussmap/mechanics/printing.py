"""What errors of a printer do to the stiffness of a lattice: Monte Carlo on its whole unit cell,
without symmetry.

Every strut and every node of the cell errs on its own; neighbouring cells err alike, for the cell
stays periodic. In a print of many cells errors average out: it comes closer to the mean of these
cells than one of them does.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from trussmap.base.streams import stream
from trussmap.lattice.graph import PeriodicGraph
from trussmap.lattice.symmetry import reduce_by_symmetry
from trussmap.mechanics.homogenization.engine import homogenize_topologies
from trussmap.mechanics.homogenization.symbolic import concatenate, factorize
from trussmap.tensors.measures import log_euclidean, relative_error
from trussmap.tensors.stiffness import POISSON_RATIO

#: What `sensitivity` says of a lattice.
SENSITIVITY = (
    "printing_relative_error",
    "printing_relative_error_p95",
    "printing_log_euclidean",
    "printing_log_euclidean_p95",
)
# Share of its diameter that a strut keeps at least.
_LEAST = 0.1


class PrintingErrors(NamedTuple):
    """Normal errors of a printer.

    Attributes
    ----------
    diameter : standard deviation of a strut's diameter, as a share of it
    node : standard deviation of each coordinate of a node, as a share of the edge of a cube of the
        unit cell's volume
    samples, seed : number of erring cells, and what they are drawn by
    width : a further standard deviation of a strut's diameter, as a share of that edge
    """

    diameter: float = 0.0
    node: float = 0.0
    samples: int = 200
    seed: int = 0
    width: float = 0.0


def sensitivity(stiffness: np.ndarray) -> dict[str, float]:
    """How far cells with errors are from the one without, of `erring_stiffness` (1 + samples, 21):
    SENSITIVITY.

    That is mean and 95th percentile of ‖ΔC‖/‖C‖ and of the log-Euclidean distance
    (`trussmap.tensors.measures`).

    >>> from trussmap.lattice.elementary import elementary_lattice
    >>> errors = PrintingErrors(diameter=0.01, samples=1000)
    >>> off = sensitivity(erring_stiffness(elementary_lattice(0), 0.01, errors))
    >>> round(off["printing_relative_error"], 3)  # simple cubic: each strut is alone with its stiffness, 2 % off
    0.018
    """
    said = []
    for measure in (relative_error, log_euclidean):
        off = measure(stiffness[1:], stiffness[0])
        said += [float(off.mean()), float(np.quantile(off, 0.95))]
    return dict(zip(SENSITIVITY, said, strict=True))


def erring_cells(
    graph: PeriodicGraph, relative_density: float, errors: PrintingErrors
) -> tuple[np.ndarray, np.ndarray]:
    """Radii (1 + samples, m) of the struts and shifts (1 + samples, n, 3) of the nodes of erring
    cells, none first.

    They follow from the seed and the numbers of struts and nodes. A strut keeps a tenth of its
    diameter at least.
    """
    generator = np.random.default_rng(stream(errors.seed, "printing errors"))
    radii = graph.radii(relative_density)
    edge = graph.volume ** (1 / 3)
    deviation = np.hypot(errors.diameter, errors.width * edge / (2 * radii))
    scales = 1 + deviation * generator.standard_normal((errors.samples, len(graph.struts)))
    shifts = errors.node * edge * generator.standard_normal((errors.samples, len(graph.nodes), 3))
    scales = np.concatenate([np.ones_like(scales[:1]), np.maximum(scales, _LEAST)])
    return radii * scales, np.concatenate([np.zeros_like(shifts[:1]), shifts])


def erring_stiffness(
    graph: PeriodicGraph,
    relative_density: float,
    errors: PrintingErrors,
    threads: int | None = None,
    poisson_ratio: float = POISSON_RATIO,
) -> np.ndarray:
    """Effective stiffness (1 + samples, 21) of the `erring_cells` of a lattice, the nominal one
    first.
    """
    radii, shifts = erring_cells(graph, relative_density, errors)
    sections = np.pi * radii**2
    i, j = graph.struts.T
    lengths = np.linalg.norm(graph.vectors + shifts[:, j] - shifts[:, i], axis=-1)
    density = (sections * lengths).sum(1) / graph.volume
    # Where all cross-sections differ no symmetry is left, but for one that every strut and so every
    # error keeps.
    marked = replace(graph, areas=1 + np.arange(len(i)) / len(i))
    reduced = reduce_by_symmetry(marked)
    areas = np.empty((len(density), len(reduced.areas)))
    areas[:, reduced.graph_struts] = sections
    # Shifts of the nodes that the engine moves, up to a translation of all.
    moves = np.zeros((len(graph.nodes), len(reduced.moving)))
    moves[np.arange(len(moves)), reduced.graph_nodes] = reduced.graph_signs
    moves = np.column_stack([moves[:, reduced.moving], np.ones(len(moves))])
    shifts = np.einsum("mn,snk->smk", np.linalg.pinv(moves), shifts)[:, :-1]
    cell = np.zeros(len(density), int)
    maps = np.broadcast_to(np.eye(3), (len(density), 3, 3))
    options = {"threads": threads, "poisson_ratio": poisson_ratio, "areas": areas, "shifts": shifts}
    return homogenize_topologies(
        cell, maps, density, **options, lattices=concatenate([factorize(reduced)])
    )
