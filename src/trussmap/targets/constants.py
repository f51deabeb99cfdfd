"""Goals of sheets with the 21 constants, or those of a symmetry class."""

import numpy as np

from trussmap.base.errors import InputError
from trussmap.targets.columns import with_letter
from trussmap.targets.faults import (
    ASYMMETRY,
    SYMMETRY_TOLERANCE,
    fault_of_constants,
    fault_of_stiffness,
    invert_compliances,
    symmetric_mean,
)
from trussmap.targets.goal import Goal
from trussmap.targets.matrices import MATRIX
from trussmap.targets.orders import Layout, in_voigt_order
from trussmap.targets.values import Sheet, numbers_of
from trussmap.tensors.elasticity import class_of_constants, completion, sufficient_constants
from trussmap.tensors.material import Material
from trussmap.tensors.stiffness import COMPONENTS, pack, unpack

# Classes whose constants have the same names in every order of the components.
_IN_ANY_ORDER = ("cubic", "orthotropic", "monoclinic b", "monoclinic c")


def goal_of_constants(
    sheet: Sheet, material: Material, kind: str, layout: Layout, whole: bool, notes: list[str]
) -> tuple[Goal, list[str | None]]:
    """Return goal and faults of a sheet of constants.

    They are the 21, or those of a symmetry class, which give the others. Assumptions join
    ``notes``.
    """
    letter = layout.letter
    crystal = None if whole else _crystal(sheet, layout.order, letter)
    if crystal:
        notes.append(_crystal_note(crystal, layout.compliance))
    missing = [] if crystal else _missing(sheet, letter, whole)
    matrix, faults = _matrices(sheet, letter, notes)
    deviation = None
    if any(f"{name}_sd" in sheet.table for name in COMPONENTS):
        deviation, slips = numbers_of(sheet.table, [f"{name}_sd" for name in COMPONENTS])
        faults = [one or other for one, other in zip(faults, slips, strict=True)]
    spread = deviation is not None
    if crystal:
        matrix, deviation = _completed(matrix, deviation, crystal, layout.compliance)

    good = np.array([fault is None for fault in faults], bool)
    blank = good & np.isnan(pack(matrix)).any(1)
    free = bool(spread or missing or blank.any()) and not (whole or layout.compliance)
    if free and kind != "frobenius":
        raise InputError(
            f"{sheet.where}: free constants and deviations go with the closeness frobenius; "
            f"expected no {kind}."
        )

    if layout.compliance:
        matrix, faults = invert_compliances(matrix, faults)
    for k, constants in enumerate(matrix):
        spreads = None if deviation is None else deviation[k]
        faults[k] = faults[k] or fault_of_constants(constants, spreads, free)
    targets, given, faults = _in_base_units(matrix, faults, material, layout)
    if not free:
        return Goal(targets, kind), faults
    return Goal(targets, kind, weights=_weights(given, deviation, layout.order)), faults


def _present(sheet: Sheet, letter: str) -> list[str]:
    """Return the ``COMPONENTS`` with a column above or below the diagonal."""
    columns = {*sheet.table.columns}
    return [name for name in COMPONENTS if {letter + name[1:], letter + name[:0:-1]} & columns]


def _missing(sheet: Sheet, letter: str, whole: bool) -> list[str]:
    """Return the constants without a column.

    Raises InputError for some where all are needed.
    """
    present = _present(sheet, letter)
    missing = with_letter([name for name in COMPONENTS if name not in present], letter)
    if missing and (whole or letter == "S"):
        which = f"{letter}11, {letter}12, …, {letter}66"
        reason = ", since a compliance is inverted as a whole" if letter == "S" else ""
        raise InputError(
            f"{sheet.where}: missing column {', '.join(missing)}; expected the 21 constants "
            f"{which} of each target{reason}."
        )
    return missing


def _crystal(sheet: Sheet, order: str, letter: str) -> str | None:
    """Return the symmetry class whose constants the columns are, or None."""
    present = _present(sheet, letter)
    crystal = class_of_constants(present)
    if crystal is None or order == "voigt" or crystal in _IN_ANY_ORDER:
        return crystal
    columns = ", ".join(with_letter(present, letter))
    raise InputError(
        f"{sheet.where}: the columns {columns} are the constants of a {crystal} material in the "
        "order voigt; expected that order, or columns of all 21 constants, left empty where they "
        "are free."
    )


