"""Sheets of numbers as people have them, as tables with known columns: CSV of any kind, Excel, pasted matrices.

A sheet is either a table, a header above rows, or bare numbers: 6×6 matrices, their triangles, or the 21 constants.
"""

import csv
import re
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from trussmap.errors import InputError
from trussmap.goals import ENGINEERING
from trussmap.stiffness import COLUMNS, COMPONENTS, ROWS

#: Name of a file that stands for what is pasted or piped.
STDIN = "-"
#: All entries of the 6×6 matrix, row by row.
MATRIX = [f"C{i}{j}" for i in range(1, 7) for j in range(1, 7)]
#: Where the numbers of Abaqus' card *ELASTIC, TYPE=ANISOTROPIC stand among the 21: column by column.
ABAQUS_CARD = np.lexsort((ROWS, COLUMNS))

_AXES = str.maketrans("xyz", "123")
_UNIT = re.compile(r"[\[(].*[\])]$")
_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+(e[-+]?\d+)?", re.IGNORECASE)
_THOUSANDS = re.compile(r"[-+]?\d{1,3}((\.\d{3})+,\d*|(,\d{3})+\.\d*)")
_SHORTHAND = ("E", "G", "nu")


class Sheet(NamedTuple):
    """A table of texts with known names of columns, where each row stands, and what of it could not be taken.

    Attributes
    ----------
    where : the name of the file, for messages
    table : (n rows) of texts, empty where nothing stands
    places : n names of the rows, such as ``row 3``
    faults : sentences on parts that are no row at all
    notes : sentences on what was recognised or assumed
    """

    where: str
    table: pd.DataFrame
    places: list[str]
    faults: list[str]
    notes: tuple[str, ...] = ()


def read_sheet(path: str | Path, column_by_column: bool = False) -> Sheet:
    """Read a sheet.

    Parameters
    ----------
    path : ``.xlsx`` (its first sheet), or a text file, ``-`` for standard input: values separated by commas,
        semicolons, tabs or blanks, with decimal points or commas, brackets of Python and MATLAB allowed
    column_by_column : whether 21 bare numbers are the upper triangle column by column, not row by row

    Returns a `Sheet`. Columns are named as the project names them, whatever their case and with a unit in brackets
    behind: ``name``, ``C11`` … ``C66`` and the lower triangle, ``C11_sd`` …, ``S11`` …, the engineering constants
    ``E1`` … ``nu23`` (``Ex``, ``Gyz``, ``v12`` too), ``E``, ``G`` and ``nu``; all others keep their own.

    Raises InputError, naming the file and its line or column, where nothing of the kind can be read.
    """
    where = "standard input" if str(path) == STDIN else str(path)
    workbook = str(path).lower().endswith((".xlsx", ".xlsm"))
    lines = _workbook(path) if workbook else _text(path, where)
    for number, cells in lines:
        if grouped := next(filter(_THOUSANDS.fullmatch, cells), None):
            raise InputError(f"{where}, line {number}: '{grouped}' has a mark between thousands; expected it without.")
    lines = _with_decimal_points(lines)
    filled = [(number, cells) for number, cells in lines if any(cells)]
    if not filled:
        raise InputError(f"{where}: empty file; expected a header with the columns C11, C12, …, C66, or a 6×6 matrix.")
    for k, (_, cells) in enumerate(filled[:10]):
        names = [_column(cell) for cell in cells]
        words = sum(not _number(cell) for cell in cells if cell)
        alike = len(filled) > k + 1 and len(filled[k + 1][1]) == len(cells)
        if {*names} & _KNOWN or (k == 0 and words > 1 and alike):
            return _table(where, names, filled[k + 1 :], workbook)
        if sum(map(bool, cells)) > 1:  # not a title above the header
            break
    return _bare(f"{where}, first sheet" if workbook else where, lines, column_by_column)


