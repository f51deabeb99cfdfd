"""Files written so that a final name always means a complete file."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp
from typing import TYPE_CHECKING

from trussmap.base.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def write_csv(table: "pd.DataFrame", path: str | Path) -> None:
    """Write a table as CSV, atomically.

    Numbers have full precision, and the index is left out.
    """
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False)


def write_json(tree: Mapping, path: str | Path) -> None:
    """Write a tree as JSON, atomically.

    Raises ValueError for a number that is not finite.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(tree, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def check_folder(folder: str | Path) -> None:
    """Raise InputError if a folder cannot be written, before the work."""
    there = Path(folder).absolute()
    while not there.exists():
        there = there.parent
    if not there.is_dir():
        raise InputError(f"{folder}: {there} is a file; expected a folder to write.")
    if not os.access(there, os.W_OK | os.X_OK):
        words = f"no permission to write in {there}; expected a folder to write."
        raise InputError(f"{folder}: {words}")


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path that becomes ``path`` on success.

    It lies in the same folder; on failure it is removed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)

    handle, name = mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def file_digest(path: str | Path) -> str:
    """Return the SHA-256 of a file or a folder.

    That of a folder covers names and contents of its files, without hidden ones: Snakemake puts
    such a file into every folder that a rule makes.
    """
    path = Path(path)
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
        lines = "".join(f"{p.relative_to(path)} {file_digest(p)}\n" for p in files)
        return hashlib.sha256(lines.encode()).hexdigest()

    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
