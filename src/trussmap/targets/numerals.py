"""Numbers as programs and people write them, with deviations and units."""

import re
from dataclasses import dataclass

import numpy as np

from trussmap.targets.units import STRESS, known_unit

_DIGITS = r"(?:\d+\.?\d*|\.\d+)"
_SIGNED = rf"[-+]?{_DIGITS}"
_EXPONENT = r"(?:[eEdD][-+]?\d+|\*\^[-+]?\d+)"
_NUMERAL = re.compile(
    rf"(?P<open>\()?(?P<value>[-+]?{_DIGITS})(?:`[\d.]*)?(?P<inner>{_EXPONENT}|[-+]\d\d\d?)?"
    rf"(?:\((?P<digits>{_DIGITS})\)|±(?P<spread>{_DIGITS}{_EXPONENT}?))?"
    rf"(?P<close>\))?(?P<outer>{_EXPONENT})?(?P<unit>(?i:{STRESS}))?"
)
_PLAIN = re.compile(rf"{_SIGNED}(?:[eE][-+]?\d+)?")
_ORDINARY = re.compile(r"[-+\d\s.,;|eE]*")
# Marks that are a minus in front of a digit: of mathematics, of type, and of East Asian fonts.
_MINUS = re.compile(r"(?<![\w.])[\u2010-\u2014\u2212\ufe63\uff0d](?=\.?\d)")
_BLANK = re.compile(r"[\u00a0\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff]")
_TEN = (
    r"10\s*(?:(?:\^|\*\*)\s*(?:([-+]?\d+)|\{\s*([-+]?\d+)\s*\}|\(\s*([-+]?\d+)\s*\))"
    r"|([⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+))"
)
_TIMES_TEN = re.compile(rf"(?<=[\d.)])\s*(?:×|\*|·|\\times|\\cdot)\s*{_TEN}")
_POWER_OF_TEN = re.compile(rf"(?<![\w.]){_TEN}")
_SUPERSCRIPTS = str.maketrans("⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "+-0123456789")
_SPREAD = re.compile(
    r"(?<=[\d.])\s{0,9}\$?\s{0,9}(?:±|\\pm(?![a-z])|\+/-|\+-)\s{0,9}\$?\s{0,9}(?=\.?\d)"
)
_WRAPPED = re.compile(r"\\num\{([^{}]*)\}|\b(?:np|numpy)\.float\d+\(([^()]*)\)")
_BEFORE_UNIT = re.compile(rf"(?<=[\d.)])\s+(?={STRESS}(?![\w^]))", re.IGNORECASE)


@dataclass(frozen=True)
class Numeral:
    """A number as a text that `float` takes.

    Attributes
    ----------
    value : such as ``1.5e-3``
    deviation : standard deviation, as another such text, or ''
    unit : unit of stress as in `trussmap.targets.units.PASCALS`, or ''
    """

    value: str
    deviation: str = ""
    unit: str = ""


def numeral(text: str) -> Numeral | None:
    """Return the finite number that a text is, or None for any other text.

    An exponent may be written with E, D, ``*^`` as in Mathematica, or, behind a decimal point, with
    a sign and two or three digits alone, as Fortran does where the letter does not fit. Digits in
    parentheses are the deviation of the value's last digits, with a point the deviation itself
    (JCGM 100:2008, 7.2.2). A unit of stress may follow.

    >>> numeral("-1.0D+01").value, numeral("1.5*^-3").value, numeral("soft")
    ('-1.0e+01', '1.5e-3', None)
    >>> numeral("1.20(3)GPa")
    Numeral(value='1.20', deviation='3e-2', unit='GPa')
    """
    if _PLAIN.fullmatch(text):
        return Numeral(text) if np.isfinite(float(text)) else None
    match = _NUMERAL.fullmatch(text.strip().strip("$"))
    if not match or (match["inner"] and match["outer"]):
        return None
    if bool(match["open"]) != bool(match["close"]) or (match["open"] and not match["spread"]):
        return None

    power = match["inner"] or match["outer"] or ""
    if power[:1] in ("+", "-") and "." not in match["value"]:
        return None
    power = re.sub(r"[eEdD]|\*\^", "", power)
    value = match["value"] + (f"e{power}" if power else "")

    deviation = ""
    if digits := match["digits"]:
        decimals = 0 if "." in digits else len(match["value"].partition(".")[2])
        deviation = f"{digits}e{int(power[:5] or 0) - decimals}"
    elif match["spread"]:
        deviation = re.sub(r"[dD]|\*\^", "e", match["spread"])
        deviation += f"e{power}" if match["outer"] else ""
    finite = all(np.isfinite(_float(number)) for number in (value, deviation or "0"))
    return Numeral(value, deviation, known_unit(match["unit"] or "")) if finite else None


def _float(text: str) -> float:
    """Convert a text to a number, nan where it is none."""
    try:
        return float(text)
    except ValueError:
        return np.nan


def plain_numbers(line: str) -> str:
    """Return a line with each number as one word that `numeral` takes.

    >>> plain_numbers("−0.05  1.20 ± 0.03  2.0×10^-3  np.float64(1.5)  2 GPa")
    '-0.05  1.20±0.03  2.0e-3  1.5  2GPa'
    """

    def exponent(match: re.Match[str]) -> str:
        """Return the exponent in plain digits."""
        return next(filter(None, match.groups())).translate(_SUPERSCRIPTS)

    if _ORDINARY.fullmatch(line) and "+-" not in line:
        return line
    line = _BLANK.sub(" ", line)
    line = _MINUS.sub("-", line)
    line = _WRAPPED.sub(lambda match: match[1] or match[2] or "", line)
    line = _SPREAD.sub("±", line)
    line = _TIMES_TEN.sub(lambda match: f"e{exponent(match)}", line)
    line = _POWER_OF_TEN.sub(lambda match: f"1e{exponent(match)}", line)
    return _BEFORE_UNIT.sub("", line)
