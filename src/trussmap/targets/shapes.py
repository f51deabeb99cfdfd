"""Shapes of 6×6 matrices in rows of numbers, and labels around them."""

import re
from collections.abc import Iterable

import numpy as np

from trussmap.targets.numerals import Numeral
from trussmap.tensors.stiffness import COLUMNS, ROWS

#: Order of the 21 constants on Abaqus' card *ELASTIC, TYPE=ANISOTROPIC: column by column.
ABAQUS_CARD = np.lexsort((ROWS, COLUMNS))

_AXES = str.maketrans("xyzXYZ", "123123")
_VOIGT = ("11", "22", "33", "23", "13", "12")
COMPONENT = re.compile(r"(?:[a-zσεγτϵ]+_?)?\{?([xyz123])[,_]?([xyz123])\}?", re.IGNORECASE)
INDEX = re.compile(r"(?:[a-zσεγτϵ]+_?)?\{?([0-6])\}?[.:)]?|\[,?\s*([0-6])\s*,?\]", re.IGNORECASE)


def component_order(labels: list[str]) -> tuple[int, ...] | None:
    """Return the places of 11, 22, 33, 23, 13, 12 among six labels.

    None for labels of another kind.

    >>> component_order(["XX", "YY", "ZZ", "XY", "YZ", "ZX"])
    (0, 1, 2, 4, 5, 3)
    """
    matches = [match for label in labels if (match := COMPONENT.fullmatch(label))]
    if len(labels) != 6 or len(matches) != 6:
        return None
    names = ["".join(sorted((match[1] + match[2]).translate(_AXES))) for match in matches]
    return tuple(names.index(name) for name in _VOIGT) if {*names} == {*_VOIGT} else None


def index_of(word: str) -> int | None:
    """Return the number of a row or column that a label is, or None."""
    match = INDEX.fullmatch(word)
    return int(match[1] or match[2]) if match else None


def shaped(cells: list[list[Numeral | None]], column_by_column: bool) -> list[np.ndarray]:
    """Return the matrices (6, 6) that rows of cells make up, or none.

    They are whole, a triangle, or 21 constants. ``column_by_column`` is the order of 21 constants
    that stand in no triangle.
    """
    width = {len(row) for row in cells}
    if len(width) == 1:
        keep = [k for k in range(width.pop()) if any(row[k] is not None for row in cells)]
        cells = [[row[k] for k in keep] for row in cells]
        if len(keep) == 6 and len(cells) % 6 == 0:
            return _filled([np.array(cells[k : k + 6], object) for k in range(0, len(cells), 6)])
    rows = [[cell for cell in row if cell is not None] for row in cells]
    return _counted(rows, column_by_column)


def readings(cells: list[list[Numeral | None]]) -> Iterable[list[list[Numeral | None]]]:
    """Yield rows of cells as they stand, then without numbers around them.

    Those are the numbers of columns above the rows, and of rows in front of them.
    """
    yield cells
    numbers = [[cell for cell in row if cell is not None] for row in cells]
    heads = ([str(k) for k in range(6)], [str(k) for k in range(1, 7)])
    headed = [cell.value for cell in numbers[0]][-6:] in heads and len(numbers[0]) <= 7
    if headed:
        yield cells[1:]
    for start in (1, 0) if headed else (0,):
        body = numbers[start:]
        counts = [str(k) for k in range(7)]
        first = [row[0].value if row else "" for row in body]
        if (
            body
            and first[0] in counts[:2]
            and all(value == counts[int(first[0]) + k % 6] for k, value in enumerate(first))
        ):
            yield [_without_first(row) for row in cells[start:]]


def _without_first(row: list[Numeral | None]) -> list[Numeral | None]:
    """Leave out the first number of a row of cells."""
    at = next(k for k, cell in enumerate(row) if cell is not None)
    return [*row[:at], None, *row[at + 1 :]]


def _filled(matrices: list[np.ndarray]) -> list[np.ndarray]:
    """Fill the triangle of matrices that is left out or left at zero.

    Returns none where a matrix has gaps in both triangles.
    """
    off = ROWS != COLUMNS
    for values in matrices:
        upper = values[ROWS, COLUMNS]
        lower = values[COLUMNS, ROWS]
        blank = [any(cell is None for cell in triangle) for triangle in (upper, lower)]
        if all(blank):
            return []
        if any(blank):
            whole = lower if blank[0] else upper
            other = upper if blank[0] else lower
            merged = [
                mirrored if cell is None else cell
                for mirrored, cell in zip(whole, other, strict=True)
            ]
            rows, columns = (ROWS, COLUMNS) if blank[0] else (COLUMNS, ROWS)
            values[rows, columns] = merged
            continue
        zero = [
            all(float(cell.value) == 0 for cell in triangle[off]) for triangle in (upper, lower)
        ]
        if zero[0] != zero[1]:
            whole = lower if zero[0] else upper
            values[ROWS, COLUMNS] = whole
            values[COLUMNS, ROWS] = whole
    return matrices


def _counted(rows: list[list[Numeral]], column_by_column: bool) -> list[np.ndarray]:
    """Return the matrices (6, 6) of rows that have as many numbers, or none."""
    counts = [len(row) for row in rows]
    flat = [cell for row in rows for cell in row]
    if len(flat) == 36:
        return _filled([_square(flat, np.arange(36).reshape(6, 6))])
    size = {(8, 8, 5): 21, (21,): 21}.get(tuple(counts[:3])) or (21 if len(flat) == 21 else 0)
    if not size or len(flat) % size:
        return []
    place = np.empty((6, 6), int)
    if counts == [1, 2, 3, 4, 5, 6] or (column_by_column and counts != [6, 5, 4, 3, 2, 1]):
        place[ROWS[ABAQUS_CARD], COLUMNS[ABAQUS_CARD]] = np.arange(21)
    else:
        place[ROWS, COLUMNS] = np.arange(21)
    place[COLUMNS, ROWS] = place[ROWS, COLUMNS]
    return [_square(flat[k : k + 21], place) for k in range(0, len(flat), 21)]


def _square(flat: list[Numeral], place: np.ndarray) -> np.ndarray:
    """Return the matrix whose entries stand at ``place`` (6, 6) of a list."""
    return np.array(flat, object)[place]
