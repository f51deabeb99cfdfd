"""Homogenization of large lattices, one at a time: nested dissection and a sparse factorization.

The energy is that of the engine (`kernel.element_blocks`), after the same symmetry reduction. The
stiffness is the energy of the whole displacement field and not C⁰ − Fᵀ K⁻¹ F: nothing cancels in
cells that bend, and an error of the fluctuation counts by its square.

The matrix is symmetric and positive definite, so SuperLU may take its pivots from the diagonal
(``SymmetricMode``). METIS orders the nodes, which halves the factors of minimum degree.
"""

import os
from importlib import import_module
from importlib.util import find_spec

import numpy as np
from scipy.sparse import coo_matrix, csc_matrix, csr_matrix
from scipy.sparse.linalg import splu

from trussmap.base.errors import InputError
from trussmap.lattice.symmetry import ReducedLattice
from trussmap.tensors.stiffness import PAIRS, POISSON_RATIO, pack

# It has no wheels for Windows and for Linux on ARM.
pymetis = import_module("pymetis") if find_spec("pymetis") else None

# Bytes for each number in the two factors, with its index and what SuperLU copies as it grows.
_BYTES = 16
# Numbers that the 32-bit indices of SuperLU can count.
_MOST_NUMBERS = 2**31 - 1
# Complex step: its square is lost in rounding, so that derivatives have no truncation error.
_STEP = 1e-20


