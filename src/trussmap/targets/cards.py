"""Elastic constants on cards *ELASTIC of Abaqus and CalculiX."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from trussmap.base.errors import InputError
from trussmap.targets.matrices import MATRIX, Record
from trussmap.targets.numerals import numeral, plain_numbers
from trussmap.targets.shapes import ABAQUS_CARD
from trussmap.tensors.elasticity import stiffness_of_moduli
from trussmap.tensors.engineering import ENGINEERING
from trussmap.tensors.stiffness import COLUMNS, ROWS, isotropic, unpack

#: Where 11, 22, 33, 23, 13, 12 stand in the order of Abaqus.
_ORDER = (0, 1, 2, 5, 4, 3)
# Numbers of a card of each type.
_COUNTS = {"ISOTROPIC": 2, "ENGINEERING CONSTANTS": 9, "ORTHOTROPIC": 9, "ANISOTROPIC": 21}
# Constants on a card ENGINEERING CONSTANTS, and where those of an orthotropic card stand among
# D1111, D1122, D2222, D1133, … of the anisotropic one (Abaqus, Material behaviors, Linear elastic;
# CalculiX, *ELASTIC).
_MODULI = ("E1", "E2", "E3", "nu12", "nu13", "nu23", "G12", "G13", "G23")
_ORTHOTROPIC = (0, 1, 2, 3, 4, 5, 9, 14, 20)
# Magnitude that no number of a material reaches, in any unit, and whose inverse none falls below.
_LARGEST = 1e30
_CARD = re.compile(r"^[ \t]*\*[ \t]*elastic[ \t]*(,|\r?$)", re.IGNORECASE | re.MULTILINE)
_DECK = re.compile(r"^[ \t]*(tb\s*,\s*anel|mat9\b|mat1\b|\*mat_)", re.IGNORECASE | re.MULTILINE)


class _Keyword(NamedTuple):
    """A keyword of a deck.

    Attributes
    ----------
    line : its number in the deck
    name : in capitals
    parameters : by their names in capitals
    data : numbers and cells of the lines below it
    """

    line: int
    name: str
    parameters: dict[str, str]
    data: list[tuple[int, list[str]]]


def has_cards(text: str) -> bool:
    """Return whether a text holds a card *ELASTIC."""
    return bool(_CARD.search(text))


def check_other_decks(text: str, where: str) -> None:
    """Raise InputError for a deck of a program whose cards are not read."""
    if match := _DECK.search(text):
        line = text.count("\n", 0, match.start(1)) + 1
        raise InputError(
            f"{where}, line {line}: cards of another program than Abaqus or CalculiX; expected a "
            "6×6 matrix, and --order ansys for the order 11, 22, 33, 12, 23, 13."
        )


def read_cards(text: str, where: str) -> tuple[list[Record], list[str]]:
    """Return the targets on the cards *ELASTIC of a deck, and faults.

    The name is that of the material, with the temperature where a card has several. Other keywords
    are skipped. All types become stiffness in Voigt order.
    """
    records: list[Record] = []
    faults: list[str] = []
    material = ""
    for keyword in _keywords(text):
        if keyword.name == "MATERIAL":
            material = keyword.parameters.get("NAME", "").strip('"')
        if keyword.name == "ELASTIC":
            try:
                records += _records(keyword, material)
            except InputError as error:
                faults.append(f"{where}, {error}")
    return records, faults


def _keywords(text: str) -> Iterator[_Keyword]:
    """Yield the keywords of a deck, with data where they are *ELASTIC.

    A keyword whose line ends with a comma goes on in the next one.
    """
    current: _Keyword | None = None
    begun = ""
    for number, line in enumerate(text.splitlines(), 1):
        plain = line.strip()
        if not plain or plain.startswith("**"):
            continue
        if plain.startswith("*") or begun:
            begun += plain
            if plain.endswith(","):
                continue
            if current:
                yield current
            current = _keyword(number, begun)
            begun = ""
        elif current and current.name == "ELASTIC":
            cells = [cell.strip() for cell in plain_numbers(plain.rstrip(",")).split(",")]
            current.data.append((number, cells))
    if current:
        yield current


def _keyword(number: int, line: str) -> _Keyword:
    """Return the keyword of a line, without data."""
    name, *rest = line.lstrip("* \t").split(",")
    parameters = {}
    for word in rest:
        key, _, value = word.partition("=")
        parameters[" ".join(key.upper().split())] = value.strip()
    return _Keyword(number, " ".join(name.upper().split()), parameters, [])


def _records(keyword: _Keyword, material: str) -> list[Record]:
    """Return the targets on one card, one for each temperature."""
    given = "".join(keyword.parameters.get("TYPE", "ISOTROPIC").upper().split())
    kind = next(
        (name for name in _COUNTS if len(given) > 2 and name.replace(" ", "").startswith(given)),
        None,
    )
    if kind is None:
        raise InputError(
            f"line {keyword.line}: *ELASTIC, TYPE={given} holds no stiffness of a solid in space; "
            f"expected {', '.join(_COUNTS)}."
        )
    sets = list(_sets(keyword, _COUNTS[kind]))
    if not sets:
        raise InputError(
            f"line {keyword.line}: *ELASTIC without numbers; expected {_COUNTS[kind]} of them."
        )
    records = []
    for line, numbers, fields in sets:
        matrix = _stiffness(kind, numbers, line)
        name = material
        if len(sets) > 1:
            name = f"{material} at {', '.join(f'{value:g}' for value in fields)}".strip()
        values = dict(zip(MATRIX, map(repr, matrix.ravel().tolist()), strict=True))
        records.append(Record(name, f"card in line {line}", values, order=_ORDER))
    return records


def _sets(keyword: _Keyword, count: int) -> Iterator[tuple[int, list[float], list[float]]]:
    """Yield line, constants, and temperature and fields of each set on a card."""
    numbers: list[float] = []
    first = 0
    for line, cells in keyword.data:
        first = first if numbers else line
        for cell in cells:
            value = numeral(cell) if cell else None
            if cell and value is None:
                raise InputError(
                    f"line {line}: '{cell}' is not a number; expected {count} constants."
                )
            # The solvers read a blank as 0.
            number = float(value.value) if value else 0.0
            if number and not 1 / _LARGEST < abs(number) < _LARGEST:
                raise InputError(
                    f"line {line}: '{cell}'; expected a number of a material, below {_LARGEST:g}."
                )
            numbers.append(number)
        if len(numbers) >= count:
            yield first, numbers[:count], numbers[count:]
            numbers = []
    if numbers:
        raise InputError(f"line {first}: {len(numbers)} numbers from here on; expected {count}.")


def _stiffness(kind: str, numbers: list[float], line: int) -> np.ndarray:
    """Return the matrix (6, 6) in Voigt order of the numbers of a card."""
    if kind == "ISOTROPIC":
        modulus, ratio = numbers
        if not (modulus > 0 and -1 < ratio < 0.5):
            raise InputError(
                f"line {line}: E = {modulus:g} and nu = {ratio:g}; expected a positive modulus, "
                "and a nu above -1 and below 0.5."
            )
        return isotropic(modulus, ratio)
    if kind == "ENGINEERING CONSTANTS":
        constants = dict(zip(_MODULI, numbers, strict=True))
        if bad := next(
            (name for name in _MODULI if name[0] != "n" and not constants[name] > 0), None
        ):
            raise InputError(
                f"line {line}: {bad} = {constants[bad]:g}; expected a positive modulus."
            )
        try:
            return unpack(
                stiffness_of_moduli(np.array([[constants[name] for name in ENGINEERING]]))[0]
            )
        except np.linalg.LinAlgError:
            raise InputError(
                f"line {line}: constants of no stable material; expected smaller Poisson's ratios."
            ) from None
    card = np.zeros(21)
    card[list(_ORTHOTROPIC) if kind == "ORTHOTROPIC" else slice(None)] = numbers
    matrix = np.zeros((6, 6))
    matrix[ROWS[ABAQUS_CARD], COLUMNS[ABAQUS_CARD]] = card
    matrix[COLUMNS, ROWS] = matrix[ROWS, COLUMNS]
    return matrix[np.ix_(_ORDER, _ORDER)]
