"""Stiffness tensors in Voigt form: packing, rotation, Mandel form, elastic surface, admissibility.

Voigt order 11, 22, 33, 23, 13, 12 with engineering shear strains, and any leading batch dimensions
``(...)``. Functions that say so take arrays or tensors.
"""

from functools import cache

import numpy as np

from trussmap.base.errors import InputError
from trussmap.tensors.rotation import Array

#: Tensor index pair of each Voigt index.
PAIRS = np.array([[0, 0], [1, 1], [2, 2], [1, 2], [0, 2], [0, 1]])
ROWS, COLUMNS = np.triu_indices(6)
#: The 21 constants, upper triangle row by row.
COMPONENTS = [f"C{i + 1}{j + 1}" for i, j in zip(ROWS, COLUMNS, strict=True)]
#: The nine constants of an orthotropic stiffness, and where they stand among the 21.
ORTHOTROPIC = ["C11", "C12", "C13", "C22", "C23", "C33", "C44", "C55", "C66"]
ORTHOTROPIC_INDEX = np.array([COMPONENTS.index(name) for name in ORTHOTROPIC])
#: How often each of the 21 stands in the 6×6 matrix: ‖C‖²_F = Σ MULTIPLICITY · C².
MULTIPLICITY = np.where(ROWS == COLUMNS, 1.0, 2.0)
#: Poisson's ratio of the base material where nothing else is said: that of the paper.
POISSON_RATIO = 0.3
_BOUND_SLACK = 1e-9  # relative, for rounding
_CHECKED_AT_ONCE = 10_000  # stiffnesses whose matrices fit the processor's cache

_UNPACK = np.zeros((6, 6), dtype=int)
_UNPACK[ROWS, COLUMNS] = _UNPACK[COLUMNS, ROWS] = np.arange(21)
_P = PAIRS[:, 0]
_Q = PAIRS[:, 1]
_BOND_WEIGHT = np.where(_P == _Q, 0.5, 1.0)
_MANDEL = np.array([1, 1, 1, 2**0.5, 2**0.5, 2**0.5])
#: What turns each of the 21 into the entry of the Mandel matrix.
MANDEL_WEIGHT = _MANDEL[ROWS] * _MANDEL[COLUMNS]
#: What each of the 21 adds to the norm of the tensor, which no rotation changes: C_ijkl C_ijkl = Σ
#: TENSOR_WEIGHT · C².
TENSOR_WEIGHT = MULTIPLICITY * MANDEL_WEIGHT**2
#: The four proper turns (4, 3) of an orthogonal frame onto itself, as signs of its axes.
FLIPS = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1.0]])
_FLIPPED = FLIPS[:, _P] * FLIPS[:, _Q]
#: Signs (4, 21) that the constants take under them.
FLIP_SIGNS = _FLIPPED[:, ROWS] * _FLIPPED[:, COLUMNS]

#: Cauchy's relations: pairs of constants that are equal where the stiffness is totally symmetric.
CAUCHY_PAIRS = [
    ("C23", "C44"),
    ("C13", "C55"),
    ("C12", "C66"),
    ("C14", "C56"),
    ("C25", "C46"),
    ("C36", "C45"),
]
_PAIR = np.array([[COMPONENTS.index(name) for name in pair] for pair in CAUCHY_PAIRS])
_DIFFERENCE_AT = np.array([[0, 5, 4], [5, 1, 3], [4, 3, 2]])
# Differences of the pairs, with the signs of the tensor that they make up (6, 21), and how the
# closest stiffness without them shares each out among its two constants.
_NON_CAUCHY = np.array([1, 1, 1, -1, -1, -1])[:, None] * (
    np.eye(21)[_PAIR[:, 0]] - np.eye(21)[_PAIR[:, 1]]
)
_OFF_CAUCHY = (_NON_CAUCHY / MULTIPLICITY) / (_NON_CAUCHY**2 / MULTIPLICITY).sum(1, keepdims=True)


def unpack(vector: Array) -> Array:
    """Symmetric matrices (..., 6, 6) of the 21 constants (..., 21); arrays or tensors.

    >>> bool((unpack(pack(isotropic())) == isotropic()).all())
    True
    """
    return vector[..., _UNPACK]


def pack(matrix: Array) -> Array:
    """The 21 constants (..., 21) of symmetric matrices (..., 6, 6); arrays or tensors.

    >>> pack(np.arange(36).reshape(6, 6))[[0, 1, 6, 20]]
    array([ 0,  1,  7, 35])
    """
    return matrix[..., ROWS, COLUMNS]


