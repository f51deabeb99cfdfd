"""Progress that a person can read."""

import sys
from collections.abc import Iterable, Iterator


def progress(items: Iterable, what: str, total: int | None = None, unit: str = "it", seconds: float = 5.0) -> Iterator:
    """Iterate over ``items``, printing a line with count, rate and time left every few ``seconds``."""
    from tqdm import tqdm

    return tqdm(items, desc=what, total=total, unit=unit, mininterval=seconds, ascii=True, ncols=90, file=sys.stderr)
