"""Targets in words, and doubts about their unit, order or kind."""

from typing import NamedTuple

import numpy as np

from trussmap.targets.faults import MAXIMUM_DENSITY
from trussmap.targets.goal import Goal, Targets
from trussmap.targets.orders import NOTATIONS, ORDERS, in_order, in_voigt_order
from trussmap.tensors.elasticity import (
    CLASSES,
    best_class,
    class_distances,
    moduli,
    resembles_compliance,
    symmetry_distances,
    universal_anisotropy,
)
from trussmap.tensors.engineering import ENGINEERING
from trussmap.tensors.material import Material
from trussmap.tensors.measures import relative_error
from trussmap.tensors.stiffness import (
    COMPONENTS,
    MULTIPLICITY,
    admissibility,
    non_cauchy_share,
    non_cauchy_tensor,
    pack,
    unpack,
)

#: Share of the Voigt bound of ``MAXIMUM_DENSITY`` below which a target is softer than a lattice is
#: likely to be: a quarter of the least among 20,000 random designs.
SOFT = 1e-3

# The thresholds below come from benchmarks/order_hints.py.

# Distance within which a stiffness has a symmetry class in the order it was read in.
_FITS_AS_READ = 0.05
# Distance within which it has one in another order, which then counts in favour of that order.
_FITS = 0.005
# Constants that this class has less than any within reach as read.
_FEWER_CONSTANTS = 3
# Distance from all classes beyond which Cauchy's relations count instead.
_NO_CLASS = 0.04
# Distance from Cauchy's relations in another order that counts in favour of it.
_CAUCHY = 0.075
# The same for orders whose shears differ by √2 as well.
_CAUCHY_SCALED = 0.045
# Factor by which that distance must be smaller than the distance as read.
_CLOSER = 2.2
# Factor by which it must be smaller than the traceless part of the distance as read.
_CLOSER_DEVIATOR = 3.0
# Largest ratio of it to the square of this part, which so must be large.
_PER_SQUARE = 2.5
# Relative difference up to which two orders count as reading the same.
_SAME = 0.01
# Targets whose order is examined.
_EXAMINED = 5


class _Better(NamedTuple):
    """Another reading of a stiffness that suits it better.

    Attributes
    ----------
    reading : its place among the others
    now : what holds of the stiffness as read, '' where no other reading is better
    then : what holds of it in the other reading
    """

    reading: int = 0
    now: str = ""
    then: str = ""


def described(targets: Targets, material: Material, most: int = 20) -> list[str]:
    """Describe how targets were read, in lines.

    A line for each of ``most`` targets at the most, and notes on assumptions and doubts.
    """
    unit = f"the units of Young's modulus {material.youngs_modulus:g}:"
    lines = [f"understood, in {unit}"]
    if targets.order is not None:
        kind = " as compliances and inverted" if targets.compliance else ""
        order = targets.order
        words = "of the file's labels" if targets.labelled else f"{order} ({ORDERS[order]})"
        lines = [f"understood{kind}, in the order {words} and {unit}"]

    for k, name in enumerate(targets.names[:most]):
        goal = targets.goal.take(np.array([k]))
        lines.append(f"  {name}: {describe_target(goal, material.youngs_modulus)}")
    if len(targets) > most:
        lines.append(f"  … and {len(targets) - most} more")
    notes = [*targets.notes, *doubts(targets, material)]
    return lines + [f"  note: {note}" for note in notes]


def doubts(targets: Targets, material: Material) -> list[str]:
    """Return sentences on likely slips in targets: unit, order, compliance.

    Only targets with all constants have some. Targets whose source gives the order itself are not
    doubted in it.
    """
    hints = [soft_hint(targets.goal, material)]
    if targets.order is not None:
        hints.append(compliance_hint(targets.goal, targets.compliance))
        if not targets.labelled:
            hints.append(order_hint(targets.goal, targets.order))
    return [hint for hint in hints if hint]