def unpack_orthotropic(vector: Array) -> Array:
    """The 21 constants (..., 21) of orthotropic stiffnesses given by their nine (..., 9); arrays or
    tensors.

    >>> unpack_orthotropic(np.arange(9.0))[[0, 6, 7, 20]]  # C11, C22, C23, C66
    array([0., 3., 4., 8.])
    """
    place = np.eye(21)[ORTHOTROPIC_INDEX]
    return vector @ (place if isinstance(vector, np.ndarray) else vector.new_tensor(place))


def bond(rotation: Array) -> Array:
    """Bond matrices (..., 6, 6): ``C' = M C Mᵀ`` rotates a Voigt stiffness by ``rotation`` (..., 3,
    3).

    Auld, Acoustic Fields and Waves in Solids (1973), vol. 1, section 3.D.

    >>> bool((bond(np.eye(3)) == np.eye(6)).all())
    True
    """
    p = _P[:, None]
    q = _Q[:, None]
    return _BOND_WEIGHT * (
        rotation[..., p, _P] * rotation[..., q, _Q] + rotation[..., p, _Q] * rotation[..., q, _P]
    )


def rotate(vector: Array, rotation: Array) -> Array:
    """Rotate stiffnesses (..., 21) by rotations (..., 3, 3): C'_pqrs = R_pi R_qj R_rk R_sl C_ijkl;
    arrays or tensors.

    Tensors have one batch dimension. They go by matrix products alone, which makes their gradient
    fast too.

    >>> quarter = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])  # about the third axis
    >>> rotate(np.arange(21.0), quarter)[[0, 6, 11]]  # what was along the first is along the second
    array([ 6.,  0., 11.])
    """
    if isinstance(vector, np.ndarray):
        m = bond(rotation)
        return pack(m @ unpack(vector) @ m.swapaxes(-1, -2))
    to_bond, to_matrix, to_vector = _linear_maps(vector.dtype, vector.device)
    flat = rotation.reshape(-1, 9)
    products = (flat[:, :, None] * flat[:, None, :]).reshape(-1, 81)
    m = (products @ to_bond).reshape(-1, 6, 6)
    c = (vector @ to_matrix).reshape(-1, 6, 6)
    return (m @ c @ m.mT).reshape(-1, 36) @ to_vector


@cache
def _linear_maps(dtype, device):
    """Tensors (81, 36) from products R_ij R_kl to Bond's matrix, (21, 36) to the Voigt matrix, (36,
    21) back.
    """
    import torch

    to_bond = np.zeros((3, 3, 3, 3, 6, 6))
    to_matrix = np.zeros((21, 36))
    to_vector = np.zeros((36, 21))
    for i, (p, q) in enumerate(PAIRS):
        for j, (r, s) in enumerate(PAIRS):
            to_bond[p, r, q, s, i, j] += _BOND_WEIGHT[j]
            to_bond[p, s, q, r, i, j] += _BOND_WEIGHT[j]
    to_matrix[_UNPACK.ravel(), np.arange(36)] = 1
    to_vector[6 * ROWS + COLUMNS, np.arange(21)] = 1
    maps = (to_bond.reshape(81, 36), to_matrix, to_vector)
    return [torch.as_tensor(array, dtype=dtype, device=device) for array in maps]


def check_poisson_ratio(value: float, what: str) -> float:
    """``value`` as a number that the base material's Poisson's ratio may have; ``what`` names it in
    the InputError.

    >>> check_poisson_ratio(0.25, "--poisson-ratio")
    0.25
    """
    if not -1 < value < 0.5:
        raise InputError(f"{what} {value:g}: expected a Poisson's ratio above -1 and below 0.5.")
    return value


def isotropic(youngs_modulus: float = 1.0, poisson_ratio: float = POISSON_RATIO) -> np.ndarray:
    """Voigt matrix (6, 6) of the isotropic base material.

    >>> isotropic().round(3)[0]
    array([1.346, 0.577, 0.577, 0.   , 0.   , 0.   ])
    """
    shear = youngs_modulus / (2 * (1 + poisson_ratio))
    lame = 2 * shear * poisson_ratio / (1 - 2 * poisson_ratio)
    c = np.zeros((6, 6))
    c[:3, :3] = lame
    c[np.arange(6), np.arange(6)] += shear * np.array([2, 2, 2, 1, 1, 1])
    return c


