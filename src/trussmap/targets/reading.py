"""Stiffness targets: tables and matrices as people have them, read, checked, and said again in other words."""

import warnings
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from trussmap.base.errors import InputError
from trussmap.targets.columns import MINOR
from trussmap.targets.goal import Goal
from trussmap.targets.matrices import MATRIX
from trussmap.targets.sheets import read_sheet
from trussmap.targets.values import Sheet
from trussmap.tensors.elasticity import (
    CLASSES,
    best_class,
    class_distances,
    class_of_constants,
    completion,
    moduli,
    resembles_compliance,
    stiffness_of_moduli,
    sufficient_constants,
    symmetry_distances,
    universal_anisotropy,
)
from trussmap.tensors.engineering import ENGINEERING
from trussmap.tensors.material import Material
from trussmap.tensors.measures import relative_error
from trussmap.tensors.stiffness import (
    COMPONENTS,
    MULTIPLICITY,
    POISSON_RATIO,
    admissibility,
    isotropic,
    non_cauchy_share,
    non_cauchy_tensor,
    pack,
    unpack,
)

#: Densest lattice of the design space; no target can be stiffer than its Voigt bound.
MAXIMUM_DENSITY = 0.1
#: Difference between C_ij and C_ji, over the largest constant, that passes as rounding.
SYMMETRY_TOLERANCE = 1e-6
#: The same up to which the mean of both is taken, with a note. Stresses that a code computes from
#: strains of a per cent leave some per cent; a digit or a row out of place makes more.
ASYMMETRY = 0.05
#: Share of the Voigt bound of ``MAXIMUM_DENSITY`` below which a target is softer than a lattice is
#: likely to be: a quarter of the least among 20,000 random designs.
SOFT = 1e-3

# Magnitude that no number of a target reaches, in any unit; one below its inverse counts as 0.
# Their fourth powers and ratios are numbers still.
_LARGEST = 1e30

# Of each order: where 11, 22, 33, 23, 13, 12 stand in it, and what their shears count as in that
# notation.
_ORDERS = {
    "voigt": ((0, 1, 2, 3, 4, 5), 1.0),
    "abaqus": ((0, 1, 2, 5, 4, 3), 1.0),
    "ansys": ((0, 1, 2, 4, 5, 3), 1.0),
    "mandel": ((0, 1, 2, 3, 4, 5), 2**0.5),
    "vasp": ((0, 1, 2, 4, 5, 3), 1.0),
}
#: Orders of the components and what goes by them: all but mandel are of stress and engineering
#: shear strain.
ORDERS = {
    "voigt": "11, 22, 33, 23, 13, 12",
    "abaqus": "11, 22, 33, 12, 13, 23",
    "ansys": "11, 22, 33, 12, 23, 13 (VTK, LS-DYNA and VASP too)",
    "mandel": "11, 22, 33, √2·23, √2·13, √2·12 (Kelvin's)",
    "vasp": "11, 22, 33, 12, 23, 13 (its XX YY ZZ XY YZ ZX)",
}
# A symmetry class speaks for an order if a stiffness fits it in that order within the second
# distance and fits only classes of so many constants more as read, within the first.
_FITS_AS_READ, _FITS, _FEWER_CONSTANTS = 0.05, 0.005, 3
# Cauchy's relations speak for an order if a stiffness without symmetry, within the first distance,
# is at most so far off them in it (for orders that differ from that as read by √2 as well: the
# second number), 2.2 times closer than as read, and if what it is off as read, its trace apart, is
# three times as much and large: benchmarks/order_hints.py.
_NO_CLASS, _CAUCHY, _CAUCHY_SCALED = 0.04, 0.075, 0.045
_CLOSER, _CLOSER_DEVIATOR, _PER_SQUARE = 2.2, 3.0, 2.5
# Relative difference up to which two orders count as reading the same.
_SAME = 0.01
# Smallest eigenvalue of a compliance, over its largest constant, that can be inverted.
_SINGULAR = 1e-13
# Targets whose order is examined.
_EXAMINED = 5
# How much stiffer than the solid a target is whose unit must be wrong; bone is 4 times as stiff
# with 1000 too many.
_WRONG_UNIT = 2.0
# Classes whose constants have the same names in every order of the components.
_IN_ANY_ORDER = ("cubic", "orthotropic", "monoclinic b", "monoclinic c")
_DIAGONAL = np.array([COMPONENTS.index(f"C{k}{k}") for k in range(1, 7)])


