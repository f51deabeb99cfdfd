"""What a stiffness says of its material: engineering constants, means, anisotropy, and how close it is to a symmetry.

Stiffnesses are in Voigt form (`trussmap.stiffness`). A symmetry counts in whatever axes suit it best.
"""

from functools import cache

import numpy as np

from trussmap.goals import ENGINEERING, engineering_constants
from trussmap.rotation import from_rotation_vector
from trussmap.stiffness import TENSOR_WEIGHT, canonical_frame, pack, rotate, tensor_norm, unpack
from trussmap.streams import stream

#: Symmetry classes of a stiffness, from the most symmetric to one without any, and how many constants each has.
CLASSES = {
    "isotropic": 2,
    "cubic": 3,
    "hexagonal": 5,  # the same as transversely isotropic, for a fourth-order tensor
    "tetragonal": 6,
    "trigonal": 6,
    "orthotropic": 9,
    "monoclinic": 13,
    "triclinic": 21,
}
# Axes that are tried, how many of the best are improved, and in how many steps.
_AXES, _IMPROVED, _STEPS = 400, 8, 40


def moduli(stiffness: np.ndarray) -> np.ndarray:
    """Engineering constants (n, 9), `trussmap.goals.ENGINEERING`, of stiffnesses (n, 21), in their units."""
    return engineering_constants(pack(np.linalg.inv(unpack(np.asarray(stiffness, float)))))[0]


def stiffness_of_moduli(constants: np.ndarray) -> np.ndarray:
    """Stiffnesses (n, 21) of the nine engineering constants (n, 9), `trussmap.goals.ENGINEERING`: orthotropic ones.

    >>> iron = np.array([[210.0] * 3 + [210 / 2.6] * 3 + [0.3] * 3])
    >>> bool(np.allclose(moduli(stiffness_of_moduli(iron)), iron))
    True
    """
    c = np.asarray(constants, float)
    e, poisson = c[:, :3], c[:, [ENGINEERING.index(name) for name in ("nu12", "nu13", "nu23")]]
    s = np.zeros((len(c), 6, 6))
    s[:, range(6), range(6)] = 1 / c[:, :6]
    for k, (i, j) in enumerate(((0, 1), (0, 2), (1, 2))):
        s[:, i, j] = s[:, j, i] = -poisson[:, k] / e[:, i]
    return pack(np.linalg.inv(s))


def means(stiffness: np.ndarray) -> dict[str, np.ndarray]:
    """Bulk modulus ``K`` and shear modulus ``G`` (n,) of stiffnesses (n, 21): means of Voigt, Reuss and Hill.

    >>> from trussmap.stiffness import isotropic
    >>> {name: float(value.round(6)) for name, value in means(pack(isotropic(2.6, 0.3))).items()}
    {'K_voigt': 2.166667, 'G_voigt': 1.0, 'K_reuss': 2.166667, 'G_reuss': 1.0, 'K_hill': 2.166667, 'G_hill': 1.0}
    """
    c = unpack(np.asarray(stiffness, float))
    s = np.linalg.inv(c)

    def parts(m):  # traces of the upper left block, of its couplings and of the lower right one
        normal, shear = np.trace(m[..., :3, :3], axis1=-2, axis2=-1), np.trace(m[..., 3:, 3:], axis1=-2, axis2=-1)
        return normal, m[..., 0, 1] + m[..., 0, 2] + m[..., 1, 2], shear

    (a, b, d), (p, q, r) = parts(c), parts(s)
    voigt = (a + 2 * b) / 9, (a - b + 3 * d) / 15
    reuss = 1 / (p + 2 * q), 15 / (4 * p - 4 * q + 3 * r)
    hill = tuple((one + other) / 2 for one, other in zip(voigt, reuss, strict=True))
    named = {"voigt": voigt, "reuss": reuss, "hill": hill}
    return {f"{name}_{word}": value for word, pair in named.items() for name, value in zip("KG", pair, strict=True)}


def universal_anisotropy(stiffness: np.ndarray) -> np.ndarray:
    """5 G_Voigt/G_Reuss + K_Voigt/K_Reuss − 6 (n,) of stiffnesses (n, 21); 0 where isotropic.

    Ranganathan & Ostoja-Starzewski, Phys. Rev. Lett. 101 (2008) 055504.
    """
    m = means(stiffness)
    return 5 * m["G_voigt"] / m["G_reuss"] + m["K_voigt"] / m["K_reuss"] - 6


