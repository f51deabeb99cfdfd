"""The symbolic half of homogenization: what to add and what to eliminate, worked out once per topology.

The reduced problem (architecture.md §4) in 3×3 blocks: every independent node has a rotation block and, where it can
move, a displacement block. Two more block rows at the end carry the six macroscopic strains, so that eliminating all
blocks of the nodes from

    | K   F |
    | Fᵀ  C⁰|

leaves exactly C⁰ − Fᵀ K⁻¹ F, the energy of the unit strains per cell. Only blocks of the Cholesky factor that can be
non-zero are stored; their order, and the products that each of them takes, are fixed here.
"""

from dataclasses import dataclass

import numpy as np

# Kinds of 3×3 blocks that a strut contributes (kernel._strut_blocks).
KIND_B, KIND_S, KIND_ST, KIND_TD, KIND_TMD, KIND_E0B, KIND_E1B, KIND_E0S, KIND_E1S, KIND_E00, KIND_E10, KIND_E11 = (
    range(12)
)


@dataclass(frozen=True)
class Program:
    """Block program of one lattice.

    Attributes
    ----------
    vectors : (m, 3) strut vectors of the unmapped primitive cell; ``weights``, ``areas`` : (m,)
    volume : unmapped
    adds : (a, 3) strut contributions: strut, target block, kind; ``factors`` (a,) their coefficients
    targets : (t, 3) elimination steps in order: block, diagonal block of its column, number of products
    pairs : (p, 2) the products' two blocks, in the order of the targets
    blocks : number of stored blocks; ``strain_blocks`` : (3,) the blocks of the result (normal, coupling, shear)
    rows : back substitution: (r, 4) for every column from the last: diagonal block, its two strain blocks, column
    below : (b, 2) block and column index of the entries below each diagonal; ``below_end`` (r,)
    ends : (m, 6) displacement column, rotation column and displacement sign at both ends; column -1: none
    """

    vectors: np.ndarray
    weights: np.ndarray
    areas: np.ndarray
    volume: float
    adds: np.ndarray
    factors: np.ndarray
    targets: np.ndarray
    pairs: np.ndarray
    blocks: int
    strain_blocks: np.ndarray
    rows: np.ndarray
    below: np.ndarray
    below_end: np.ndarray
    ends: np.ndarray


def _minimum_degree(neighbours):
    """Elimination order of the blocks by least degree, and the filled pattern below each of them."""
    neighbours = [set(n) for n in neighbours]
    left, order, below = set(range(len(neighbours))), [], []
    while left:
        k = min(left, key=lambda i: (len(neighbours[i]), i))
        left.remove(k)
        clique = neighbours[k]
        for i in clique:
            neighbours[i] |= clique
            neighbours[i] -= {i, k}
        order.append(k)
        below.append(clique)
    return order, below


def compile_program(lattice, areas=None):
    """Program of a ReducedLattice; ``areas`` (m,) are relative cross-sections of all struts of the graph."""
    moving = lattice.moving
    rotation = np.cumsum(np.ones(len(moving), dtype=int) + moving) - 1
    displacement = np.where(moving, rotation - 1, -1)
    count = int(len(moving) + moving.sum())
    ends = np.stack(
        [displacement[lattice.nodes], rotation[lattice.nodes], lattice.signs],
        axis=-1,
    )

    neighbours = [set() for _ in range(count)]
    for strut in ends:
        touched = {block for block in strut[:, :2].ravel() if block >= 0}
        for block in touched:
            neighbours[block] |= touched - {block}
    order, below = _minimum_degree(neighbours)
    rank = np.empty(count, dtype=int)
    rank[order] = np.arange(count)
    below = [[*sorted(rank[list(b)].tolist()), count, count + 1] for b in below]

    block = {}
    for column in range(count):
        block[column, column] = len(block)
        for row in below[column]:
            block[row, column] = len(block)
    for row, column in ((count, count), (count + 1, count), (count + 1, count + 1)):
        block[row, column] = len(block)

    ends[..., 0] = np.where(ends[..., 0] >= 0, rank[ends[..., 0]], -1)
    ends[..., 1] = rank[ends[..., 1]]
    sums = {}
    for strut, ((ui, ri, si), (uj, rj, sj)) in enumerate(ends.tolist()):

        def add(row, column, kind, factor, strut=strut):
            if row < 0 or column < 0:
                return
            if row < column:  # only the lower triangle is stored; S is antisymmetric, the other kinds symmetric
                row, column, kind = column, row, KIND_ST if kind == KIND_S else kind
            key = (strut, block[row, column], kind)
            sums[key] = sums.get(key, 0.0) + factor

        def add_pair(first, second, kind, factor, add=add):
            add(first, second, kind, factor * (2 if first == second else 1))

        add(ui, ui, KIND_B, 1.0)
        add(uj, uj, KIND_B, 1.0)
        add_pair(ui, uj, KIND_B, -float(si * sj))
        add(ri, ri, KIND_TD, 1.0)
        add(rj, rj, KIND_TD, 1.0)
        add_pair(ri, rj, KIND_TMD, 1.0)
        for node, sign in ((uj, sj), (ui, -si)):
            for turn in (ri, rj):
                add(node, turn, KIND_S, float(sign))
            add(count, node, KIND_E0B, float(sign))
            add(count + 1, node, KIND_E1B, float(sign))
        for turn in (ri, rj):
            add(count, turn, KIND_E0S, 1.0)
            add(count + 1, turn, KIND_E1S, 1.0)
        add(count, count, KIND_E00, 1.0)
        add(count + 1, count, KIND_E10, 1.0)
        add(count + 1, count + 1, KIND_E11, 1.0)

    left = [[] for _ in range(count + 2)]  # columns with an entry in a row, for the products of a target
    for column in range(count):
        for row in below[column]:
            left[row].append(column)
    targets, pairs = [], []
    for row, column in block:
        products = [
            (block[row, k], block[column, k]) for k in left[column] if k < min(column, count) and (row, k) in block
        ]
        targets.append((block[row, column], block[column, column] if column < count else -1, len(products)))
        pairs += products

    rows, below_flat, below_end = [], [], []
    for column in reversed(range(count)):
        rows.append((block[column, column], block[count, column], block[count + 1, column], column))
        below_flat += [(block[row, column], row) for row in below[column] if row < count]
        below_end.append(len(below_flat))

    keys = sorted(key for key, factor in sums.items() if factor)
    return Program(
        vectors=lattice.vectors,
        weights=lattice.weights,
        areas=np.ones(len(lattice.vectors)) if areas is None else np.asarray(areas, float)[lattice.strut_index],
        volume=lattice.volume,
        adds=np.array(keys, dtype=np.int32),
        factors=np.array([sums[key] for key in keys]),
        targets=np.array(targets, dtype=np.int32),
        pairs=np.array(pairs, dtype=np.int32).reshape(-1, 2),
        blocks=len(block),
        strain_blocks=np.array([block[count, count], block[count + 1, count], block[count + 1, count + 1]], np.int32),
        rows=np.array(rows, dtype=np.int32),
        below=np.array(below_flat, dtype=np.int32).reshape(-1, 2),
        below_end=np.array(below_end, dtype=np.int32),
        ends=ends.reshape(-1, 6).astype(np.int32),
    )
