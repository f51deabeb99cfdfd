"""Stiffness targets: tables and matrices as people have them, read, checked, and said again in other words."""

import warnings
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from trussmap.columns import MINOR
from trussmap.elasticity import (
    best_class,
    moduli,
    stiffness_of_moduli,
    symmetry_distances,
    universal_anisotropy,
)
from trussmap.errors import InputError
from trussmap.goals import ENGINEERING, Goal
from trussmap.matrices import MATRIX
from trussmap.sheets import Sheet, read_sheet
from trussmap.stiffness import COMPONENTS, admissibility, isotropic, non_cauchy_share, pack, unpack

#: Densest lattice of the design space; no target can be stiffer than its Voigt bound.
MAXIMUM_DENSITY = 0.1
#: Difference between C_ij and C_ji, over the largest constant, that passes as rounding.
SYMMETRY_TOLERANCE = 1e-6
#: The same up to which the mean of both is taken, with a note. Stresses that a code computes from
#: strains of a per cent leave some per cent; a digit or a row out of place makes more.
ASYMMETRY = 0.05
#: Share of the Voigt bound of ``MAXIMUM_DENSITY`` below which a target is softer than a lattice is likely to be: a
#: quarter of the least among 20,000 random designs.
SOFT = 1e-3

# Magnitude that no number of a target reaches, in any unit; one below its inverse counts as 0. Their fourth powers and
# ratios are numbers still.
_LARGEST = 1e30

# Of each order: where 11, 22, 33, 23, 13, 12 stand in it, and what their shears count as in that notation.
_ORDERS = {
    "voigt": ((0, 1, 2, 3, 4, 5), 1.0),
    "abaqus": ((0, 1, 2, 5, 4, 3), 1.0),
    "ansys": ((0, 1, 2, 4, 5, 3), 1.0),
    "mandel": ((0, 1, 2, 3, 4, 5), 2**0.5),
    "vasp": ((0, 1, 2, 4, 5, 3), 1.0),
}
#: Orders of the components and what goes by them: all but mandel are of stress and engineering shear strain.
ORDERS = {
    "voigt": "11, 22, 33, 23, 13, 12",
    "abaqus": "11, 22, 33, 12, 13, 23",
    "ansys": "11, 22, 33, 12, 23, 13 (VTK, LS-DYNA and VASP too)",
    "mandel": "11, 22, 33, √2·23, √2·13, √2·12 (Kelvin's)",
    "vasp": "11, 22, 33, 12, 23, 13 (its XX YY ZZ XY YZ ZX)",
}
# A symmetry speaks for an order if the stiffness is this far from it as read, and so many times closer in that order.
_OFF_AS_READ, _CLOSER = 0.03, 5.0
# The same of Cauchy's relations, which trusses and bone are close to and a mistaken order is farther from.
_OFF_CAUCHY, _CLOSER_CAUCHY = 0.02, 1.2
# How much stiffer than the solid a target is whose unit must be wrong; bone is 4 times as stiff with 1000 too many.
_WRONG_UNIT = 2.0
_BASE = pack(isotropic())
_DIAGONAL = np.array([COMPONENTS.index(f"C{k}{k}") for k in range(1, 7)])


class Intake(NamedTuple):
    """Targets that could be taken from a file, and what of it could not.

    Attributes
    ----------
    goal : of the n targets taken, base modulus 1
    names : n names, ``target_1`` … by their rows where the file has none
    faults : a sentence on each row that was skipped
    ordered : whether ``order`` says how what was read is meant: C11 … C66 without labels, not engineering constants
    notes : sentences on what was recognised in the file or assumed
    unit : unit of stress of the file's numbers as taken, '' where it names none
    """

    goal: Goal
    names: list[str]
    faults: list[str]
    ordered: bool
    notes: list[str]
    unit: str


