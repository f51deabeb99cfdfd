"""Targets from files and arrays: tables and matrices as people have them.

The columns of a table are those of one of

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
"""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from trussmap.base.errors import InputError
from trussmap.targets.columns import COMPLIANCES, with_letter
from trussmap.targets.constants import goal_of_constants
from trussmap.targets.faults import (
    ASYMMETRY,
    SYMMETRY_TOLERANCE,
    check_modulus,
    check_targets,
    inverted,
    symmetric_mean,
)
from trussmap.targets.goal import Goal, Targets, closeness_kind
from trussmap.targets.hints import doubts
from trussmap.targets.matrices import MATRIX
from trussmap.targets.moduli import goal_of_moduli
from trussmap.targets.orders import NOTATIONS, ORDERS, VOIGT, Layout, in_voigt_order
from trussmap.targets.sheets import read_sheet
from trussmap.targets.values import Sheet
from trussmap.tensors.material import Material
from trussmap.tensors.stiffness import (
    COMPONENTS,
    pack,
    unpack,
)


def read_targets(
    path: str | Path,
    material: Material,
    closeness: str = "frobenius",
    layout: Layout = VOIGT,
    whole: bool = False,
) -> Targets:
    """Read the targets of a file.

    Targets that cannot be read become faults, a sentence each.

    Parameters
    ----------
    path : a sheet as `trussmap.targets.sheets.read_sheet` takes: a table with the columns that the
        head of this module lists, or bare 6×6 matrices or 21 constants (by rows; in the order
        ``abaqus`` as on its card, column by column), with or without labels
    material : base material. Numbers are converted to its unit where the file names another;
        without a unit, they stay as they stand
    closeness : a word that `trussmap.targets.goal.closeness_kind` knows
    layout : order of the constants, their kind, and the worksheet
    whole : whether all 21 constants of all targets are expected

    Raises InputError, naming the file, where it has no target at all or columns that do not do.
    """
    material = replace(material, youngs_modulus=check_modulus(material.youngs_modulus))
    kind = closeness_kind(closeness)
    sheet = _sheet(path, material.unit, layout)
    if whole and sheet.faults:
        raise InputError(sheet.faults[0])
    notes = [*sheet.notes]
    form = layout
    if sheet.order is not None:
        order, note = _order_of_labels(sheet, layout.order)
        form = replace(layout, order=order)
        notes.append(note)

    ordered = layout.compliance or bool({*MATRIX} & {*sheet.table.columns})
    if ordered:
        goal, faults = goal_of_constants(sheet, material, kind, form, whole, notes)
    else:
        goal, faults = goal_of_moduli(sheet, material, kind, whole)
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
    """Return the targets of matrices (n, 6, 6) or constants (n, 21).

    Their numbers are finite and in the units of Young's modulus; ``layout`` gives their order and
    kind. Doubts and the asymmetry of matrices are warnings.

    Raises InputError for the first target that no material has.
    """
    if values.ndim == 3:
        values = _symmetric_constants(values)
    if not len(values):
        raise InputError("targets: none; expected one at least.")
    if layout.compliance:
        values = inverted(values, "targets")

    # `check_targets` refuses numbers that overflow here.
    with np.errstate(over="ignore", invalid="ignore"):
        stiffness = pack(in_voigt_order(unpack(values), layout.order)) / material.youngs_modulus
    check_targets(stiffness, material, "targets")
    names = [f"target_{k + 1}" for k in range(len(stiffness))]
    goal = Goal(stiffness, closeness_kind(closeness))
    targets = Targets(goal, names, order=layout.order, compliance=layout.compliance)
    for note in doubts(targets, material):
        warnings.warn(f"targets: {note}", stacklevel=3)
    return targets


