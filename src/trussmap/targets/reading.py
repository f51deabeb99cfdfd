"""Targets from files and arrays: tables and matrices as people have them."""

import warnings
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from trussmap.base.errors import InputError
from trussmap.targets.columns import MINOR
from trussmap.targets.faults import (
    ASYMMETRY,
    DIAGONAL,
    LARGEST,
    MAXIMUM_DENSITY,
    SYMMETRY_TOLERANCE,
    check_modulus,
    check_targets,
    fault_of_constants,
    fault_of_size,
    fault_of_stiffness,
    invert_compliances,
    inverted,
    symmetric_mean,
)
from trussmap.targets.goal import Goal, Targets, closeness_kind
from trussmap.targets.hints import doubts
from trussmap.targets.matrices import MATRIX
from trussmap.targets.orders import NOTATIONS, ORDERS, in_voigt_order
from trussmap.targets.sheets import read_sheet
from trussmap.targets.values import Sheet
from trussmap.tensors.elasticity import (
    class_of_constants,
    completion,
    stiffness_of_moduli,
    sufficient_constants,
)
from trussmap.tensors.engineering import ENGINEERING
from trussmap.tensors.material import Material
from trussmap.tensors.stiffness import (
    COMPONENTS,
    admissibility,
    isotropic,
    pack,
    unpack,
)

# Classes whose constants have the same names in every order of the components.
_IN_ANY_ORDER = ("cubic", "orthotropic", "monoclinic b", "monoclinic c")


@dataclass(frozen=True)
class Layout:
    """How a source holds constants.

    Attributes
    ----------
    order : of the components, one of `trussmap.targets.orders.ORDERS`
    compliance : whether matrices and constants are compliances S, per unit of Young's modulus, with
        engineering shear strains (S44 = 1/G23), in the order ``mandel`` as that notation has them
    worksheet : of a workbook; the first that holds constants by default

    Raises InputError for an order that is not known.
    """

    order: str = "voigt"
    compliance: bool = False
    worksheet: str = ""

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise InputError(f"order {self.order}: expected {', '.join(ORDERS)}.")

    @property
    def letter(self) -> str:
        """Letter of the constants' names."""
        return "S" if self.compliance else "C"


VOIGT = Layout()


def read_targets(
    path: str | Path,
    material: Material,
    closeness: str = "frobenius",
    layout: Layout = VOIGT,
    whole: bool = False,
) -> Targets:
    """Read the targets of a file that can be read; faults of the others are sentences.

    Parameters
    ----------
    path : a sheet as `trussmap.targets.sheets.read_sheet` takes: a table with the columns below, or
        bare 6×6 matrices or 21 constants (by rows; in the order ``abaqus`` as on its card, column
        by column), with or without labels
    material : base material. Numbers are converted to its unit where the file names another;
        without a unit, they stay as they stand
    closeness : a word that `trussmap.targets.goal.closeness_kind` knows
    layout : how the file holds constants
    whole : whether all 21 constants of all targets are expected

    The columns are those of one of

    - ``C11, C12, …, C66``, and the lower triangle, which must then agree with the upper one. Cells
      left empty and columns left out are free, unless ``whole``; ``C11_sd`` … are positive standard
      deviations: the closer it must be met. Columns that are exactly the constants of a crystal
      class, such as the nine of an orthotropic stiffness or ``C11, C12, C44``, give the others too,
      with a note;
    - ``S11, S12, …, S66``, all of them or those of a class, of compliances;
    - ``E1, E2, E3, G23, G13, G12, nu12, nu13, nu23`` (or ``nu21`` …): where all are given, the
      orthotropic stiffness that they make up; of some, these count alone;
    - two of ``E``, ``G`` and ``nu``: an isotropic stiffness;

    optionally with ``name``. Others are ignored.

    Raises InputError, naming the file, where it has no target at all or columns that do not do.
    """
    material = replace(material, youngs_modulus=check_modulus(material.youngs_modulus))
    kind = closeness_kind(closeness)
    order = layout.order
    sheet = read_sheet(path, order == "abaqus", material.unit, layout.worksheet, layout.compliance)
    sheet = _of_kind(sheet, layout.compliance)
    if whole and sheet.faults:
        raise InputError(sheet.faults[0])
    notes = [*sheet.notes]
    if sheet.order is not None:
        order, note = _order_of_labels(sheet, order)
        notes.append(note)

    ordered = layout.compliance or bool({*MATRIX} & {*sheet.table.columns})
    if ordered:
        form = replace(layout, order=order)
        goal, faults = _constants(sheet, material, kind, form, whole, notes)
    else:
        goal, faults = _moduli(sheet, material, kind, whole)
    good, sentences = _good_rows(sheet, faults)
    names = _names(sheet.table)
    return Targets(
        goal.take(np.array(good)),
        [names[k] for k in good],
        sentences,
        notes,
        layout.order if ordered else None,
        layout.compliance,
        sheet.order is not None,
        sheet.unit,
    )


