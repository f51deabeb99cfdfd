"""Units of stress: their names in files and their sizes."""

import re

from trussmap.base.errors import InputError

#: Pascals in each unit of stress that a file may name.
PASCALS = {
    "Pa": 1.0,
    "kPa": 1e3,
    "MPa": 1e6,
    "GPa": 1e9,
    "TPa": 1e12,
    "bar": 1e5,
    "kbar": 1e8,
    "Mbar": 1e11,
    "N/m2": 1.0,
    "N/mm2": 1e6,
    "kN/mm2": 1e9,
    "dyn/cm2": 0.1,
    "psi": 6894.757293168361,
    "ksi": 6894757.293168361,
    "eV/Å3": 160.21766208e9,
}
_SPELLINGS = {name.lower(): name for name in PASCALS}
_SPELLINGS |= {"dyne/cm2": "dyn/cm2", "ev/a3": "eV/Å3", "ev/ang3": "eV/Å3", "ev/angstrom3": "eV/Å3"}
_POWER = r"\s*(?:\^|\*\*)?\s*\{?"
#: Pattern of a unit of stress.
STRESS = (
    r"(?:[kmgt]?pa|[km]?bar|k?psi|ksi"
    rf"|k?n\s*/\s*mm?{_POWER}[2²]\}}?"
    rf"|dyne?\s*/\s*cm{_POWER}[2²]\}}?"
    rf"|ev\s*/\s*(?:å|a|ang|angstrom){_POWER}[3³]\}}?)"
)
#: A unit of stress in a text.
UNIT = re.compile(rf"(?<![\w/\\]){STRESS}(?![\w^])", re.IGNORECASE)
# Words that may mean something else (polyamide, a bar): a unit alone, in brackets, or behind "in".
_VAGUE = re.compile(r"(?<!\bin )(?<![\[(])\b(?:pa|bar)\b", re.IGNORECASE)
_INVERSE = re.compile(
    rf"1\s*/\s*\(?\s*({STRESS})(?!\w)|(?<![\w/\\])({STRESS}){_POWER}\s*(?:[-−]\s*1\}}?|⁻¹)",
    re.IGNORECASE,
)


def unit_of(text: str) -> str:
    """Return the unit of stress, or of its inverse, that a text names, or ''.

    Raises InputError, without a place, where it names two, or ``mbar``, which may be milli- or
    megabar.

    >>> unit_of("TOTAL ELASTIC MODULI (kBar)"), unit_of("in N/mm²"), unit_of("S [GPa^-1]")
    ('kbar', 'N/mm2', '1/GPa')
    >>> unit_of("a bar of PA"), unit_of("in Pa")
    ('', 'Pa')
    """
    if not known_unit(text):
        text = _VAGUE.sub(" ", text)
    names = {f"1/{_spelling(match[1] or match[2])}" for match in _INVERSE.finditer(text)}
    names |= {_spelling(match[0]) for match in UNIT.finditer(_INVERSE.sub(" ", text))}
    if len(names) > 1:
        raise InputError(f"the units {' and '.join(sorted(names))} in one heading; expected one.")
    return names.pop() if names else ""


def known_unit(text: str) -> str:
    """Return the unit that a text consists of, as in ``PASCALS``, or ''.

    >>> known_unit("gpa"), known_unit("furlongs")
    ('GPa', '')
    """
    text = text.strip()
    return _spelling(text) if UNIT.fullmatch(text) else ""


def _spelling(word: str) -> str:
    """Return the name in ``PASCALS`` of a word that ``UNIT`` matches."""
    plain = re.sub(r"[\s^*{}]", "", word).replace("²", "2").replace("³", "3").lower()
    if word.startswith("mb"):
        raise InputError(
            f"the unit '{word}' may be milli- or megabar; expected Mbar, or another unit."
        )
    return _SPELLINGS[plain]
