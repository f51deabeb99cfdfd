"""Matrices without column names: 6×6, triangles, or 21 constants."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from trussmap.base.errors import InputError
from trussmap.targets.numerals import Numeral, numeral
from trussmap.targets.shapes import COMPONENT, INDEX, component_order, index_of, readings, shaped
from trussmap.targets.units import STRESS, UNIT, known_unit, unit_of
from trussmap.tensors.stiffness import COLUMNS, COMPONENTS, ROWS

#: A line of a text or of a workbook: its number and its cells.
Line = tuple[int, list[str]]
#: A cell: a number, a word, or None where nothing stands.
Cell = Numeral | str | None
#: All entries of the 6×6 matrix, row by row.
MATRIX = [f"C{i}{j}" for i in range(1, 7) for j in range(1, 7)]

_RANGE = re.compile(r"columns?\s+(\d+)(?:\s*(?:through|thru|to|and|-)\s*(\d+))?:?", re.IGNORECASE)
_TIMES = r"(?:\*|×|·|\\times|\\cdot)"
_FACTOR = re.compile(rf"(?:^|.*[=:])\s*([-+.\d]\S*?)\s*{_TIMES}\s*")
_PRODUCT = re.compile(rf"\s*(?:{_TIMES}|/)\s*[-+.\d]")
_TEN = re.compile(rf"\b1e[-+]?\d+\s*{STRESS}", re.IGNORECASE)
_EQUIVALENCE = re.compile(rf"{STRESS}\s*=\s*[\d.]+\s*{STRESS}|{STRESS}\s*=\s*1e", re.IGNORECASE)
_UNITS = re.compile(r"(?:in\s+)?units?\b", re.IGNORECASE)
_RULE = re.compile(r"[-=_|:+*~\s]+")
_TYPE = re.compile(r"\d+\s*[×x]\s*\d+\b.*")
_COMMENT = re.compile(r"[#%!]+|//")
_COMPLIANCE = re.compile(r"complian|\bs_?\{?ij\}?\b|^\s*s\s*[:=]*\s*$", re.IGNORECASE)
_OMITTED = re.compile(r"[-*.·…–—−]+|\\[cdv]dots|\\ast")
_SYMMETRIC = re.compile(r"symm?\.?|symmetric", re.IGNORECASE)
_NO_NAMES = ("", "ans", "array", "matrix", "c", "cij", "c_ij", "c_{ij}")
_EXPECTED = "expected a 6×6 matrix, one of its triangles, or 21 constants"


class Record(NamedTuple):
    """One target of a file, as texts by columns.

    Attributes
    ----------
    name : the heading above it, or ''
    place : where it stands, such as ``matrix from line 3``
    values : numbers by the names of columns
    unit : the unit of stress that the file names for it, or ''
    order : where 11, 22, 33, 23, 13, 12 stand in the order of its labels, or None without such
        labels; the values are in Voigt order already
    compliance : whether its heading names it a compliance
    """

    name: str
    place: str
    values: dict[str, str]
    unit: str = ""
    order: tuple[int, ...] | None = None
    compliance: bool = False


class _Row(NamedTuple):
    """A line of numbers.

    Attributes
    ----------
    line : its number
    label : the word in front of the numbers, or ''
    cells : None where nothing stands, a text where a word stands among the numbers
    """

    line: int
    label: str
    cells: Sequence[Cell]

    @property
    def numbers(self) -> list[Numeral | str]:
        """Cells that are not empty."""
        return [cell for cell in self.cells if cell is not None]


class Matrices:
    """Reader of lines of cells.

    It remembers heading, unit, labels and factor from the lines above a matrix.

    Attributes
    ----------
    records : matrices that were read
    faults : sentences on rows of numbers that make up none
    notes : sentences on what was recognised or assumed
    """

    def __init__(self, where: str, column_by_column: bool = False) -> None:
        """Begin to read ``where``, the name of the source in messages.

        ``column_by_column`` is the order of 21 constants that stand in no triangle.
        """
        self.where = where
        self.column_by_column = column_by_column
        self.records: list[Record] = []
        self.faults: list[str] = []
        self.notes: list[str] = []
        self._unit = ""
        self._rows: list[list[_Row]] = [[]]
        self._pending: list[_Row] = []
        self._forget()

    def _forget(self) -> None:
        """Forget what belongs to one matrix only."""
        self._name = ""
        self._compliance = False
        self._order: tuple[int, ...] | None = None
        # First and last of the columns that are printed below.
        self._columns: tuple[int, int] | None = None
        self._factor = 1.0

    def read(self, lines: Iterable[Line]) -> "Matrices":
        """Read lines into records and faults."""
        for number, cells in lines:
            self._line(number, cells)
        self._close()
        self._check_pending()
        return self

    def _check_pending(self) -> None:
        """Make a fault of columns whose matrix has not been completed."""
        if self._pending:
            self._fault(self._pending[0].line, "columns of a matrix without the rest of them")
        self._pending = []

    def _line(self, number: int, cells: list[str]) -> None:
        """Read a line: a rule, labels, a factor, a heading, or numbers."""
        filled = [cell for cell in cells if cell]
        text = " ".join(filled)
        if not filled:
            self._rows.append([])
        elif _RULE.fullmatch(text):
            return
        elif _TYPE.fullmatch(text):
            self._close()
        elif match := _RANGE.fullmatch(text):
            self._close()
            self._columns = (int(match[1]), int(match[2] or match[1]))
        elif any(self._rows) and _PRODUCT.match(text):
            raise InputError(
                f"{self.where}, line {number}: '{text[:30]}' behind a matrix; expected its numbers "
                "multiplied."
            )
        elif match := _FACTOR.fullmatch(text[-200:]):
            self._heading(number, text[: len(text) - len(match[0]) + match.start(1)])
            self._factor_in_front(number, match[1])
        elif not self._header(filled):
            row = _row(number, cells)
            if row is None:
                self._heading(number, text)
            else:
                self._append(row)

    def _header(self, words: list[str]) -> bool:
        """Keep the labels of columns that words are; tell whether they are."""
        if len(words) > 9:
            return False
        bare = [word for word in words if numeral(word) is None]
        order = component_order(words[-6:])
        if order and len(bare) in (0, len(words), len(words) - 6):
            self._close()
            self._order = order
            return True
        onward = bool(self._pending) and not bare
        if bare == ["\\"] and words[-1] == "\\":
            # pandas prints a mark where further columns come below.
            words = words[:-1]
        elif len(words) == 7 or (bare and len(words) > len(bare)):
            words = words[-6:]
        indices = [index for word in words if (index := index_of(word)) is not None]
        if len(words) < 2 or len(indices) < len(words):
            return False
        if any(b - a != 1 for a, b in pairwise(indices)) or not (bare or onward):
            return False
        self._close()
        self._columns = (indices[0], indices[-1])
        return True

    def _heading(self, number: int, text: str) -> None:
        """Take name, unit and kind of the next matrix from a line of text."""
        behind = known_unit(text.rstrip(".,;"))
        if any(self._rows) and behind:
            self._unit = behind
        if any(self._rows) or self._columns or self._pending:
            self._close()
            self._check_pending()
            self._forget()

        # A line such as 10 kbar = 1 GPa names no unit.
        if _EQUIVALENCE.search(text):
            return
        if _TEN.search(text):
            raise InputError(
                f"{self.where}, line {number}: a power of ten with the unit, '{text[:40]}'; "
                "expected a unit alone."
            )
        self._compliance |= bool(_COMPLIANCE.search(text))
        try:
            unit = unit_of(text)
            self._unit = unit or self._unit
            self._compliance |= unit.startswith("1/")
        except InputError as error:
            self.notes.append(f"line {number}: {error}".rstrip(".") + "; none of them is taken")

        plain = re.sub(
            rf"[\[(]\s*(?:in\s+)?{UNIT.pattern}\s*[\])]|\bin\s+{UNIT.pattern}", "", text, flags=re.I
        )
        name = " ".join(_COMMENT.sub(" ", plain).split()).strip("#%:=!/*- \\")
        self._name = "" if name.lower() in _NO_NAMES or _UNITS.match(name) or behind else name

    def _factor_in_front(self, number: int, text: str) -> None:
        """Keep the factor that a program prints in front of a matrix."""
        value = numeral(text)
        if value is None or value.deviation or value.unit:
            raise InputError(
                f"{self.where}, line {number}: the factor '{text}' is not a number; expected the "
                "matrix times it."
            )
        self._factor *= float(value.value)
        self.notes.append(f"line {number}: the factor {text} applies to the matrix below it")

    def _append(self, row: _Row) -> None:
        """Add a row of numbers; one of 21 or 36 is a matrix by itself."""
        if len(row.numbers) in (21, 36):
            self._close()
            self._rows[-1].append(row)
            self._close()
        else:
            self._rows[-1].append(row)

    def _close(self) -> None:
        """Make matrices of the rows that have gathered."""
        segments = [segment for segment in self._rows if segment]
        self._rows = [[]]
        if not segments:
            return
        rows = [row for segment in segments for row in segment]
        if self._columns and self._columns[1] - self._columns[0] < 5:
            self._side_by_side(rows, *self._columns)
        else:
            labelled = [bool(row.label) for row in rows]
            if any(labelled) and not all(labelled):
                # Labels of some rows are names in front of the first rows of matrices.
                starts = [0, *(k for k, label in enumerate(labelled) if label and k), len(rows)]
                segments = [rows[a:b] for a, b in pairwise(starts)]
                segments = [[first._replace(label=""), *rest] for first, *rest in segments]
                names = [rows[a].label for a in starts[:-1]]
            else:
                names = [""] * len(segments)
            self._take(segments, names)
        if not self._pending:
            self._forget()

    def _take(self, segments: list[list[_Row]], names: list[str]) -> None:
        """Record the matrices of each segment, or of all of them together.

        Together where they are none one by one and have no names.
        """
        outcomes = [self._attempt(segment) for segment in segments]
        failed = [outcome for outcome in outcomes if isinstance(outcome, str)]
        if failed and len(segments) > 1 and not any(names):
            whole = [row for segment in segments for row in segment]
            together = self._attempt(whole)
            if not isinstance(together, str):
                outcomes = [together]
                segments = [whole]
                names = [""]
        for outcome, segment, name in zip(outcomes, segments, names, strict=True):
            if isinstance(outcome, str):
                self.faults.append(f"{self.where}, {outcome}")
                continue
            for k, (matrix, label) in enumerate(outcome):
                where = segment[0].line
                place = (
                    f"matrix from line {where}"
                    if len(outcome) == 1
                    else f"matrix {len(self.records) + 1}"
                )
                self._record(matrix, label or name or self._name, place)
                if k + 1 < len(outcome) or len(outcomes) > 1:
                    self._name = ""

    def _attempt(self, rows: list[_Row]) -> list[tuple[np.ndarray, str]] | str:
        """Return the matrices (6, 6) of rows with names, or what is wrong."""
        try:
            return self._matrices(rows)
        except InputError as error:
            return str(error)

    def _matrices(self, rows: list[_Row]) -> list[tuple[np.ndarray, str]]:
        """Return the matrices (6, 6) of rows with names, or raise InputError."""
        numbers: list[list[Numeral | None]] = []
        for row in rows:
            if odd := next((cell for cell in row.cells if isinstance(cell, str)), None):
                raise InputError(f"line {row.line}: '{odd}' is not a number; {_EXPECTED}.")
            numbers.append([cell for cell in row.cells if not isinstance(cell, str)])
        if rows[0].label and len(rows[0].numbers) in (21, 36):
            return [
                (shaped([cells], self.column_by_column)[0], row.label)
                for cells, row in zip(numbers, rows, strict=True)
            ]
        if rows[0].label:
            self._check_labels(rows)
        for cells in readings(numbers):
            if matrices := shaped(cells, self.column_by_column):
                return [(matrix, "") for matrix in matrices]
        counts = [len(row.numbers) for row in rows]
        listed = ", ".join(map(str, counts[:8])) + (", …" if len(counts) > 8 else "")
        raise InputError(
            f"line {rows[0].line}: {listed} numbers in the lines from here on; {_EXPECTED}."
        )

    def _check_labels(self, rows: list[_Row]) -> None:
        """Hold the labels of rows against those of columns, or raise InputError."""
        labels = [row.label for row in rows]
        order = component_order(labels)
        indices = [index for label in labels if (index := index_of(label)) is not None]
        ascending = all(b - a in (1, -5) for a, b in pairwise(indices))
        if order:
            if self._order and self._order != order:
                raise InputError(
                    f"line {rows[0].line}: rows and columns have labels in two orders; expected "
                    "the same."
                )
            self._order = order
        elif len(indices) < len(labels) or not ascending:
            raise InputError(
                f"line {rows[0].line}: labels {', '.join(labels[:6])} in front of the rows; "
                "expected none, 1 … 6, or components such as xx, yy, zz, yz, xz, xy."
            )

    def _side_by_side(self, rows: list[_Row], first: int, last: int) -> None:
        """Join columns ``first`` to ``last`` of a matrix printed in blocks."""
        rows = [row._replace(cells=row.numbers) for row in rows]
        width = last - first + 1
        if rows[0].label == "" and {len(row.cells) for row in rows} == {width + 1}:
            rows = [row._replace(cells=row.cells[1:]) for row in rows]
        begun = len(self._pending[0].cells) if self._pending else 0
        fits = len(rows) == 6 and {len(row.cells) for row in rows} == {width}
        if not fits or (begun and len(self._pending) != 6) or begun not in (first, first - 1):
            self._pending = []
            self._fault(
                rows[0].line,
                f"rows below the heading of columns {first} to {last} that do not fit it",
            )
            return

        joined = rows
        if begun:
            pairs = zip(self._pending, rows, strict=True)
            joined = [old._replace(cells=[*old.cells, *new.cells]) for old, new in pairs]
        self._pending = joined if begun + width < 6 else []
        self._columns = None
        if not self._pending:
            self._take([joined], [""])

    def _fault(self, line: int, what: str) -> None:
        """Add a fault in a line."""
        self.faults.append(f"{self.where}, line {line}: {what}; {_EXPECTED}.")

    def _record(self, matrix: np.ndarray, name: str, place: str) -> None:
        """Add the record of a matrix (6, 6) of numbers, None where nothing stands."""
        # A unit from above may be of a matrix of the other kind.
        fits = self._unit.startswith("1/") == self._compliance
        heading = self._unit if fits else ""
        units = ({cell.unit for cell in matrix.ravel() if cell} | {heading}) - {""}
        if len(units) > 1:
            raise InputError(
                f"{self.where}, {place}: units {', '.join(sorted(units))}; expected one."
            )
        if self._order:
            matrix = matrix[list(self._order)][:, list(self._order)]

        values = dict(zip(MATRIX, (cell and cell.value for cell in matrix.ravel()), strict=True))
        if self._factor != 1:
            values = {
                key: value and repr(float(value) * self._factor) for key, value in values.items()
            }
        upper = dict(zip(COMPONENTS, matrix[ROWS, COLUMNS], strict=True))
        values |= {
            f"{key}_sd": repr(float(cell.deviation) * abs(self._factor))
            for key, cell in upper.items()
            if cell and cell.deviation
        }
        values = {key: value or "" for key, value in values.items()}
        record = Record(name, place, values, next(iter(units), ""), self._order, self._compliance)
        self.records.append(record)


def _row(number: int, cells: list[str]) -> _Row | None:
    """Return the row of numbers that a line is, or None for a text."""
    if _COMMENT.match(next(filter(None, cells))):
        return None
    cut = next((k for k, cell in enumerate(cells) if _COMMENT.match(cell)), len(cells))
    read = [_cell(cell) for cell in cells[:cut]]
    words = [cell for cell in read if isinstance(cell, str)]
    count = sum(isinstance(cell, Numeral) for cell in read)
    first = next((k for k, cell in enumerate(read) if cell is not None), 0)
    label = words[0] if len(words) == 1 and read[first] == words[0] else ""
    # An odd number is no label.
    if re.match(r"[-+]?\.?\d", label) and not INDEX.fullmatch(label):
        label = ""
    known = COMPONENT.fullmatch(label) or INDEX.fullmatch(label)
    if count <= len(words) and not (count and label and known):
        return None
    # A few numbers with an equals sign are an equation.
    if "=" in words and count < 4:
        return None

    filled = [cell for cell in cells[:cut] if cell]
    if len(filled) - bool(label) != 6 and not (INDEX.fullmatch(filled[0]) and len(filled) == 7):
        # A mark that stands for no entry may be the sign of the number behind it.
        read = [
            text if _OMITTED.fullmatch(text) else cell
            for text, cell in zip(cells, read, strict=False)
        ]
    return _Row(number, label, read[first + 1 :] if label else read)


def _cell(text: str) -> Cell:
    """Return a cell as a number, None where it is left out, or as its text."""
    if not text or _OMITTED.fullmatch(text) or _SYMMETRIC.fullmatch(text):
        return None
    return numeral(text) or text
