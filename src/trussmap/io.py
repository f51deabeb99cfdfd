"""Writing files so that a final name always means a complete file."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp
from typing import TYPE_CHECKING

from trussmap.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def write_csv(table: "pd.DataFrame", path: str | Path) -> None:
    """Write a table as CSV, atomically, at full precision and without an index."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False)


def write_json(tree: dict, path: str | Path) -> None:
    """Write a tree as JSON, atomically; a number that is not finite is an error."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(tree, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def check_folder(folder: str | Path) -> None:
    """Raise InputError where no folder of that name can be written, before the work that is to go into it."""
    there = Path(folder).absolute()
    while not there.exists():
        there = there.parent
    if not there.is_dir():
        raise InputError(f"{folder}: {there} is a file; expected a folder to write.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"{folder}: no permission to write in {there}; expected a folder to write.")


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` on success, remove it on failure."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(temporary)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file; of a folder, that of the names and contents of its files, hidden ones apart.

    Snakemake puts a hidden one into every folder that a rule makes.
    """
    path = Path(path)
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
        lines = "".join(f"{p.relative_to(path)} {file_digest(p)}\n" for p in files)
        return hashlib.sha256(lines.encode()).hexdigest()
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
