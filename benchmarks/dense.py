"""A batched solver in vectorised NumPy: dense matrices of many designs of one topology, solved by
LAPACK.

It uses the symmetry reduction of the engine and nothing else of it. The energy of a beam is ½ (w·B
w + δ·D δ) with w = Δu + l × θ̄ + ε·l, B = ks + kp l⊗l, D = kd + kt l⊗l (l the strut vector, δ and
θ̄ difference and mean of the end rotations), so every entry of the matrix is a sum of ks, kp, kd,
kt times monomials of l with constant coefficients: 48 features of a strut, which one sparse product
per topology turns into the matrices of all designs.
"""

from functools import cache
from itertools import combinations_with_replacement, product

import numpy as np
from scipy.sparse import coo_matrix

from trussmap.lattice import compound, descriptor
from trussmap.lattice.symmetry import reduce_by_symmetry
from trussmap.tensors.stiffness import PAIRS, POISSON_RATIO, pack

_CHUNK = 128  # solves at once: the matrices of one chunk stay in the cache
_SHEAR = (7 + 6 * POISSON_RATIO) / np.pi
_TWIST = POISSON_RATIO / (1 + POISSON_RATIO)
_MONOMIALS = [m for degree in range(5) for m in combinations_with_replacement(range(3), degree)]
# Which monomials multiply each of the four scalars.
_FEATURES = [
    (scalar, m)
    for scalar, degrees in (("ks", (0, 1, 2)), ("kp", (2, 3, 4)), ("kd", (0,)), ("kt", (2,)))
    for m in _MONOMIALS
    if len(m) in degrees
]


@cache
def _strut_tensor():
    """Energy (48, 15, 15) of each feature in terms of Δu (3), θ̄ (3), ε (6), δ (3)."""
    w = [[{} for _ in range(15)] for _ in range(3)]  # polynomials in l: {monomial: coefficient}
    for i in range(3):
        w[i][i] = {(): 1.0}
        j, k = (i + 1) % 3, (i + 2) % 3
        w[i][3 + k], w[i][3 + j] = {(j,): 1.0}, {(k,): -1.0}
    for e, (p, q) in enumerate(PAIRS.tolist()):
        half = 1.0 if p == q else 0.5
        w[p][6 + e] = {(q,): half}
        w[q][6 + e] = {(p,): half}
    turn = [[{(): 1.0} if c == 12 + i else {} for c in range(15)] for i in range(3)]
    number = {feature: k for k, feature in enumerate(_FEATURES)}
    tensor = np.zeros((len(_FEATURES), 15, 15))
    for strain, constant, along in ((w, "ks", "kp"), (turn, "kd", "kt")):
        for a, b in product(range(15), repeat=2):
            for i, j in product(range(3), repeat=2):
                for (m, x), (n, y) in product(strain[i][a].items(), strain[j][b].items()):
                    for scalar, powers in [(along, (i, j))] + [(constant, ())] * (i == j):
                        # What has no place is a monomial of l × θ̄ along l, which cancels.
                        place = number.get((scalar, tuple(sorted(m + n + powers))))
                        if place is not None:
                            tensor[place, a, b] += x * y
    return tensor


@cache
def _end_tensor(near, far):
    """Its non-zero entries (feature, row, column, value) in u, θ of both ends and ε, by the
    displacements' signs.
    """
    ends = np.zeros((15, 18))
    one = np.eye(3)
    ends[:3, 0:3], ends[:3, 6:9] = -near * one, far * one
    ends[3:6, 3:6] = ends[3:6, 9:12] = one / 2
    ends[6:12, 12:18] = np.eye(6)
    ends[12:15, 3:6], ends[12:15, 9:12] = -one, one
    tensor = ends.T @ _strut_tensor() @ ends
    place = np.nonzero(tensor)
    return *place, tensor[place]


@cache
def _assembly(topology):
    """ReducedLattice of a topology, its degrees of freedom, and the sparse map from features to
    matrix entries.
    """
    lattice = reduce_by_symmetry(compound.topologies()[0][topology])
    struts, moving = len(lattice.vectors), lattice.moving
    turn = np.cumsum(3 + 3 * moving) - 3
    shift = np.where(moving, turn - 3, 0)
    size = int(turn[-1]) + 3
    i, j = lattice.nodes.T
    first = np.stack(
        [shift[i], turn[i], shift[j], turn[j], np.full(struts, size), np.full(struts, size + 3)], 1
    )
    dofs = (first[:, :, None] + np.arange(3)).reshape(struts, 18)
    rows, columns, values = [], [], []
    for s, (near, far) in enumerate(lattice.signs.tolist()):
        feature, a, b, value = _end_tensor(near, far)
        rows.append(dofs[s, a] * (size + 6) + dofs[s, b])
        columns.append(feature * struts + s)
        values.append(value * lattice.weights[s])
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    scatter = coo_matrix(entries, ((size + 6) ** 2, len(_FEATURES) * struts)).tocsr()
    scatter.eliminate_zeros()
    return lattice, size, scatter


def prepare():
    """Work out everything that depends on the topology alone."""
    for topology in range(len(compound.topologies()[0])):
        _assembly(topology)


def _solve(topology, maps, density):
    """Effective stiffness (n, 6, 6) of one topology under maps (n, 3, 3)."""
    lattice, size, scatter = _assembly(topology)
    along = np.einsum("nij,mj->imn", maps, lattice.vectors)
    square = (along**2).sum(0)
    length = np.sqrt(square)
    volume = np.abs(np.linalg.det(maps)) * lattice.volume
    area = density * volume / (lattice.weights @ length)
    axial = area / length
    bend = axial * area / (4 * np.pi)
    shear = 12 * bend / (square + _SHEAR * area)
    scalars = {
        "ks": shear,
        "kp": (axial - shear) / square,
        "kd": bend,
        "kt": -_TWIST * bend / square,
    }
    monomials = {(): np.ones_like(square)}
    for m in _MONOMIALS[1:]:
        monomials[m] = monomials[m[:-1]] * along[m[-1]]
    features = np.stack([scalars[scalar] * monomials[m] for scalar, m in _FEATURES])
    matrix = (scatter @ features.reshape(-1, len(maps))).T.reshape(-1, size + 6, size + 6)
    force = matrix[:, :size, size:]
    relaxed = force.transpose(0, 2, 1) @ np.linalg.solve(matrix[:, :size, :size], force)
    return (matrix[:, size:, size:] - relaxed) / volume[:, None, None]


def homogenize(designs):
    """Effective stiffness (n, 2, 21) of designs (n, 19), after U and in full."""
    keys = np.repeat(descriptor.design_topology(designs), 2)
    maps = np.stack(
        [descriptor.orthotropic_map(designs), descriptor.deformation_map(designs)], 1
    ).reshape(-1, 3, 3)
    density = np.repeat(designs[:, descriptor.DENSITY], 2)
    out = np.empty((len(keys), 21))
    order = np.argsort(keys, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
        for start in range(0, len(group), _CHUNK):
            part = group[start : start + _CHUNK]
            out[part] = pack(_solve(keys[part[0]], maps[part], density[part]))
    return out.reshape(-1, 2, 21)