def read_all_targets(
    path: str | Path,
    material: Material,
    closeness: str = "frobenius",
    layout: Layout = VOIGT,
    whole: bool = False,
) -> Targets:
    """Read a file whose targets must all be good; see `read_targets`.

    Assumptions and doubts are warnings. Raises InputError for the first target that cannot be read,
    naming file, row (1 = first after the header) and column.
    """
    targets = read_targets(path, material, closeness, layout, whole)
    if targets.faults:
        raise InputError(targets.faults[0])
    for note in (*targets.notes, *doubts(targets, material)):
        warnings.warn(f"{path}: {note}", stacklevel=2)
    return targets


def targets_of_arrays(
    values: np.ndarray, material: Material, closeness: str = "frobenius", layout: Layout = VOIGT
) -> Targets:
    """Targets of matrices (n, 6, 6) or constants (n, 21), with finite numbers.

    Doubts and the asymmetry of matrices are warnings. Raises InputError for the first that no
    material has.
    """
    if values.ndim == 3:
        values, skew = symmetric_mean(values)
        if (bad := np.flatnonzero(skew > ASYMMETRY)).size:
            raise InputError(
                f"targets, row {bad[0] + 1}: the matrix is not symmetric; expected a symmetric one."
            )
        if (near := np.flatnonzero(skew > SYMMETRY_TOLERANCE)).size:
            warnings.warn(
                f"targets, row {near[0] + 1}: C_ij and C_ji differ by up to {skew[near[0]]:.2g} of "
                "the largest constant; the mean of both is taken",
                stacklevel=3,
            )
        values = pack(values)
    if not len(values):
        raise InputError("targets: none; expected one at least.")
    if layout.compliance:
        values = inverted(values, "targets")
    # What is too large for a number is refused below.
    with np.errstate(over="ignore", invalid="ignore"):
        stiffness = pack(in_voigt_order(unpack(values), layout.order)) / material.youngs_modulus
    check_targets(stiffness, material, "targets")
    names = [f"target_{k + 1}" for k in range(len(stiffness))]
    goal = Goal(stiffness, closeness_kind(closeness))
    targets = Targets(goal, names, order=layout.order, compliance=layout.compliance)
    for note in doubts(targets, material):
        warnings.warn(f"targets: {note}", stacklevel=3)
    return targets


def _good_rows(sheet: Sheet, faults: list[str | None]) -> tuple[list[int], list[str]]:
    """Rows without a fault, and sentences on the others; raises InputError where none is good."""
    good = [k for k, fault in enumerate(faults) if fault is None]
    sentences = [
        f"{sheet.where}, {place}{fault}"
        for place, fault in zip(sheet.places, faults, strict=True)
        if fault
    ]
    sentences = [*sheet.faults, *sentences]
    if not sentences and not good:
        raise InputError(
            f"{sheet.where}: no target below the header; expected one row for each target."
        )
    if not good:
        count = len(sentences)
        more = f"; none of the {count} targets can be taken." if count > 1 else "."
        raise InputError(sentences[0].removesuffix(".") + more)
    return good, sentences