def take_targets(
    path: str | Path,
    youngs_modulus: float,
    kind: str = "frobenius",
    order: str = "voigt",
    whole: bool = False,
    unit: str = "",
    worksheet: str = "",
) -> Intake:
    """Take the targets of a file that can be taken.

    Parameters
    ----------
    path : a sheet as `trussmap.sheets.read_sheet` takes: a table with the columns below, or bare 6×6 matrices or 21
        constants (by rows; in the order ``abaqus`` as on its card, column by column), with or without labels
    youngs_modulus : Young's modulus of the base material, in the units of the targets
    kind : of closeness, one of `trussmap.goals.KINDS`
    order : one of ``ORDERS``
    whole : whether all 21 constants are expected
    unit : unit of stress of ``youngs_modulus``, to which numbers are converted where the file names another; without
        it, they are taken as they stand
    worksheet : of a workbook; the first that holds constants by default

    The columns are those of one of

    - ``C11, C12, …, C66``, and the lower triangle, which must then agree with the upper one. Cells left empty and
      columns left out are free, unless ``whole``; ``C11_sd`` … are positive standard deviations: the closer it must be
      met;
    - ``E1, E2, E3, G23, G13, G12, nu12, nu13, nu23`` (or ``nu21`` …): where all are given, the orthotropic stiffness
      that they make up; of some, these count alone;
    - two of ``E``, ``G`` and ``nu``: an isotropic stiffness;

    optionally with ``name``. Others are ignored.

    Raises InputError, naming the file, where it has no target at all or columns that do not do.
    """
    youngs_modulus = _check_modulus(youngs_modulus)
    if order not in ORDERS:
        raise InputError(f"order {order}: expected {', '.join(ORDERS)}.")
    sheet = read_sheet(path, order == "abaqus", unit, worksheet)
    notes = [*sheet.notes]
    ordered = sheet.order is None
    if not ordered:
        order, note = _order_of_labels(sheet, order)
        notes.append(note)
    if whole and sheet.faults:
        raise InputError(sheet.faults[0])
    columns = {*sheet.table.columns}
    if {*MATRIX} & columns:
        goal, faults = _constants(sheet, youngs_modulus, kind, order, whole, notes)
    elif whole:
        raise InputError(f"{sheet.where}: missing column {', '.join(COMPONENTS)}; expected the 21 constants of each.")
    elif {"E", "G", "nu"} & columns and {*ENGINEERING, *MINOR} & columns:
        raise InputError(
            f"{sheet.where}: two of E, G and nu are of isotropic targets, E1 … nu23 of others, and this table has "
            "columns of both; expected a file for each."
        )
    elif {"E", "G", "nu"} & columns:
        goal, faults = _isotropic(sheet, youngs_modulus, kind)
    elif {*ENGINEERING} & columns:
        goal, faults = _engineering(sheet, youngs_modulus, kind)
    else:
        raise InputError(
            f"{sheet.where}: no constant is given; expected the columns C11 … C66, E1, E2, E3, G23 … nu23, or E and "
            "nu, or a 6×6 matrix."
        )
    names = _names(sheet.table)
    good = [k for k, fault in enumerate(faults) if fault is None]
    told = [f"{sheet.where}, {place}{fault}" for place, fault in zip(sheet.places, faults, strict=True) if fault]
    told = [*sheet.faults, *told]
    if not told and not good:
        raise InputError(f"{sheet.where}: no target below the header; expected one row for each target.")
    if not good:
        more = f"; none of the {len(told)} targets can be taken." if len(told) > 1 else "."
        raise InputError(told[0].removesuffix(".") + more)
    ordered = ordered and bool({*MATRIX} & columns)
    return Intake(goal.take(np.array(good)), [names[k] for k in good], told, ordered, notes, sheet.unit)


def _order_of_labels(sheet: Sheet, order: str) -> tuple[str, str]:
    """Order to read a sheet in whose labels give one, and a note on it."""
    named = [name for name, (place, shear) in _ORDERS.items() if place == sheet.order and shear == 1]
    mandel = order == "mandel" and "voigt" in named
    if order not in ("voigt", *named) and not mandel:
        raise InputError(
            f"{sheet.where}: the file gives its components in the order {named[0] if named else 'of its labels'}; "
            f"expected no --order {order}."
        )
    words = f"{named[0]} ({ORDERS[named[0]]})" if named else "of its labels"
    return "mandel" if mandel else "voigt", f"the file gives its components in the order {words}, which applies"


def read_targets(path: str | Path, youngs_modulus: float, unit: str = "") -> tuple[np.ndarray, list[str]]:
    """Targets (n, 21), base modulus 1, and n names of a file in which all must be whole; see `take_targets`.

    Raises InputError for the first that cannot be taken, naming file, row (1 = first after the header) and column.
    """
    taken = _all(take_targets(path, youngs_modulus, whole=True, unit=unit), path)
    return taken.goal.targets, taken.names


