"""What takes long to make and follows from the source alone, kept on disk: arrays, and machine code.

All of it lies in ``TRUSSMAP_CACHE``, or in the user's cache folder, under names that carry a digest of the source that
it was made from. A folder that cannot be written costs time, nothing else.
"""

import hashlib
import os
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numba
import numpy as np
from platformdirs import user_cache_path

from trussmap.io import atomic_path
from trussmap.provenance import source_digest


def cached_arrays(name: str, build: Callable[[], dict[str, np.ndarray]], source: str) -> dict[str, np.ndarray]:
    """The arrays that ``build`` returns, from disk where they were made by the same source.

    ``source`` names the module that, with all it imports, decides what ``build`` returns. A file that is damaged or was
    altered is made again.
    """
    path = _folder() / f"{name}-{source_digest(source)[:16]}.npz"
    arrays = _read(path)
    if arrays is None:
        arrays = build()
        with suppress(OSError), atomic_path(path) as temporary:
            np.savez(temporary, digest=digest(arrays), **arrays)
    return arrays


def compiled(source: str, **options) -> Callable:
    """Decorator: ``numba.njit(**options)``, its machine code kept on disk.

    Numba by itself watches the file of the function alone; ``source`` names a module that, with all it imports, covers
    whatever is compiled in. What is damaged on disk is made again.
    """
    folder = _folder() / f"machine-code-{source_digest(source)[:16]}"
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)

    def decorate(function):
        before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(folder)
        try:
            own = numba.njit(cache=os.access(folder, os.W_OK), **options)(function)
        finally:
            numba.config.CACHE_DIR = before
        _heal(own._cache)  # Numba has no public way to it
        return own

    return decorate


def _heal(machine_code):
    """Let Numba make machine code again that it finds damaged on disk, where it would end in an error for ever."""
    load = machine_code.load_overload

    def load_or_make(signature, target):
        try:
            return load(signature, target)
        except Exception:  # whatever a pickle that was cut off or altered may raise
            machine_code.flush()
            return None

    machine_code.load_overload = load_or_make


def _folder():
    return Path(os.environ.get("TRUSSMAP_CACHE") or user_cache_path("trussmap"))


def _read(path):
    try:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file}
        return arrays if str(arrays.pop("digest")) == digest(arrays) else None
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def digest(arrays: dict[str, np.ndarray]) -> str:
    """SHA-256 of arrays by name."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        total.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        total.update(np.ascontiguousarray(arrays[name]).data)
    return total.hexdigest()