def _symmetric_constants(matrices: np.ndarray) -> np.ndarray:
    """Return the constants (n, 21) of matrices (n, 6, 6).

    Warns where it takes the mean of an asymmetric one. Raises InputError for the first matrix that
    is not symmetric.
    """
    matrices, skew = symmetric_mean(matrices)
    bad = np.flatnonzero(skew > ASYMMETRY)
    if bad.size:
        raise InputError(
            f"targets, row {bad[0] + 1}: the matrix is not symmetric; expected a symmetric one."
        )
    near = np.flatnonzero(skew > SYMMETRY_TOLERANCE)
    if near.size:
        warnings.warn(
            f"targets, row {near[0] + 1}: C_ij and C_ji differ by up to {skew[near[0]]:.2g} of "
            "the largest constant; the mean of both is taken",
            stacklevel=4,
        )
    return pack(matrices)


def _sheet(path: str | Path, unit: str, layout: Layout) -> Sheet:
    """Read the sheet of a file, of stiffnesses or of compliances.

    Compliances come in the columns S11 … S66. Raises InputError where the columns are of the other
    kind.
    """
    sheet = read_sheet(path, layout.order == "abaqus", unit, layout.worksheet, layout.compliance)
    columns = {*sheet.table.columns}
    compliances = columns & {*COMPLIANCES}
    if not layout.compliance:
        if compliances and not columns & {*MATRIX}:
            raise InputError(
                f"{sheet.where}, column {min(compliances)}: a compliance; expected --compliance "
                "(in Python compliance=True), or columns of the stiffness, C11, C12, …, C66."
            )
        return sheet

    if not compliances:
        names = [*MATRIX, *(f"{name}_sd" for name in COMPONENTS)]
        renamed = dict(zip(names, with_letter(names, "S"), strict=True))
        sheet = sheet._replace(table=sheet.table.rename(columns=renamed))
        columns = {*sheet.table.columns}
    if not columns & {*COMPLIANCES}:
        raise InputError(
            f"{sheet.where}: no compliance is given; expected the columns S11, S12, …, S66 or a "
            "6×6 matrix."
        )
    spread = [name for name in with_letter(COMPONENTS, "S") if f"{name}_sd" in columns]
    if spread:
        raise InputError(
            f"{sheet.where}, column {spread[0]}_sd: deviations of a compliance are none of the "
            "stiffness; expected the compliance alone, or the stiffness with its deviations."
        )
    return sheet


def _good_rows(sheet: Sheet, faults: list[str | None]) -> tuple[list[int], list[str]]:
    """Return the rows without a fault, and sentences on the others.

    Raises InputError where none is good.
    """
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


def _order_of_labels(sheet: Sheet, order: str) -> tuple[str, str]:
    """Return the order of a sheet whose labels give one, and a note on it."""
    named = [
        name for name, (place, shear) in NOTATIONS.items() if place == sheet.order and shear == 1
    ]
    mandel = order == "mandel" and "voigt" in named
    if order not in ("voigt", *named) and not mandel:
        labels = named[0] if named else "of its labels"
        raise InputError(
            f"{sheet.where}: the file gives its components in the order {labels}; expected no "
            f"--order {order}."
        )
    words = f"{named[0]} ({ORDERS[named[0]]})" if named else "of its labels"
    return (
        "mandel" if mandel else "voigt",
        f"the file gives its components in the order {words}, which applies",
    )


def _names(table: pd.DataFrame) -> list[str]:
    """Return distinct names of a table's targets, by default by their rows."""
    default = [f"target_{k + 1}" for k in range(len(table))]
    given = table["name"].tolist() if "name" in table else [""] * len(table)
    return distinct([_as_text(name) or other for name, other in zip(given, default, strict=True)])


def _as_text(name: str) -> str:
    """Return a name that no spreadsheet takes for a formula."""
    return f"'{name}" if name.startswith(("=", "+", "-", "@")) else name


def distinct(names: list[str]) -> list[str]:
    """Number names that came before, so that each is distinct.

    Results by name then do not replace each other.

    >>> distinct(["femur", "tibia", "femur", "femur (2)"])
    ['femur', 'tibia', 'femur (2)', 'femur (2) (2)']
    """
    # Of each name the number that its last copy has.
    numbers: dict[str, int] = {}
    for name in names:
        number = numbers.get(name, 1)
        numbered = name
        while numbered in numbers:
            number += 1
            numbered = f"{name} ({number})"
        numbers[name] = number
        numbers.setdefault(numbered, 1)
    return list(numbers)
