"""What a stiffness says of its material: engineering constants, means, ranges over all directions,
and its symmetry.

Stiffnesses are in Voigt form (`trussmap.tensors.stiffness`). A symmetry counts in whatever axes
suit it best. The quantities are those of ELATE (Gaillac, Pullumbi & Coudert, J. Phys.: Condens.
Matter 28, 2016, 275201).
"""

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from trussmap.base.streams import stream
from trussmap.tensors.engineering import ENGINEERING, engineering_constants
from trussmap.tensors.measures import half_sphere
from trussmap.tensors.rotation import from_rotation_vector
from trussmap.tensors.stiffness import (
    COMPONENTS,
    MANDEL_WEIGHT,
    ORTHOTROPIC,
    TENSOR_WEIGHT,
    canonical_frame,
    mandel_compliance,
    non_cauchy_share,
    pack,
    rotate,
    tensor_norm,
    unpack,
)

#: Symmetry classes of a stiffness, from the most symmetric to one without any, and how many
#: constants each has.
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
# The constants that suffice for a class in its crystal axes, the third being the main one, and the
# relations (constant, constant, factor) that give others; the rest is 0. Nye, Physical Properties
# of Crystals (1985), table 9.
_ACROSS = (("C22", "C11", 1.0), ("C23", "C13", 1.0), ("C55", "C44", 1.0))
_ROUND = (*_ACROSS, ("C66", "C11", 0.5), ("C66", "C12", -0.5))
_THREEFOLD = (*_ROUND, ("C24", "C14", -1.0), ("C56", "C14", 1.0))
_ALIKE = {"C22": "C11", "C33": "C11", "C13": "C12", "C23": "C12", "C55": "C44", "C66": "C44"}
_SUFFICIENT = {
    "cubic": ("C11 C12 C44", tuple((name, source, 1.0) for name, source in _ALIKE.items())),
    "hexagonal": ("C11 C12 C13 C33 C44", _ROUND),
    "tetragonal": ("C11 C12 C13 C33 C44 C66", _ACROSS),
    "tetragonal 7": ("C11 C12 C13 C16 C33 C44 C66", (*_ACROSS, ("C26", "C16", -1.0))),
    "trigonal": ("C11 C12 C13 C14 C33 C44", _THREEFOLD),
    "trigonal 7": (
        "C11 C12 C13 C14 C15 C33 C44",
        (*_THREEFOLD, ("C25", "C15", -1.0), ("C46", "C15", -1.0)),
    ),
    "orthotropic": (" ".join(ORTHOTROPIC), ()),
    "monoclinic b": (" ".join([*ORTHOTROPIC, "C15", "C25", "C35", "C46"]), ()),
    "monoclinic c": (" ".join([*ORTHOTROPIC, "C16", "C26", "C36", "C45"]), ()),
}
# What makes a stiffness look like a compliance: twice the mean shear over that of an isotropic
# material, the sum of normal couplings over that of normal constants, and the share of ‖C‖ off
# Cauchy's relations of the inverse.
_SHEAR_OF_COMPLIANCE = 2.05
_COUPLING_OF_COMPLIANCE = -0.4
_CAUCHY_OF_COMPLIANCE = 0.2
# Distance from isotropy up to which a stiffness is isotropic as read.
_ISOTROPIC = 0.02
# Axes that are tried, how many of the best are improved, and in how many steps.
_AXES = 400
_IMPROVED = 8
_STEPS = 40
#: What `extrema` finds the ends of: Young's modulus E(n), shear modulus G(n, m), Poisson's ratio
#: nu(n, m) of a strain along m under a stress along n, and linear compressibility beta(n), the
#: strain along n under unit pressure.
DIRECTIONAL = ("E", "G", "nu", "beta")
# What the search for each end makes small, in the frame of n and m: a constant of the compliance
# tensor, times a sign; for Poisson's ratio, over S1111.
_SEARCHES = {
    "E_min": ("C11", -1),
    "E_max": ("C11", 1),
    "G_min": ("C66", -1),
    "G_max": ("C66", 1),
    "nu_min": ("C12", -1),
    "nu_max": ("C12", 1),
}
# Where in Voigt's order the entries of a symmetric matrix stand.
_PLACE = np.array([[0, 5, 4], [5, 1, 3], [4, 3, 2]])
# Directions that are looked at, starts of each search, Newton steps, neighbours of a direction,
# stiffnesses at once. With 1,000 directions, one of 1,000 lattices had a least Poisson's ratio that
# was missed by 0.3 %.
_GRID = half_sphere(3000)
_STARTS = 8
_NEWTON = 15
_NEIGHBOURS = 8
_AT_ONCE = 50