def describe_target(goal: Goal, youngs_modulus: float) -> str:
    """Describe a goal of one target, in the units of ``youngs_modulus``."""
    if goal.engineering is not None:
        return f"{_moduli(goal.engineering[0], youngs_modulus)}; all else is free"
    if goal.weights is not None and not goal.whole:
        weights = goal.weights[0]
        free = [name for name, weight in zip(COMPONENTS, weights, strict=True) if not weight]
        given = [
            f"{name} {plain(constant * youngs_modulus)}"
            for name, constant, weight in zip(COMPONENTS, goal.targets[0], weights, strict=True)
            if weight
        ]
        rest = f"free: {', '.join(free)}" if free else "each as close as its deviation says"
        return f"{', '.join(given)}; {rest}"

    stiffness = goal.targets[0]
    constants = _moduli(moduli(stiffness[None])[0], youngs_modulus)
    anisotropy = universal_anisotropy(stiffness[None])[0]
    # Rounding makes an isotropic stiffness slightly anisotropic.
    anisotropy = anisotropy if anisotropy > 1e-9 else 0.0
    symmetry = symmetry_words(symmetry_distances(stiffness))
    return f"{constants}; universal anisotropy {anisotropy:.3g}; {symmetry}"


def symmetry_words(distances: dict[str, float]) -> str:
    """Describe distances of `symmetry_distances` in words.

    By the most symmetric class within 5 %, or none.
    """
    closest = best_class(distances)
    if closest == "triclinic":
        near = [f"{name} within {distances[name]:.1%}" for name in ("monoclinic", "orthotropic")]
        return f"no symmetry within 5% ({', '.join(near)})"
    within = "" if distances[closest] < 5e-4 else f" within {distances[closest]:.1%}"
    return f"symmetry {closest}{within}"


def _moduli(constants: np.ndarray, youngs_modulus: float) -> str:
    """List engineering constants (9,), base modulus 1, that are not nan."""
    scaled = np.r_[constants[:6] * youngs_modulus, constants[6:]]
    return ", ".join(
        f"{name} {plain(v)}" for name, v in zip(ENGINEERING, scaled, strict=True) if np.isfinite(v)
    )


def plain(value: float) -> str:
    """Write a number to three digits, from 1000 to 10⁶ without an exponent.

    >>> plain(0.10234), plain(1642.4), plain(2.5e7)
    ('0.102', '1642', '2.5e+07')
    """
    # The sum leaves no minus before a 0.
    value += 0.0
    return f"{value:.0f}" if 999.5 <= abs(value) < 1e6 else f"{value:.3g}"


def soft_hint(goal: Goal, material: Material) -> str | None:
    """Return a note on targets softer than lattices are likely to be, or None."""
    if not goal.whole:
        return None
    _, ratio = admissibility(goal.targets, MAXIMUM_DENSITY, material.poisson_ratio)
    soft = int((ratio < SOFT).sum())
    if not soft:
        return None
    return (
        f"{soft} of {len(goal)} targets are softer than 1/{1 / SOFT:.0f} of the Voigt bound of "
        f"relative density {MAXIMUM_DENSITY}: if the base material is not that much stiffer, "
        "targets and Young's modulus differ in unit (1000 lies between MPa and GPa)"
    )


def compliance_hint(goal: Goal, compliance: bool = False) -> str | None:
    """Return a note on whole targets most of which look inverted, or None.

    ``compliance`` says that compliances were read, so that stiffnesses were given if they do.
    """
    if not goal.whole:
        return None
    count = int(resembles_compliance(goal.targets).sum())
    if 2 * count < len(goal) or not count:
        return None
    if compliance:
        return (
            f"inverted, {count} of {len(goal)} targets are auxetic and look like compliances: if "
            "the file holds stiffnesses, leave out --compliance"
        )
    return (
        f"{count} of {len(goal)} targets look like compliances (C12 + C13 + C23 is negative; as "
        "stiffnesses they are auxetic): if the file holds compliances, expected --compliance"
    )