class Intake(NamedTuple):
    """Targets that could be taken from a file, and what of it could not.

    Attributes
    ----------
    goal : of the n targets taken, base modulus 1
    names : n names, ``target_1`` … by their rows where the file has none
    faults : a sentence on each row that was skipped
    ordered : whether what was read has an order of components, as C11 … C66 have and engineering
        constants have not
    notes : sentences on what was recognised in the file or assumed
    compliance : whether what was read are compliances, inverted to the goal's stiffness
    labelled : whether the file's labels gave the order of the components
    unit : unit of stress of the file's numbers as taken, '' where it names none
    """

    goal: Goal
    names: list[str]
    faults: list[str]
    ordered: bool
    notes: list[str]
    compliance: bool = False
    labelled: bool = False
    unit: str = ""


def take_targets(
    path: str | Path,
    youngs_modulus: float,
    kind: str = "frobenius",
    order: str = "voigt",
    whole: bool = False,
    poisson_ratio: float = POISSON_RATIO,
    compliance: bool = False,
    unit: str = "",
    worksheet: str = "",
) -> Intake:
    """Take the targets of a file that can be taken.

    Parameters
    ----------
    path : a sheet as `trussmap.targets.sheets.read_sheet` takes: a table with the columns below, or
        bare 6×6 matrices or 21 constants (by rows; in the order ``abaqus`` as on its card, column
        by column), with or without labels
    youngs_modulus : Young's modulus of the base material, in the units of the targets
    kind : of closeness, one of `trussmap.targets.goal.KINDS`
    order : one of ``ORDERS``
    whole : whether all 21 constants are expected
    poisson_ratio : of the base material
    compliance : whether matrices and constants are compliances S, per unit of Young's modulus, with
        engineering shear strains (S44 = 1/G23), in the order ``mandel`` as that notation has them
    unit : unit of stress of ``youngs_modulus``, to which numbers are converted where the file names
        another; without it, they are taken as they stand
    worksheet : of a workbook; the first that holds constants by default

    The columns are those of one of

    - ``C11, C12, …, C66``, and the lower triangle, which must then agree with the upper one. Cells left empty and
      columns left out are free, unless ``whole``; ``C11_sd`` … are positive standard deviations:
      the closer it must be met. Columns that are exactly the constants of a crystal class, such as
      the nine of an orthotropic stiffness or ``C11, C12, C44``, give the others too, with a note;
    - ``S11, S12, …, S66``, all of them or those of a class, where ``compliance``;
    - ``E1, E2, E3, G23, G13, G12, nu12, nu13, nu23`` (or ``nu21`` …): where all are given, the orthotropic stiffness
      that they make up; of some, these count alone;
    - two of ``E``, ``G`` and ``nu``: an isotropic stiffness;

    optionally with ``name``. Others are ignored.

    Raises InputError, naming the file, where it has no target at all or columns that do not do.
    """
    material = Material(_check_modulus(youngs_modulus), poisson_ratio)
    if order not in ORDERS:
        raise InputError(f"order {order}: expected {', '.join(ORDERS)}.")
    sheet = _of_kind(read_sheet(path, order == "abaqus", unit, worksheet, compliance), compliance)
    if whole and sheet.faults:
        raise InputError(sheet.faults[0])
    columns = {*sheet.table.columns}
    notes = [*sheet.notes]
    if sheet.order is not None:
        order, note = _order_of_labels(sheet, order)
        notes.append(note)
    ordered = compliance or bool({*MATRIX} & columns)
    if ordered:
        crystal = None if whole else _crystal(sheet, order, "S" if compliance else "C")
        notes += [_crystal_note(crystal, compliance)] if crystal else []
        goal, faults = _constants(sheet, material, kind, order, whole, crystal, compliance, notes)
    elif whole:
        raise InputError(
            f"{sheet.where}: missing column {', '.join(COMPONENTS)}; expected the 21 constants of each."
        )
    elif {"E", "G", "nu"} & columns and {*ENGINEERING, *MINOR} & columns:
        raise InputError(
            f"{sheet.where}: two of E, G and nu are of isotropic targets, E1 … nu23 of others, and this table has "
            "columns of both; expected a file for each."
        )
    elif {"E", "G", "nu"} & columns:
        goal, faults = _isotropic(sheet, material, kind)
    elif {*ENGINEERING} & columns:
        goal, faults = _engineering(sheet, material, kind)
    else:
        raise InputError(
            f"{sheet.where}: no constant is given; expected the columns C11 … C66, E1, E2, E3, G23 … nu23, or E and "
            "nu, or a 6×6 matrix."
        )
    names = _names(sheet.table)
    good = [k for k, fault in enumerate(faults) if fault is None]
    told = [
        f"{sheet.where}, {place}{fault}"
        for place, fault in zip(sheet.places, faults, strict=True)
        if fault
    ]
    told = [*sheet.faults, *told]
    if not told and not good:
        raise InputError(
            f"{sheet.where}: no target below the header; expected one row for each target."
        )
    if not good:
        more = f"; none of the {len(told)} targets can be taken." if len(told) > 1 else "."
        raise InputError(told[0].removesuffix(".") + more)
    how = {"compliance": compliance, "labelled": sheet.order is not None, "unit": sheet.unit}
    return Intake(goal.take(np.array(good)), [names[k] for k in good], told, ordered, notes, **how)


