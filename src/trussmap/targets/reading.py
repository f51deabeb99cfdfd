"""Targets from files and arrays: tables and matrices as people have them."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np

from trussmap.base.errors import InputError
from trussmap.targets.columns import with_letter
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


def _order_of_labels(sheet: Sheet, order: str) -> tuple[str, str]:
    """Order to read a sheet in whose labels give one, and a note on it."""
    named = [
        name for name, (place, shear) in NOTATIONS.items() if place == sheet.order and shear == 1
    ]
    mandel = order == "mandel" and "voigt" in named
    if order not in ("voigt", *named) and not mandel:
        raise InputError(
            f"{sheet.where}: the file gives its components in the order "
            f"{named[0] if named else 'of its labels'}; "
            f"expected no --order {order}."
        )
    words = f"{named[0]} ({ORDERS[named[0]]})" if named else "of its labels"
    return (
        "mandel" if mandel else "voigt",
        f"the file gives its components in the order {words}, which applies",
    )


def _of_kind(sheet: Sheet, compliance: bool) -> Sheet:
    """The sheet with columns S11 … if it holds compliances, InputError where its columns are
    others.
    """
    columns = {*sheet.table.columns}
    compliances = columns & {*with_letter(MATRIX, "S")}
    if not compliance:
        if compliances and not columns & {*MATRIX}:
            raise InputError(
                f"{sheet.where}, column {min(compliances)}: a compliance; expected --compliance "
                f"(in Python "
                "compliance=True), or columns of the stiffness, C11, C12, …, C66."
            )
        return sheet
    if not compliances:
        names = [*MATRIX, *(f"{name}_sd" for name in COMPONENTS)]
        sheet = sheet._replace(
            table=sheet.table.rename(columns=dict(zip(names, with_letter(names, "S"), strict=True)))
        )
        columns = {*sheet.table.columns}
    if not columns & {*with_letter(MATRIX, "S")}:
        raise InputError(
            f"{sheet.where}: no compliance is given; expected the columns S11, S12, …, S66 or a "
            f"6×6 matrix."
        )
    if spread := [name for name in with_letter(COMPONENTS, "S") if f"{name}_sd" in columns]:
        raise InputError(
            f"{sheet.where}, column {spread[0]}_sd: deviations of a compliance are none of the "
            f"stiffness; expected "
            "the compliance alone, or the stiffness with its deviations."
        )
    return sheet


def _names(table):
    default = [f"target_{k + 1}" for k in range(len(table))]
    given = table["name"] if "name" in table else [""] * len(table)
    return distinct([_as_text(name) or other for name, other in zip(given, default, strict=True)])


def _as_text(name):
    """A name that no spreadsheet takes for a formula."""
    return f"'{name}" if name.startswith(("=", "+", "-", "@")) else name


def distinct(names: list[str]) -> list[str]:
    """Names in which one that came before has a number, so that results by name do not swallow each
    other.

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