def order_hint(goal: Goal, order: str) -> str | None:
    """Return a note on orders that suit whole targets much better, or None.

    A symmetry class with far fewer constants than any that a target fits as read counts in favour
    of an order; for a target that fits none, Cauchy's relations do. The note comes if at least half
    of the first targets favour an order, and all the same.
    """
    if not goal.whole:
        return None
    written = in_order(unpack(goal.targets[:_EXAMINED]), order)
    reasons: dict[tuple[str, ...], list[_Better]] = {}
    for matrix in written:
        names, better = _better_orders(matrix, order)
        if names:
            reasons.setdefault(names, []).append(better)
    if len(reasons) != 1:
        return None
    [(names, favours)] = reasons.items()
    if 2 * len(favours) < len(written):
        return None

    first = favours[0]
    questions = " Or ".join(f"--order {name}?" for name in names)
    same = {1: "", 2: " Both read the same."}.get(len(names), " All of them read the same.")
    return (
        f"as read a target {first.now}; in the order {names[0]} ({ORDERS[names[0]]}) it "
        f"{first.then}: is it {questions}{same}"
    )


def _better_orders(matrix: np.ndarray, order: str) -> tuple[tuple[str, ...], _Better]:
    """Return the orders that suit a matrix better than ``order``, and why.

    The matrix (6, 6) is in ``order``. There are several where they read the same, and none where
    ``order`` suits well.
    """
    # Of orders that mean the same (ansys and vasp), the first is named.
    meanings = [*NOTATIONS.values()]
    others = [
        name
        for k, (name, meaning) in enumerate(NOTATIONS.items())
        if meaning != NOTATIONS[order] and meaning not in meanings[:k]
    ]
    readings = np.stack([pack(in_voigt_order(matrix, name)) for name in (order, *others)])
    scaled = np.array([NOTATIONS[name][1] != NOTATIONS[order][1] for name in others])
    better = _by_class(readings) or _by_cauchy(readings, scaled)
    if not better.now:
        return (), better
    near = relative_error(readings[1:], readings[1 + better.reading]) < _SAME
    return tuple(name for name, same in zip(others, near, strict=True) if same), better


def _by_class(readings: np.ndarray) -> _Better | None:
    """Return the reading whose symmetry class has far fewer constants.

    ``readings`` (1 + k, 21) is the stiffness as read and in k other orders. The result has no
    reason if the stiffness has a class as read or if readings that differ suit equally well; it is
    None if the stiffness has no class at all.
    """
    classes = [name for name in CLASSES if name != "triclinic"]
    distances = {name: off[0] for name, off in class_distances(readings[:1], classes).items()}
    now = best_class(distances | {"triclinic": 0.0}, _FITS_AS_READ)
    higher = [name for name in classes if CLASSES[name] <= CLASSES[now] - _FEWER_CONSTANTS]
    others = class_distances(readings[1:], higher)
    better = next((name for name in higher if others[name].min() <= _FITS), None)
    if better is None:
        return _Better() if min(distances.values()) <= _NO_CLASS else None

    best = int(np.argmin(others[better]))
    alike = readings[1:][others[better] <= _FITS]
    if (relative_error(alike, readings[1 + best]) > _SAME).any():
        return _Better()
    symmetry = f"has {now} symmetry"
    if now == "triclinic":
        symmetry = f"has no symmetry within {_FITS_AS_READ:.0%}"
    off = others[better][best]
    within = f" within {off:.1%}" if off > 5e-4 else ""
    return _Better(best, symmetry, f"has {better} symmetry{within}")


def _by_cauchy(readings: np.ndarray, scaled: np.ndarray) -> _Better:
    """Return the reading that is much closer to Cauchy's relations.

    ``readings`` (1 + k, 21) is the stiffness as read and in k other orders, ``scaled`` (k,) whether
    their shears differ by √2. The result has no reason if none is much closer.
    """
    now, *off = np.sqrt(non_cauchy_share(readings))
    best = int(np.argmin(off))
    tensor = non_cauchy_tensor(readings[0])
    deviator = tensor - np.trace(tensor) / 3 * np.eye(3)
    seen = np.linalg.norm(deviator) / np.sqrt((MULTIPLICITY * readings[0] ** 2).sum())
    limits = (
        _CAUCHY_SCALED if scaled[best] else _CAUCHY,
        _PER_SQUARE * seen**2,
        seen / _CLOSER_DEVIATOR,
        now / _CLOSER,
    )
    if off[best] >= min(limits):
        return _Better()
    relations = "Cauchy's relations (C23 = C44 …), which bone and trusses are close to"
    return _Better(best, f"is {now:.1%} off {relations}", f"is {off[best]:.1%} off them")