def moduli(stiffness: np.ndarray) -> np.ndarray:
    """Engineering constants (n, 9), ``ENGINEERING``, of stiffnesses (n, 21), in their units."""
    return engineering_constants(pack(np.linalg.inv(unpack(np.asarray(stiffness, float)))))[0]


def stiffness_of_moduli(constants: np.ndarray) -> np.ndarray:
    """Orthotropic stiffnesses (n, 21) of engineering constants (n, 9), ``ENGINEERING``.

    >>> iron = np.array([[210.0] * 3 + [210 / 2.6] * 3 + [0.3] * 3])
    >>> bool(np.allclose(moduli(stiffness_of_moduli(iron)), iron))
    True
    """
    c = np.asarray(constants, float)
    e = c[:, :3]
    poisson = c[:, [ENGINEERING.index(name) for name in ("nu12", "nu13", "nu23")]]
    s = np.zeros((len(c), 6, 6))
    s[:, range(6), range(6)] = 1 / c[:, :6]
    for k, (i, j) in enumerate(((0, 1), (0, 2), (1, 2))):
        s[:, i, j] = s[:, j, i] = -poisson[:, k] / e[:, i]
    return pack(np.linalg.inv(s))


def means(stiffness: np.ndarray) -> dict[str, np.ndarray]:
    """``K``, ``G``, ``E`` and Poisson's ratio ``nu`` (n,) of stiffnesses (n, 21): the means of
    Voigt, Reuss and Hill.

    >>> from trussmap.tensors.stiffness import isotropic
    >>> {name: float(value.round(4)) for name, value in means(pack(isotropic(2.6, 0.3))).items() if "hill" in name}
    {'K_hill': 2.1667, 'G_hill': 1.0, 'E_hill': 2.6, 'nu_hill': 0.3}
    """
    c = unpack(np.asarray(stiffness, float))
    s = np.linalg.inv(c)

    def parts(m):  # traces of the upper left block, of its couplings and of the lower right one
        normal = np.trace(m[..., :3, :3], axis1=-2, axis2=-1)
        shear = np.trace(m[..., 3:, 3:], axis1=-2, axis2=-1)
        return normal, m[..., 0, 1] + m[..., 0, 2] + m[..., 1, 2], shear

    (a, b, d) = parts(c)
    (p, q, r) = parts(s)
    voigt = (a + 2 * b) / 9, (a - b + 3 * d) / 15
    reuss = 1 / (p + 2 * q), 15 / (4 * p - 4 * q + 3 * r)
    hill = tuple((one + other) / 2 for one, other in zip(voigt, reuss, strict=True))
    moduli_by_name: dict[str, np.ndarray] = {}
    for word, (bulk, shear) in (("voigt", voigt), ("reuss", reuss), ("hill", hill)):
        moduli_by_name |= {
            f"K_{word}": bulk,
            f"G_{word}": shear,
            f"E_{word}": 9 * bulk * shear / (3 * bulk + shear),
        }
        moduli_by_name[f"nu_{word}"] = (3 * bulk - 2 * shear) / (2 * (3 * bulk + shear))
    return moduli_by_name


def universal_anisotropy(stiffness: np.ndarray) -> np.ndarray:
    """5 G_Voigt/G_Reuss + K_Voigt/K_Reuss − 6 (n,) of stiffnesses (n, 21); 0 where isotropic.

    Ranganathan & Ostoja-Starzewski, Phys. Rev. Lett. 101 (2008) 055504.
    """
    m = means(stiffness)
    return 5 * m["G_voigt"] / m["G_reuss"] + m["K_voigt"] / m["K_reuss"] - 6


class Extremum(NamedTuple):
    """The end of a range over all directions, of n stiffnesses.

    Attributes
    ----------
    value : (n,)
    direction : (n, 3) the unit vector n where it is reached
    across : (n, 3) the unit vector m, which matters for G and nu alone
    """

    value: np.ndarray
    direction: np.ndarray
    across: np.ndarray


