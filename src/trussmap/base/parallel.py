"""Threads over independent slices of an array.

Compiled and NumPy code release Python's lock, so that several threads run at once.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, TypeVar

import numba

Item = TypeVar("Item")
Result = TypeVar("Result")


def thread_count(threads: int | None = None) -> int:
    """Return ``threads``, by default those that Numba may use.

    These are ``NUMBA_NUM_THREADS``, or the cores of this process.
    """
    settings: Any = numba.config  # It gets its attributes at run time.
    return threads or settings.NUMBA_NUM_THREADS


def in_threads(
    function: Callable[[Item], Result], parts: Iterable[Item], threads: int | None = None
) -> list[Result]:
    """Map a function over parts, at most ``threads`` of them at a time.

    >>> in_threads(abs, [-1, 2], threads=2)
    [1, 2]
    """
    items = list(parts)
    threads = min(thread_count(threads), len(items))
    if threads <= 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, items))


def slices(count: int, most: int, threads: int | None = None) -> list[slice]:
    """Divide ``count`` rows into equal slices of at most ``most`` rows.

    If there are several, their number is a multiple of the number of threads.

    >>> slices(10, 4, threads=2)
    [slice(0, 2, None), slice(2, 5, None), slice(5, 7, None), slice(7, 10, None)]
    """
    number = max(1, -(-count // most))  # without rows, one empty slice
    if number > 1:
        threads = thread_count(threads)
        number = -(-number // threads) * threads

    ends = [count * k // number for k in range(number + 1)]
    return [slice(*bounds) for bounds in pairwise(ends)]
