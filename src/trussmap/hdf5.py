"""HDF5 files that begin with a digest of their own bytes, which is checked before the HDF5 library reads any.

The library may crash, loop or return wrong numbers where a file is damaged. So whatever is written here has 512 bytes
before it, in HDF5's own words a user block, which any HDF5 program skips: ``trussmap sha256`` and the SHA-256 of all
that follows.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from trussmap.errors import InputError
from trussmap.io import atomic_path

_BEGINNING = b"trussmap sha256 "
_BLOCK = 512
# Files that were checked in this process, and not written to since: (path, inode, size, time).
_checked = set()


@contextmanager
def create(path: str | Path) -> Iterator[h5py.File]:
    """Yield an HDF5 file to write into, which appears under its name when it is complete."""
    with atomic_path(path) as temporary:
        with h5py.File(temporary, "w", userblock_size=_BLOCK) as file:
            yield file
        with open(temporary, "r+b") as file:
            digest = _digest(file)
            file.seek(0)
            file.write(_block(digest))


def open_checked(path: str | Path, kind: str) -> h5py.File:
    """Open a file of `create` to read, once its bytes have proved to be those that were written.

    Raises InputError, which names the file and the ``kind`` that was expected, where there is none, where it is not of
    trussmap, and where a byte of it differs.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; expected a {kind} in HDF5.")
    try:
        status = path.stat()
        key = (os.path.realpath(path), status.st_ino, status.st_size, status.st_mtime_ns)
        with open(path, "rb") as file:
            block = file.read(_BLOCK)
            if not block.startswith(_BEGINNING):
                raise InputError(
                    f"{path}: not a trussmap {kind}, which begins with a digest of its bytes; expected one that "
                    "trussmap wrote, make it again."
                )
            if key not in _checked and block != _block(_digest(file)):
                raise InputError(
                    f"{path}: truncated, damaged or altered: its bytes do not have the digest that it states; "
                    "make it again."
                )
        opened = h5py.File(path, "r")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error}); expected a {kind} in HDF5.") from error
    _checked.add(key)
    return opened


def _block(digest):
    return (_BEGINNING + digest.encode() + b"\n").ljust(_BLOCK, b"\0")


def _digest(file):
    file.seek(_BLOCK)
    return hashlib.file_digest(file, "sha256").hexdigest()