def _crystal_note(crystal: str, compliance: bool) -> str:
    """Return a note on the constants that a class gives without a column."""
    kind = "compliance" if compliance else "stiffness"
    letter = "S" if compliance else "C"
    given = ", ".join(with_letter(sufficient_constants(crystal), letter))
    article = "an" if crystal[0] in "aeiou" else "a"
    zero = crystal in _IN_ANY_ORDER[1:]
    rest = "all others are 0" if zero else "the others follow from its symmetry or are 0"
    note = f"{given} are read as {article} {crystal.removesuffix(' 7')} {kind}: {rest}"
    if compliance:
        return note
    return f"{note}; to leave others free, add a column of theirs without values"


def _completed(
    matrix: np.ndarray, deviation: np.ndarray | None, crystal: str, compliance: bool
) -> tuple[np.ndarray, np.ndarray | None]:
    """Complete constants (n, 6, 6) and deviations (n, 21) by a symmetry class.

    They are nan where unknown. Constants that are 0 by symmetry have the smallest of the
    deviations.
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


def _matrices(sheet: Sheet, letter: str, notes: list[str]) -> tuple[np.ndarray, list[str | None]]:
    """Return the matrices (n, 6, 6) of a sheet, nan where empty, and faults.

    For a matrix that is nearly symmetric the mean is used, and ``notes`` say so.
    """
    values, faults = numbers_of(sheet.table, with_letter(MATRIX, letter))
    matrix = values.reshape(-1, 6, 6)
    matrix, skew = symmetric_mean(np.where(np.isnan(matrix), matrix.swapaxes(1, 2), matrix))
    notes += [
        f"{place}: {letter}_ij and {letter}_ji differ by up to {off:.2g} of the largest constant; "
        "the mean of both is taken"
        for place, off in zip(sheet.places, skew, strict=True)
        if SYMMETRY_TOLERANCE < off <= ASYMMETRY
    ]
    return matrix, faults


def _in_base_units(
    matrix: np.ndarray, faults: list[str | None], material: Material, layout: Layout
) -> tuple[np.ndarray, np.ndarray, list[str | None]]:
    """Divide stiffnesses (n, 6, 6) by Young's modulus, in Voigt order.

    Returns them (n, 21), whether each constant is given (n, 21), and the faults together with those
    of the stiffnesses.
    """
    targets = np.zeros((len(matrix), 21))
    given = np.zeros((len(matrix), 21), bool)
    for k, constants in enumerate(matrix):
        if faults[k]:
            continue
        full = unpack(pack(constants))
        known = np.isfinite(full)
        voigt = in_voigt_order(np.where(known, full, 0.0), layout.order)
        targets[k] = pack(voigt) / material.youngs_modulus
        given[k] = pack(in_voigt_order(known.astype(float), layout.order)) > 0

        if not layout.compliance:
            largest = COMPONENTS[int(np.argmax(np.nan_to_num(np.abs(pack(constants)))))]
            otherwise = "these are compliances, --compliance"
            faults[k] = fault_of_stiffness(targets[k], given[k], material, largest, otherwise)
            continue
        otherwise = "these are stiffnesses, no --compliance"
        fault = fault_of_stiffness(targets[k], given[k], material, "", otherwise)
        if fault:
            words = f": inverted, {fault.removeprefix(': ')}"
            faults[k] = words.replace(
                "in the units of Young's modulus", "per unit of Young's modulus"
            )
    return targets, given, faults


def _weights(given: np.ndarray, deviation: np.ndarray | None, order: str) -> np.ndarray:
    """Return weights (n, 21): 1, or by the deviations, and 0 where free."""
    if deviation is None:
        return given.astype(float)
    deviation = pack(in_voigt_order(unpack(deviation), order))
    weights = np.where(given, 1 / np.where(given, deviation, 1.0), 0.0)
    return weights / np.maximum(weights.max(1, keepdims=True), 1e-300)
