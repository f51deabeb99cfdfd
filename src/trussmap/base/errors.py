"""The one exception for what a user can mend."""

from trussmap.base.console import as_text


class InputError(ValueError):
    """Bad input; the message is one sentence that names file, row and column and says what would be
    right.

    What it quotes of a file may be of any length and content: it stays one line that fits a screen.
    """

    def __init__(self, message: str):
        line = "".join(mark if mark.isprintable() else " " for mark in as_text(str(message)))
        super().__init__(line if len(line) <= 1500 else f"{line[:1000]} … {line[-400:]}")
