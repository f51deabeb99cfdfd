"""Symbolic factorization: what to add and what to eliminate, worked out once per topology.

The reduced problem (architecture.md §4) in 3×3 blocks: every independent node has a rotation block
and, where it can move, a displacement block. Two more block rows at the end carry the six
macroscopic strains, so that eliminating all blocks of the nodes from

    | K   F |
    | Fᵀ  C⁰|

leaves exactly C⁰ − Fᵀ K⁻¹ F, the energy of the unit strains per cell. Only blocks of the Cholesky
factor that can be non-zero are stored, the three of the result last; their order, and the products
that each of them takes, are fixed here.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from trussmap.lattice.symmetry import ReducedLattice


class ElementBlock(IntEnum):
    """The 3×3 blocks of a strut's element matrix (`kernel.element_blocks`), named by row and
    column.
    """

    DISPLACEMENT_DISPLACEMENT = 0
    DISPLACEMENT_ROTATION = 1
    ROTATION_DISPLACEMENT = 2
    ROTATION_SAME_END = 3
    ROTATION_OTHER_END = 4
    NORMAL_DISPLACEMENT = 5
    SHEAR_DISPLACEMENT = 6
    NORMAL_ROTATION = 7
    SHEAR_ROTATION = 8
    NORMAL_NORMAL = 9
    SHEAR_NORMAL = 10
    SHEAR_SHEAR = 11


def _columns(*names):
    return np.dtype([(name, np.int32) for name in names])


#: Add ``factor`` times the block ``element`` of a strut's element matrix to ``block``.
CONTRIBUTION = _columns("strut", "element", "block", "factor")
#: Take the next ``products`` products from ``block`` and finish it; ``diagonal`` of its column, -1
#: in the result.
ELIMINATION = _columns("block", "diagonal", "products")
#: Back substitution of ``column``: its diagonal block, those of the normal and shear strains,
#: number of ``entries``.
SUBSTITUTION = _columns("column", "diagonal", "normal", "shear", "entries")
#: A ``block`` below the diagonal, and its ``row``.
ENTRY = _columns("block", "row")
_TABLES = ("struts", "contributions", "eliminations", "products", "substitutions", "entries")
#: Where the tables of a lattice begin; those of the struts are ``vectors`` … ``signs``.
STARTS = np.dtype([(name, np.int64) for name in _TABLES])


class SymbolicFactorization(NamedTuple):
    """Symbolic factorizations of one or several reduced lattices, table by table, end to end.

    Attributes
    ----------
    vectors : (m, 3) strut vectors of the unmapped primitive cells; ``weights``, ``areas`` : (m,)
    displacements, rotations : (m, 2) block row of the displacement (-1: none) and of the rotation
        at both ends
    signs : (m, 2) of the displacement at both ends, 0 where it vanishes
    moving : (m, 2) place of each end's node among those that move, 0 where it does not
    contributions : (a,) CONTRIBUTION, by strut
    eliminations : (e,) ELIMINATION, in order
    products : (p, 2) the two blocks of each product, in the order of the eliminations
    substitutions : (c,) SUBSTITUTION, from the last column to the first
    entries : (b,) ENTRY, in the order of the substitutions
    volumes, blocks, freedoms : (t,) unmapped volume, number of stored blocks, number of moving
        nodes of each lattice
    starts : (t + 1,) STARTS
    """

    vectors: np.ndarray
    weights: np.ndarray
    areas: np.ndarray
    displacements: np.ndarray
    rotations: np.ndarray
    signs: np.ndarray
    moving: np.ndarray
    contributions: np.ndarray
    eliminations: np.ndarray
    products: np.ndarray
    substitutions: np.ndarray
    entries: np.ndarray
    volumes: np.ndarray
    blocks: np.ndarray
    freedoms: np.ndarray
    starts: np.ndarray


def concatenate(factorizations: list[SymbolicFactorization]) -> SymbolicFactorization:
    """One SymbolicFactorization of several."""
    names = SymbolicFactorization._fields
    joined = {
        name: np.concatenate(parts) for name, *parts in zip(names, *factorizations, strict=True)
    }
    starts = np.zeros(len(joined["volumes"]) + 1, STARTS)
    for table in _TABLES:
        lengths = [np.diff(f.starts[table]) for f in factorizations]
        starts[table][1:] = np.cumsum(np.concatenate(lengths))
    return SymbolicFactorization(**joined | {"starts": starts})


def _minimum_degree(neighbours):
    """Elimination order of the blocks by least degree, and the filled pattern below each of them."""
    neighbours = [set(n) for n in neighbours]
    left = set(range(len(neighbours)))
    order = []
    below = []
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


def factorize(lattice: ReducedLattice) -> SymbolicFactorization:
    """SymbolicFactorization of a ReducedLattice."""
    moving = lattice.moving
    rotation = np.cumsum(np.ones(len(moving), dtype=int) + moving) - 1
    displacement = np.where(moving, rotation - 1, -1)
    count = int(len(moving) + moving.sum())
    displacements = displacement[lattice.nodes]
    rotations = rotation[lattice.nodes]

    neighbours: list[set[int]] = [set() for _ in range(count)]
    for ends in np.hstack([displacements, rotations]).tolist():
        touched = {row for row in ends if row >= 0}
        for row in touched:
            neighbours[row] |= touched - {row}
    order, below = _minimum_degree(neighbours)
    rank = np.empty(count, dtype=int)
    rank[order] = np.arange(count)
    # block rows of the macroscopic strains
    normal = count
    shear = count + 1
    below = [[*sorted(rank[list(b)].tolist()), normal, shear] for b in below]

    block: dict[tuple[int, int], int] = {}
    for column in range(count):
        block[column, column] = len(block)
        for row in below[column]:
            block[row, column] = len(block)
    for place in ((normal, normal), (shear, normal), (shear, shear)):
        block[place] = len(block)

    displacements = np.where(displacements >= 0, rank[displacements], -1)
    rotations = rank[rotations]
    contributions = _contributions(block, displacements, rotations, lattice.signs, normal, shear)

    # Columns with an entry in a row, for the products of a block.
    left: list[list[int]] = [[] for _ in range(count + 2)]
    for column in range(count):
        for row in below[column]:
            left[row].append(column)
    eliminations = []
    products = []
    for row, column in block:
        pairs = [
            (block[row, k], block[column, k])
            for k in left[column]
            if k < min(column, count) and (row, k) in block
        ]
        eliminations.append(
            (block[row, column], block[column, column] if column < count else -1, len(pairs))
        )
        products += pairs

    substitutions = []
    entries = []
    for column in reversed(range(count)):
        own = [(block[row, column], row) for row in below[column] if row < count]
        strains = block[normal, column], block[shear, column]
        substitutions.append((column, block[column, column], *strains, len(own)))
        entries += own

    tables = {
        "contributions": np.array(contributions, CONTRIBUTION),
        "eliminations": np.array(eliminations, ELIMINATION),
        "products": np.array(products, np.int32).reshape(-1, 2),
        "substitutions": np.array(substitutions, SUBSTITUTION),
        "entries": np.array(entries, ENTRY),
    }
    lengths = (len(lattice.vectors), *map(len, tables.values()))
    return SymbolicFactorization(
        vectors=lattice.vectors,
        weights=lattice.weights,
        areas=np.asarray(lattice.areas, float),
        displacements=displacements,
        rotations=rotations,
        signs=lattice.signs,
        moving=np.where(lattice.moving, np.cumsum(lattice.moving) - 1, 0)[lattice.nodes],
        **tables,
        volumes=np.array([lattice.volume]),
        blocks=np.array([len(block)]),
        freedoms=np.array([int(lattice.moving.sum())]),
        starts=np.array([(0,) * len(_TABLES), lengths], STARTS),
    )


def _contributions(block, displacements, rotations, signs, normal, shear):
    """Rows of CONTRIBUTION, sorted by strut, of struts with given block rows and signs (m, 2) at
    their ends.
    """
    sums = {}
    ends = zip(displacements.tolist(), rotations.tolist(), signs.tolist(), strict=True)
    for strut, ((ui, uj), (ri, rj), (si, sj)) in enumerate(ends):

        def add(row, column, element, factor, strut=strut):
            if row < 0 or column < 0:
                return
            if row < column:  # only the lower triangle is stored
                row, column = column, row
                if element == ElementBlock.DISPLACEMENT_ROTATION:  # the others are symmetric
                    element = ElementBlock.ROTATION_DISPLACEMENT
            key = (strut, block[row, column], element)
            sums[key] = sums.get(key, 0) + factor

        def add_pair(first, second, element, factor, add=add):
            add(first, second, element, factor * (2 if first == second else 1))

        add(ui, ui, ElementBlock.DISPLACEMENT_DISPLACEMENT, 1)
        add(uj, uj, ElementBlock.DISPLACEMENT_DISPLACEMENT, 1)
        add_pair(ui, uj, ElementBlock.DISPLACEMENT_DISPLACEMENT, -si * sj)
        add(ri, ri, ElementBlock.ROTATION_SAME_END, 1)
        add(rj, rj, ElementBlock.ROTATION_SAME_END, 1)
        add_pair(ri, rj, ElementBlock.ROTATION_OTHER_END, 1)
        for node, sign in ((uj, sj), (ui, -si)):
            for turn in (ri, rj):
                add(node, turn, ElementBlock.DISPLACEMENT_ROTATION, sign)
            add(normal, node, ElementBlock.NORMAL_DISPLACEMENT, sign)
            add(shear, node, ElementBlock.SHEAR_DISPLACEMENT, sign)
        for turn in (ri, rj):
            add(normal, turn, ElementBlock.NORMAL_ROTATION, 1)
            add(shear, turn, ElementBlock.SHEAR_ROTATION, 1)
        add(normal, normal, ElementBlock.NORMAL_NORMAL, 1)
        add(shear, normal, ElementBlock.SHEAR_NORMAL, 1)
        add(shear, shear, ElementBlock.SHEAR_SHEAR, 1)
    return [
        (strut, element, at, sums[strut, at, element])
        for strut, at, element in sorted(sums)
        if sums[strut, at, element]
    ]
