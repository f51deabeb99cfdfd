"""A slow, plain solver to check the engine against: one cell at a time, no symmetry, scipy.sparse.

It assembles the textbook 12×12 stiffness matrix of a Timoshenko beam in the beam's own axes and turns it, where the
engine works with strains of struts, so that the two share no formula (Przemieniecki, Theory of Matrix Structural
Analysis, 1968, section 5.6).
"""

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import spsolve

from trussmap.stiffness import PAIRS, POISSON_RATIO, pack


def beam_stiffness(length, radius, poisson_ratio=POISSON_RATIO):
    """Stiffness (12, 12) of a Timoshenko beam of circular section along its x axis, E = 1; per end 3 u, 3 θ."""
    shear_modulus = 1 / (2 * (1 + poisson_ratio))
    area, inertia = np.pi * radius**2, np.pi * radius**4 / 4
    kappa = 6 * (1 + poisson_ratio) / (7 + 6 * poisson_ratio)
    phi = 12 * inertia / (kappa * shear_modulus * area * length**2)
    k = np.zeros((12, 12))
    for start, value in ((0, area / length), (3, shear_modulus * 2 * inertia / length)):
        k[start, start] = k[start + 6, start + 6] = value
        k[start, start + 6] = k[start + 6, start] = -value
    a = inertia / (length**3 * (1 + phi))
    for v, turn, sign in ((1, 5, 1), (2, 4, -1)):
        index = [v, turn, v + 6, turn + 6]
        s = sign * 6 * length
        p, m = (4 + phi) * length**2, (2 - phi) * length**2
        k[np.ix_(index, index)] = a * np.array([[12, s, -12, s], [s, p, -s, m], [-12, -s, 12, -s], [s, m, -s, p]])
    return k


def homogenize_reference(graph, relative_density):
    """Effective stiffness (21,) of one PeriodicGraph, base modulus 1."""
    vectors, lengths = graph.vectors, graph.lengths
    radius = graph.radius(relative_density)
    size = 6 * len(graph.nodes)
    macroscopic = np.zeros((6, 3, 3))
    for e, (p, q) in enumerate(PAIRS):
        macroscopic[e, p, q] = macroscopic[e, q, p] = 1.0 if p == q else 0.5
    rows, columns, values = [], [], []
    force, energy = np.zeros((size, 6)), np.zeros((6, 6))
    for (i, j), vector, length in zip(graph.struts, vectors, lengths, strict=True):
        axis = vector / length
        helper = np.eye(3)[np.argmin(np.abs(axis))]
        second = np.cross(axis, helper)
        second /= np.linalg.norm(second)
        frame = np.kron(np.eye(4), np.stack([axis, second, np.cross(axis, second)]))
        k = frame.T @ beam_stiffness(length, radius) @ frame
        prescribed = np.zeros((12, 6))
        prescribed[6:9] = (macroscopic @ vector).T  # the far end follows ε·x relative to the near one
        dofs = np.concatenate([6 * i + np.arange(6), 6 * j + np.arange(6)])
        rows.append(np.repeat(dofs, 12))
        columns.append(np.tile(dofs, 12))
        values.append(k.ravel())
        np.add.at(force, dofs, k @ prescribed)
        energy += prescribed.T @ k @ prescribed
    matrix = coo_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), (size, size)).tocsc()
    free = np.arange(3, size)  # holding one node removes the rigid translation
    fluctuation = np.zeros((size, 6))
    fluctuation[free] = -spsolve(matrix[free][:, free], force[free]).reshape(len(free), 6)
    # Energy of the total field, not C⁰ - Fᵀ K⁻¹ F: no cancellation, so that it judges bending-dominated cells too.
    stiffness = energy + force.T @ fluctuation + fluctuation.T @ force + fluctuation.T @ (matrix @ fluctuation)
    return pack(stiffness / graph.volume)
