"""Text on terminals and pipes whose encoding lacks signs of it: spelled out in ASCII, never an
error.
"""

import codecs
import sys
import unicodedata
from io import TextIOWrapper

#: What stands for signs that have no decomposition in Unicode, or a less readable one.
SPELLED = {
    **dict.fromkeys("−–—‐‑⁻₋", "-"),
    **dict.fromkeys("‘’‚", "'"),
    **dict.fromkeys("“”„«»", '"'),
    **dict.fromkeys("·•∙⋅", "*"),
    "√": "sqrt",
    "‖": "|",
    "×": "x",
    "÷": "/",
    "⁄": "/",
    "→": "->",
    "←": "<-",
    "↔": "<->",
    "↦": "->",
    "≥": ">=",
    "≤": "<=",
    "≠": "!=",
    "≈": "~",
    "±": "+/-",
    "∞": "inf",
    "°": " deg",
    "µ": "mu",
    "∂": "d",
    "∑": "sum",
    "∝": "~",
    "⊗": "x",
    "½": "1/2",
    "¼": "1/4",
    "¾": "3/4",
    "ß": "ss",
    "æ": "ae",
    "ø": "o",
    "Ø": "O",
    "ł": "l",
    "Ł": "L",
}
_ASCII = "trussmap_ascii"


def never_fail_to_print() -> None:
    """Let standard output and error spell out what their encoding lacks.

    The encoding stays: whoever reads a pipe expects it.
    """
    codecs.register_error("trussmap", spell)
    codecs.register(_ascii_codec)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            ascii_alone = codecs.lookup(stream.encoding).name == "ascii"
            stream.reconfigure(encoding=_ASCII if ascii_alone else None, errors="trussmap")


def _ascii_codec(name):
    """ASCII by another name: click takes a stream of that name for a slip and writes UTF-8 to it."""
    if name != _ASCII:
        return None
    codec = codecs.lookup("ascii")
    return codecs.CodecInfo(
        codec.encode,
        codec.decode,
        codec.streamreader,
        codec.streamwriter,
        codec.incrementalencoder,
        codec.incrementaldecoder,
        name=_ASCII,
    )


def spell(error: UnicodeError) -> tuple[str, int]:
    """ASCII for the signs that could not be encoded, and where to go on: an error handler of
    `codecs`.

    >>> codecs.register_error("spell", spell)
    >>> "‖C‖ ≥ 10⁻⁶ N/m², ν = 0.3 … “é”".encode("ascii", "spell")
    b'|C| >= 10^-6 N/m^2, nu = 0.3 ... "e"'
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    before = error.object[max(error.start - 1, 0) : error.start]
    text = before + as_text(error.object[error.start : error.end])
    return "".join(_ascii(text, place) for place in range(len(before), len(text))), error.end


def as_text(argument: str) -> str:
    """An argument or file name as its author typed it, also where the locale is not that of UTF-8.

    Python keeps bytes that the locale lacks as halves of surrogates, which no file in UTF-8 can
    hold.

    >>> as_text("MPa\\udcc2\\udcb2")
    'MPa²'
    """
    try:
        return argument.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except UnicodeEncodeError:  # halves that no byte left
        return argument


def _ascii(text, place):
    """ASCII for the sign at a place of a text; ``?`` if nothing is known of it."""
    sign = text[place]
    name = unicodedata.name(sign, "")
    raised = "^" if _is_raised(sign) and not _is_raised(text[place - 1 : place]) else ""
    if sign in SPELLED:
        return raised + SPELLED[sign]
    if unicodedata.combining(sign):
        return ""

    plain = unicodedata.normalize("NFKD", sign)
    if plain != sign:
        return raised + "".join(_ascii(plain, k) for k in range(len(plain)))
    if sign.isascii():
        return sign
    if name.startswith("GREEK"):
        letter = name.removesuffix(" SYMBOL").split()[-1].lower()
        return letter.capitalize() if "CAPITAL" in name else letter
    return "?"


def _is_raised(sign):
    """Whether a sign is a superscript."""
    return sign != "" and unicodedata.decomposition(sign).startswith("<super>")