def _order_of_labels(sheet: Sheet, order: str) -> tuple[str, str]:
    """Order to read a sheet in whose labels give one, and a note on it."""
    named = [
        name for name, (place, shear) in _ORDERS.items() if place == sheet.order and shear == 1
    ]
    mandel = order == "mandel" and "voigt" in named
    if order not in ("voigt", *named) and not mandel:
        raise InputError(
            f"{sheet.where}: the file gives its components in the order {named[0] if named else 'of its labels'}; "
            f"expected no --order {order}."
        )
    words = f"{named[0]} ({ORDERS[named[0]]})" if named else "of its labels"
    return (
        "mandel" if mandel else "voigt",
        f"the file gives its components in the order {words}, which applies",
    )


def read_targets(
    path: str | Path, youngs_modulus: float, poisson_ratio: float = POISSON_RATIO, unit: str = ""
) -> tuple[np.ndarray, list[str]]:
    """Targets (n, 21), base modulus 1, and n names of a file in which all must be whole; see `take_targets`.

    Assumptions are warnings. Raises InputError for the first that cannot be taken, naming file, row
    (1 = first after the header) and column.
    """
    taken = _all(
        take_targets(path, youngs_modulus, whole=True, poisson_ratio=poisson_ratio, unit=unit)
    )
    for note in taken.notes:
        warnings.warn(f"{path}: {note}", stacklevel=2)
    return taken.goal.targets, taken.names


def read_goal(
    path: str | Path,
    youngs_modulus: float,
    kind: str = "frobenius",
    order: str = "voigt",
    poisson_ratio: float = POISSON_RATIO,
    compliance: bool = False,
    unit: str = "",
) -> tuple[Goal, list[str]]:
    """The Goal and the n names of a file's targets, which must all be good; see `take_targets`.

    Assumptions and doubts (`doubts`) are warnings. Raises InputError for the first target that
    cannot be taken.
    """
    how = {"poisson_ratio": poisson_ratio, "compliance": compliance}
    taken = _all(take_targets(path, youngs_modulus, kind, order, unit=unit, **how))
    how["labelled"] = taken.labelled
    for note in (*taken.notes, *doubts(taken.goal, order if taken.ordered else None, **how)):
        warnings.warn(f"{path}: {note}", stacklevel=2)
    return taken.goal, taken.names


def _all(taken):
    if taken.faults:
        raise InputError(taken.faults[0])
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


def in_order(matrix: np.ndarray, order: str) -> np.ndarray:
    """Matrices (..., 6, 6) in one of ``ORDERS`` of those in Voigt order, the inverse of `in_voigt_order`.

    >>> in_order(np.diag([1, 2, 3, 23, 13, 12.0]), "abaqus").diagonal()
    array([ 1.,  2.,  3., 12., 13., 23.])
    """
    place, shear = _ORDERS[order]
    scale = np.array([1, 1, 1, shear, shear, shear])
    back = np.argsort(place)
    written = np.asarray(matrix) * scale[:, None] * scale
    return written[..., back, :][..., :, back]


def _named(names: list[str], letter: str) -> list[str]:
    """Names of constants with another letter, such as S11 for C11."""
    return [letter + name[1:] for name in names]


def _of_kind(sheet: Sheet, compliance: bool) -> Sheet:
    """The sheet with columns S11 … if it holds compliances, InputError where its columns are others."""
    columns = {*sheet.table.columns}
    compliances = columns & {*_named(MATRIX, "S")}
    if not compliance:
        if compliances and not columns & {*MATRIX}:
            raise InputError(
                f"{sheet.where}, column {min(compliances)}: a compliance; expected --compliance (in Python "
                "compliance=True), or columns of the stiffness, C11, C12, …, C66."
            )
        return sheet
    if not compliances:
        names = [*MATRIX, *(f"{name}_sd" for name in COMPONENTS)]
        sheet = sheet._replace(
            table=sheet.table.rename(columns=dict(zip(names, _named(names, "S"), strict=True)))
        )
        columns = {*sheet.table.columns}
    if not columns & {*_named(MATRIX, "S")}:
        raise InputError(
            f"{sheet.where}: no compliance is given; expected the columns S11, S12, …, S66 or a 6×6 matrix."
        )
    if spread := [name for name in _named(COMPONENTS, "S") if f"{name}_sd" in columns]:
        raise InputError(
            f"{sheet.where}, column {spread[0]}_sd: deviations of a compliance are none of the stiffness; expected "
            "the compliance alone, or the stiffness with its deviations."
        )
    return sheet