def directional_modulus(vector: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Young's moduli E(n) (..., k) of stiffnesses (..., 21) in unit directions (k, 3): the elastic
    surface.

    One stiffness takes directions of any shape (..., 3).

    >>> directional_modulus(pack(isotropic(210.0)), np.array([[1, 0, 0], [0.6, 0, 0.8]])).round(9)
    array([210., 210.])
    """
    compliance = pack(np.linalg.inv(unpack(np.asarray(vector, float))))
    n = np.asarray(directions)
    stress = n[..., _P] * n[..., _Q]  # uniaxial stress n⊗n in Voigt form
    products = MULTIPLICITY * stress[..., ROWS] * stress[..., COLUMNS]
    return 1 / (products @ compliance if compliance.ndim == 1 else compliance @ products.T)


def mandel(vector: Array) -> Array:
    """Stiffnesses (..., 21) as Mandel matrices (..., 6, 6), whose eigenvalues do not depend on the
    axes.

    >>> np.linalg.eigvalsh(mandel(pack(isotropic()))).round(3)  # 2G five times, and 3K
    array([0.769, 0.769, 0.769, 0.769, 0.769, 2.5  ])
    """
    return unpack(vector) * _MANDEL[:, None] * _MANDEL


def tensor_norm(vector: np.ndarray) -> np.ndarray:
    """Norms √(C_ijkl C_ijkl) (...,) of stiffnesses (..., 21).

    >>> c, turn = np.linspace(2, 3, 21), np.array([[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 1]])
    >>> bool(np.isclose(tensor_norm(rotate(c, turn)), tensor_norm(c)))
    True
    """
    return np.sqrt((TENSOR_WEIGHT * vector**2).sum(-1))


def non_cauchy_tensor(vector: np.ndarray) -> np.ndarray:
    """What Cauchy's relations miss in stiffnesses (..., 21): a symmetric second-order tensor (...,
    3, 3).

    D_pq = ½ ε_pik ε_qjl C_ijkl, with the diagonal C23 - C44, C13 - C55, C12 - C66 and, off it, C56
    - C14, C46 - C25, C45 - C36. It vanishes for central forces between inversion centres and turns
    with the lattice; with the totally symmetric part it makes up C (Itin & Hehl, J. Math. Phys. 54,
    2013, 042903).

    >>> non_cauchy_tensor(pack(isotropic(1.0, 0.3))).round(3).diagonal()  # λ - μ
    array([0.192, 0.192, 0.192])
    """
    d = vector @ _NON_CAUCHY.T
    return d[..., _DIFFERENCE_AT]


def cauchy_part(vector: np.ndarray) -> np.ndarray:
    """The closest stiffnesses (..., 21) that fulfil Cauchy's relations, by the norm of the Voigt
    matrix.

    >>> c = pack(isotropic())
    >>> s = cauchy_part(c)
    >>> bool(np.abs(non_cauchy_tensor(s)).max() < 1e-15), bool((MULTIPLICITY * s * (c - s)).sum() < 1e-15)
    (True, True)
    """
    return vector - (vector @ _NON_CAUCHY.T) @ _OFF_CAUCHY


def non_cauchy_share(vector: np.ndarray) -> np.ndarray:
    """Share (...,) of ‖C‖², by the norm of the Voigt matrix, that stiffnesses (..., 21) have off
    their ``cauchy_part``.

    The least `trussmap.tensors.measures.nmse_frobenius` that a lattice which fulfils Cauchy's
    relations can have to them.
    """
    rest = vector - cauchy_part(vector)
    return (MULTIPLICITY * rest**2).sum(-1) / (MULTIPLICITY * vector**2).sum(-1)


def mandel_compliance(vector: np.ndarray) -> np.ndarray:
    """Compliances in Mandel notation (..., 6, 6) of Voigt stiffnesses (..., 21).

    >>> mandel_compliance(pack(isotropic(2.0)))[0, 0].round(9)  # over Young's modulus
    np.float64(0.5)
    """
    return np.linalg.inv(mandel(vector))


def canonical_frame(vector: np.ndarray) -> np.ndarray:
    """Frames (n, 3, 3) that turn with stiffnesses (n, 21): the axes of C_ijkk, as columns, up to
    the four ``FLIPS``.

    >>> c = np.linspace(2, 3, 21)[None]
    >>> turned = rotate(c, np.array([[[0, -1, 0], [1, 0, 0], [0, 0, 1.0]]]))
    >>> one, other = (rotate(x, canonical_frame(x).mT) for x in (c, turned))
    >>> bool(np.isclose(FLIP_SIGNS * one, other).all(1).any())
    True
    """
    full = unpack(np.asarray(vector, float))
    xx, yy, zz, yz, xz, xy = np.moveaxis(full[..., :3].sum(-1), -1, 0)
    dilatation = np.stack(
        [np.stack([xx, xy, xz], -1), np.stack([xy, yy, yz], -1), np.stack([xz, yz, zz], -1)], -1
    )
    _, frame = np.linalg.eigh(dilatation)
    frame[..., 2] *= np.linalg.det(frame)[..., None]
    return frame


def hencky(vector: np.ndarray, floor: float = 0.0) -> np.ndarray:
    """Logarithms of stiffnesses (..., 21) in Mandel form, as their upper triangles (..., 21).

    Eigenvalues below ``floor`` count as ``floor``.

    >>> bool(np.allclose(hencky(pack(np.diag([1, 1, 1, 0.5, 0.5, 0.5]))), 0))  # the identity, in Mandel form
    True
    """
    value, mode = np.linalg.eigh(mandel(vector))
    return pack((mode * np.log(np.maximum(value, floor))[..., None, :]) @ mode.swapaxes(-1, -2))


def admissibility(
    vector: np.ndarray,
    relative_density: np.ndarray | float,
    poisson_ratio: float = POISSON_RATIO,
) -> tuple[np.ndarray, np.ndarray]:
    """Distance of stiffnesses (n, 21) from the bounds 0 ≺ C ⪯ ρ·C_base (Voigt bound, base modulus
    1).

    Returns two arrays (n,): the smallest eigenvalue of C over its largest, and the largest
    generalised eigenvalue of C against ρ·C_base. Admissible where the first is > 0 and the second ≤
    1.

    >>> lowest, ratio = admissibility(pack(0.01 * isotropic())[None], np.array([0.02]))
    >>> ratio.round(9)
    array([0.5])
    """
    c = unpack(np.asarray(vector, float))
    eigenvalues = np.linalg.eigvalsh(c)
    whiten = np.linalg.inv(np.linalg.cholesky(isotropic(poisson_ratio=poisson_ratio)))
    ratio = np.linalg.eigvalsh(whiten @ c @ whiten.T)[..., -1] / relative_density
    return eigenvalues[..., 0] / np.abs(eigenvalues).max(-1), ratio


def check_admissible(
    vector: np.ndarray,
    relative_density: np.ndarray,
    what: str,
    first: int = 0,
    poisson_ratio: float = POISSON_RATIO,
) -> None:
    """Raise InputError naming the first inadmissible stiffness of (n, 21); ``what`` and ``first``
    name its row.
    """
    for start in range(0, len(vector), _CHECKED_AT_ONCE):
        part = slice(start, start + _CHECKED_AT_ONCE)
        if not _all_admissible(vector[part], relative_density[part], poisson_ratio):
            _raise_inadmissible(
                vector[part], relative_density[part], what, first + start, poisson_ratio
            )


def _all_admissible(vector, relative_density, poisson_ratio):
    """Whether all stiffnesses (n, 21) are admissible, by Cholesky factors, which cost a tenth of
    the eigenvalues.
    """
    c = unpack(vector)
    bound = np.asarray(relative_density)[:, None, None] * (
        (1 + _BOUND_SLACK) * isotropic(poisson_ratio=poisson_ratio)
    )
    try:
        np.linalg.cholesky(c)
        np.linalg.cholesky(bound - c)
    except np.linalg.LinAlgError:
        return False
    return bool(np.isfinite(vector).all())


def _raise_inadmissible(vector, relative_density, what, first, poisson_ratio):
    finite = np.isfinite(vector).all(-1)
    lowest, ratio = admissibility(
        np.where(finite[:, None], vector, 0) + 1e-300, relative_density, poisson_ratio
    )
    for bad, why in (
        (~finite, "is not finite"),
        (finite & (lowest <= 0), "is not positive definite"),
        (finite & (ratio > 1 + _BOUND_SLACK), "exceeds the Voigt bound ρ·C_base"),
    ):
        if bad.any():
            raise InputError(f"{what} {first + int(np.argmax(bad))}: its stiffness {why}.")
