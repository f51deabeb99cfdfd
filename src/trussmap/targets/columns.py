"""Names of constants as people write them, and constants given by name."""

import re
from typing import NamedTuple

from trussmap.base.errors import InputError
from trussmap.targets.matrices import MATRIX, Record
from trussmap.targets.numerals import numeral, plain_numbers
from trussmap.targets.units import STRESS, known_unit, unit_of
from trussmap.tensors.engineering import ENGINEERING
from trussmap.tensors.stiffness import COMPONENTS

#: Poisson's ratios that the engineering constants leave out.
MINOR = ("nu21", "nu31", "nu32")
#: Constants of an isotropic material.
ISOTROPIC = ("E", "G", "nu")
#: Compliances in the places of ``MATRIX``.
COMPLIANCES = [f"S{name[1:]}" for name in MATRIX]
#: All columns with numbers that a target may have.
KNOWN = {
    *MATRIX,
    *COMPLIANCES,
    *(f"{name}_sd" for name in COMPONENTS),
    *ENGINEERING,
    *MINOR,
    *ISOTROPIC,
}

_AXES = str.maketrans("xyz", "123")
_BRACKETS = re.compile(
    rf"[\[(][^\[\]()]*[\])]$|\bin\s+\S+$|(?<![\s\[(]1)\s*/\s*{STRESS}$", re.IGNORECASE
)
_CONSTANT = re.compile(r"([cs])_?[{(\[]?([1-6])[_,]?([1-6])[})\]]?(_sd|_std)?(?:all)?")
_NAME = (
    r"(?:[CS]_?[{(\[]?[1-6][_,]?\s?[1-6][})\]]?(?:_sd|_std|all)?"
    r"|(?:E|G|nu|ν|v|\\nu)_?\{?[123xyz]{0,2}\}?)(?![\w(])"
)
_NAMES = re.compile(
    rf"(?:elastic constant\s+)?(?P<names>{_NAME}(?:\s*=\s*{_NAME})*)"
    rf"[\"']?\s*(?P<unit>\([^()]*\)|\[[^\[\]]*\])?[\s=:,&|\"']*",
    re.IGNORECASE,
)
_VALUE = re.compile(r"[\s&|,]*(?P<text>[-+]?\(?\.?\d(?:[^\s;&|,]|,(?=\d))*)[\s;&|,]*")
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+(?:\(\d+\))?")
_FILLING = " \t,;|&\"'{}\\"
_COMMENT = re.compile(r"\s*(?:#|%|//|!).*")
_MODULUS = re.compile(r"(e|g|nu|v)_?\{?([123xyz]{0,2})\}?")


def column_name(text: str) -> str:
    """Return the project's name of a column, or its text without brackets.

    >>> [column_name(text) for text in ("c_{12} [GPa]", "Ex / MPa", "νxy", "C(1,1)", "remark")]
    ['C12', 'E1', 'nu12', 'C11', 'remark']
    """
    text = text.strip().strip("$").strip()
    for name in (text, _BRACKETS.sub("", text).strip()):
        plain = name.replace("ν", "nu").replace("\\nu", "nu").replace(" ", "").lower()
        if plain in ("name", "specimen", "target"):
            return "name"
        if match := _CONSTANT.fullmatch(plain):
            return f"{match[1].upper()}{match[2]}{match[3]}" + ("_sd" if match[4] else "")
        if (match := _MODULUS.fullmatch(plain)) and (known := _modulus(match[1], match[2])):
            return known
    return name


def with_letter(names: list[str], letter: str) -> list[str]:
    """Names of constants with another letter, such as S11 for C11."""
    return [letter + name[1:] for name in names]


def unit_text(text: str) -> str:
    """Return the text in brackets behind the name of a column, or ''."""
    match = _BRACKETS.search(text.strip())
    return match[0].lstrip(" /") if match else ""


def _modulus(letter: str, axes: str) -> str:
    """Return the engineering constant of a letter and its axes, or ''."""
    kind = letter.upper() if letter in "eg" else "nu"
    axes = axes.translate(_AXES)
    if kind == "G":
        axes = "".join(sorted(axes))
    if kind == "E" and len(axes) == 2 and axes[0] == axes[1]:
        axes = axes[0]
    return kind + axes if kind + axes in KNOWN else ""