def symmetry_distances(stiffness: np.ndarray, classes: list[str] | None = None) -> dict[str, float]:
    """Distance ‖C − C'‖/‖C‖ of a stiffness (21,) from the closest C' of each class, in the axes that suit it best.

    C' is the mean of C over the rotations of the class, its orthogonal projection; the axes are searched for.

    >>> from trussmap.stiffness import isotropic
    >>> max(symmetry_distances(pack(isotropic())).values()) < 1e-6
    True
    """
    c = np.asarray(stiffness, float)
    weight = np.sqrt(TENSOR_WEIGHT)
    turned = rotate(c[None], _axes(c)) * weight
    found = {}
    for name in CLASSES if classes is None else classes:
        if name == "triclinic":
            found[name] = 0.0
            continue
        rest = (np.eye(21) - _projector(name)) / tensor_norm(c)
        off = np.linalg.norm(turned @ rest, axis=1)
        if name != "isotropic":
            off = _improved(turned[np.argsort(off)[:_IMPROVED]], rest)
        found[name] = float(np.min(off))
    return found


def _improved(turned, rest):
    """Distances (k,) that steps of Levenberg and Marquardt about all axes lead to from turned, weighted constants."""
    weight, damping = np.sqrt(TENSOR_WEIGHT), np.full(len(turned), 1e-3)
    off = np.linalg.norm(turned @ rest, axis=1)
    for _ in range(_STEPS):
        slope = np.stack([turned @ generator for generator in _generators()], 1) @ rest
        normal = slope @ slope.mT + damping[:, None, None] * np.eye(3)
        step = -np.linalg.solve(normal, slope @ (turned @ rest)[..., None])[..., 0]
        tried = rotate(turned / weight, from_rotation_vector(step)) * weight
        new = np.linalg.norm(tried @ rest, axis=1)
        better = new < off
        turned, off = np.where(better[:, None], tried, turned), np.where(better, new, off)
        damping = np.clip(np.where(better, damping / 10, damping * 10), 1e-12, 1e6)
    return off


@cache
def _generators():
    """Derivatives (21, 21) of weighted constants by turns about the three axes; constants stand on the left."""
    weight, angle = np.sqrt(TENSOR_WEIGHT), 1e-4
    turns = [from_rotation_vector(sign * angle * np.eye(3)) for sign in (1, -1)]
    ahead, back = (rotate(np.eye(21)[None] / weight[:, None], turn[:, None]) * weight for turn in turns)
    return list((ahead - back) / (2 * angle))


def best_class(distances: dict[str, float], within: float = 0.05) -> str:
    """The most symmetric of the classes that a stiffness is close to, by distances of `symmetry_distances`.

    >>> best_class({"isotropic": 0.3, "orthotropic": 0.02, "triclinic": 0.0})
    'orthotropic'
    """
    return next(name for name, distance in distances.items() if distance <= within)


def _axes(c):
    """Rotations (k, 3, 3) to try: the stiffness as it stands, in the axes of C_ijkk, and at random."""
    own = canonical_frame(c[None])[0].T
    swaps = [np.eye(3)[list(order)] for order in ((0, 1, 2), (1, 2, 0), (2, 0, 1))]
    return np.concatenate([swaps, [swap @ own for swap in swaps], _random_axes()])


@cache
def _random_axes():
    q = np.random.default_rng(stream(0, "axes of symmetry")).normal(size=(_AXES, 4))
    w, x, y, z = (q / np.linalg.norm(q, axis=1, keepdims=True)).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), -1, 0)


@cache
def _projector(name):
    """Matrix (21, 21) that takes weighted constants of a stiffness to those of its mean over a class's rotations."""

    def about(axis, angle):
        return from_rotation_vector(angle * np.array([axis], float))[0]

    z, x = [0, 0, 1], [1, 0, 0]
    folds = {"monoclinic": 2, "orthotropic": 2, "trigonal": 3, "tetragonal": 4, "hexagonal": 6}
    if name == "isotropic":  # what is fixed by the rotations of a cube and by a fifth of a turn
        return _fixed([about(z, np.pi / 2), about([1, 1, 1], 2 * np.pi / 3 / np.sqrt(3)), about(z, 2 * np.pi / 5)])
    if name == "cubic":
        return _fixed([about(z, np.pi / 2), about([1, 1, 1], 2 * np.pi / 3 / np.sqrt(3))])
    turns = [about(z, 2 * np.pi / folds[name])]
    return _fixed(turns if name == "monoclinic" else [*turns, about(x, np.pi)])


def _fixed(turns):
    """Orthogonal projector (21, 21) on what all ``turns`` leave as it is, in weighted constants."""
    weight = np.sqrt(TENSOR_WEIGHT)
    moved = [(rotate(np.eye(21) / weight[:, None], turn) * weight - np.eye(21)).T for turn in turns]
    _, size, modes = np.linalg.svd(np.vstack(moved))
    kernel = modes[size < 1e-9]
    return kernel.T @ kernel