def across_ranges(stiffness: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, ...]:
    """Smallest and largest G(n, m), smallest and largest nu(n, m) over all m across n, (n, k) each.

    Of stiffnesses (n, 21) in unit directions (k, 3). For one n, 1/G and -nu/E are quadratic in m:
    closed forms.

    >>> from trussmap.tensors.stiffness import isotropic
    >>> [round(float(value[0, 0]), 9) for value in across_ranges(pack(isotropic(2.6, 0.3))[None], np.eye(3)[:1])]
    [1.0, 1.0, 0.3, 0.3]
    """
    (stiff, soft, _), (most, least, _), along = _across(_tensor_compliance(stiffness), directions)
    return 1 / soft, 1 / stiff, -least / along, -most / along


def extrema(stiffness: np.ndarray) -> dict[str, Extremum]:
    """Smallest and largest of ``DIRECTIONAL`` over all directions, of stiffnesses (n, 21):
    ``E_min``, ``E_max`` …

    From the best of 3,000 directions, Newton steps over frames (n, m): 1/E and 1/G are of degree
    four in them, and nu is a ratio of two such, so that hardly any end is too narrow to be seen
    from there. 8 ms each.

    >>> from trussmap.tensors.stiffness import isotropic
    >>> found = extrema(pack(isotropic(2.6, 0.3))[None])
    >>> {name: round(float(found[name].value[0]), 9) for name in ("E_max", "G_min", "nu_max")}
    {'E_max': 2.6, 'G_min': 1.0, 'nu_max': 0.3}
    """
    compliance = _tensor_compliance(stiffness)
    parts = [
        _extrema(compliance[start : start + _AT_ONCE])
        for start in range(0, len(compliance), _AT_ONCE)
    ]
    return {
        name: Extremum(*(np.concatenate([part[name][k] for part in parts]) for k in range(3)))
        for name in (f"{quantity}_{end}" for quantity in DIRECTIONAL for end in ("min", "max"))
    }


def _extrema(s):
    """`extrema` of tensor compliances (n, 21)."""
    size = tensor_norm(s)
    frames = _starts(s)
    rows = np.repeat(s / size[:, None], _STARTS, 0)
    frames, value = _descended(np.tile(rows, (len(_SEARCHES), 1)), frames.reshape(-1, 3, 3))
    value = value.reshape(len(_SEARCHES), len(s), _STARTS)
    frames = frames.reshape(len(_SEARCHES), len(s), _STARTS, 3, 3)
    found = {}
    for k, (name, (constant, sign)) in enumerate(_SEARCHES.items()):
        best = value[k].argmin(1)[:, None]
        least = sign * np.take_along_axis(value[k], best, 1)[:, 0]
        frame = np.take_along_axis(frames[k], best[..., None, None], 1)[:, 0]
        least = (
            -least if constant == "C12" else 1 / (least * size * (4 if constant == "C66" else 1))
        )
        found[name] = Extremum(least, _upwards(frame[:, 0]), _upwards(frame[:, 1]))
    value, axes = np.linalg.eigh(unpack(s)[:, :, :3].sum(-1)[:, _PLACE])
    for name, k in (("beta_min", 0), ("beta_max", 2)):
        found[name] = Extremum(value[:, k], _upwards(axes[:, :, k]), np.full((len(s), 3), np.nan))
    return found


def _starts(s):
    """Frames (searches, n, starts, 3, 3) at the lowest of the directions, as rows n, m and n × m."""
    shear, strain, along = _across(s, _GRID)
    neighbours = _neighbours()
    plane = _planes(_GRID)
    frames = np.empty((len(_SEARCHES), len(s), _STARTS, 3, 3))
    for k, (constant, sign) in enumerate(_SEARCHES.values()):
        least, most, angle = shear if constant == "C66" else strain
        value = sign * {"C11": along, "C66": least if sign > 0 else most}.get(
            constant, (least if sign > 0 else most) / along
        )
        lowest = (value <= value[:, neighbours].min(-1)).astype(float)
        order = np.lexsort((value, -lowest))[:, :_STARTS]
        turn = np.take_along_axis(angle, order, 1) + (np.pi / 2 if sign > 0 else 0)
        n = _GRID[order]
        basis = plane[order]
        m = basis[..., 0] * np.cos(turn)[..., None] + basis[..., 1] * np.sin(turn)[..., None]
        frames[k] = np.stack([n, m, np.cross(n, m)], -2)
    return frames