def _text(path, where):
    """Lines of a text as (number, cells)."""
    try:
        raw = sys.stdin.buffer.read() if str(path) == STDIN else Path(path).read_bytes()
    except FileNotFoundError:
        raise InputError(f"{where}: no such file; expected a table of stiffness targets, CSV or XLSX.") from None
    except OSError as error:
        raise InputError(f"{where}: cannot be read ({error.strerror}); expected a table, CSV or XLSX.") from None
    if raw[:4] in (b"PK\3\4", b"\xd0\xcf\x11\xe0"):
        raise InputError(f"{where}: a workbook by its content; expected a name that ends in .xlsx, or a text.")
    try:
        text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    if "\0" in text:
        raise InputError(f"{where}: not a text; expected a table of stiffness targets, CSV or XLSX.")
    if "[" in text and not _header_text(text):
        text = re.sub(r"[;\]]", "\n", text)  # of a matrix as Python or MATLAB writes it
        text = re.sub(r"^[\s,]+|\b\w+\s*=|[\[({})]|\b(np|numpy|array|mat|matrix)\b\.?|\.{3}", " ", text, flags=re.M)
        text = re.sub(r"\n[\s,]*(?=\n)", "\n", text)
    if "&" in text and not re.search("[,;\t]", text):  # of a matrix as LaTeX writes it
        text = text.replace("&", " ").replace("\\\\", "\n")
    lines = text.splitlines()
    separator = _separator(lines)
    if separator is None:
        return [(k, line.split()) for k, line in enumerate(lines, 1)]
    rows, reader = [], csv.reader(lines, delimiter=separator, skipinitialspace=True)
    try:
        for cells in reader:
            rows.append((reader.line_num, [cell.strip() for cell in cells]))
    except csv.Error as error:
        raise InputError(f"{where}, line {reader.line_num}: cannot be read as a CSV table ({error}).") from None
    return rows


def _header_text(text):
    """Whether a text begins with names of columns."""
    first = text.lstrip().partition("\n")[0]
    return bool({_column(word.strip(' "')) for word in re.split(r"[,;\t]|\s+", first)} & _KNOWN)


def _separator(lines):
    """What separates the values of lines: a tab, a semicolon, a comma, or None for blanks."""
    text = "\n".join(lines)
    if _header_text(text):  # what separates the names of columns; a target's name may have any mark in it
        lines = [text.lstrip().partition("\n")[0]]
        text = lines[0]
    for mark in "\t;":
        if mark in text:
            return mark
    if "," not in text:
        return None
    # Commas between digits, with blanks between values: decimal commas.
    first = next((line.strip() for line in lines if "," in line), "")
    return None if re.fullmatch(r"\S*\d,\d\S*(\s+\S+)+", first) and not re.search(r",\s", first) else ","


def _workbook(path):
    """Rows of the first sheet of a workbook as (number, cells)."""
    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        rows = list(book.worksheets[0].iter_rows(values_only=True))
        book.close()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected a table of stiffness targets, CSV or XLSX.") from None
    except Exception as error:  # of the many kinds that a damaged archive ends in
        raise InputError(f"{path}: cannot be read as a workbook ({error}).") from None
    texts = [["" if value is None else str(value).strip() for value in row] for row in rows]
    return list(enumerate(texts, 1))


def _with_decimal_points(lines):
    """Lines with points for decimal commas, where no value has a point of its own."""
    values = [cell for _, cells in lines for cell in cells if re.fullmatch(r"[-+.,\de]+", cell, re.IGNORECASE)]
    if any("." in value for value in values) or not any(_DECIMAL_COMMA.fullmatch(value) for value in values):
        return lines
    pointed = [[c.replace(",", ".") if _DECIMAL_COMMA.fullmatch(c) else c for c in cells] for _, cells in lines]
    return [(number, cells) for (number, _), cells in zip(lines, pointed, strict=True)]


def _column(text):
    """The project's name of a column, or the text itself."""
    name = _UNIT.sub("", text.strip()).strip()
    plain = name.replace("ν", "nu").replace(" ", "")
    low = plain.lower()
    if low in ("name", "specimen", "target"):
        return "name"
    if match := re.fullmatch(r"([cs])_?\{?([1-6])[_,]?([1-6])\}?(_sd|_std)?", low):
        return f"{match[1].upper()}{match[2]}{match[3]}" + ("_sd" if match[4] else "")
    if match := re.fullmatch(r"(e|g|nu|v)_?([123xyz]{0,2})", low):
        kind, axes = match[1].upper() if match[1] in "eg" else "nu", match[2].translate(_AXES)
        if kind == "G":
            axes = "".join(sorted(axes))
        if kind == "E" and len(axes) == 2 and axes[0] == axes[1]:
            axes = axes[0]
        if kind + axes in _KNOWN:
            return kind + axes
    return name


_MINOR = ("nu21", "nu31", "nu32")
_COMPLIANCES = [f"S{name[1:]}" for name in MATRIX]
_KNOWN = {*MATRIX, *_COMPLIANCES, *(f"{name}_sd" for name in COMPONENTS), *ENGINEERING, *_MINOR, *_SHORTHAND}


