"""Sheets of numbers as people have them, as tables with known columns.

A sheet is a table, a header above rows; bare numbers: 6×6 matrices, their triangles, or the 21
constants, as many programs print them (`trussmap.targets.dialects`, `trussmap.targets.matrices`);
constants by name, a line each; a tree in JSON (`trussmap.targets.trees`); or a deck with cards
*ELASTIC (`trussmap.targets.cards`).
"""

import csv
import re
import sys
from itertools import dropwhile
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from trussmap.base.errors import InputError
from trussmap.targets.cards import check_other_decks, has_cards, read_cards
from trussmap.targets.columns import (
    COMPLIANCES,
    ISOTROPIC,
    KNOWN,
    MINOR,
    column_name,
    read_by_name,
    unit_text,
)
from trussmap.targets.dialects import is_nested, nested_lines, plain_lines, unbracketed
from trussmap.targets.matrices import MATRIX, Line, Matrices, Record
from trussmap.targets.numerals import numeral, plain_numbers
from trussmap.targets.trees import parse_tree, read_tree
from trussmap.targets.units import known_unit, unit_of
from trussmap.targets.values import Sheet, with_values
from trussmap.tensors.engineering import ENGINEERING
from trussmap.tensors.stiffness import COMPONENTS

#: Name of a file that stands for what is pasted or piped.
STDIN = "-"

_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+(\(\d+\))?(e[-+]?\d+)?", re.IGNORECASE)
_THOUSANDS = re.compile(r"[-+]?\d{1,3}((\.\d{3})+,\d*|(,\d{3})+\.\d*)")
# Columns in the order that tables of single targets have them.
_ORDERED = [
    *MATRIX,
    *COMPLIANCES,
    *(f"{name}_sd" for name in COMPONENTS),
    *ENGINEERING,
    *MINOR,
    *ISOTROPIC,
]
_BEFORE_BRACKET = re.compile(r"(?<=\w)[ \t]+(?=[\[(](?:\D|1\s*/))")
_NUMBERS = re.compile(r"(?<!\w)[-+−]?\.?\d")
_POWER_OF_TEN = re.compile(r"10\s*[\^*⁰-⁹]|\d\s*[*×]")
_RULE = re.compile(r"(?::?[-=+]{2,}:?)?")
_EXPECTED = "expected a header with the columns C11, C12, …, C66, or a 6×6 matrix"


class _Choice(NamedTuple):
    """Parameters of `read_sheet` on the meaning of numbers."""

    column_by_column: bool
    unit: str
    compliance: bool


def read_sheet(
    path: str | Path,
    column_by_column: bool = False,
    unit: str = "",
    worksheet: str = "",
    compliance: bool = False,
) -> Sheet:
    """Read a sheet.

    Parameters
    ----------
    path : ``.xlsx``, or a text file, ``-`` for standard input: values separated by commas,
        semicolons, tabs or blanks, with decimal points or commas; or one of the forms of the
        modules named above
    column_by_column : whether 21 bare numbers are the upper triangle column by column, not row by
        row
    unit : unit of stress that values are converted to, where the file names another one
    worksheet : of a workbook; the first that holds constants by default
    compliance : whether matrices are compliances; of a file whose headings name both kinds, the
        others are left out

    Returns a `Sheet`. Columns are named as the project names them, whatever their case and with a
    unit in brackets behind: ``name``, ``C11`` … ``C66`` and the lower triangle, ``C11_sd`` …,
    ``S11`` …, the engineering constants ``E1`` … ``nu23`` (``Ex``, ``Gyz``, ``v12`` too), ``E``,
    ``G`` and ``nu``; all others keep their own.

    Raises InputError, naming the file and its line or column, where nothing of the kind can be
    read.
    """
    where = "standard input" if str(path) == STDIN else str(path)
    choice = _Choice(column_by_column, unit, compliance)
    if where.lower().endswith((".xlsx", ".xlsm")):
        return _of_workbook(path, choice, worksheet)
    if worksheet:
        raise InputError(f"{where}: not a workbook; expected no name of a worksheet ({worksheet}).")
    return _of_text(where, _text(path, where), choice)


def _of_text(where: str, text: str, choice: _Choice) -> Sheet:
    """Read a text: a deck, JSON, constants by name, a table, or matrices."""
    if has_cards(text):
        records, faults = read_cards(text, where)
        return _of_records(where, records, faults, [], choice)
    check_other_decks(text, where)
    tree = parse_tree(text, where)
    if tree is not None:
        return _of_records(where, *read_tree(tree, where), [], choice)
    named = None if _header_text(text) else read_by_name(text, where)
    if named:
        return _of_records(where, named, [], [], choice)
    return _of_lines(where, _lines(text, where), choice)


