"""Progress that a person can read."""

import sys


def progress(items, what, total=None, unit="it", seconds=5.0):
    """Iterate over ``items``, printing a line with count, rate and time left every few ``seconds``."""
    from tqdm import tqdm

    return tqdm(items, desc=what, total=total, unit=unit, mininterval=seconds, ascii=True, ncols=90, file=sys.stderr)