def homogenize_sparse(
    lattice: ReducedLattice,
    deformation: np.ndarray,
    relative_density: float,
    gradient: bool = False,
    poisson_ratio: float = POISSON_RATIO,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Effective stiffness (21,) of one lattice under a map (3, 3), and its derivatives.

    The derivatives (21, 10) are by the nine entries of the map, row by row, and by the density;
    None without ``gradient``. The fluctuation is held (envelope theorem), so they are those of an
    explicit energy and the complex step is exact (Squire & Trapp, SIAM Review 40, 1998).

    Raises
    ------
    InputError : the factors do not fit into the memory of this machine
    """
    fluctuation = _fluctuation(lattice, deformation, relative_density, poisson_ratio)
    energy = _energy(lattice, deformation, relative_density, poisson_ratio, fluctuation)
    if not gradient:
        return pack(energy), None

    slopes = np.empty((21, 10))
    for column in range(10):
        moved = np.append(deformation, relative_density).astype(complex)
        moved[column] += 1j * _STEP
        energies = _energy(lattice, moved[:9].reshape(3, 3), moved[9], poisson_ratio, fluctuation)
        slopes[:, column] = pack(energies.imag) / _STEP
    return pack(energy), slopes


def _moduli(
    lattice: ReducedLattice, deformation: np.ndarray, density: complex, poisson_ratio: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, complex]:
    """Vectors (m, 3) and moduli B, D (m, 3, 3) of the struts, by weight; volume of the cell.

    The energy of a strut is ½ (w·B w + δ·D δ), as in `kernel.element_blocks`. Every step is
    analytic, for the complex step.
    """
    vectors = lattice.vectors @ deformation.T
    square = (vectors**2).sum(1)
    length = np.sqrt(square)
    determinant = np.linalg.det(deformation)
    volume = determinant * np.sign(determinant.real) * lattice.volume

    area = lattice.areas * density * volume / (lattice.weights * lattice.areas * length).sum()
    axial = lattice.weights * area / length
    bending = axial * area / (4 * np.pi)
    shear = 12 * bending / (square + (7 + 6 * poisson_ratio) / np.pi * area)
    twist = -poisson_ratio / (1 + poisson_ratio) * bending

    outer = vectors[:, :, None] * vectors[:, None] / square[:, None, None]
    moduli = []
    for across, along in ((shear, axial - shear), (bending, twist)):
        moduli.append(across[:, None, None] * np.eye(3) + along[:, None, None] * outer)
    return vectors, *moduli, volume


def _energy(
    lattice: ReducedLattice,
    deformation: np.ndarray,
    density: complex,
    poisson_ratio: float,
    fluctuation: np.ndarray,
) -> np.ndarray:
    """Energies (6, 6) of the unit strains per volume, given the fluctuation (nodes, 2, 3, 6)."""
    vectors, resist, turn, volume = _moduli(lattice, deformation, density, poisson_ratio)
    near = fluctuation[lattice.nodes[:, 0]]
    far = fluctuation[lattice.nodes[:, 1]]
    signs = lattice.signs[:, :, None, None]
    middle = (near[:, 1] + far[:, 1]) / 2

    w = signs[:, 1] * far[:, 0] - signs[:, 0] * near[:, 0] + _affine(vectors)
    w = w + np.cross(vectors[:, :, None], middle, axis=1)
    delta = far[:, 1] - near[:, 1]
    energy = np.einsum("mpe,mpf->ef", w, resist @ w)
    return (energy + np.einsum("mpe,mpf->ef", delta, turn @ delta)) / volume


def _affine(vectors: np.ndarray) -> np.ndarray:
    """Displacement (m, 3, 6) along struts (m, 3) under the six unit strains."""
    strains = np.zeros((6, 3, 3))
    for strain, (p, q) in zip(strains, PAIRS, strict=True):
        strain[p, q] += 0.5
        strain[q, p] += 0.5
    return np.einsum("epq,mq->mpe", strains, vectors)


def _fluctuation(
    lattice: ReducedLattice,
    deformation: np.ndarray,
    density: float,
    poisson_ratio: float,
) -> np.ndarray:
    """Displacement and rotation (nodes, 2, 3, 6) of each node under the six unit strains."""
    order, method = _order(lattice)
    places, size = _places(lattice.moving, order)
    strains, stresses, forces = _elements(lattice, deformation, density, poisson_ratio)
    dofs = places[lattice.nodes].reshape(-1, 12)
    matrix = _assembled(strains.swapaxes(1, 2) @ stresses, dofs, size)
    force = np.zeros((size + 1, 6))
    np.add.at(force, dofs, forces)
    del strains, stresses, forces

    try:
        factors = splu(
            matrix,
            permc_spec=method,
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )
    except MemoryError:
        raise _too_large(lattice, "more memory than this machine has") from None
    solution = np.zeros((size + 1, 6))
    solution[:size] = -factors.solve(force[:size])
    return solution[places].reshape(-1, 2, 3, 6)


def _places(moving: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, int]:
    """Row (nodes, 6) of each displacement and rotation in an order (nodes,), and their number.

    Displacements of nodes that do not move share one further row, the last.
    """
    free = np.ones((len(moving), 6), bool)
    free[:, :3] = moving[:, None]
    free = free[order]
    size = int(free.sum())
    places = np.empty(free.shape, np.int32)
    places[order] = np.where(free, np.cumsum(free).reshape(free.shape) - 1, size)
    return places, size


def _elements(
    lattice: ReducedLattice,
    deformation: np.ndarray,
    density: float,
    poisson_ratio: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Strains w, δ and stresses (m, 6, 12) of the struts by displacement and rotation of both ends.

    The third are the forces (m, 12, 6) on the ends under the six unit strains.
    """
    vectors, resist, turn, _ = _moduli(lattice, deformation, density, poisson_ratio)
    strains = np.zeros((len(vectors), 6, 12))
    axes = np.arange(3)
    for end, side in ((0, -1), (6, 1)):
        strains[:, axes, end + axes] = side * lattice.signs[:, end // 6, None]
        strains[:, :3, end + 3 : end + 6] = np.cross(vectors[:, None], np.eye(3) / 2).swapaxes(1, 2)
        strains[:, 3 + axes, end + 3 + axes] = side
    stresses = np.concatenate([resist @ strains[:, :3], turn @ strains[:, 3:]], 1)
    return strains, stresses, stresses[:, :3].swapaxes(1, 2) @ _affine(vectors)


def _assembled(elements: np.ndarray, dofs: np.ndarray, size: int) -> csc_matrix:
    """Sum (size, size) of matrices (m, 12, 12) of struts, without the row that does not move."""
    rows, columns = np.broadcast_arrays(dofs[:, :, None], dofs[:, None])
    entries = (elements.ravel(), (rows.ravel(), columns.ravel()))
    return coo_matrix(entries, (size + 1, size + 1)).tocsc()[:size, :size]


def _order(lattice: ReducedLattice) -> tuple[np.ndarray, str]:
    """Order (nodes,) of elimination, and what SuperLU does with the columns after it.

    Without METIS, SuperLU orders them by minimum degree.
    """
    count = len(lattice.moving)
    if pymetis is None:
        return np.arange(count), "MMD_AT_PLUS_A"

    ends = lattice.nodes[lattice.nodes[:, 0] != lattice.nodes[:, 1]]
    ends = np.concatenate([ends, ends[:, ::-1]])
    graph = csr_matrix((np.ones(len(ends)), ends.T), (count, count))
    adjacency = pymetis.CSRAdjacency(graph.indptr, graph.indices)
    order = np.array(pymetis.nested_dissection(adjacency)[0])

    numbers = 72 * _filled(graph[order][:, order]) + 36 * count
    if numbers > _MOST_NUMBERS:
        raise _too_large(lattice, f"{numbers / 1e9:.1f} billion numbers, SuperLU counts to 2.1")
    if numbers * _BYTES > _memory():
        needed = f"{numbers * _BYTES / 2**30:.0f} GiB of memory"
        raise _too_large(lattice, f"{needed}, this machine has {_memory() / 2**30:.0f}")
    return order, "NATURAL"


def _filled(graph: csr_matrix) -> int:
    """Number of pairs of nodes whose block of a Cholesky factor fills, in the order of the graph.

    Davis, Direct Methods for Sparse Linear Systems (2006), section 4.1: the row of a node holds
    the ways in the elimination tree from its earlier neighbours up to it.
    """
    starts = graph.indptr.tolist()
    neighbours = graph.indices.tolist()
    parent = [-1] * graph.shape[0]
    seen = [-1] * graph.shape[0]
    filled = 0
    for node in range(graph.shape[0]):
        seen[node] = node
        for other in neighbours[starts[node] : starts[node + 1]]:
            while other < node and seen[other] != node:
                if parent[other] < 0:
                    parent[other] = node
                seen[other] = node
                other = parent[other]
                filled += 1
    return filled


def _memory() -> float:
    """Memory of this machine in bytes; without limit where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return float("inf")


def _too_large(lattice: ReducedLattice, why: str) -> InputError:
    return InputError(
        f"a lattice of {len(lattice.vectors):,} struts and {len(lattice.moving):,} nodes that "
        f"symmetry"
        f" tells apart is too large: its factorization needs {why}; expected a smaller cell."
    )