def _present(sheet: Sheet, letter: str) -> list[str]:
    """Those of ``COMPONENTS`` that have a column, above or below the diagonal."""
    columns = {*sheet.table.columns}
    return [name for name in COMPONENTS if {letter + name[1:], letter + name[:0:-1]} & columns]


def _missing(sheet: Sheet, letter: str, whole: bool) -> list[str]:
    """Constants without a column; InputError if there are some where all are needed."""
    present = _present(sheet, letter)
    missing = _named([name for name in COMPONENTS if name not in present], letter)
    if missing and (whole or letter == "S"):
        which = f"{letter}11, {letter}12, …, {letter}66"
        raise InputError(
            f"{sheet.where}: missing column {', '.join(missing)}; expected the 21 constants {which} of each target"
            + (", since a compliance is inverted as a whole." if letter == "S" else ".")
        )
    return missing


def _crystal(sheet: Sheet, order: str, letter: str) -> str | None:
    """Symmetry class of whose constants the columns are the names and no others, or None."""
    present = _present(sheet, letter)
    crystal = class_of_constants(present)
    if crystal is None or order == "voigt" or crystal in _IN_ANY_ORDER:
        return crystal
    raise InputError(
        f"{sheet.where}: the columns {', '.join(_named(present, letter))} are the constants of a {crystal} material "
        "in the order voigt; expected that order, or columns of all 21 constants, left empty where they are free."
    )


def _crystal_note(crystal: str, compliance: bool) -> str:
    """What was assumed of constants without a column."""
    what, letter = ("compliance", "S") if compliance else ("stiffness", "C")
    given = ", ".join(_named(sufficient_constants(crystal), letter))
    article = "an" if crystal[0] in "aeiou" else "a"
    rest = (
        "all others are 0"
        if crystal in _IN_ANY_ORDER[1:]
        else "the others follow from its symmetry or are 0"
    )
    note = f"{given} are read as {article} {crystal.removesuffix(' 7')} {what}: {rest}"
    return (
        note
        if compliance
        else f"{note}; to leave others free, add a column of theirs without values"
    )


def _completed(
    matrix: np.ndarray, deviation: np.ndarray | None, crystal: str, compliance: bool
) -> tuple[np.ndarray, np.ndarray | None]:
    """Constants (n, 6, 6) and deviations (n, 21) with those that follow from a class, nan where unknown.

    Constants that are 0 by symmetry have the smallest of the deviations.
    """
    whole = completion(crystal, compliance)
    given = pack(matrix)
    unknown = np.isnan(given) & (whole != 0).any(0)
    constants = np.nan_to_num(given) @ whole.T
    constants[(unknown.astype(float) @ (whole != 0).T) > 0] = np.nan
    if deviation is not None:
        least = np.where(np.isnan(deviation), np.inf, deviation).min(1, keepdims=True)
        known = np.sqrt(np.nan_to_num(deviation) ** 2 @ whole.T**2)
        deviation = np.where((whole != 0).any(1), known, least)
    return unpack(constants), deviation


def _constants(
    sheet: Sheet,
    material: Material,
    kind: str,
    order: str,
    whole: bool,
    crystal: str | None,
    compliance: bool,
    notes: list[str],
) -> tuple[Goal, list[str | None]]:
    """Goal and faults of a sheet of the 21 constants, or of those of a symmetry class ``crystal``.

    What is assumed joins ``notes``.
    """
    table = sheet.table
    letter = "S" if compliance else "C"
    missing = [] if crystal else _missing(sheet, letter, whole)
    values, faults = _numbers(table, _named(MATRIX, letter))
    matrix = values.reshape(-1, 6, 6)
    matrix, skew = symmetric_mean(np.where(np.isnan(matrix), matrix.swapaxes(1, 2), matrix))
    notes += [
        f"{place}: {letter}_ij and {letter}_ji differ by up to {off:.2g} of the largest constant; the mean of both is "
        "taken"
        for place, off in zip(sheet.places, skew, strict=True)
        if SYMMETRY_TOLERANCE < off <= ASYMMETRY
    ]
    spread = [name for name in COMPONENTS if f"{name}_sd" in table]
    deviation = None
    if spread:
        deviation, slips = _numbers(table, [f"{name}_sd" for name in COMPONENTS])
        faults = [one or other for one, other in zip(faults, slips, strict=True)]
    if crystal:
        matrix, deviation = _completed(matrix, deviation, crystal, compliance)
    blank = np.array([fault is None for fault in faults], bool) & np.isnan(pack(matrix)).any(1)
    free = bool(spread or missing or blank.any()) and not (whole or compliance)
    if free and kind != "frobenius":
        raise InputError(
            f"{sheet.where}: free constants and deviations go with the closeness frobenius; expected no {kind}."
        )
    if compliance:
        matrix, faults = _inverted(matrix, faults)
    for k, own in enumerate(matrix):
        spreads = None if deviation is None else deviation[k]
        faults[k] = faults[k] or _fault_of_constants(own, spreads, free)
    targets, given, faults = _in_base_units(matrix, faults, order, material, compliance)
    if not free:
        return Goal(targets, kind), faults
    return Goal(targets, kind, weights=_weights(given, deviation, order)), faults


