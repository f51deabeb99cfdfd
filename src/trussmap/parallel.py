"""Threads over independent parts of an array: compiled and NumPy code let others run meanwhile."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numba


def thread_count(threads: int | None = None) -> int:
    """``threads``, by default those that Numba may use: ``NUMBA_NUM_THREADS``, or the cores of this process."""
    return threads or numba.config.NUMBA_NUM_THREADS


def in_threads(function: Callable, parts: Iterable, threads: int | None = None) -> list:
    """``[function(part) for part in parts]``, at most ``threads`` at a time.

    >>> in_threads(abs, [-1, 2], threads=2)
    [1, 2]
    """
    parts = list(parts)
    threads = min(thread_count(threads), len(parts))
    if threads <= 1:
        return [function(part) for part in parts]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, parts))


def slices(count: int, most: int, threads: int | None = None) -> list[slice]:
    """Equal parts of ``count`` rows, at most ``most`` rows each; as many as the threads or a multiple, if several.

    >>> slices(10, 4, threads=2)
    [slice(0, 2, None), slice(2, 5, None), slice(5, 7, None), slice(7, 10, None)]
    """
    parts, threads = max(1, -(-count // most)), thread_count(threads)  # of no rows, one part without any
    if parts > 1:
        parts = -(-parts // threads) * threads
    ends = [count * k // parts for k in range(parts + 1)]
    return [slice(*bounds) for bounds in pairwise(ends)]
