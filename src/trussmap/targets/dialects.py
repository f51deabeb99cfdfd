"""Matrices as programs and typesetters write them, as lines of cells.

The lines keep their numbers. Known are LaTeX, Markdown, R, Mathematica, and nested lists as of
Python, NumPy, SymPy, MATLAB, Octave and Julia.
"""

import re
from collections.abc import Iterator

from trussmap.targets.matrices import Line
from trussmap.targets.units import UNIT

_LAYOUT = re.compile(
    r"\\hline|\\(?:top|mid|bottom)rule|\\cline\{[^}]*\}|\\cmidrule(?:\([^)]*\))?\{[^}]*\}"
    r"|\\(?:left|right|[bB]igg?)\s*(?:\\[{}|]|[\[\]().|])|(?<!\\)\\[\[\]()]"
    r"|\\(?:phantom|label|multicolumn\{[^}]*\})\{[^{}]*\}"
)
_BREAK = re.compile(
    r"\\\\\*?(?:\[[^\]]*\])?|\\tabularnewline"
    r"|\\(?:begin|end)\s*\{\w+\*?\}(?:\[[^\]]*\])?(?:\{(?:[^{}]|\{[^{}]*\})*\})?"
)
_MACRO = re.compile(r"\\(?!(?:pm|times|cdot|num|[cdv]dots|ast)\b)[a-zA-Z]+\*?|\\[,;:! ]")
_LATEX_COMMENT = re.compile(r"(?<!\\)%.*")
_BRACES = re.compile(r"(?<!num)\{([^{}]*)\}")
_R_LABEL = re.compile(r"\[(\d+),\]|\[,(\d+)\]")
_UNIT_IN_BRACKETS = re.compile(rf"[\[(]\s*(?:in\s+)?({UNIT.pattern})\s*[\])]", re.IGNORECASE)
_NESTED = re.compile(
    r"(?<![\w.])[\[{][\s\[{(]{0,40}[-+.\d]|\(\s{0,9}\(\s*[-+.\d]|\bc\(\s*[-+.\d]"
    r"|\bmatrix\(\s*['\"]",
    re.IGNORECASE,
)
_KEYWORD = re.compile(r",\s*\w+\s*=\s*[\w.']+(?=\s*[,)])")
_SIZE = re.compile(r"\bMatrix\(\s*6\s*,\s*6\s*,")
_PRODUCT = re.compile(
    r"(?<![A-Za-z_\d.])([-+]?[\d.]+(?:[eE][-+]?\d+)?)[^\S\n]*\*[^\S\n]*(?=[A-Za-z_\[{(])"
)
_DECLARED = re.compile(r"(?<=\w)(?:\[\d+\])+")
_CALL = re.compile(r"[A-Za-z_][\w.]*\s*\(")
_WORD = r"[^\s\[\]{}(),;|\"']"
_TOKEN = re.compile(
    rf"\([^()\s,]*±[^()\s,]*\){_WORD}*|{_CALL.pattern}|[\[\]{{}}();]"
    rf"|{_WORD}+(?:\(\d[\d.]*\){_WORD}*)?"
)
_BEHIND = re.compile(r"(?<=\S)\s*(?://|\s[#%]).*")
_COMMENT = re.compile(r"\s*(?:[#%]|//).*")
_MATHEMATICA_COMMENT = re.compile(r"\(\*.{0,1000}?\*\)", re.DOTALL)


def plain_lines(lines: list[str]) -> list[tuple[int, str]]:
    r"""Number lines, with tabs between the cells of LaTeX and Markdown.

    >>> plain_lines([r"2.0 & 0.8 \\ 0.8 & 1.6"])
    [(1, '2.0 \t 0.8 '), (1, ' 0.8 \t 1.6')]
    """
    marked = [_R_LABEL.sub(lambda match: f" {match[1] or match[2]}: ", line) for line in lines]
    text = "\n".join(lines)
    numbered = list(enumerate(marked, 1))
    if "\\begin{" in text or ("&" in text and "\\\\" in text):
        return [piece for number, line in numbered for piece in _of_latex(number, line)]
    if sum("|" in line for line in lines) >= 2:
        return [(number, _between_bars(line)) for number, line in numbered]
    return numbered


def _of_latex(number: int, line: str) -> Iterator[tuple[int, str]]:
    """Yield the rows of a line of LaTeX, without its macros."""
    if not line.strip():
        yield number, ""
    line = _LAYOUT.sub(" ", _LATEX_COMMENT.sub("", line)).replace("{,}", ",")
    for piece in _BREAK.split(line):
        piece = _BRACES.sub(r"\1", _MACRO.sub(" ", piece))
        piece = re.sub(r"[$~]", " ", piece)
        if piece.strip():
            yield number, piece.replace("&", "\t")


def _between_bars(line: str) -> str:
    """Return a line of a table with tabs for its bars."""
    return line.strip().removeprefix("|").removesuffix("|").replace("|", "\t")


def unbracketed(line: str) -> str:
    """Take units out of the brackets of a line, which would else be lists.

    >>> unbracketed("C [GPa] = [[")
    'C in GPa = [['
    """
    return _UNIT_IN_BRACKETS.sub(r"in \1", line)


def is_nested(text: str) -> bool:
    """Return whether a text holds lists of numbers in brackets.

    >>> is_nested("C = [[1, 2], [2, 3]]"), is_nested("C [GPa]"), is_nested("1.20(3)")
    (True, False, False)
    """
    return bool(_NESTED.search(text))


def nested_lines(lines: list[tuple[int, str]]) -> Iterator[Line]:
    """Yield rows of lists in brackets as lines of cells.

    A row is an innermost list and has the number of the line it begins in. Lines and semicolons end
    rows of a list that stands in no other.
    """
    row: list[str] = []
    depth = 0
    start = 0
    for number, line in _without_keywords(lines):
        line = _BEHIND.sub("", line)
        if depth:
            line = _COMMENT.sub("", line)
        goes_on = line.rstrip().endswith("...")
        for token in _TOKEN.findall(line.rstrip().removesuffix("...")):
            closes = token in "]})"
            opens = token in "[{(" or bool(_CALL.fullmatch(token))
            if not (opens or closes or token == ";"):
                start = start if row else number
                row.append(token)
                continue
            if row:
                yield start, row
                row = []
            depth = max(depth + opens - closes, 0)
            if closes and not depth:
                yield number, []
        if depth <= 1 and not goes_on and (row or not (depth or line.strip())):
            yield (start if row else number), row
            row = []
    if row:
        yield start, row


def _without_keywords(lines: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Leave out comments of Mathematica, named arguments and sizes.

    The arguments are such as ``dtype=float``.
    """
    text = "\n".join(line for _, line in lines)
    text = _MATHEMATICA_COMMENT.sub(lambda match: "\n" * match[0].count("\n"), text)
    text = _DECLARED.sub("", text)
    text = _PRODUCT.sub(r"\1 * ", text)
    text = _SIZE.sub("Matrix(", _KEYWORD.sub(lambda match: "\n" * match[0].count("\n"), text))
    return list(zip((number for number, _ in lines), text.split("\n"), strict=True))