def inverted(compliances: np.ndarray, where: str) -> np.ndarray:
    """Stiffnesses (n, 21) of compliances (n, 21) in engineering notation, in any order.

    Raises InputError for the first that is not positive definite; ``where`` names its source.
    """
    stiffness, faults = _inverted(unpack(compliances), [None] * len(compliances))
    for k, fault in enumerate(faults):
        if fault:
            raise InputError(f"{where}, row {k + 1}{fault}")
    return pack(stiffness)


def _inverted(matrix: np.ndarray, faults: list[str | None]) -> tuple[np.ndarray, list[str | None]]:
    """Inverses (n, 6, 6) of compliances without a fault, and the faults with those of the others."""
    stiffness = np.full_like(matrix, np.nan)
    faults = [*faults]
    for k, own in enumerate(matrix):
        faults[k] = faults[k] or _fault_of_constants(own, None, False, "S")
        if faults[k]:
            continue
        own = unpack(pack(own))
        lowest = np.linalg.eigvalsh(own)[0] / np.abs(own).max()
        if lowest <= _SINGULAR:
            faults[k] = (
                ", columns S11…S66: the compliance is not positive definite (its smallest eigenvalue is "
                f"{lowest:.2g} of its largest constant); expected a compliance with positive eigenvalues only."
            )
            continue
        stiffness[k] = np.linalg.inv(own)
    return stiffness, faults


def _in_base_units(
    matrix: np.ndarray,
    faults: list[str | None],
    order: str,
    material: Material,
    compliance: bool,
) -> tuple[np.ndarray, np.ndarray, list[str | None]]:
    """Stiffnesses (n, 21), base modulus 1, which constants are given (n, 21), and faults with those of size."""
    targets = np.zeros((len(matrix), 21))
    given = np.zeros((len(matrix), 21), bool)
    for k, own in enumerate(matrix):
        if faults[k]:
            continue
        full = unpack(pack(own))
        known = np.isfinite(full)
        targets[k] = (
            pack(in_voigt_order(np.where(known, full, 0.0), order)) / material.youngs_modulus
        )
        given[k] = pack(in_voigt_order(known.astype(float), order)) > 0
        largest = COMPONENTS[int(np.argmax(np.nan_to_num(np.abs(pack(own)))))]
        if not compliance:
            how = largest, "these are compliances, --compliance"
            faults[k] = _fault_of_stiffness(targets[k], given[k], material, *how)
            continue
        how = "", "these are stiffnesses, no --compliance"
        fault = _fault_of_stiffness(targets[k], given[k], material, *how)
        if fault:
            unit = "in the units of Young's modulus"
            faults[k] = f": inverted, {fault.removeprefix(': ')}".replace(
                unit, "per unit of Young's modulus"
            )
    return targets, given, faults


def _weights(given: np.ndarray, deviation: np.ndarray | None, order: str) -> np.ndarray:
    """Weights (n, 21) of constants: 1, or by their deviations, and 0 where free."""
    if deviation is None:
        return given.astype(float)
    own = pack(in_voigt_order(unpack(deviation), order))
    weights = np.where(given, 1 / np.where(given, own, 1.0), 0.0)
    return weights / np.maximum(weights.max(1, keepdims=True), 1e-300)


