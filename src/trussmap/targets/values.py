"""Values of a sheet: numbers, deviations in columns, all in one unit."""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import pandas as pd

from trussmap.base.errors import InputError
from trussmap.targets.columns import KNOWN
from trussmap.targets.faults import LARGEST
from trussmap.targets.numerals import numeral, plain_numbers
from trussmap.targets.units import PASCALS, known_unit
from trussmap.tensors.stiffness import COMPONENTS


class Sheet(NamedTuple):
    """A table of texts with known names of columns.

    Attributes
    ----------
    where : the name of the file, for messages
    table : (n rows) of texts, empty where nothing stands
    places : n names of the rows, such as ``row 3``
    faults : sentences on what of the file is no row
    notes : sentences on what was recognised or assumed
    order : where 11, 22, 33, 23, 13, 12 stand in the order that the file's labels give, whose
        values are in Voigt order already; None without such labels
    unit : unit of stress of the values, '' where the file names none
    """

    where: str
    table: pd.DataFrame
    places: list[str]
    faults: list[str]
    notes: list[str]
    order: tuple[int, ...] | None = None
    unit: str = ""


def with_values(sheet: Sheet, units: pd.DataFrame, unit: str) -> Sheet:
    """Bring a sheet to numbers as `float` takes them, all in one unit.

    Deviations come to columns. ``units`` holds the unit of each value, '' where none is stated;
    ``unit`` is that of the result, by default the first that the file names.
    """
    texts = {str(name): column.tolist() for name, column in sheet.table.items()}
    stated = {str(name): column.tolist() for name, column in units.items()}
    notes = [*sheet.notes]
    for name in [name for name in texts if name in KNOWN]:
        for row, text in enumerate(texts[name]):
            number = None if _is_plain(text) else numeral(plain_numbers(text))
            if number is None:
                continue
            texts[name][row] = number.value
            stated[name][row] = number.unit or stated[name][row]
            if number.deviation and name in COMPONENTS:
                spread = texts.setdefault(f"{name}_sd", [""] * len(sheet.table))
                if spread[row]:
                    raise InputError(
                        f"{sheet.where}, {sheet.places[row]}, column {name}_sd: a second "
                        "deviation; expected one."
                    )
                spread[row] = number.deviation
            elif number.deviation:
                notes.append(f"{sheet.places[row]}: the deviation of {name} is left out")

    if any(f"{name}_sd" in texts for name in COMPONENTS):
        notes += [
            note
            for row, place in enumerate(sheet.places)
            if (note := _exact_zeros(texts, row, place))
        ]

    for name in texts:
        stated.setdefault(name, stated.get(name.removesuffix("_sd"), [""] * len(sheet.table)))
    table = pd.DataFrame(texts, dtype=object)
    return _in_one_unit(
        sheet._replace(table=table, notes=notes), pd.DataFrame(stated, dtype=object), unit
    )


def _exact_zeros(texts: dict[str, list[str]], row: int, place: str) -> str:
    """Give zeros of a row the smallest deviation where they have none.

    Returns a note on it, or ''.
    """
    spread = {name: texts.get(f"{name}_sd", {row: ""})[row] for name in COMPONENTS if name in texts}
    known = [float(text) for text in spread.values() if text and _is_plain(text)]
    zeros = [name for name, text in spread.items() if not text and _is_zero(texts[name][row])]
    if not known or not zeros:
        return ""
    for name in zeros:
        texts.setdefault(f"{name}_sd", [""] * len(texts[name]))[row] = repr(min(known))
    return (
        f"{place}: {len(zeros)} constants are 0 without a deviation; the smallest one, "
        f"{min(known):g}, is taken"
    )


def _is_zero(text: str) -> bool:
    """Tell whether a text is a plain 0."""
    return bool(text) and _is_plain(text) and float(text) == 0


def _is_plain(text: str) -> bool:
    """Tell whether `float` takes a text, or it is empty."""
    try:
        return not text or bool(float(text) or True)
    except ValueError:
        return False


def _in_one_unit(sheet: Sheet, units: pd.DataFrame, unit: str) -> Sheet:
    """Convert the stiffness of a sheet to ``unit``, or to its first unit."""
    columns = [name for name in sheet.table if name in KNOWN and not name.startswith("nu")]
    stated = [name for name in pd.unique(units[columns].to_numpy().ravel()) if name]
    if not stated:
        return sheet
    where = sheet.where
    plain = [name.removeprefix("1/") for name in stated]
    goal = known_unit(unit) if unit else plain[0]
    if not goal:
        raise InputError(
            f"{where}: the file names the unit {stated[0]}, which cannot be converted to {unit}; "
            f"expected one of {', '.join(PASCALS)}."
        )
    table = sheet.table
    bare = (units[columns] == "") & (table[columns] != "")
    if len(stated) > 1 and bare.any(axis=None):
        raise InputError(
            f"{where}: the units {', '.join(stated)} for some constants, none for others; "
            "expected one."
        )

    for name in columns:
        for source in stated:
            rows = (units[name] == source) if len(stated) > 1 else slice(None)
            if source.removeprefix("1/") != goal:
                factor = PASCALS[source.removeprefix("1/")] / PASCALS[goal]
                factor = 1 / factor if source.startswith("1/") else factor
                table.loc[rows, name] = [_times(text, factor) for text in table.loc[rows, name]]

    note = f"the file names the unit {stated[0]}: Young's modulus is taken in {goal} too"
    if others := [name for name, base in zip(stated, plain, strict=True) if base != goal]:
        note = f"values in {', '.join(others)} are converted, Young's modulus is in {goal}"
    notes = [*sheet.notes] if unit and not others else [*sheet.notes, note]
    return sheet._replace(table=table, notes=notes, unit=goal)


def _times(text: str, factor: float) -> str:
    """Return a number times a factor, or the text where it is no number."""
    return repr(float(text) * factor) if text and _is_plain(text) else text


def numbers_of(table: pd.DataFrame, columns: Sequence[str]) -> tuple[np.ndarray, list[str | None]]:
    """Return the numbers (n, k) of k columns, nan where none stands, and faults.

    Each of the n faults is a sentence on the first text of a row that is no number, or None.
    """
    numbers = np.full((len(table), len(columns)), np.nan)
    faults: list[str | None] = [None] * len(table)
    for k, name in enumerate(columns):
        for row, text in enumerate(table.get(name, ())):
            if not text:
                continue
            with suppress(ValueError):
                numbers[row, k] = float(text)
            if abs(numbers[row, k]) < 1 / LARGEST:
                numbers[row, k] = 0.0
            if not abs(numbers[row, k]) < LARGEST:
                what = f"expected a finite number, below {LARGEST:g}"
                faults[row] = faults[row] or f", column {name}: '{text}'; {what}."
                numbers[row, k] = np.nan
    return numbers, faults
