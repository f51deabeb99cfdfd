"""Entries of a catalogue file: text to sections, sections to checked numbers, faults by line.

What the sections mean stands in `trussmap.crystal.catalogue`. A line that begins with a letter and
has a colon, or stands below a blank line, begins a section; text behind the colon is its first row.
From a title with ``start`` to the same with ``end``, everything is one section.
"""

import re
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

import numpy as np

from trussmap.base.errors import InputError

#: Rows of a section beyond which no cell could be solved: measured are 40,000 struts.
MOST_ROWS = 200_000
#: Number beyond which a file is none of the catalogue.
LARGEST = 1e15
#: Distance from a whole number, whatever its decimals, up to which a number can be meant as one.
WHOLE = 1e-3

#: Line above each entry.
HEAD = "----- lattice_transition -----"
CELL = "Normalized unit cell parameters"
NODES = "Nodal positions"
BARS = "Bar connectivities"
EDGES = "Fundamental edge adjacency"
VECTORS = "Fundamental tesselation vectors"
COMPLIANCE = "Compliance tensors"
RADII = "Fundamental edge radii"
NAME = "Name"
BASE_NAME = "Base name"
#: Sections that are read, and what may stand in brackets in their titles.
SECTIONS = {
    CELL: {"a,b,c,alpha,beta,gamma"},
    NODES: {"fractional"},
    BARS: set(),
    EDGES: set(),
    VECTORS: set(),
    COMPLIANCE: {"mandel", "voigt", "engineering voigt", "flattened upper triangular", "flattened"},
    RADII: set(),
    NAME: set(),
    BASE_NAME: set(),
}
#: Facts that change nothing and need not be named.
FACTS = {"source", "imperfection level", "imperfection kind", "nodal hash"}

_TITLES = {title.lower(): title for title in SECTIONS}
_HEAD = re.compile(r"-+\s*lattice_transition\s*-+")
_BRACKETS = re.compile(r"\(([^()]*)\)")
_BLOCK = re.compile(r"(.*\S)\s+(start|end)", re.IGNORECASE)
_DENSITY = re.compile(r"->\s*at relative density\s+(\S+?)\s*:?", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,4})?", re.ASCII)
_NOT_A_NUMBER = re.compile(r"(nan|inf|infinity)\b", re.IGNORECASE)
#: Beginnings of words in a title that speak of what changes the stiffness.
_SIZES = re.compile(r"\b(radi|diamet|thick|area|cross.?section)", re.IGNORECASE)


@dataclass
class Section:
    """Rows of a section, its line, and what stands in brackets in its title, in small letters."""

    line: int
    brackets: set[str]
    rows: list[tuple[int, str]] = field(default_factory=list)