def _descended(s, frames):
    """Frames (k, 3, 3) turned to where what each of ``_SEARCHES`` makes small is least, and its
    values (k,).
    """
    constants, signs = zip(*_SEARCHES.values(), strict=True)
    share = len(s) // len(_SEARCHES)
    which = np.repeat([["C11", "C12", "C66"].index(name) for name in constants], share)
    sign = np.repeat(signs, share).astype(float)
    ratio = which == 1
    every = np.arange(len(s))

    def measured(frames):
        own = (rotate(s, frames) @ _slopes()).reshape(-1, 3, 13)
        top = own[every, which]
        bottom = np.where(ratio[:, None], own[:, 0], np.eye(13)[0])
        value = top[:, 0] / bottom[:, 0]
        slope = (top[:, 1:4] - value[:, None] * bottom[:, 1:4]) / bottom[:, :1]
        bend = (top[:, 4:] - value[:, None] * bottom[:, 4:]).reshape(-1, 3, 3)
        cross = slope[:, :, None] * bottom[:, None, 1:4]
        bend = (bend - cross - cross.mT) / bottom[:, :1, None]
        return sign * value, sign[:, None] * slope, sign[:, None, None] * bend

    value, slope, bend = measured(frames)
    damping = np.full(len(s), 1e-3)
    for _ in range(_NEWTON):
        size, mode = np.linalg.eigh(bend)
        size = np.abs(size)
        size += damping[:, None] * size[:, -1:].max(1, keepdims=True) + 1e-15
        step = -(mode @ ((mode.mT @ slope[..., None]) / size[..., None]))[..., 0]
        tried = from_rotation_vector(step) @ frames
        new = measured(tried)
        better = new[0] < value
        frames = np.where(better[:, None, None], tried, frames)
        value, slope, bend = (
            np.where(better.reshape(-1, *[1] * (own.ndim - 1)), other, own)
            for own, other in zip((value, slope, bend), new, strict=True)
        )
        damping = np.clip(np.where(better, damping / 10, damping * 10), 1e-12, 1e6)
    return frames, value


@cache
def _slopes():
    """Matrix (21, 3·13) from constants to C11, C12 and C66, their three derivatives by turns and
    their nine second.
    """
    weight = np.sqrt(TENSOR_WEIGHT)
    turns = np.array([weight[:, None] * turn / weight for turn in _generators()])
    twice = turns[:, None] @ turns[None]
    twice = (twice + twice.swapaxes(0, 1)) / 2
    every = np.concatenate([np.eye(21)[None], turns, twice.reshape(9, 21, 21)])
    chosen = [COMPONENTS.index(name) for name in ("C11", "C12", "C66")]
    return every[:, :, chosen].transpose(1, 2, 0).reshape(21, -1)


def _tensor_compliance(stiffness):
    """S_ijkl (n, 21) of stiffnesses (n, 21), in the places of C_ijkl, so that they turn alike."""
    return pack(mandel_compliance(np.atleast_2d(np.asarray(stiffness, float)))) / MANDEL_WEIGHT


def _across(s, directions):
    """Of 1/G and of strains along m, least, most and angle of the most (n, k) over all m; and 1/E
    (n, k).
    """
    tensor = unpack(s)[:, _PLACE][..., _PLACE]
    n = np.asarray(directions, float)
    pairs = (n[:, :, None] * n[:, None, :]).reshape(-1, 9)
    plane = _planes(n)

    def ends(form):
        form = plane.mT @ (pairs @ form.reshape(-1, 9, 9)).reshape(len(s), -1, 3, 3) @ plane
        a = form[..., 0, 0]
        b = form[..., 1, 1]
        c = form[..., 0, 1]
        reach = np.hypot((a - b) / 2, c)
        return (a + b) / 2 - reach, (a + b) / 2 + reach, np.arctan2(2 * c, a - b) / 2

    along = ((pairs @ tensor.reshape(-1, 9, 9)) * pairs).sum(-1)
    return ends(4 * tensor.transpose(0, 1, 3, 2, 4)), ends(tensor), along


def _planes(n):
    """Two unit vectors (k, 3, 2) across each of n (k, 3) and each other."""
    first = np.cross(np.eye(3)[np.abs(n).argmin(-1)], n)
    first /= np.linalg.norm(first, axis=-1, keepdims=True)
    return np.stack([first, np.cross(n, first)], -1)