class _Item(NamedTuple):
    """Names of one constant, and the numbers behind them.

    Attributes
    ----------
    names : several where they are equal, such as C11 = C22 = 2.0
    texts : one for each target, with units
    """

    names: list[str]
    texts: list[str]


def read_by_name(text: str, where: str) -> list[Record] | None:
    """Read targets whose constants stand by name, such as ``C11 = 2.0``.

    Several numbers behind a name are of several targets, whose names may stand in the line above. A
    name that comes again begins the next target. Returns None for any other text.
    """
    if not re.search(_NAME, text, re.IGNORECASE):
        return None
    lines = [(line, _items(line)) for line in text.splitlines()]
    filled = [line for line, items in lines if items]
    if not filled or any(_has_numbers(line) for line, items in lines if not items):
        return None
    if len(filled) < 2 and not re.search("[=:]", filled[0]):
        return None
    for number, (line, items) in enumerate(lines, 1):
        if not items and re.search(rf"{_NAME}\W*[=:]", _COMMENT.sub("", line), re.IGNORECASE):
            raise InputError(
                f"{where}, line {number}: '{line.strip()[:60]}' is no constant by name; expected "
                "such as C11 = 2.0."
            )
    return _collected(lines, where)


def _items(line: str) -> list[_Item]:
    """Return the constants that a line consists of, or none."""
    items: list[_Item] = []
    line = _COMMENT.sub("", plain_numbers(line))
    # With points or with commas behind names, commas separate values.
    if "." in line or re.search(rf"{_NAME}[\s\"']*,", line, re.IGNORECASE):
        line = line.replace(",", " ")
    while line.strip(_FILLING):
        match = _NAMES.match(line.lstrip(_FILLING + "-*•"))
        if not match:
            return []
        line = line.lstrip(_FILLING + "-*•")[match.end() :]
        texts = []
        while value := _VALUE.match(line):
            text = value["text"].rstrip(_FILLING)
            texts.append(text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text)
            line = line[value.end() :]
        names = [column_name(name) for name in match["names"].split("=")]
        if not texts or not all(map(numeral, texts)) or not {*names} <= KNOWN:
            return []
        unit = known_unit((match["unit"] or "").strip("[()] "))
        items.append(_Item(names, [text + unit for text in texts]))
    return items


def _has_numbers(line: str) -> bool:
    """Tell whether a line, its comment apart, has more numbers than a heading."""
    cells = _COMMENT.sub("", line).replace(",", " ").split()
    numbers = sum(numeral(cell) is not None for cell in cells)
    return 2 * numbers > len(cells) or numbers > 2


def _collected(lines: list[tuple[str, list[_Item]]], where: str) -> list[Record]:
    """Gather the constants of lines in targets."""
    records: list[Record] = []
    # Targets, side by side, whose constants are being read.
    columns: list[Record] = []
    heading = ""
    for number, (line, items) in enumerate(lines, 1):
        if not items and re.search(r"\w", line):
            records += columns
            columns = []
            heading = line.strip(" #%:=!\t,;|\\")
        for item in items:
            if columns and {*item.names} & {*columns[0].values}:
                records += columns
                columns = []
            if not columns:
                columns = _empty(heading, len(item.texts), f"{where}, line {number}", number)
                heading = ""
            if len(item.texts) != len(columns):
                raise InputError(
                    f"{where}, line {number}: {len(item.texts)} numbers behind {item.names[0]}, "
                    f"{len(columns)} behind others; expected as many."
                )
            for record, value in zip(columns, item.texts, strict=True):
                record.values.update(dict.fromkeys(item.names, value))
    return records + columns


def _empty(heading: str, count: int, where: str, number: int) -> list[Record]:
    """Begin targets without values, with names and unit of their heading."""
    try:
        unit = unit_of(heading)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    names = [word for word in re.split(r"\s*[,;|\t]\s*|\s+", heading) if word][-count:]
    if count == 1:
        names = [_BRACKETS.sub("", heading).strip()]
        names = [""] if re.search(r"[\t,;|]|^units?\b", heading, re.IGNORECASE) else names
    if len(names) != count:
        names = [""] * count
    place = f"constants from line {number}"
    return [
        Record(name, place if count == 1 else f"{place}, column {k}", {}, unit)
        for k, name in enumerate(names, 1)
    ]
