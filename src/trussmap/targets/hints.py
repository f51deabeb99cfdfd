"""Targets in words, and what looks like a slip in them: unit, order of components, compliance."""

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
# A symmetry class speaks for an order if a stiffness fits it in that order within the second
# distance and fits only classes of so many constants more as read, within the first.
_FITS_AS_READ = 0.05
_FITS = 0.005
_FEWER_CONSTANTS = 3
# Cauchy's relations speak for an order if a stiffness without symmetry, within the first distance,
# is at most so far off them in it (for orders that differ from that as read by √2 as well: the
# second number), 2.2 times closer than as read, and if what it is off as read, its trace apart, is
# three times as much and large: benchmarks/order_hints.py.
_NO_CLASS = 0.04
_CAUCHY = 0.075
_CAUCHY_SCALED = 0.045
_CLOSER = 2.2
_CLOSER_DEVIATOR = 3.0
_PER_SQUARE = 2.5
# Relative difference up to which two orders count as reading the same.
_SAME = 0.01
# Targets whose order is examined.
_EXAMINED = 5


def described(targets: Targets, material: Material, most: int = 20) -> list[str]:
    """Lines on how targets were read: each of them, ``most`` at the most, assumptions, doubts."""
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
    """Sentences on what looks like a slip in whole targets: unit, order, compliance.

    Targets whose source gives the order itself are not doubted in it.
    """
    hints = [soft_hint(targets.goal, material)]
    if targets.order is not None:
        hints.append(compliance_hint(targets.goal, targets.compliance))
        if not targets.labelled:
            hints.append(order_hint(targets.goal, targets.order))
    return [hint for hint in hints if hint]


def describe_target(goal: Goal, youngs_modulus: float) -> str:
    """What a Goal of one target asks for, in the units of ``youngs_modulus``."""
    if goal.engineering is not None:
        return f"{_moduli(goal.engineering[0], youngs_modulus)}; all else is free"
    if goal.weights is not None and not goal.whole:
        weights = dict(zip(COMPONENTS, goal.weights[0], strict=True))
        free = [name for name, weight in weights.items() if not weight]
        given = [
            f"{name} {plain(c * youngs_modulus)}"
            for name, c in zip(COMPONENTS, goal.targets[0], strict=True)
            if weights[name]
        ]
        rest = f"free: {', '.join(free)}" if free else "each as close as its deviation says"
        return f"{', '.join(given)}; {rest}"
    c = goal.targets[0]
    anisotropy = universal_anisotropy(c[None])[0]
    # Of an isotropic stiffness, rounding is left.
    anisotropy = anisotropy if anisotropy > 1e-9 else 0.0
    return (
        f"{_moduli(moduli(c[None])[0], youngs_modulus)}; universal anisotropy {anisotropy:.3g}; "
        f"{symmetry_words(symmetry_distances(c))}"
    )


def symmetry_words(distances: dict[str, float]) -> str:
    """Distances of `symmetry_distances` in words: the most symmetric class within 5 %, or none."""
    closest = best_class(distances)
    if closest == "triclinic":
        near = [f"{name} within {distances[name]:.1%}" for name in ("monoclinic", "orthotropic")]
        return f"no symmetry within 5% ({', '.join(near)})"
    return f"symmetry {closest}" + (
        "" if distances[closest] < 5e-4 else f" within {distances[closest]:.1%}"
    )


def _moduli(constants, youngs_modulus):
    scaled = np.r_[constants[:6] * youngs_modulus, constants[6:]]
    return ", ".join(
        f"{name} {plain(v)}" for name, v in zip(ENGINEERING, scaled, strict=True) if np.isfinite(v)
    )


def plain(value: float) -> str:
    """A number to three digits, without an exponent from a thousand to a million.

    >>> plain(0.10234), plain(1642.4), plain(2.5e7)
    ('0.102', '1642', '2.5e+07')
    """
    value += 0.0  # no minus before a 0
    return f"{value:.0f}" if 999.5 <= abs(value) < 1e6 else f"{value:.3g}"


def soft_hint(goal: Goal, material: Material) -> str | None:
    """Note on targets that are softer than lattices of the base material are likely to be, or None."""
    if not goal.whole:
        return None
    _, ratio = admissibility(goal.targets, MAXIMUM_DENSITY, material.poisson_ratio)
    soft = int((ratio < SOFT).sum())
    if not soft:
        return None
    return (
        f"{soft} of {len(goal)} targets are softer than 1/{1 / SOFT:.0f} of the Voigt bound of "
        f"relative density "
        f"{MAXIMUM_DENSITY}: if the base material is not that much stiffer, targets and Young's "
        f"modulus differ in unit "
        "(1000 lies between MPa and GPa)"
    )