def _number(text):
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _table(where, names, lines, workbook):
    """The Sheet of rows below a header; those of a workbook end with their last cell that is not empty."""
    while names and not names[-1]:
        names = names[:-1]
    for name in names:
        if names.count(name) > 1 and name:
            raise InputError(f"{where}, column {name}: stands twice; expected each column once.")
        if re.fullmatch(r"C\d\d", name) and name not in MATRIX:
            raise InputError(f"{where}, column {name}: no constant has this name; expected C11, C12, …, C66.")
    rows, places, faults = [], [], []
    for k, (number, cells) in enumerate(lines, 1):
        while len(cells) > len(names) and not cells[-1]:
            cells = cells[:-1]
        if len(cells) > len(names) or (len(cells) < len(names) and not workbook):
            faults.append(
                f"{where}, row {k} (line {number}): {len(cells)} values under {len(names)} columns; expected as many."
            )
            continue
        rows.append([*cells, *[""] * (len(names) - len(cells))])
        places.append(f"row {k}")
    table = pd.DataFrame(rows, columns=names, dtype=object)
    return Sheet(where, table.loc[:, [bool(name) for name in names]], places, faults)


def _bare(where, lines, column_by_column):
    """The Sheet of matrices and lists of 21 constants without a header."""
    rows, places, faults = [], [], []
    block, first, name = [], 0, ""

    def close():
        nonlocal block, name
        if block:
            found = _matrices(block, column_by_column)
            if not found:
                counts = ", ".join(str(len(numbers)) for numbers in block[:8]) + (", …" if len(block) > 8 else "")
                faults.append(
                    f"{where}, line {first}: {counts} numbers in the lines from here on; expected a 6×6 matrix, one of "
                    "its triangles, or 21 constants."
                )
            for matrix in found:
                rows.append([name, *matrix])
                places.append(f"matrix from line {first}" if len(found) == 1 else f"matrix {len(rows)}")
        block, name = [], ""

    for number, cells in [*lines, (0, [])]:
        filled = [cell for cell in cells if cell]
        texts = [cell for cell in filled if not re.search(r"\d", cell) or re.search(r"[a-df-z]", cell, re.IGNORECASE)]
        numbers = [cell for cell in filled if cell not in texts] if len(texts) <= 1 else []
        if not numbers or texts or len(numbers) in (21, 36):
            close()
        if not numbers and texts:
            name = " ".join(texts).strip("#%:= ")
            continue
        if numbers:
            first = first if block else number
            name = texts[0] if texts else name
            block.append(numbers)
            if len(numbers) in (21, 36):
                close()
    if not rows and not faults:
        raise InputError(f"{where}: no number; expected a header with the columns C11, C12, …, C66, or a 6×6 matrix.")
    return Sheet(where, pd.DataFrame(rows, columns=["name", *MATRIX], dtype=object), places, faults)


def _matrices(block, column_by_column):
    """Matrices of 36 texts that lines of numbers hold, none where they do not add up."""
    counts, flat = [len(numbers) for numbers in block], [text for numbers in block for text in numbers]
    if {*counts} == {6} and len(counts) % 6 == 0:
        return [_mirrored(flat[k : k + 36]) for k in range(0, len(flat), 36)]
    if len(flat) == 36:
        return [_mirrored(flat)]
    size = {(8, 8, 5): 21, (21,): 21}.get(tuple(counts[:3])) or (21 if len(flat) == 21 else 0)
    if not size or len(flat) % size:
        return []
    place = np.empty((6, 6), int)
    if counts == [1, 2, 3, 4, 5, 6] or (column_by_column and counts != [6, 5, 4, 3, 2, 1]):
        place[ROWS[ABAQUS_CARD], COLUMNS[ABAQUS_CARD]] = np.arange(21)
    else:
        place[ROWS, COLUMNS] = np.arange(21)
    place[COLUMNS, ROWS] = place[ROWS, COLUMNS]
    return [[flat[k + entry] for entry in place.ravel()] for k in range(0, len(flat), 21)]


def _mirrored(texts):
    """A matrix of 36 texts, its triangles made alike where one of them is left at zero."""
    values = np.array(texts, dtype=object).reshape(6, 6)
    upper, lower = values[ROWS, COLUMNS], values[COLUMNS, ROWS]
    off = ROWS != COLUMNS
    zero = [all(_number(text) and float(text) == 0 for text in part[off]) for part in (upper, lower)]
    if zero[0] != zero[1]:
        part = lower if zero[0] else upper
        values[ROWS, COLUMNS] = values[COLUMNS, ROWS] = part
    return values.ravel().tolist()