def read_entries(path: str | Path) -> list["Entry"]:
    """Entries of a catalogue file, not yet parsed.

    Raises InputError where the file cannot be read or has none.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        expected = "expected a catalogue of lattices in text format"
        raise InputError(f"{path}: no such file; {expected}.") from None
    except (UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path}: cannot be read as text ({error}).") from None

    starts = [k for k, line in enumerate(lines) if _HEAD.fullmatch(line.strip())]
    if not starts:
        raise InputError(f"{path}: no entry; expected entries headed by a line '{HEAD}'.")
    bounds = pairwise([*starts, len(lines)])
    entries = [Entry(path, first, lines[first:last]) for first, last in bounds]
    stray = next((k for k in range(starts[0]) if lines[k].strip()), None)
    if stray is not None:
        entries[0].unread[lines[stray].strip()] = stray + 1
    return entries


class Entry:
    """One entry of a file: its names, and its ``sections`` once `parse` was called.

    ``unread`` holds the titles, with their lines, of sections that no one reads.
    """

    def __init__(self, path: str | Path, first: int, lines: list[str]) -> None:
        self.path = path
        self.line = first + 1
        self.sections: dict[str, Section] = {}
        self.unread: dict[str, int] = {}
        self._lines = lines[1:]

    def __contains__(self, title: str) -> bool:
        return title in self.sections

    @property
    def full_name(self) -> str:
        """Name of the entry, of which no two should be alike; empty where it has none."""
        return self._text(NAME) or self._text(BASE_NAME)

    @property
    def name(self) -> str:
        """Name of the cell, which its imperfect variants share; empty where it has none."""
        return self._text(BASE_NAME) or self._text(NAME)

    def _text(self, title: str) -> str:
        rows = self.sections[title].rows if title in self.sections else []
        return rows[0][1] if rows else ""

    def fail(self, line: int, what: str) -> NoReturn:
        """Raise InputError with file, line, cell and ``what`` is wrong."""
        name = f" (cell {self.name})" if self.name else ""
        raise InputError(f"{self.path}, line {line}{name}: {what}.")

    def parse(self) -> None:
        """Fill ``sections`` and ``unread``; raises InputError for what is in no section."""
        section = None
        block = ""
        after_blank = True
        for number, line in enumerate(self._lines, self.line + 1):
            text = line.strip()
            if not text:
                after_blank = True
                continue
            title, brackets, edge, value = _heading(text, after_blank)
            after_blank = False
            if block and edge == "end" and title == block:
                section = None
                block = ""
            elif block and (title in SECTIONS or edge):
                self.fail(number, f"'{text[:40]}' inside '{block}'; expected '{block} end' first")
            elif edge == "end" and not block:
                self.fail(number, f"'{text[:40]}'; expected '{title} start' above it")
            elif title and not block:
                section = self._begin(number, title, brackets)
                block = title if edge == "start" else ""
                if value:
                    section.rows.append((number, value))
            elif section is None or text.startswith("---"):
                self.fail(number, f"'{text[:40]}' belongs to no section; expected a title above it")
            else:
                section.rows.append((number, text))
        if block:
            self.fail(self.line, f"the entry is cut short; expected a line '{block} end'")
        if not self.name:
            self.fail(self.line, "the entry has no name; expected a line 'Name: …'")

    def _begin(self, line: int, title: str, brackets: set[str]) -> Section:
        section = Section(line, brackets)
        if title not in SECTIONS:
            if _SIZES.search(title):
                self.fail(line, f"section '{title[:60]}' is not understood; expected '{RADII}'")
            if title.lower() not in FACTS:
                self.unread.setdefault(title, line)
            return section
        if title in self.sections:
            self.fail(line, f"section '{title}' stands twice; expected it once in each entry")
        if unknown := brackets - SECTIONS[title]:
            known = " or ".join(f"'({word})'" for word in sorted(SECTIONS[title])) or "no brackets"
            self.fail(line, f"section '{title}' with '({min(unknown)[:40]})'; expected {known}")
        self.sections[title] = section
        return section

    def array(self, title: str, *counts: int, whole: bool = False) -> tuple[np.ndarray, list[int]]:
        """Numbers (rows, one of ``counts``) of a section and their line numbers."""
        section = self.sections.get(title)
        if section is None or not section.rows:
            state = "missing" if section is None else "empty"
            self.fail(
                section.line if section else self.line,
                f"section '{title}' is {state}; expected rows of {_counted(counts, whole)}",
            )
        if len(section.rows) > MOST_ROWS:
            count = f"{len(section.rows)} rows in section '{title}'"
            self.fail(section.line, f"{count}; expected at most {MOST_ROWS}")
        rows = []
        for line, text in section.rows:
            rows.append(self.numbers(line, text, *counts, whole=whole))
            counts = (len(rows[0]),)  # the first row decides for all
        return np.array(rows), [line for line, _ in section.rows]

    def numbers(self, line: int, text: str, *counts: int, whole: bool = False) -> list[float]:
        """Finite numbers of a line, as many as one of ``counts``; ``whole`` ones as int."""
        words = text.replace(",", " ").replace("−", "-").split()
        values = [_whole(word) if whole else _number(word) for word in words]
        known = [value for value in values if value is not None]
        if len(values) in counts and len(known) == len(values):
            return known
        given = f"'{text[:60]}'"
        if None not in values and len(values) > 3:
            given = f"{len(values)} numbers"
        self.fail(line, f"{given}; expected {_counted(counts, whole)}")

    def by_density(self, title: str, *counts: int) -> dict[float, tuple[int, np.ndarray]]:
        """Line and numbers of each relative density of a section; empty where it is absent."""
        if title not in self.sections:
            return {}
        section = self.sections[title]
        if not section.rows:
            self.fail(section.line, f"section '{title}' is empty; expected a row for each density")
        texts: dict[float, list[tuple[int, str]]] = {}
        rows = None
        for line, text in section.rows:
            if text.startswith("->"):
                density = self._density(line, text)
                if density in texts:
                    self.fail(line, f"relative density {density} stands twice in section '{title}'")
                rows = texts[density] = []
            elif rows is None:
                self.fail(line, f"'{text[:40]}'; expected a line '-> at relative density R:' above")
            else:
                rows.append((line, text))
        found = {}
        for density, rows in texts.items():
            if not rows:
                what = f"no numbers at relative density {density} of section '{title}'"
                self.fail(section.line, what)
            joined = " ".join(text for _, text in rows)  # a row may be wrapped
            found[density] = (rows[0][0], np.array(self.numbers(rows[0][0], joined, *counts)))
        return found

    def _density(self, line: int, text: str) -> float:
        match = _DENSITY.fullmatch(text)
        density = _number(match[1]) if match else None
        if density is None:
            self.fail(line, f"'{text[:60]}'; expected '-> at relative density R:'")
        if not 0 < density < 1:
            self.fail(line, f"relative density {density:g}; expected a value between 0 and 1")
        return density


def _heading(text: str, after_blank: bool) -> tuple[str, set[str], str, str]:
    """Title, words in brackets, ``start`` or ``end``, and value of a line; all empty for a row."""
    if not text[0].isalpha() or _NOT_A_NUMBER.match(text):
        return "", set(), "", ""
    before, colon, value = text.partition(":")
    brackets = {word.lower().replace(", ", ",").strip() for word in _BRACKETS.findall(before)}
    title = " ".join(_BRACKETS.sub(" ", before).split())
    edge = ""
    if match := _BLOCK.fullmatch(title):
        title = match[1]
        edge = match[2].lower()
    title = _TITLES.get(title.lower().replace("tessellation", "tesselation"), title)
    if colon or edge or after_blank or title in SECTIONS:
        return title, brackets, edge, value.strip()
    return "", set(), "", ""


def _number(word: str) -> float | None:
    """A number that is finite and no larger than those of a catalogue, or None.

    >>> _number("-1.5D-02"), _number("1_0"), _number("nan")
    (-0.015, None, None)
    """
    word = word.lower().replace("d", "e")
    if not _NUMBER.fullmatch(word):
        return None
    value = float(word)
    return value if abs(value) < LARGEST else None


def _whole(word: str) -> int | None:
    """A number that is whole within two units of its last decimal and `WHOLE`, or None.

    >>> _whole("-0.99999"), _whole("3"), _whole("1.0e0"), _whole("0.99"), _whole("0.9990")
    (-1, 3, 1, None, None)
    """
    value = _number(word)
    if value is None:
        return None
    mantissa, _, exponent = word.lower().replace("d", "e").partition("e")
    decimals = len(mantissa.partition(".")[2]) - int(exponent or 0)
    unit = 10.0 ** -max(decimals, 0)
    tolerance = min(max(2 * unit, 1e-9), WHOLE)
    return round(value) if abs(value - round(value)) <= tolerance * (1 + 1e-9) else None


def _counted(counts: tuple[int, ...], whole: bool) -> str:
    noun = "integers" if whole else "numbers"
    first, *others = counts
    return f"{first} {noun}" + "".join(f", or {other}" for other in others)