def _text(path: str | Path, where: str) -> str:
    """Return the text of a file or of standard input."""
    try:
        raw = sys.stdin.buffer.read() if str(path) == STDIN else Path(path).read_bytes()
    except FileNotFoundError:
        raise InputError(
            f"{where}: no such file; expected a table of stiffness targets, CSV or XLSX."
        ) from None
    except OSError as error:
        raise InputError(
            f"{where}: cannot be read ({error.strerror}); expected a table, CSV or XLSX."
        ) from None
    if raw[:4] in (b"PK\3\4", b"\xd0\xcf\x11\xe0"):
        raise InputError(
            f"{where}: a workbook by its content; expected a name that ends in .xlsx, or a text."
        )
    try:
        text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    if "\0" in text:
        raise InputError(
            f"{where}: not a text; expected a table of stiffness targets, CSV or XLSX."
        )
    return text


def _lines(text: str, where: str) -> list[Line]:
    """Split the lines of a text into cells."""
    numbered = plain_lines(text.splitlines())
    header = _header_text("\n".join(line for _, line in numbered))
    separator = _separator([line for _, line in numbered])
    if not header:
        numbered = [(number, unbracketed(plain_numbers(line))) for number, line in numbered]
    elif separator is None:
        numbered = [
            (number, plain_numbers(_BEFORE_BRACKET.sub("", line))) for number, line in numbered
        ]
    lines = [line for _, line in numbered]
    if not header and is_nested("\n".join(lines)):
        return list(nested_lines(numbered))
    if separator is None:
        rows = [(number, line.split()) for number, line in numbered]
        return _with_row_names(rows) if header else rows
    rows = []
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    try:
        for cells in reader:
            number = numbered[reader.line_num - 1][0]
            rows.append((number, [cell.strip() for cell in cells]))
    except csv.Error as error:
        number = numbered[min(reader.line_num, len(numbered)) - 1][0]
        raise InputError(
            f"{where}, line {number}: cannot be read as a CSV table ({error})."
        ) from None
    return rows


def _with_row_names(lines: list[Line]) -> list[Line]:
    """Name the column in front of rows that begin with a name or number.

    Tables that pandas and R print have no name above it.
    """
    filled = [(number, cells) for number, cells in lines if cells]
    lines = [*dropwhile(lambda line: line[1][0].startswith("#"), filled)]
    (number, header), *rows = lines
    if not rows or {len(cells) for _, cells in rows} != {len(header) + 1}:
        return lines
    first = [cells[0] for _, cells in rows]
    if first in ([str(k + start) for k in range(len(rows))] for start in (0, 1)):
        return [(number, ["", *header]), *rows]
    if not any(map(numeral, first)) and "name" not in map(column_name, header):
        return [(number, ["name", *header]), *rows]
    return lines


def _header_text(text: str) -> bool:
    """Tell whether a text begins, below comments, with names of columns."""
    first = _first_line(text)
    return _is_header([word.strip(' "') for word in re.split(r"[,;\t]|\s+", first)])


def _first_line(text: str) -> str:
    """Return the first line that is neither blank nor a comment, or ''."""
    return next(
        (
            line
            for line in text.splitlines()
            if line.strip(" ") and not line.lstrip().startswith("#")
        ),
        "",
    )


def _separator(lines: list[str]) -> str | None:
    """Return the separator of values: tab, semicolon, comma; None for blanks."""
    text = "\n".join(lines)
    if _header_text(text):
        # The header decides: a target's name below it may contain any mark.
        lines = [_first_line(text)]
    else:
        counts = [len(_NUMBERS.findall(line)) for line in lines]
        most = max(counts, default=0)
        lines = [line for line, count in zip(lines, counts, strict=True) if 2 * count > most]
    mark = next(
        (mark for mark in "\t;," if 2 * sum(mark in line for line in lines) >= max(len(lines), 1)),
        None,
    )
    if mark != ",":
        return mark
    # Commas between digits, with blanks between values: decimal commas.
    first = next((line.strip() for line in lines if "," in line), "")[:200]
    return (
        None
        if re.fullmatch(r"\S*\d,\d\S*(\s+\S+)+", first) and not re.search(r",\s", first)
        else ","
    )


def _of_workbook(path: str | Path, choice: _Choice, worksheet: str) -> Sheet:
    """Read the worksheet of a name, or the first that holds constants."""
    pages = _worksheets(path)
    if not pages:
        raise InputError(f"{path}: a workbook without worksheets; {_EXPECTED}.")
    if worksheet and worksheet not in pages:
        raise InputError(f"{path}: no worksheet {worksheet}; expected one of {', '.join(pages)}.")
    attempts: list[Sheet | InputError] = []
    for name in [worksheet] if worksheet else pages:
        try:
            sheet = _of_lines(f"{path}, worksheet {name}", pages[name], choice, padded=True)
        except InputError as error:
            attempts.append(error)
            continue
        if len(sheet.table) and {*sheet.table.columns} & KNOWN:
            others = ", ".join(other for other in pages if other != name)
            note = [f"the worksheet {name} is read, {others} left out"] if others else []
            return sheet._replace(notes=[*note, *sheet.notes])
        attempts.append(sheet)
    if isinstance(attempts[0], InputError):
        raise attempts[0]
    return attempts[0]