@cache
def _neighbours():
    """Those of the directions (k, 8) that are next to each, an axis being the same both ways."""
    tree = cKDTree(np.vstack([_GRID, -_GRID]))
    return tree.query(_GRID, _NEIGHBOURS + 1)[1][:, 1:] % len(_GRID)


def _upwards(axes):
    """Axes (n, 3) in the sense in which their last component that is not 0 is positive."""
    axes = np.where(np.abs(axes) < 1e-9, 0.0, axes)
    last = np.take_along_axis(axes, 2 - (axes[:, ::-1] != 0).argmax(1)[:, None], 1)
    return axes * np.where(last < 0, -1, 1) + 0.0


def class_of_constants(names: Iterable[str]) -> str | None:
    """Class that is given by constants of exactly these names in its crystal axes, or None.

    >>> class_of_constants(["C11", "C12", "C44"])
    'cubic'
    """
    known = {*names}
    return next(
        (name for name, (needed, _) in _SUFFICIENT.items() if {*needed.split()} == known), None
    )


def sufficient_constants(name: str) -> list[str]:
    """Names of the constants that suffice for a class of `class_of_constants`."""
    return _SUFFICIENT[name][0].split()


def completion(name: str, compliance: bool = False) -> np.ndarray:
    """Matrix (21, 21) from the constants that suffice for a class to all 21.

    ``name`` is a result of `class_of_constants`; the constants are those of a stiffness or, where
    ``compliance``, of a compliance, with engineering shear strains.

    >>> cubic = completion("cubic") @ np.where(np.isin(COMPONENTS, ["C11", "C12", "C44"]), 1.0, 0.0)
    >>> cubic.sum()  # nine constants are not 0
    np.float64(9.0)
    """
    needed, relations = _SUFFICIENT[name]
    matrix = np.diag(np.isin(COMPONENTS, needed.split()).astype(float))
    for target, source, factor in relations:
        shears = (
            (int(target[1]) > 3)
            + (int(target[2]) > 3)
            - (int(source[1]) > 3)
            - (int(source[2]) > 3)
        )
        matrix[COMPONENTS.index(target), COMPONENTS.index(source)] = factor * (
            2.0**shears if compliance else 1.0
        )
    return matrix


def symmetry_distances(stiffness: np.ndarray, classes: list[str] | None = None) -> dict[str, float]:
    """Distances of one stiffness (21,) from symmetry classes, see `class_distances`.

    >>> from trussmap.tensors.stiffness import isotropic
    >>> max(symmetry_distances(pack(isotropic())).values()) < 1e-6
    True
    """
    distances = class_distances(np.asarray(stiffness, float)[None], classes)
    return {name: float(value[0]) for name, value in distances.items()}


def class_distances(
    stiffness: np.ndarray, classes: list[str] | None = None
) -> dict[str, np.ndarray]:
    """Distances ‖C − C'‖/‖C‖ (n,) of stiffnesses (n, 21) from the closest C' of each class.

    C' is the mean of C over the rotations of the class, its orthogonal projection, in the axes that
    suit it best; the axes are searched for. ``classes`` are some of ``CLASSES``, all by default.
    """
    c = np.asarray(stiffness, float)
    asked = [*CLASSES] if classes is None else classes
    names = [name for name in asked if name != "triclinic"]
    turned = np.stack([rotate(row[None], _axes(row)) for row in c]) * np.sqrt(TENSOR_WEIGHT)
    rests = np.array([np.eye(21) - _projector(name) for name in names]).reshape(-1, 21, 21)
    norm = tensor_norm(c)
    off = (
        np.linalg.norm(turned[None] @ rests[:, None], axis=-1) / norm[:, None]
    )  # (classes, n, axes)
    best = np.argsort(off, axis=-1)[..., :_IMPROVED]
    starts = np.take_along_axis(turned[None], best[..., None], 2) / norm[:, None, None]
    improved = _improved(starts.reshape(len(names), len(c) * _IMPROVED, 21), rests)
    improved = improved.reshape(len(names), len(c), _IMPROVED).min(-1)
    distances = dict(zip(names, improved, strict=True))
    return {name: distances.get(name, np.zeros(len(c))) for name in asked}


