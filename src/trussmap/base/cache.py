"""A cache on disk of arrays and machine code.

Both follow from the source alone. The files lie in ``TRUSSMAP_CACHE``, or in the user's cache
folder. Their names have a digest of the source that made them. A folder that cannot be written
costs time, nothing else.
"""

import hashlib
import os
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numba
import numpy as np
from platformdirs import user_cache_path

from trussmap.base.io import atomic_path
from trussmap.base.provenance import source_digest


def cached_arrays(
    name: str, build: Callable[[], dict[str, np.ndarray]], source: str
) -> dict[str, np.ndarray]:
    """Return the arrays of ``build``, from disk if the source is the same.

    ``source`` names the module that, with all its imports, decides what ``build`` returns. A file
    that is damaged or was altered is made again.
    """
    path = _folder() / f"{name}-{source_digest(source)[:16]}.npz"
    arrays = _read(path)
    if arrays is None:
        arrays = build()
        with suppress(OSError), atomic_path(path) as temporary:
            named: dict[str, Any] = {"digest": digest(arrays), **arrays}
            np.savez(temporary, **named)
    return arrays


def compiled(source: str, **options: Any) -> Callable[[Callable], Callable]:
    """Return the decorator ``numba.njit(**options)`` with a cache on disk.

    Numba itself only notices changes of the function's own file. ``source`` names a module that,
    with all its imports, covers everything that is compiled in. Damaged files are made again.
    """
    folder = _folder() / f"machine-code-{source_digest(source)[:16]}"
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)

    def decorate(function: Callable) -> Callable:
        settings: Any = numba.config  # It gets its attributes at run time.
        before = settings.CACHE_DIR
        settings.CACHE_DIR = str(folder)
        try:
            dispatcher = numba.njit(cache=os.access(folder, os.W_OK), **options)(function)
        finally:
            settings.CACHE_DIR = before
        _heal(dispatcher._cache)  # Numba offers no public access to it.
        return dispatcher

    return decorate


def _heal(machine_code: Any) -> None:
    """Let Numba compile again if it finds damaged machine code on disk.

    Without this, every further call would end in the same error.
    """
    load = machine_code.load_overload

    def load_or_make(signature: object, target: object) -> object:
        try:
            return load(signature, target)
        except Exception:  # A pickle that was cut off or altered may raise anything.
            machine_code.flush()
            return None

    machine_code.load_overload = load_or_make


def _folder() -> Path:
    return Path(os.environ.get("TRUSSMAP_CACHE") or user_cache_path("trussmap"))


def _read(path: Path) -> dict[str, np.ndarray] | None:
    """Read the arrays of a file, or None if it is missing or damaged."""
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