def _worksheets(path: str | Path) -> dict[str, list[Line]]:
    """Return the rows of each worksheet of a workbook as cells, by its name."""
    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        rows = {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets}
        book.close()
    except FileNotFoundError:
        raise InputError(
            f"{path}: no such file; expected a table of stiffness targets, CSV or XLSX."
        ) from None
    except Exception as error:  # A damaged archive raises errors of many kinds.
        raise InputError(f"{path}: cannot be read as a workbook ({error}).") from None
    return {
        name: [
            (k, ["" if value is None else str(value).strip() for value in row])
            for k, row in enumerate(sheet, 1)
        ]
        for name, sheet in rows.items()
    }


def _of_lines(where: str, lines: list[Line], choice: _Choice, padded: bool = False) -> Sheet:
    """Read lines of cells: a table below a header, or matrices."""
    for number, cells in lines:
        if grouped := next(filter(_THOUSANDS.fullmatch, cells), None):
            raise InputError(
                f"{where}, line {number}: '{grouped}' has a mark between thousands; expected it "
                "without."
            )

    lines = _with_decimal_points(lines)
    filled = [(number, cells) for number, cells in lines if any(cells)]
    if not filled:
        raise InputError(f"{where}: empty file; {_EXPECTED}.")
    for k, (_, cells) in enumerate(filled[:10]):
        if _is_header(cells):
            titles = [" ".join(title) for _, title in filled[:k]]
            return _table(where, cells, filled[k + 1 :], choice, padded, titles)
        # A line of several cells is no title above a header.
        if sum(map(bool, cells)) > 1 and not cells[0].startswith("#"):
            break

    if padded:
        lines = [(number, [plain_numbers(cell) for cell in cells]) for number, cells in lines]
    reader = Matrices(where, choice.column_by_column).read(lines)
    return _of_records(where, reader.records, reader.faults, reader.notes, choice)


def _is_header(cells: list[str]) -> bool:
    """Tell whether cells are names of columns, constants among them."""
    known = {column_name(cell) for cell in cells} & KNOWN
    return len(known) > 2 * sum(numeral(cell) is not None for cell in cells)


def _with_decimal_points(lines: list[Line]) -> list[Line]:
    """Replace decimal commas by points, where no value has a point."""
    values = [
        cell
        for _, cells in lines
        for cell in cells
        if re.fullmatch(r"[-+.,\de()]+", cell, re.IGNORECASE)
    ]
    if any("." in value for value in values) or not any(
        _DECIMAL_COMMA.fullmatch(value) for value in values
    ):
        return lines
    return [
        (
            number,
            [cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell) else cell for cell in cells],
        )
        for number, cells in lines
    ]


def _table(
    where: str,
    header: list[str],
    lines: list[Line],
    choice: _Choice,
    padded: bool,
    titles: list[str],
) -> Sheet:
    """Read rows below titles and a header.

    Rows of a workbook, which are ``padded``, may be shorter than the header.
    """
    while header and not header[-1]:
        header = header[:-1]
    names = [column_name(text) for text in header]
    if lines and (below := _units_below(names, lines[0][1])):
        header = [
            f"{name} [{unit}]" if unit else text
            for text, name, unit in zip(header, names, below, strict=True)
        ]
        lines = lines[1:]
    _check_names(where, names)

    lines = [line for line in lines if not all(map(_RULE.fullmatch, line[1]))]
    rows, places, faults = _rows(where, names, lines, padded)
    table = pd.DataFrame(rows, columns=names, dtype=object)
    table = table.loc[:, [bool(name) for name in names]]
    units = pd.DataFrame("", table.index, table.columns)
    general, notes = _unit_of_titles(titles)
    for name, stated in _units_of_header(where, header, names, choice.compliance).items():
        units[name] = stated or general
    return with_values(Sheet(where, table, places, faults, notes), units, choice.unit)


def _check_names(where: str, names: list[str]) -> None:
    """Raise InputError for a column that stands twice or is no constant."""
    for name in names:
        if names.count(name) > 1 and name:
            raise InputError(f"{where}, column {name}: stands twice; expected each column once.")
        if re.fullmatch(r"C\d\d", name) and name not in MATRIX:
            raise InputError(
                f"{where}, column {name}: no constant has this name; expected C11, C12, …, C66."
            )