def read_goal(
    path: str | Path, youngs_modulus: float, kind: str = "frobenius", order: str = "voigt", unit: str = ""
) -> tuple[Goal, list[str]]:
    """The Goal and the n names of a file's targets, which must all be good; see `take_targets`.

    Raises InputError for the first that cannot be taken.
    """
    taken = _all(take_targets(path, youngs_modulus, kind, order, unit=unit), path)
    return taken.goal, taken.names


def _all(taken: Intake, path: str | Path) -> Intake:
    """The targets, whose notes become warnings, or InputError for the first that cannot be taken."""
    if taken.faults:
        raise InputError(taken.faults[0])
    for note in taken.notes:
        warnings.warn(f"{path}: {note}", stacklevel=3)
    return taken


def in_voigt_order(matrix: np.ndarray, order: str) -> np.ndarray:
    """Matrices (..., 6, 6) in Voigt order and notation of those in one of ``ORDERS``.

    >>> in_voigt_order(np.diag([1, 2, 3, 12, 13, 23.0]), "abaqus").diagonal()
    array([ 1.,  2.,  3., 23., 13., 12.])
    """
    place, shear = _ORDERS[order]
    scale = np.array([1, 1, 1, shear, shear, shear])
    matrix = np.asarray(matrix)
    return matrix[..., place, :][..., :, place] / (scale[:, None] * scale)


def _constants(sheet, youngs_modulus, kind, order, whole, notes):
    """Goal and faults of a sheet of the 21 constants; what is assumed joins the notes."""
    table, count = sheet.table, len(sheet.table)
    missing = [name for name in COMPONENTS if name not in table]
    if whole and missing:
        raise InputError(
            f"{sheet.where}: missing column {', '.join(missing)}; expected the 21 constants C11, C12, …, C66 of each "
            "target."
        )
    values, faults = _numbers(table, MATRIX)
    matrix, skew = symmetric_mean(values.reshape(count, 6, 6))
    notes += [
        f"{place}: C_ij and C_ji differ by up to {off:.2g} of the largest constant; the mean of both is taken"
        for place, off in zip(sheet.places, skew, strict=True)
        if SYMMETRY_TOLERANCE < off <= ASYMMETRY
    ]
    upper = pack(matrix)
    spread = [name for name in COMPONENTS if f"{name}_sd" in table]
    blank = [fault is None and not np.isfinite(row).all() for fault, row in zip(faults, upper, strict=True)]
    free = bool(spread or missing or any(blank)) and not whole
    if free and kind != "frobenius":
        raise InputError(
            f"{sheet.where}: free constants and deviations go with the closeness frobenius; expected no {kind}."
        )
    deviation = np.full_like(upper, np.nan)
    if spread:
        deviation, slips = _numbers(table, [f"{name}_sd" for name in COMPONENTS])
        faults = [one or other for one, other in zip(faults, slips, strict=True)]
    targets, weights = np.zeros((count, 21)), np.zeros((count, 21))
    for k in range(count):
        faults[k] = faults[k] or _fault_of_constants(matrix[k], deviation[k] if spread else None, free)
        if faults[k]:
            continue
        full = unpack(upper[k])
        given = np.isfinite(full)
        c = pack(in_voigt_order(np.where(given, full, 0.0), order)) / youngs_modulus
        place = pack(in_voigt_order(given.astype(float), order)) > 0
        targets[k], weights[k] = c, place
        if spread:
            own = pack(in_voigt_order(unpack(deviation[k]), order))
            weights[k] = np.where(place, 1 / np.where(place, own, 1.0), 0.0)
            weights[k] /= weights[k].max()
        largest = COMPONENTS[int(np.argmax(np.nan_to_num(np.abs(upper[k]))))]
        faults[k] = _fault_of_stiffness(c, place, youngs_modulus, largest)
    return Goal(targets, kind, weights=weights if free else None), faults