def symmetric_mean(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Make matrices symmetric that are nearly so.

    Parameters
    ----------
    matrix : (n, 6, 6), nan where nothing stands

    Returns
    -------
    matrix : (n, 6, 6), the mean with the transposed one where both differ by ``ASYMMETRY`` of the
        largest constant at most; the same as before where they differ by rounding, by more, or by
        sign alone
    skew : (n,) largest difference over the largest constant; infinite where two constants of more
        than a fifth of ``ASYMMETRY`` have opposite signs, as after a slip
    """
    other = matrix.swapaxes(1, 2)
    largest = np.nan_to_num(np.abs(matrix)).max((1, 2))
    scale = np.maximum(largest, 1 / _LARGEST)[:, None, None]
    skew = np.nan_to_num(np.abs(matrix - other) / scale)
    opposite = (matrix * other < 0) & (
        np.minimum(np.abs(matrix), np.abs(other)) > ASYMMETRY / 5 * scale
    )
    skew = np.where(opposite, np.inf, skew).max((1, 2))
    near = (skew > SYMMETRY_TOLERANCE) & (skew <= ASYMMETRY)
    both = np.isfinite(matrix) & np.isfinite(other)
    mean = np.where(both, (matrix + other) / 2, matrix)
    return np.where(near[:, None, None], mean, matrix), skew


def _fault_of_constants(
    matrix: np.ndarray, deviation: np.ndarray | None, free: bool, letter: str = "C"
) -> str | None:
    """What is wrong with the numbers of a target as they stand, (6, 6) with nan where none stands, or None."""
    upper = pack(matrix)
    given = np.isfinite(upper)
    if not given.any():
        return f": no constant is given; expected {letter}11 … {letter}66, some of them."
    if not free and not given.all():
        return f", column {letter}{COMPONENTS[int(np.argmin(given))][1:]}: no value; expected a finite number."
    off = np.tril(np.nan_to_num(np.abs(matrix - matrix.T)))
    i, j = np.unravel_index(np.argmax(off), (6, 6))
    if off[i, j] > SYMMETRY_TOLERANCE * np.abs(upper[given]).max():
        return (
            f", column {letter}{i + 1}{j + 1}: {matrix[i, j]:g} differs from {letter}{j + 1}{i + 1} = "
            f"{matrix[j, i]:g}, so the target is not symmetric, by more than {ASYMMETRY:.0%} of the largest constant "
            "or in sign; expected the same value in both, or the upper triangle alone."
        )
    for name, value in zip(
        [f"{letter}{k}{k}" for k in range(1, 7)], matrix.diagonal(), strict=True
    ):
        if value <= 0:
            return (
                f", column {name}: {value:g}, so the target is not positive definite; expected a positive value on the "
                "diagonal."
            )
    if deviation is not None and (given & ~(deviation > 0)).any():
        name = COMPONENTS[int(np.argmax(given & ~(deviation > 0)))]
        return f", column {name}_sd: expected a positive standard deviation for every constant that is given."
    return None


def _fault_of_stiffness(
    c: np.ndarray, given: np.ndarray, material: Material, largest: str = "", otherwise: str = ""
) -> str | None:
    """What is wrong with a stiffness (21,), base modulus 1, some of whose constants are given, or None.

    ``largest`` is the user's name of the largest constant, ``otherwise`` what would do for one that
    looks like a compliance.
    """
    if given.all():
        lowest, ratio = admissibility(c[None], MAXIMUM_DENSITY, material.poisson_ratio)
        if lowest[0] <= 0:
            return (
                f", columns C11…C66: the target is not positive definite (its smallest eigenvalue is {lowest[0]:.2g} "
                "of the largest); expected a stiffness with positive eigenvalues only."
            )
        fault = _fault_of_size(ratio[0], largest and f", column {largest}", material)
        if fault and otherwise and resembles_compliance(c[None])[0]:
            return f"{fault.removesuffix('.')}, or, if {otherwise}."
        return fault
    ratio = np.where(given, c, 0.0)[_DIAGONAL] / material.relative[_DIAGONAL] / MAXIMUM_DENSITY
    return _fault_of_size(ratio.max(), "", material)


def _fault_of_size(ratio: float, what: str, material: Material) -> str | None:
    """Why a target that has ``ratio`` times the Voigt bound of the densest lattice cannot be met, or None."""
    if ratio <= 1:
        return None
    solid = ratio * MAXIMUM_DENSITY
    needed = ratio * material.youngs_modulus
    if solid > 1.001:
        said = f"{what}: the target is {solid:.3g} times as stiff as the solid base material with {material}, "
        if solid > _WRONG_UNIT:
            return said + (
                "which looks like a wrong unit (1000 lies between MPa and GPa); expected targets in the units of "
                "Young's modulus."
            )
        return said + (
            f"too stiff for any lattice of it; expected a base material of Young's modulus {needed:.3g} at least, or, "
            "if that is a matter of units, the target in its own."
        )
    return (
        f"{what}: the target is too stiff for this material: {ratio:.3g} times the Voigt bound of relative density "
        f"{MAXIMUM_DENSITY} with {material}; expected a base material of Young's modulus {needed:.3g} at least, or a "
        "softer target."
    )


def _isotropic(sheet: Sheet, material: Material, kind: str) -> tuple[Goal, list[str | None]]:
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
            faults[k] = (
                f": E = {e:g} and nu = {nu:.4g}; expected a positive modulus, and a nu above -1 and below 0.5."
            )
        elif np.isfinite(g) and abs(e / (2 * g * (1 + nu)) - 1) > 0.01:
            faults[k] = (
                f": E = {e:g}, G = {g:g} and nu = {nu:g} are of no isotropic material; expected two of them."
            )
        else:
            targets[k] = pack(isotropic(e / material.youngs_modulus, nu))
            faults[k] = _fault_of_stiffness(targets[k], np.ones(21, bool), material)
    return Goal(targets, kind), faults


def _engineering(sheet: Sheet, material: Material, kind: str) -> tuple[Goal, list[str | None]]:
    """Goal and faults of a sheet of engineering constants."""
    values, faults = _numbers(sheet.table, (*ENGINEERING, *MINOR))
    given, other = values[:, :9], values[:, 9:]
    for k, (i, j) in enumerate(((0, 1), (0, 2), (1, 2))):  # nu_ij / E_i = nu_ji / E_j
        with np.errstate(divide="ignore", invalid="ignore"):  # a modulus of 0 is refused below
            turned = other[:, k] * given[:, i] / given[:, j]
        told = np.isfinite(other[:, k])
        for row in np.flatnonzero(told):
            if not np.isfinite(turned[row]):
                faults[row] = (
                    faults[row] or f", column {MINOR[k]}: expected E{i + 1} and E{j + 1} with it."
                )
            elif abs(given[row, 6 + k] - turned[row]) > 0.01 * max(1.0, abs(turned[row])):
                faults[row] = faults[row] or (
                    f", column {MINOR[k]}: {other[row, k]:g} does not go with {ENGINEERING[6 + k]} = "
                    f"{given[row, 6 + k]:g}; expected E{i + 1} {MINOR[k]} = E{j + 1} {ENGINEERING[6 + k]}."
                )
        given[:, 6 + k] = np.where(told & np.isnan(given[:, 6 + k]), turned, given[:, 6 + k])
    given[:, :6] /= material.youngs_modulus
    bound = np.array([1, 1, 1, *material.relative[_DIAGONAL[3:]]])
    for k, row in enumerate(given):
        if faults[k]:
            continue
        bad = np.flatnonzero(row[:6] <= 0)
        if not np.isfinite(row).any():
            faults[k] = ": no constant is given; expected E1, E2, E3, G23 … nu23, some of them."
        elif len(bad):
            faults[k] = f", column {ENGINEERING[bad[0]]}: expected a positive modulus."
        else:
            ratio = np.nan_to_num(row[:6] / bound) / MAXIMUM_DENSITY
            faults[k] = _fault_of_size(ratio.max(), "", material)
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
                faults[k] = (
                    ", columns E1…nu23: of no stable material; expected smaller Poisson's ratios."
                )
        return Goal(targets, kind), faults
    return Goal(np.ones((len(given), 21)), engineering=given), faults


def check_targets(
    targets: np.ndarray, youngs_modulus: float, where: str, poisson_ratio: float = POISSON_RATIO
) -> None:
    """Raise InputError for the first of targets (n, 21), base modulus 1, that no lattice of ``where`` can have."""
    targets = np.array(targets, float)
    if not 1 / _LARGEST < youngs_modulus < _LARGEST or not (np.abs(targets) < _LARGEST).all():
        raise InputError(
            f"{where}: numbers of no material; expected stiffness and Young's modulus below {_LARGEST:g}."
        )
    targets[np.abs(targets) < 1 / _LARGEST] = 0.0
    material = Material(youngs_modulus, poisson_ratio)
    for k, c in enumerate(targets):
        fault = _fault_of_constants(unpack(c) * youngs_modulus, None, False)
        largest = COMPONENTS[int(np.argmax(np.abs(c)))]
        if fault := fault or _fault_of_stiffness(c, np.ones(21, bool), material, largest):
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
        raise InputError(
            f"Young's modulus {youngs_modulus}: expected a positive number in the units of the targets."
        )
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


def described(
    taken: Intake,
    youngs_modulus: float,
    order: str = "voigt",
    most: int = 20,
    poisson_ratio: float = POISSON_RATIO,
) -> list[str]:
    """Lines that say what was understood: each target, ``most`` at the most, assumptions and doubts."""
    unit = f"the units of Young's modulus {youngs_modulus:g}:"
    lines = [f"understood, in {unit}"]
    if taken.ordered:
        what = " as compliances and inverted" if taken.compliance else ""
        order_words = "of the file's labels" if taken.labelled else f"{order} ({ORDERS[order]})"
        lines = [f"understood{what}, in the order {order_words} and {unit}"]
    for k, name in enumerate(taken.names[:most]):
        lines.append(f"  {name}: {describe_target(taken.goal.take(np.array([k])), youngs_modulus)}")
    if len(taken.names) > most:
        lines.append(f"  … and {len(taken.names) - most} more")
    how = poisson_ratio, taken.compliance, taken.labelled
    found = doubts(taken.goal, order if taken.ordered else None, *how)
    return lines + [f"  note: {note}" for note in [*taken.notes, *found]]


def doubts(
    goal: Goal,
    order: str | None = None,
    poisson_ratio: float = POISSON_RATIO,
    compliance: bool = False,
    labelled: bool = False,
) -> list[str]:
    """Sentences on what looks like a slip in whole targets: unit, order of the components, compliance.

    ``order`` is that in which they were read, None for engineering constants, which have none.
    ``labelled`` targets, whose file gives the order itself, are not doubted in it.
    """
    hints = [soft_hint(goal, poisson_ratio)]
    if order is not None:
        hints += [compliance_hint(goal, compliance), None if labelled else order_hint(goal, order)]
    return [hint for hint in hints if hint]


def describe_target(goal: Goal, youngs_modulus: float) -> str:
    """What a Goal of one target asks for, in the units of ``youngs_modulus``."""
    if goal.engineering is not None:
        return f"{_moduli(goal.engineering[0], youngs_modulus)}; all else is free"
    if not goal.whole:
        free = [
            name for name, weight in zip(COMPONENTS, goal.weights[0], strict=True) if not weight
        ]
        said = [
            f"{name} {plain(c * youngs_modulus)}"
            for name, c in zip(COMPONENTS, goal.targets[0], strict=True)
        ]
        given = [text for text, weight in zip(said, goal.weights[0], strict=True) if weight]
        return f"{', '.join(given)}; " + (
            f"free: {', '.join(free)}" if free else "each as close as its deviation says"
        )
    c = goal.targets[0]
    said = f"{_moduli(moduli(c[None])[0], youngs_modulus)}; universal anisotropy "
    anisotropy = universal_anisotropy(c[None])[0]
    anisotropy = (
        anisotropy if anisotropy > 1e-9 else 0.0
    )  # of an isotropic stiffness, rounding is left
    return said + f"{anisotropy:.3g}; {symmetry_words(symmetry_distances(c))}"


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


def soft_hint(goal: Goal, poisson_ratio: float = POISSON_RATIO) -> str | None:
    """Note on targets that are softer than lattices of the base material are likely to be, or None."""
    if not goal.whole:
        return None
    _, ratio = admissibility(goal.targets, MAXIMUM_DENSITY, poisson_ratio)
    soft = int((ratio < SOFT).sum())
    if not soft:
        return None
    return (
        f"{soft} of {len(goal)} targets are softer than 1/{1 / SOFT:.0f} of the Voigt bound of relative density "
        f"{MAXIMUM_DENSITY}: if the base material is not that much stiffer, targets and Young's modulus differ in unit "
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
            f"inverted, {count} of {len(goal)} targets are auxetic and look like compliances: if the file holds "
            "stiffnesses, leave out --compliance"
        )
    return (
        f"{count} of {len(goal)} targets look like compliances (C12 + C13 + C23 is negative; as stiffnesses they are "
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
    meanings = [*_ORDERS.values()]
    others = [
        name
        for k, (name, meaning) in enumerate(_ORDERS.items())
        if meaning != _ORDERS[order] and meaning not in meanings[:k]
    ]
    reasons: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for matrix in written:
        read = np.stack([pack(in_voigt_order(matrix, name)) for name in (order, *others)])
        scaled = np.array([_ORDERS[name][1] != _ORDERS[order][1] for name in others])
        better, why = _by_class(read) or _by_cauchy(read, scaled)
        if why:
            near = relative_error(read[1:], read[1 + better]) < _SAME
            reasons.setdefault(tuple(np.array(others)[near]), []).append(why)
    if len(reasons) != 1:
        return None
    [(better, why)] = reasons.items()
    if 2 * len(why) < len(written):
        return None
    now, then = why[0]
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
