"""Stiffness tensors in Voigt form: packing, rotation, Mandel form, elastic surface, admissibility.

Voigt order 11, 22, 33, 23, 13, 12 with engineering shear strains, and any leading batch dimensions ``(...)``. Functions
that say so take arrays or tensors.
"""

from functools import cache

import numpy as np

from trussmap.errors import InputError

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
POISSON_RATIO = 0.3
_BOUND_SLACK = 1e-9  # relative, for rounding
_CHECKED_AT_ONCE = 10_000  # stiffnesses whose matrices fit the processor's cache

_UNPACK = np.zeros((6, 6), dtype=int)
_UNPACK[ROWS, COLUMNS] = _UNPACK[COLUMNS, ROWS] = np.arange(21)
_P, _Q = PAIRS[:, 0], PAIRS[:, 1]
_BOND_WEIGHT = np.where(_P == _Q, 0.5, 1.0)
_MANDEL = np.array([1, 1, 1, 2**0.5, 2**0.5, 2**0.5])


def unpack(vector):
    """Symmetric matrices (..., 6, 6) of the 21 constants (..., 21); arrays or tensors."""
    return vector[..., _UNPACK]


def pack(matrix):
    """The 21 constants (..., 21) of symmetric matrices (..., 6, 6); arrays or tensors."""
    return matrix[..., ROWS, COLUMNS]


def unpack_orthotropic(vector):
    """The 21 constants (..., 21) of orthotropic stiffnesses given by their nine (..., 9); arrays or tensors."""
    place = np.eye(21)[ORTHOTROPIC_INDEX]
    return vector @ (place if isinstance(vector, np.ndarray) else vector.new_tensor(place))


def bond(rotation):
    """Bond matrices (..., 6, 6): ``C' = M C Mᵀ`` rotates a Voigt stiffness by ``rotation`` (..., 3, 3).

    Auld, Acoustic Fields and Waves in Solids (1973), vol. 1, section 3.D.
    """
    p, q = _P[:, None], _Q[:, None]
    return _BOND_WEIGHT * (rotation[..., p, _P] * rotation[..., q, _Q] + rotation[..., p, _Q] * rotation[..., q, _P])


def rotate(vector, rotation):
    """Rotate stiffnesses (..., 21) by rotations (..., 3, 3): C'_pqrs = R_pi R_qj R_rk R_sl C_ijkl; arrays or tensors.

    Tensors have one batch dimension. They go by matrix products alone, which makes their gradient fast too.
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
    """Tensors (81, 36) from products R_ij R_kl to Bond's matrix, (21, 36) to the Voigt matrix, (36, 21) back."""
    import torch

    to_bond, to_matrix, to_vector = np.zeros((3, 3, 3, 3, 6, 6)), np.zeros((21, 36)), np.zeros((36, 21))
    for i, (p, q) in enumerate(PAIRS):
        for j, (r, s) in enumerate(PAIRS):
            to_bond[p, r, q, s, i, j] += _BOND_WEIGHT[j]
            to_bond[p, s, q, r, i, j] += _BOND_WEIGHT[j]
    to_matrix[_UNPACK.ravel(), np.arange(36)] = 1
    to_vector[6 * ROWS + COLUMNS, np.arange(21)] = 1
    maps = (to_bond.reshape(81, 36), to_matrix, to_vector)
    return [torch.as_tensor(array, dtype=dtype, device=device) for array in maps]


def isotropic(youngs_modulus=1.0, poisson_ratio=POISSON_RATIO):
    """Voigt matrix (6, 6) of the isotropic base material."""
    shear = youngs_modulus / (2 * (1 + poisson_ratio))
    lame = 2 * shear * poisson_ratio / (1 - 2 * poisson_ratio)
    c = np.zeros((6, 6))
    c[:3, :3] = lame
    c[np.arange(6), np.arange(6)] += shear * np.array([2, 2, 2, 1, 1, 1])
    return c


def directional_modulus(vector, directions):
    """Young's modulus E(n) of one stiffness (21,) in unit directions (..., 3): the elastic surface (paper, Fig. 1)."""
    compliance = np.linalg.inv(unpack(np.asarray(vector, float)))
    n = np.asarray(directions)
    stress = n[..., _P] * n[..., _Q]  # uniaxial stress n⊗n in Voigt form
    return 1 / np.einsum("...i,ij,...j->...", stress, compliance, stress)


def mandel(vector):
    """Stiffnesses (..., 21) as Mandel matrices (..., 6, 6), whose eigenvalues do not depend on the axes."""
    return unpack(vector) * _MANDEL[:, None] * _MANDEL


def mandel_compliance(vector):
    """Compliances in Mandel notation (..., 6, 6) of Voigt stiffnesses (..., 21)."""
    return np.linalg.inv(mandel(vector))


def hencky(vector, floor=0.0):
    """Logarithms of stiffnesses (..., 21) in Mandel form, as their upper triangles (..., 21).

    Eigenvalues below ``floor`` count as ``floor``.
    """
    value, mode = np.linalg.eigh(mandel(vector))
    return pack((mode * np.log(np.maximum(value, floor))[..., None, :]) @ mode.swapaxes(-1, -2))


def admissibility(vector, relative_density):
    """Distance of stiffnesses (n, 21) from the bounds 0 ≺ C ⪯ ρ·C_base (Voigt bound, base modulus 1).

    Returns two arrays (n,): the smallest eigenvalue of C over its largest, and the largest generalised eigenvalue of
    C against ρ·C_base. Admissible where the first is > 0 and the second ≤ 1.
    """
    c = unpack(np.asarray(vector, float))
    eigenvalues = np.linalg.eigvalsh(c)
    whiten = np.linalg.inv(np.linalg.cholesky(isotropic()))
    ratio = np.linalg.eigvalsh(whiten @ c @ whiten.T)[..., -1] / relative_density
    return eigenvalues[..., 0] / np.abs(eigenvalues).max(-1), ratio


def check_admissible(vector, relative_density, what, first=0):
    """Raise InputError naming the first inadmissible stiffness of (n, 21); ``what`` and ``first`` name its row."""
    for start in range(0, len(vector), _CHECKED_AT_ONCE):
        part = slice(start, start + _CHECKED_AT_ONCE)
        if not _all_admissible(vector[part], relative_density[part]):
            _raise_inadmissible(vector[part], relative_density[part], what, first + start)


def _all_admissible(vector, relative_density):
    """Whether all stiffnesses (n, 21) are admissible, by Cholesky factors, which cost a tenth of the eigenvalues."""
    c = unpack(vector)
    bound = np.asarray(relative_density)[:, None, None] * ((1 + _BOUND_SLACK) * isotropic())
    try:
        np.linalg.cholesky(c)
        np.linalg.cholesky(bound - c)
    except np.linalg.LinAlgError:
        return False
    return bool(np.isfinite(vector).all())


def _raise_inadmissible(vector, relative_density, what, first):
    finite = np.isfinite(vector).all(-1)
    lowest, ratio = admissibility(np.where(finite[:, None], vector, 0) + 1e-300, relative_density)
    for bad, why in (
        (~finite, "is not finite"),
        (finite & (lowest <= 0), "is not positive definite"),
        (finite & (ratio > 1 + _BOUND_SLACK), "exceeds the Voigt bound ρ·C_base"),
    ):
        if bad.any():
            raise InputError(f"{what} {first + int(np.argmax(bad))}: its stiffness {why}.")