def compliance_hint(goal: Goal, compliance: bool = False) -> str | None:
    """Note on whole targets most of which look inverted, or None.

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
            f"the file holds "
            "stiffnesses, leave out --compliance"
        )
    return (
        f"{count} of {len(goal)} targets look like compliances (C12 + C13 + C23 is negative; as "
        f"stiffnesses they are "
        "auxetic): if the file holds compliances, expected --compliance"
    )


def order_hint(goal: Goal, order: str) -> str | None:
    """Note on others of ``ORDERS`` that suit whole targets much better than ``order``, or None.

    A symmetry class with far fewer constants than any that a target fits as read speaks for an
    order; for a target that fits none, Cauchy's relations do. The note comes if at least half of
    the first targets speak for an order, and all for the same.
    """
    if not goal.whole:
        return None
    written = in_order(unpack(goal.targets[:_EXAMINED]), order)
    # Of orders that mean the same (ansys and vasp), the first is named.
    meanings = [*NOTATIONS.values()]
    others = [
        name
        for k, (name, meaning) in enumerate(NOTATIONS.items())
        if meaning != NOTATIONS[order] and meaning not in meanings[:k]
    ]
    reasons: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for matrix in written:
        read = np.stack([pack(in_voigt_order(matrix, name)) for name in (order, *others)])
        scaled = np.array([NOTATIONS[name][1] != NOTATIONS[order][1] for name in others])
        number, reason = _by_class(read) or _by_cauchy(read, scaled)
        if reason:
            near = relative_error(read[1:], read[1 + number]) < _SAME
            reasons.setdefault(tuple(np.array(others)[near]), []).append(reason)
    if len(reasons) != 1:
        return None
    [(better, found)] = reasons.items()
    if 2 * len(found) < len(written):
        return None
    now, then = found[0]
    same = {1: "", 2: " Both read the same."}.get(len(better), " All of them read the same.")
    return (
        f"as read a target {now}; in the order {better[0]} ({ORDERS[better[0]]}) it {then}: is it "
        + " Or ".join(f"--order {name}?" for name in better)
        + same
    )


def _by_class(read: np.ndarray) -> tuple[int, tuple[str, ...]] | None:
    """Other reading whose symmetry class has far fewer constants, and why: what holds now and then.

    From the stiffness as read and in k other orders (1 + k, 21). The reason is () if the stiffness
    has a class as read or if readings that differ suit equally well; None if it has no class at
    all.
    """
    classes = [name for name in CLASSES if name != "triclinic"]
    distances = {name: off[0] for name, off in class_distances(read[:1], classes).items()}
    now = best_class(distances | {"triclinic": 0.0}, _FITS_AS_READ)
    higher = [name for name in classes if CLASSES[name] <= CLASSES[now] - _FEWER_CONSTANTS]
    others = class_distances(read[1:], higher)
    better = next((name for name in higher if others[name].min() <= _FITS), None)
    if better is None:
        return (0, ()) if min(distances.values()) <= _NO_CLASS else None
    best = int(np.argmin(others[better]))
    alike = read[1:][others[better] <= _FITS]
    if (relative_error(alike, read[1 + best]) > _SAME).any():
        return 0, ()
    said = (
        f"has no symmetry within {_FITS_AS_READ:.0%}"
        if now == "triclinic"
        else f"has {now} symmetry"
    )
    off = others[better][best]
    return best, (said, f"has {better} symmetry" + (f" within {off:.1%}" if off > 5e-4 else ""))


def _by_cauchy(read: np.ndarray, scaled: np.ndarray) -> tuple[int, tuple[str, ...]]:
    """Other reading that is much closer to Cauchy's relations, and why, () if there is none.

    From the stiffness as read and in k other orders (1 + k, 21), and whether their shears count
    otherwise (k,).
    """
    now, *off = np.sqrt(non_cauchy_share(read))
    best = int(np.argmin(off))
    tensor = non_cauchy_tensor(read[0])
    deviator = tensor - np.trace(tensor) / 3 * np.eye(3)
    seen = np.linalg.norm(deviator) / np.sqrt((MULTIPLICITY * read[0] ** 2).sum())
    limits = (
        _CAUCHY_SCALED if scaled[best] else _CAUCHY,
        _PER_SQUARE * seen**2,
        seen / _CLOSER_DEVIATOR,
        now / _CLOSER,
    )
    if off[best] >= min(limits):
        return best, ()
    relations = "Cauchy's relations (C23 = C44 …), which bone and trusses are close to"
    return best, (f"is {now:.1%} off {relations}", f"is {off[best]:.1%} off them")
