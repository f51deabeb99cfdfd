"""Progress that a person can read."""

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm


# What moves the cursor of a terminal up, from a bar below another.
_UP = "\x1b[A"


class _Log:
    """A stream for a log file, in which each state of a progress bar is a line."""

    def write(self, text: str) -> None:
        if line := text.replace(_UP, "").strip():
            sys.stderr.write(f"{line}\n")

    def flush(self) -> None:
        sys.stderr.flush()


def progress_bar(
    what: str,
    total: int | None = None,
    unit: str = "it",
    items: Iterable[Any] | None = None,
    done: int = 0,
    seconds: float = 5.0,
    inner: bool = False,
) -> "tqdm":
    """Bar, or lines in a log, with count, rate and time left.

    It changes every few ``seconds`` at most. ``done`` of the ``total`` were there before; the
    rate does not count them. An ``inner`` bar is of a part of another one's work: it appears if
    that takes long, and vanishes at its end.
    """
    from tqdm import tqdm

    file = sys.stderr if sys.stderr.isatty() else _Log()
    style: dict[str, Any] = {
        "unit": unit,
        "mininterval": seconds,
        "miniters": 1,
        "ascii": True,
        "ncols": 90,
    }
    if inner:
        style |= {"leave": False, "delay": seconds}
    return tqdm(items, desc=what, total=total, initial=done, file=file, **style)


def progress(
    items: Iterable[Any],
    what: str,
    total: int | None = None,
    unit: str = "it",
    seconds: float = 5.0,
) -> Iterator[Any]:
    """Iterate over ``items`` with a `progress_bar`."""
    return iter(progress_bar(what, total, unit, items, seconds=seconds))