def _rows(
    where: str, names: list[str], lines: list[Line], padded: bool
) -> tuple[list[list[str]], list[str], list[str]]:
    """Return the rows that fit the header of a table, places, and faults."""
    rows: list[list[str]] = []
    places: list[str] = []
    faults: list[str] = []
    for k, (number, cells) in enumerate(lines, 1):
        while len(cells) > len(names) and not cells[-1]:
            cells = cells[:-1]
        if len(cells) > len(names) or (len(cells) < len(names) and not padded):
            faults.append(
                f"{where}, row {k} (line {number}): {len(cells)} values under {len(names)} "
                "columns; expected as many."
            )
            continue
        rows.append([*cells, *[""] * (len(names) - len(cells))])
        places.append(f"row {k}")
    return rows, places, faults


def _unit_of_titles(titles: list[str]) -> tuple[str, list[str]]:
    """Return the unit that titles above a header name, or '', and notes.

    A note says that they name several.
    """
    # A unit behind a number joins it, and so is none of the table.
    text = " ".join(map(plain_numbers, titles))
    try:
        return unit_of(text), []
    except InputError as error:
        return "", [f"above the header: {error}".rstrip(".") + "; none of them is taken"]


def _units_below(names: list[str], cells: list[str]) -> list[str]:
    """Return the units that the row below a header consists of, or none."""
    given = [
        (cell.strip("[]() ") if name in KNOWN else "")
        for name, cell in zip(names, cells, strict=False)
    ]
    stress = [known_unit(cell) for cell in given]
    if not any(stress) or any(
        cell not in ("", "-", "1") and not unit for cell, unit in zip(given, stress, strict=True)
    ):
        return []
    return [*stress, *[""] * (len(names) - len(stress))]


def _units_of_header(
    where: str, header: list[str], names: list[str], compliance: bool
) -> dict[str, str]:
    """Return units of stress by column, from brackets behind their names."""
    units = {}
    for text, name in zip(header, names, strict=True):
        if name not in KNOWN or name.startswith("nu"):
            continue
        brackets = unit_text(text)
        try:
            units[name] = unit_of(brackets)
        except InputError as error:
            raise InputError(f"{where}, column {name}: {error}") from None
        inverse = name[0] == "S" or (compliance and name[0] == "C")
        if (units[name] and units[name].startswith("1/") != inverse) or _POWER_OF_TEN.search(
            brackets
        ):
            raise InputError(
                f"{where}, column {name}: {brackets}; expected a unit of stress, or of its inverse "
                "for compliances."
            )
    return units


def _of_records(
    where: str, records: list[Record], faults: list[str], notes: list[str], choice: _Choice
) -> Sheet:
    """Make a sheet of targets that stand one by one."""
    if not records:
        raise InputError(faults[0] if faults else f"{where}: no number; {_EXPECTED}.")
    chosen, note = _of_kind(where, records, choice.compliance)
    orders = {record.order for record in chosen}
    if len(orders) > 1:
        raise InputError(
            f"{where}: matrices with labels in several orders, or with and without; expected a "
            "file for each order."
        )

    columns = [name for name in _ORDERED if any(name in record.values for record in chosen)]
    rows = [[record.name, *(record.values.get(name, "") for name in columns)] for record in chosen]
    table = pd.DataFrame(rows, columns=["name", *columns], dtype=object)
    units = pd.DataFrame(
        [[record.unit] * table.shape[1] for record in chosen], table.index, table.columns
    )
    places = [record.place for record in chosen]
    sheet = Sheet(where, table, places, faults, [*notes, *note])
    return with_values(sheet, units, choice.unit)._replace(order=orders.pop())


def _of_kind(where: str, records: list[Record], compliance: bool) -> tuple[list[Record], list[str]]:
    """Choose the records of stiffnesses, or of compliances.

    Returns them and a note on the others. Raises InputError where headings or units name the other
    kind.
    """
    chosen = [record for record in records if record.compliance == compliance]
    if not compliance and not chosen:
        raise InputError(
            f"{where}, {records[0].place}: a compliance by its heading; expected a stiffness, or "
            "--compliance."
        )
    # Without any heading of a compliance, all are what the user says.
    chosen = chosen or records
    stiff = (record for record in chosen if record.unit and not record.unit.startswith("1/"))
    if compliance and (bad := next(stiff, None)):
        raise InputError(
            f"{where}, {bad.place}: the unit {bad.unit} is of a stiffness; expected no "
            "--compliance."
        )
    if len(chosen) == len(records):
        return chosen, []
    places = ", ".join(record.place for record in records if record.compliance != compliance)
    kind = "stiffness" if compliance else "compliance"
    return chosen, [f"{places}: a {kind} by its heading, left out"]