def _improved(turned: np.ndarray, rests: np.ndarray) -> np.ndarray:
    """Distances (q, k) after steps of Levenberg and Marquardt about all axes.

    From weighted constants (q, k, 21) and projectors (q, 21, 21) on what each of q classes
    excludes.
    """
    weight = np.sqrt(TENSOR_WEIGHT)
    damping = np.full(turned.shape[:2], 1e-3)
    turns = np.stack(_generators())
    now = turned @ rests
    off = np.linalg.norm(now, axis=-1)
    for _ in range(_STEPS):
        slope = np.moveaxis((turned[:, None] @ turns) @ rests[:, None], 1, 2)
        normal = slope @ slope.mT + damping[..., None, None] * np.eye(3)
        step = -np.linalg.solve(normal, slope @ now[..., None])[..., 0]
        tried = rotate(turned / weight, from_rotation_vector(step)) * weight
        new = tried @ rests
        size = np.linalg.norm(new, axis=-1)
        better = size < off
        turned = np.where(better[..., None], tried, turned)
        now = np.where(better[..., None], new, now)
        off = np.where(better, size, off)
        damping = np.clip(np.where(better, damping / 10, damping * 10), 1e-12, 1e6)
    return off


@cache
def _generators():
    """Derivatives (21, 21) of weighted constants by turns about the three axes; constants stand on
    the left.
    """
    weight = np.sqrt(TENSOR_WEIGHT)
    angle = 1e-4
    turns = [from_rotation_vector(sign * angle * np.eye(3)) for sign in (1, -1)]
    ahead, back = (
        rotate(np.eye(21)[None] / weight[:, None], turn[:, None]) * weight for turn in turns
    )
    return list((ahead - back) / (2 * angle))


def resembles_compliance(stiffness: np.ndarray) -> np.ndarray:
    """Whether stiffnesses (n, 21) look like compliances (n,), as that of an ordinary material
    would.

    In a compliance S12 + S13 + S23 is negative, as in the stiffness of an auxetic material. It
    resembles a compliance if, moreover,

    - its shears are stiff: S44 = 1/G is four times the (S11 − S12)/2 of an isotropic material;
    - or its bulk modulus nearly vanishes, as S11 + 2 S12 does for strongly anisotropic materials;
    - or its inverse fulfils Cauchy's relations, as trusses and bone do;

    and if it is not isotropic as read.

    The thresholds are those of benchmarks/order_hints.py.

    >>> soft = np.linalg.inv(unpack(stiffness_of_moduli(np.array([[2.0] * 3 + [0.8] * 3 + [0.25] * 3]))))
    >>> resembles_compliance(pack(soft)), resembles_compliance(pack(np.linalg.inv(soft)))
    (array([ True]), array([False]))
    """
    c = unpack(np.asarray(stiffness, float))
    normal = np.trace(c[:, :3, :3], axis1=1, axis2=2)
    coupling = (c[:, 0, 1] + c[:, 0, 2] + c[:, 1, 2]) / normal
    shear = np.trace(c[:, 3:, 3:], axis1=1, axis2=2) / normal
    stiff_shears = 2 * shear / (1 - coupling) > _SHEAR_OF_COMPLIANCE
    cauchy = non_cauchy_share(pack(np.linalg.inv(c))) < _CAUCHY_OF_COMPLIANCE**2
    tensors = pack(c) * np.sqrt(TENSOR_WEIGHT)
    rest = np.linalg.norm(tensors @ (np.eye(21) - _projector("isotropic")), axis=1)
    isotropic = rest < _ISOTROPIC * np.linalg.norm(tensors, axis=1)
    likely = stiff_shears | (coupling < _COUPLING_OF_COMPLIANCE) | cauchy
    return (coupling < 0) & likely & ~isotropic


def best_class(distances: dict[str, float], within: float = 0.05) -> str:
    """The most symmetric of the classes that a stiffness is close to, by distances of
    `symmetry_distances`.

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
    """Matrix (21, 21) that takes weighted constants of a stiffness to those of its mean over a
    class's rotations.
    """

    def about(axis, angle):
        return from_rotation_vector(angle * np.array([axis], float))[0]

    z = [0, 0, 1]
    x = [1, 0, 0]
    folds = {"monoclinic": 2, "orthotropic": 2, "trigonal": 3, "tetragonal": 4, "hexagonal": 6}
    if name == "isotropic":  # what is fixed by the rotations of a cube and by a fifth of a turn
        return _fixed(
            [
                about(z, np.pi / 2),
                about([1, 1, 1], 2 * np.pi / 3 / np.sqrt(3)),
                about(z, 2 * np.pi / 5),
            ]
        )
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
