"""HDF5 files that begin with a digest of their own bytes.

The HDF5 library may crash, loop or return wrong numbers where a file is damaged, so the digest is
checked before the library reads anything. Every file written here begins with 512 bytes (a *user
block* in the words of HDF5, which any HDF5 program skips): ``trussmap sha256`` and the SHA-256 of
all bytes that follow.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedRandom, BufferedReader
from pathlib import Path

import h5py

from trussmap.base.errors import InputError
from trussmap.base.io import atomic_path

_BEGINNING = b"trussmap sha256 "
# Size of the user block in bytes.
_BLOCK = 512
# Files that were checked in this process and not written to since: (path, inode, size, time).
_checked: set[tuple[str, int, int, int]] = set()


@contextmanager
def create(path: str | Path) -> Iterator[h5py.File]:
    """Yield an HDF5 file to write into.

    It appears under its name when it is complete.
    """
    with atomic_path(path) as temporary:
        with h5py.File(temporary, "w", userblock_size=_BLOCK) as file:
            yield file
        with open(temporary, "r+b") as written:
            digest = _digest(written)
            written.seek(0)
            written.write(_block(digest))


def open_checked(path: str | Path, kind: str) -> h5py.File:
    """Open a file of `create` to read, after a check of its bytes.

    Raises InputError, which names the file and the expected ``kind``, where there is no such file,
    where trussmap did not write it, and where a byte differs.
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
                    f"{path}: not a trussmap {kind}, which begins with a digest of its bytes; "
                    "expected one that trussmap wrote, make it again."
                )
            if key not in _checked and block != _block(_digest(file)):
                raise InputError(
                    f"{path}: truncated, damaged or altered: its bytes do not have the digest that "
                    "it states; make it again."
                )
        opened = h5py.File(path, "r")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error}); expected a {kind} in HDF5.") from error
    _checked.add(key)
    return opened


def _block(digest: str) -> bytes:
    """Bytes of the user block with a digest."""
    return (_BEGINNING + digest.encode() + b"\n").ljust(_BLOCK, b"\0")


def _digest(file: BufferedReader | BufferedRandom) -> str:
    """SHA-256 of the bytes after the user block."""
    file.seek(_BLOCK)
    return hashlib.file_digest(file, "sha256").hexdigest()
