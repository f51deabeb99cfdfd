"""Stiffness tensors in JSON, whatever keys lead to them."""

import ast
import json
import re
import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from trussmap.base.errors import InputError
from trussmap.targets.columns import KNOWN, column_name
from trussmap.targets.matrices import Matrices, Record
from trussmap.targets.units import known_unit, unit_of

# Keys that lead to a tensor without being its name.
_GENERAL = (
    "",
    "elastic_tensor",
    "elasticity",
    "stiffness",
    "stiffness_tensor",
    "tensor",
    "c",
    "data",
    "matrix",
)
_COMPLIANCE = re.compile(r"complian|^s(_?ij)?$", re.IGNORECASE)
_EXPECTED = "expected a 6×6 matrix, 21 constants, or constants C11 … C66 by name"


def parse_tree(text: str, where: str) -> Any | None:
    """Return the content of a text in JSON or in literals of Python.

    None for any other text.

    Raises InputError, naming the line, for a text that begins as JSON and goes on otherwise.
    """
    plain = text.strip()
    if plain[:1] not in ("{", "["):
        return None

    try:
        return json.loads(plain)
    except RecursionError:
        raise InputError(f"{where}: lists within lists without end; {_EXPECTED}.") from None
    except ValueError as error:
        reason = error
    with suppress(ValueError, RecursionError):
        # A file may have a document in each line.
        if plain[0] == "{":
            return [json.loads(line) for line in plain.splitlines() if line.strip()]
    try:
        # Python warns of odd literals, which are refused below.
        with warnings.catch_warnings(action="ignore"):
            return ast.literal_eval(plain) if re.match(r"[{\[(\s]*['\"]", plain) else None
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        pass

    line = text[: text.index(plain[0])].count("\n") + getattr(reason, "lineno", 1)
    raise InputError(
        f"{where}, line {line}: not valid JSON ({getattr(reason, 'msg', reason)}); {_EXPECTED}."
    )


def read_tree(tree: Any, where: str) -> tuple[list[Record], list[str]]:
    """Return the targets of a tree of dicts and lists, and faults in it.

    Raises InputError where it holds nothing of the kind.
    """
    records: list[Record] = []
    faults: list[str] = []
    for path, leaf, unit in _leaves(tree, (), ""):
        name = " ".join(key for key in path if key.lower() not in _GENERAL)
        place = ", ".join(path) or "the list"
        compliance = any(_COMPLIANCE.search(key) for key in path)
        try:
            unit = unit or unit_of(" ".join(path).replace("_", " "))
        except InputError as error:
            faults.append(f"{where}, {place}: {error}")
        if isinstance(leaf, str):
            faults.append(f"{where}, {place}: {leaf}")
        elif isinstance(leaf, dict):
            values = {column_name(key): _text(entry) for key, entry in leaf.items()}
            named = values.pop("name", "")
            records.append(Record(named or name, place, values, unit, None, compliance))
        else:
            reader = Matrices("").read(enumerate(leaf, 1))
            faults += [
                f"{where}, {place}: {re.sub('^, line [0-9]+: ', '', text)}"
                for text in reader.faults
            ]
            records += [
                record._replace(name=name, place=place, unit=unit, compliance=compliance)
                for record in reader.records
            ]
    if not records and not faults:
        raise InputError(f"{where}: no stiffness in it; {_EXPECTED}.")
    return records, faults


def _leaves(
    tree: Any, path: tuple[str, ...], unit: str
) -> Iterator[tuple[tuple[str, ...], Any, str]]:
    """Yield paths to all that may be a stiffness, with units named on the way.

    A leaf is a dict of constants by name, a list of rows of texts, or a sentence on what is wrong.
    """
    if isinstance(tree, dict):
        named = [
            tree[key]
            for key in ("unit", "units", "Unit", "Units")
            if isinstance(tree.get(key), str)
        ]
        unit = next(filter(None, map(known_unit, named)), unit)
        constants = {str(key): value for key, value in tree.items() if _scalar(value)}
        constants = {
            key: value for key, value in constants.items() if column_name(key) in (*KNOWN, "name")
        }
        if {*map(column_name, constants)} - {"name"}:
            yield path, constants, unit
        for key, value in tree.items():
            yield from _leaves(value, (*path, str(key)), unit)
    elif isinstance(tree, list | tuple):
        if rows := _rows(tree):
            yield path, rows, unit
            return
        for k, value in enumerate(tree, 1):
            yield from _leaves(value, (*path, str(k)) if len(tree) > 1 else path, unit)


def _rows(values: list[Any] | tuple[Any, ...]) -> list[list[str]] | str | None:
    """Return the rows of texts of a list of numbers, or None.

    The list is a matrix, a triangle or constants, or nearly so.
    """
    if all(map(_scalar, values)):
        return [[_text(entry) for entry in values]] if len(values) in (21, 36) else None
    rows = [row for row in values if isinstance(row, list | tuple)]
    if len(rows) != len(values):
        return None
    if all(_scalar(entry) for row in rows for entry in row):
        sizes = [len(row) for row in rows]
        near = 5 <= len(rows) <= 7 and 5 <= max(sizes) <= 7
        return [[_text(entry) for entry in row] for row in rows] if near else None
    return _of_fourth_order(values)


def _of_fourth_order(values: list[Any] | tuple[Any, ...]) -> list[list[str]] | str | None:
    """Return the rows of the matrix (6, 6) of C_ijkl in lists, or None."""
    try:
        tensor = np.array(values, float)
    except (ValueError, TypeError, OverflowError):
        return None
    if tensor.shape != (3, 3, 3, 3):
        return None
    pairs = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
    minor = [np.swapaxes(tensor, 0, 1), np.swapaxes(tensor, 2, 3)]
    if any(np.abs(tensor - other).max() > 1e-6 * np.abs(tensor).max() for other in minor):
        return "a tensor of 3×3×3×3 without minor symmetries; expected C_ijkl = C_jikl = C_ijlk."
    return [[repr(float(tensor[i, j, k, m])) for k, m in pairs] for i, j in pairs]


def _scalar(value: Any) -> bool:
    """Tell whether a value is no collection."""
    return not isinstance(value, dict | list | tuple | set)


def _text(value: Any) -> str:
    """Return the text of a value, empty for None."""
    return "" if value is None else str(value)