def symmetric_mean(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Make matrices symmetric that are nearly so.

    Parameters
    ----------
    matrix : (n, 6, 6), nan where nothing stands

    Returns
    -------
    matrix : (n, 6, 6), the mean with the transposed one where both differ by ``ASYMMETRY`` of the largest constant at
        most; the same as before where they differ by rounding, by more, or by sign alone
    skew : (n,) largest difference over the largest constant; infinite where two constants of more than a fifth of
        ``ASYMMETRY`` have opposite signs, as after a slip
    """
    other = matrix.swapaxes(1, 2)
    largest = np.nan_to_num(np.abs(matrix)).max((1, 2))
    scale = np.maximum(largest, 1 / _LARGEST)[:, None, None]
    skew = np.nan_to_num(np.abs(matrix - other) / scale)
    opposite = (matrix * other < 0) & (np.minimum(np.abs(matrix), np.abs(other)) > ASYMMETRY / 5 * scale)
    skew = np.where(opposite, np.inf, skew).max((1, 2))
    near = (skew > SYMMETRY_TOLERANCE) & (skew <= ASYMMETRY)
    both = np.isfinite(matrix) & np.isfinite(other)
    mean = np.where(both, (matrix + other) / 2, matrix)
    return np.where(near[:, None, None], mean, matrix), skew


def _fault_of_constants(matrix, deviation, free):
    """What is wrong with the numbers of a target as they stand, (6, 6) with nan where none stands, or None."""
    upper = pack(matrix)
    given = np.isfinite(upper)
    if not given.any():
        return ": no constant is given; expected C11 … C66, some of them."
    if not free and not given.all():
        return f", column {COMPONENTS[int(np.argmin(given))]}: no value; expected a finite number."
    off = np.tril(np.nan_to_num(np.abs(matrix - matrix.T)))
    i, j = np.unravel_index(np.argmax(off), (6, 6))
    if off[i, j] > SYMMETRY_TOLERANCE * np.abs(upper[given]).max():
        return (
            f", column C{i + 1}{j + 1}: {matrix[i, j]:g} differs from C{j + 1}{i + 1} = {matrix[j, i]:g}, so the "
            f"target is not symmetric, by more than {ASYMMETRY:.0%} of the largest constant or in sign; expected the "
            "same value in both, or the upper triangle alone."
        )
    for name, value in zip([f"C{k}{k}" for k in range(1, 7)], matrix.diagonal(), strict=True):
        if value <= 0:
            return (
                f", column {name}: {value:g}, so the target is not positive definite; expected a positive value on the "
                "diagonal."
            )
    if deviation is not None and (given & ~(deviation > 0)).any():
        name = COMPONENTS[int(np.argmax(given & ~(deviation > 0)))]
        return f", column {name}_sd: expected a positive standard deviation for every constant that is given."
    return None


def _fault_of_stiffness(c, given, youngs_modulus, largest=""):
    """What is wrong with a stiffness (21,), base modulus 1, some of whose constants are given, or None.

    ``largest`` is the user's name of the largest constant.
    """
    if given.all():
        lowest, ratio = admissibility(c[None], MAXIMUM_DENSITY)
        if lowest[0] <= 0:
            return (
                f", columns C11…C66: the target is not positive definite (its smallest eigenvalue is {lowest[0]:.2g} "
                "of the largest); expected a stiffness with positive eigenvalues only."
            )
        return _fault_of_size(ratio[0], largest and f", column {largest}", youngs_modulus)
    ratio = np.where(given, c, 0.0)[_DIAGONAL] / _BASE[_DIAGONAL] / MAXIMUM_DENSITY
    return _fault_of_size(ratio.max(), "", youngs_modulus)


def _fault_of_size(ratio, what, youngs_modulus):
    """Why a target that has ``ratio`` times the Voigt bound of the densest lattice cannot be had, or None."""
    if ratio <= 1:
        return None
    solid = ratio * MAXIMUM_DENSITY
    if solid > 1.001:
        said = (
            f"{what}: the target is {solid:.3g} times as stiff as the solid base material with Young's modulus "
            f"{youngs_modulus:g}, "
        )
        if solid > _WRONG_UNIT:
            return said + (
                "which looks like a wrong unit (1000 lies between MPa and GPa); expected targets in the units of "
                "Young's modulus."
            )
        return said + (
            "too stiff for any lattice of it; expected a base material of Young's modulus "
            f"{ratio * youngs_modulus:.3g} at least, or, if that is a matter of units, the target in its own."
        )
    return (
        f"{what}: the target is too stiff for this material: {ratio:.3g} times the Voigt bound of relative density "
        f"{MAXIMUM_DENSITY} with Young's modulus {youngs_modulus:g}; expected a base material of Young's modulus "
        f"{ratio * youngs_modulus:.3g} at least, or a softer target."
    )


def _isotropic(sheet, youngs_modulus, kind):
    """Goal and faults of a sheet of two of E, G and nu."""
    values, faults = _numbers(sheet.table, ("E", "G", "nu"))
    targets = np.zeros((len(values), 21))
    for k, (e, g, nu) in enumerate(values):
        if faults[k]:
            continue
        if np.isfinite(values[k]).sum() < 2:
            faults[k] = ": an isotropic target needs two of E, G and nu; expected two of them."
            continue
        if g == 0:
            faults[k] = ", column G: 0; expected a positive modulus."
            continue
        e = 2 * g * (1 + nu) if np.isnan(e) else e
        nu = e / (2 * g) - 1 if np.isnan(nu) else nu
        if not (e > 0 and -1 < nu < 0.5):
            faults[k] = f": E = {e:g} and nu = {nu:.4g}; expected a positive modulus, and a nu above -1 and below 0.5."
        elif np.isfinite(g) and abs(e / (2 * g * (1 + nu)) - 1) > 0.01:
            faults[k] = f": E = {e:g}, G = {g:g} and nu = {nu:g} are of no isotropic material; expected two of them."
        else:
            targets[k] = pack(isotropic(e / youngs_modulus, nu))
            faults[k] = _fault_of_stiffness(targets[k], np.ones(21, bool), youngs_modulus)
    return Goal(targets, kind), faults


def _engineering(sheet, youngs_modulus, kind):
    """Goal and faults of a sheet of engineering constants."""
    values, faults = _numbers(sheet.table, (*ENGINEERING, *MINOR))
    given, other = values[:, :9], values[:, 9:]
    for k, (i, j) in enumerate(((0, 1), (0, 2), (1, 2))):  # nu_ij / E_i = nu_ji / E_j
        with np.errstate(divide="ignore", invalid="ignore"):  # a modulus of 0 is refused below
            turned = other[:, k] * given[:, i] / given[:, j]
        told = np.isfinite(other[:, k])
        for row in np.flatnonzero(told):
            if not np.isfinite(turned[row]):
                faults[row] = faults[row] or f", column {MINOR[k]}: expected E{i + 1} and E{j + 1} with it."
            elif abs(given[row, 6 + k] - turned[row]) > 0.01 * max(1.0, abs(turned[row])):
                faults[row] = faults[row] or (
                    f", column {MINOR[k]}: {other[row, k]:g} does not go with {ENGINEERING[6 + k]} = "
                    f"{given[row, 6 + k]:g}; expected E{i + 1} {MINOR[k]} = E{j + 1} {ENGINEERING[6 + k]}."
                )
        given[:, 6 + k] = np.where(told & np.isnan(given[:, 6 + k]), turned, given[:, 6 + k])
    given[:, :6] /= youngs_modulus
    for k, row in enumerate(given):
        if faults[k]:
            continue
        bad = np.flatnonzero(row[:6] <= 0)
        if not np.isfinite(row).any():
            faults[k] = ": no constant is given; expected E1, E2, E3, G23 … nu23, some of them."
        elif len(bad):
            faults[k] = f", column {ENGINEERING[bad[0]]}: expected a positive modulus."
        else:
            ratio = np.nan_to_num(row[:6] / np.array([1, 1, 1, *_BASE[_DIAGONAL[3:]]])) / MAXIMUM_DENSITY
            faults[k] = _fault_of_size(ratio.max(), "", youngs_modulus)
    good = np.array([fault is None for fault in faults], bool)
    if np.isfinite(given[good]).all() and good.any():  # all that makes up an orthotropic stiffness
        targets = np.zeros((len(given), 21))
        for k in np.flatnonzero(good):
            try:
                targets[k] = stiffness_of_moduli(given[k : k + 1])[0]
                stable = admissibility(targets[k : k + 1], MAXIMUM_DENSITY)[0][0] > 0
            except np.linalg.LinAlgError:
                stable = False
            if not stable:
                faults[k] = ", columns E1…nu23: of no stable material; expected smaller Poisson's ratios."
        return Goal(targets, kind), faults
    return Goal(np.ones((len(given), 21)), engineering=given), faults


def check_targets(targets: np.ndarray, youngs_modulus: float, where: str) -> None:
    """Raise InputError for the first of targets (n, 21), base modulus 1, that no lattice of ``where`` can have."""
    targets = np.array(targets, float)
    if not 1 / _LARGEST < youngs_modulus < _LARGEST or not (np.abs(targets) < _LARGEST).all():
        raise InputError(f"{where}: numbers of no material; expected stiffness and Young's modulus below {_LARGEST:g}.")
    targets[np.abs(targets) < 1 / _LARGEST] = 0.0
    for k, c in enumerate(targets):
        fault = _fault_of_constants(unpack(c) * youngs_modulus, None, False)
        largest = COMPONENTS[int(np.argmax(np.abs(c)))]
        if fault := fault or _fault_of_stiffness(c, np.ones(21, bool), youngs_modulus, largest):
            raise InputError(f"{where}, row {k + 1}{fault}")


def _numbers(table, columns):
    """Numbers (n, k) of columns, nan where nothing stands, and what of each row is none."""
    out, faults = np.full((len(table), len(columns)), np.nan), [None] * len(table)
    for k, name in enumerate(columns):
        for row, text in enumerate(table.get(name, ())):
            if text:
                with suppress(ValueError):
                    out[row, k] = float(text)
                if abs(out[row, k]) < 1 / _LARGEST:
                    out[row, k] = 0.0
                if not abs(out[row, k]) < _LARGEST:
                    what = f"expected a finite number, below {_LARGEST:g}"
                    faults[row] = faults[row] or f", column {name}: '{text}'; {what}."
                    out[row, k] = np.nan
    return out, faults


def _check_modulus(youngs_modulus):
    try:
        value = float(youngs_modulus)
    except (TypeError, ValueError):
        value = np.nan
    if not 1 / _LARGEST < value < _LARGEST:
        raise InputError(f"Young's modulus {youngs_modulus}: expected a positive number in the units of the targets.")
    return value


def _names(table):
    default = [f"target_{k + 1}" for k in range(len(table))]
    given = table["name"] if "name" in table else [""] * len(table)
    return distinct([_as_text(name) or other for name, other in zip(given, default, strict=True)])


def _as_text(name):
    """A name that no spreadsheet takes for a formula."""
    return f"'{name}" if name.startswith(("=", "+", "-", "@")) else name


def distinct(names: list[str]) -> list[str]:
    """Names in which one that came before has a number, so that results by name do not swallow each other.

    >>> distinct(["femur", "tibia", "femur", "femur (2)"])
    ['femur', 'tibia', 'femur (2)', 'femur (2) (2)']
    """
    found = {}
    for name in names:
        number, own = found.get(name, 1), name
        while own in found:
            number += 1
            own = f"{name} ({number})"
        found[name] = number
        found.setdefault(own, 1)
    return list(found)


def described(taken: Intake, youngs_modulus: float, order: str = "voigt", most: int = 20) -> list[str]:
    """Lines that say what was understood: each target, ``most`` at the most, and what makes one wonder."""
    how = f"in the order {order} ({ORDERS[order]}) and" if taken.ordered else "in"
    lines = [f"understood, {how} the units of Young's modulus {youngs_modulus:g}:"]
    for k, name in enumerate(taken.names[:most]):
        lines.append(f"  {name}: {describe_target(taken.goal.take(np.array([k])), youngs_modulus)}")
    if len(taken.names) > most:
        lines.append(f"  … and {len(taken.names) - most} more")
    hints = *taken.notes, soft_hint(taken.goal), order_hint(taken.goal, order) if taken.ordered else None
    return lines + [f"  note: {hint}" for hint in hints if hint]


def describe_target(goal: Goal, youngs_modulus: float) -> str:
    """What a Goal of one target asks for, in the units of ``youngs_modulus``."""
    if goal.engineering is not None:
        return f"{_moduli(goal.engineering[0], youngs_modulus)}; all else is free"
    if not goal.whole:
        free = [name for name, weight in zip(COMPONENTS, goal.weights[0], strict=True) if not weight]
        said = [f"{name} {plain(c * youngs_modulus)}" for name, c in zip(COMPONENTS, goal.targets[0], strict=True)]
        given = [text for text, weight in zip(said, goal.weights[0], strict=True) if weight]
        return f"{', '.join(given)}; " + (f"free: {', '.join(free)}" if free else "each as close as its deviation says")
    c = goal.targets[0]
    said = f"{_moduli(moduli(c[None])[0], youngs_modulus)}; universal anisotropy "
    anisotropy = universal_anisotropy(c[None])[0]
    anisotropy = anisotropy if anisotropy > 1e-9 else 0.0  # of an isotropic stiffness, rounding is left
    return said + f"{anisotropy:.3g}; {symmetry_words(symmetry_distances(c))}"


def symmetry_words(distances: dict[str, float]) -> str:
    """Distances of `symmetry_distances` in words: the most symmetric class within 5 %, or none."""
    closest = best_class(distances)
    if closest == "triclinic":
        near = [f"{name} within {distances[name]:.1%}" for name in ("monoclinic", "orthotropic")]
        return f"no symmetry within 5% ({', '.join(near)})"
    return f"symmetry {closest}" + ("" if distances[closest] < 5e-4 else f" within {distances[closest]:.1%}")


def _moduli(constants, youngs_modulus):
    scaled = np.r_[constants[:6] * youngs_modulus, constants[6:]]
    return ", ".join(f"{name} {plain(v)}" for name, v in zip(ENGINEERING, scaled, strict=True) if np.isfinite(v))


def plain(value: float) -> str:
    """A number to three digits, without an exponent from a thousand to a million.

    >>> plain(0.10234), plain(1642.4), plain(2.5e7)
    ('0.102', '1642', '2.5e+07')
    """
    value += 0.0  # no minus before a 0
    return f"{value:.0f}" if 999.5 <= abs(value) < 1e6 else f"{value:.3g}"


def soft_hint(goal: Goal) -> str | None:
    """What to say of targets that are softer than lattices of the base material are likely to be, or None."""
    if not goal.whole:
        return None
    _, ratio = admissibility(goal.targets, MAXIMUM_DENSITY)
    soft = int((ratio < SOFT).sum())
    if not soft:
        return None
    return (
        f"{soft} of {len(goal)} targets are softer than 1/{1 / SOFT:.0f} of the Voigt bound of relative density "
        f"{MAXIMUM_DENSITY}: if the base material is not that much stiffer, targets and Young's modulus differ in unit "
        "(1000 lies between MPa and GPa)"
    )


def order_hint(goal: Goal, order: str) -> str | None:
    """Which other of ``ORDERS`` than the one they were read in suits whole targets much better, and why, or None.

    A symmetry higher than orthotropic that they are ``_CLOSER`` times closer to speaks for an order. Where they have
    none, Cauchy's relations do: of 25 random lattices one by one they told 24 (abaqus), 25 (ansys) and 21 (mandel), and
    doubted none of those and of four bone specimens that were in Voigt's order, but one of six crystal cells.
    """
    if not goal.whole:
        return None
    place, shear = _ORDERS[order]
    scale = np.array([1, 1, 1, shear, shear, shear])
    written = unpack(goal.targets) * scale[:, None] * scale
    back = np.argsort(place)
    written = written[:, back][:, :, back]
    read = {name: pack(in_voigt_order(written, name)) for name in ORDERS}
    classes = ["isotropic", "cubic", "hexagonal", "tetragonal", "trigonal"]
    few = slice(0, 5)
    distances = {name: [symmetry_distances(c, classes) for c in read[name][few]] for name in ORDERS}
    for name in classes:
        off = {other: np.mean([row[name] for row in distances[other]]) for other in ORDERS}
        best = min(off, key=off.get)
        if off[order] > _OFF_AS_READ and off[best] < off[order] / _CLOSER:
            return (
                f"as read the targets are {off[order]:.1%} off {name} symmetry, in the order {best} ({ORDERS[best]}) "
                f"{off[best]:.1%}: is it --order {best}?"
            )
    if any(np.mean([row[name] for row in distances[order]]) < _OFF_AS_READ for name in classes):
        return None
    cauchy = {name: np.sqrt(non_cauchy_share(read[name]).mean()) for name in ORDERS}
    best = min(cauchy, key=cauchy.get)
    if cauchy[order] > _OFF_CAUCHY and cauchy[best] < cauchy[order] / _CLOSER_CAUCHY:
        return (
            f"as read the targets are {cauchy[order]:.1%} off Cauchy's relations (C23 = C44 …), which bone and trusses "
            f"are close to, in the order {best} ({ORDERS[best]}) {cauchy[best]:.1%}: is it --order {best}?"
        )
    return None