def _moduli(
    sheet: Sheet, material: Material, kind: str, whole: bool
) -> tuple[Goal, list[str | None]]:
    """Goal and faults of a sheet of engineering constants, isotropic or not."""
    columns = {*sheet.table.columns}
    isotropic_columns = {"E", "G", "nu"} & columns
    if whole:
        raise InputError(
            f"{sheet.where}: missing column {', '.join(COMPONENTS)}; expected the 21 constants of "
            "each."
        )
    if isotropic_columns and {*ENGINEERING, *MINOR} & columns:
        raise InputError(
            f"{sheet.where}: two of E, G and nu are of isotropic targets, E1 … nu23 of others, and "
            "this table has columns of both; expected a file for each."
        )
    if isotropic_columns:
        return _isotropic(sheet, material, kind)
    if {*ENGINEERING} & columns:
        return _engineering(sheet, material, kind)
    raise InputError(
        f"{sheet.where}: no constant is given; expected the columns C11 … C66, E1, E2, E3, G23 … "
        "nu23, or E and nu, or a 6×6 matrix."
    )


def _order_of_labels(sheet: Sheet, order: str) -> tuple[str, str]:
    """Order to read a sheet in whose labels give one, and a note on it."""
    named = [
        name for name, (place, shear) in NOTATIONS.items() if place == sheet.order and shear == 1
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
    sheet: Sheet, material: Material, kind: str, layout: Layout, whole: bool, notes: list[str]
) -> tuple[Goal, list[str | None]]:
    """Goal and faults of a sheet of the 21 constants, or of those of a symmetry class.

    What is assumed joins ``notes``.
    """
    table = sheet.table
    letter = layout.letter
    crystal = None if whole else _crystal(sheet, layout.order, letter)
    if crystal:
        notes.append(_crystal_note(crystal, layout.compliance))
    missing = [] if crystal else _missing(sheet, letter, whole)
    matrix, faults = _matrices(sheet, letter, notes)
    spread = [name for name in COMPONENTS if f"{name}_sd" in table]
    deviation = None
    if spread:
        deviation, slips = _numbers(table, [f"{name}_sd" for name in COMPONENTS])
        faults = [one or other for one, other in zip(faults, slips, strict=True)]
    if crystal:
        matrix, deviation = _completed(matrix, deviation, crystal, layout.compliance)

    blank = np.array([fault is None for fault in faults], bool) & np.isnan(pack(matrix)).any(1)
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


def _matrices(sheet: Sheet, letter: str, notes: list[str]) -> tuple[np.ndarray, list[str | None]]:
    """Matrices (n, 6, 6) of a sheet, nan where nothing stands, and faults of its rows.

    The mean of matrices that are nearly symmetric is named in ``notes``.
    """
    values, faults = _numbers(sheet.table, _named(MATRIX, letter))
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
    """Stiffnesses (n, 21), base modulus 1, which constants are given (n, 21), and faults.

    Faults of size join those of the rows.
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
    """Weights (n, 21) of constants: 1, or by their deviations, and 0 where free."""
    if deviation is None:
        return given.astype(float)
    deviation = pack(in_voigt_order(unpack(deviation), order))
    weights = np.where(given, 1 / np.where(given, deviation, 1.0), 0.0)
    return weights / np.maximum(weights.max(1, keepdims=True), 1e-300)


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
            faults[k] = fault_of_stiffness(targets[k], np.ones(21, bool), material)
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
    bound = np.array([1, 1, 1, *material.relative[DIAGONAL[3:]]])
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
            faults[k] = fault_of_size(ratio.max(), "", material)
    good = np.array([fault is None for fault in faults], bool)
    if np.isfinite(given[good]).all() and good.any():  # all that makes up an orthotropic stiffness
        targets = np.zeros((len(given), 21))
        for k in np.flatnonzero(good).tolist():
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


def _numbers(table, columns):
    """Numbers (n, k) of columns, nan where nothing stands, and what of each row is none."""
    out, faults = np.full((len(table), len(columns)), np.nan), [None] * len(table)
    for k, name in enumerate(columns):
        for row, text in enumerate(table.get(name, ())):
            if text:
                with suppress(ValueError):
                    out[row, k] = float(text)
                if abs(out[row, k]) < 1 / LARGEST:
                    out[row, k] = 0.0
                if not abs(out[row, k]) < LARGEST:
                    what = f"expected a finite number, below {LARGEST:g}"
                    faults[row] = faults[row] or f", column {name}: '{text}'; {what}."
                    out[row, k] = np.nan
    return out, faults


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
    numbers: dict[str, int] = {}
    for name in names:
        number = numbers.get(name, 1)
        unique = name
        while unique in numbers:
            number += 1
            unique = f"{name} ({number})"
        numbers[name] = number
        numbers.setdefault(unique, 1)
    return list(numbers)
