"""A slow, plain solver to check the engine against, of any struts: one cell at a time, no symmetry,
scipy.sparse.

It assembles the textbook 12×12 stiffness matrices of Timoshenko beams in the beams' own axes and
turns them, where the engine works with strains of struts, so that the two share no formula
(Przemieniecki, Theory of Matrix Structural Analysis, 1968, section 5.6).
"""

import numpy as np
from scipy.sparse import coo_matrix, csc_matrix
from scipy.sparse.linalg import splu

from trussmap.lattice.graph import PeriodicGraph
from trussmap.tensors.stiffness import PAIRS, POISSON_RATIO, pack


def beam_stiffness(length: np.ndarray, radius: np.ndarray, poisson_ratio: float) -> np.ndarray:
    """Stiffness (m, 12, 12) of Timoshenko beams of lengths and radii (m,) along x; per end 3 u, 3
    θ.
    """
    shear_modulus = 1 / (2 * (1 + poisson_ratio))
    area = np.pi * radius**2
    inertia = np.pi * radius**4 / 4
    kappa = 6 * (1 + poisson_ratio) / (7 + 6 * poisson_ratio)
    phi = 12 * inertia / (kappa * shear_modulus * area * length**2)
    k = np.zeros((12, 12, len(length)))
    for start, value in ((0, area / length), (3, shear_modulus * 2 * inertia / length)):
        k[start, start] = k[start + 6, start + 6] = value
        k[start, start + 6] = k[start + 6, start] = -value
    a = inertia / (length**3 * (1 + phi))
    one = np.ones_like(length)
    for v, turn, sign in ((1, 5, 1), (2, 4, -1)):
        index = [v, turn, v + 6, turn + 6]
        s = sign * 6 * length
        p = (4 + phi) * length**2
        m = (2 - phi) * length**2
        rows = [
            [12 * one, s, -12 * one, s],
            [s, p, -s, m],
            [-12 * one, -s, 12 * one, -s],
            [s, m, -s, p],
        ]
        k[np.ix_(index, index)] = a * np.array(rows)
    return k.transpose(2, 0, 1)


def homogenize_reference(
    graph: PeriodicGraph, relative_density: float, poisson_ratio: float = POISSON_RATIO
) -> np.ndarray:
    """Effective stiffness (21,) of one PeriodicGraph, base modulus 1."""
    return homogenize_elements(
        graph, beam_stiffness(graph.lengths, graph.radii(relative_density), poisson_ratio)
    )


def homogenize_elements(graph: PeriodicGraph, elements: np.ndarray) -> np.ndarray:
    """Effective stiffness (21,) of one PeriodicGraph whose struts have the stiffness ``elements``
    (m, 12, 12).

    They are as of `beam_stiffness`, from the first node of a strut to the second; circular, so that
    any axes across do.
    """
    return pack(end_forces(graph, elements)[0])


def end_forces(graph: PeriodicGraph, elements: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Effective stiffness (6, 6), and forces on the ends of the struts (m, 12, 6) under the six
    unit strains.

    Forces are in the axes of each strut and in the order of its degrees of freedom: three forces
    and three moments on its first end and on its second; force 6 is the axial force, positive in
    tension.
    """
    vectors = graph.vectors
    lengths = graph.lengths
    macroscopic = np.zeros((6, 3, 3))
    for e, (p, q) in enumerate(PAIRS):
        macroscopic[e, p, q] = macroscopic[e, q, p] = 1.0 if p == q else 0.5
    turn = _turns(vectors / lengths[:, None])
    k = turn.transpose(0, 2, 1) @ elements @ turn
    # The far end follows ε·x relative to the near one.
    displacement = np.zeros((len(vectors), 12, 6))
    displacement[:, 6:9] = np.einsum("epq,mq->mpe", macroscopic, vectors)
    size = 6 * len(graph.nodes)
    dofs, matrix = _assembled(k, graph.struts, size)
    force = np.zeros((size, 6))
    np.add.at(force, dofs, k @ displacement)
    fluctuation = np.zeros((size, 6))
    # Holding the first node removes the rigid translation.
    fluctuation[3:] = -splu(matrix[3:, 3:], permc_spec="MMD_AT_PLUS_A").solve(force[3:])
    displacement = turn @ (displacement + fluctuation[dofs])
    forces = elements @ displacement
    # Energy of the total field, not C⁰ - Fᵀ K⁻¹ F: no cancellation, so that it judges
    # bending-dominated cells too.
    return np.einsum("mke,mkf->ef", displacement, forces) / graph.volume, forces


def frame_matrix(nodes: np.ndarray, struts: np.ndarray, elements: np.ndarray) -> csc_matrix:
    """Stiffness (6n, 6n) of a finite frame of struts (m, 2) between nodes (n, 3); per node 3 u, 3
    θ.

    ``elements`` (m, 12, 12) are as of `beam_stiffness`.
    """
    vectors = nodes[struts[:, 1]] - nodes[struts[:, 0]]
    turn = _turns(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    return _assembled(turn.transpose(0, 2, 1) @ elements @ turn, struts, 6 * len(nodes))[1]


def _turns(axis):
    """Turns (m, 12, 12) of the ends' degrees of freedom into the axes of struts along ``axis`` (m,
    3).
    """
    second = np.cross(axis, np.eye(3)[np.abs(axis).argmin(1)])
    second /= np.linalg.norm(second, axis=1, keepdims=True)
    turn = np.zeros((len(axis), 12, 12))
    for end in range(0, 12, 3):
        turn[:, end : end + 3, end : end + 3] = np.stack([axis, second, np.cross(axis, second)], 1)
    return turn


def _assembled(elements, struts, size):
    """Degrees of freedom (m, 12) of the struts, and the sum of their elements."""
    dofs = (6 * struts[:, :, None] + np.arange(6)).reshape(-1, 12)
    rows, columns = np.broadcast_arrays(dofs[:, :, None], dofs[:, None])
    return dofs, coo_matrix(
        (elements.ravel(), (rows.ravel(), columns.ravel())), (size, size)
    ).tocsc()
