"""Results that grow in a folder and outlast a kill, so that the same command goes on.

Rows become durable chunk by chunk. `Partial` cuts off whatever a killed run wrote after its last
complete chunk.
"""

import hashlib
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from trussmap.base.errors import InputError
from trussmap.base.io import write_json

# Windows has no such locks: two runs at once are not refused there.
fcntl = import_module("fcntl") if find_spec("fcntl") else None

if TYPE_CHECKING:
    import pandas as pd

#: Name of the folder, in that of the results, that holds what is complete so far.
FOLDER = "designs.partial"
_TABLE = "designs.csv"
_STATE = "state.json"
_LOCK = "lock"
_TARGET = re.compile(r"target(\d+)_")
_QUOTED = 40  # characters of a value from which it is not quoted
_BLOCK = 1 << 20  # bytes that are read at once


class Partial:
    """What a run has completed so far: the folder ``designs.partial`` in that of its results.

    It holds the table ``designs.csv``, the folder ``lattices`` with files ``target<number>_…``, and
    ``state.json``: the settings of the run, the number of targets that are complete, size and
    digest of their rows and the number of their files.

    Attributes
    ----------
    folder : where the files lie
    done : number of targets that are complete, counted from the first one
    note : a sentence on what a former run left there, or an empty text
    """

    def __init__(self, out: str | Path, settings: dict[str, str] | None = None):
        """Hold the folder in ``out``, and take over what a run of the same settings completed.

        Parameters
        ----------
        out : folder of the results
        settings : all that decides the results, as texts or digests by name; without them nothing
            is taken over, and an error leaves nothing behind

        Raises
        ------
        InputError
            where another process writes there
        """
        self.out = Path(out)
        self.folder = self.out / FOLDER
        self.done = 0
        self.note = ""
        self._files = 0
        self._settings = settings
        self._new = not self.out.exists()
        self._bytes = 0
        self._hash = hashlib.sha256()
        self._columns: list[str] | None = None
        self._final = False
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(self.folder / _LOCK)
        if not self._taken_over():
            self._cleared()

    @property
    def table(self) -> Path:
        """The table of all complete targets, CSV."""
        return self.folder / _TABLE

    @property
    def lattices(self) -> Path:
        """The folder of the lattices' files."""
        return self.folder / "lattices"

    @property
    def final(self) -> bool:
        """Whether the files are complete and may be on their way to their final places."""
        return self._final

    def words(self) -> str:
        """Return what a run that ends now leaves, and how to go on."""
        if self._goes_on:
            kept = f"{self.done} targets are complete in {self.folder}"
            return f"{kept}; the same command goes on from there."
        return "No target was complete, and nothing was written."

    def append(self, rows: "pd.DataFrame") -> None:
        """Add rows to the table; they count from the next `complete` on."""
        columns = [*rows.columns]
        if self._columns not in (None, columns):
            raise ValueError(f"columns {columns} differ from those of the first rows")
        text = rows.to_csv(index=False, header=self._columns is None).encode()
        with open(self.table, "ab") as file:
            file.write(text)
        self._columns = columns
        self._bytes += len(text)
        self._hash.update(text)

    def complete(self, done: int) -> None:
        """Write rows and files through to the disk; ``done`` targets are complete with them."""
        files = [*self.lattices.iterdir()]
        for path in files:
            if _number(path) > self.done:
                _sync(path)
        for path in self.folder.glob(_TABLE):
            _sync(path)
        self._files = len(files)
        self._save(done)

    def finalize(self) -> None:
        """Record that nothing is missing any more: from here on the files only move."""
        self._final = True
        self._save(self.done)

    def __enter__(self) -> "Partial":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, InputError) or not self._goes_on:
            self._discard()
        if self._lock is not None:
            os.close(self._lock)

    @property
    def _goes_on(self) -> bool:
        """Whether a later run can go on from here."""
        return self._settings is not None and self._bytes > 0 and self.done > 0

    def _discard(self) -> None:
        """Remove the folder, and that of the results where it is new and empty."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._new:
            with suppress(OSError):
                self.out.rmdir()

    def _save(self, done: int) -> None:
        state = {
            "targets": done,
            "bytes": self._bytes,
            "files": self._files,
            "sha256": self._hash.hexdigest(),
            "final": self._final,
            "settings": self._settings,
        }
        write_json(state, self.folder / _STATE)
        self.done = done

    def _taken_over(self) -> bool:
        """Take over what a run of the same settings left; False where nothing can be relied on."""
        try:
            state = json.loads((self.folder / _STATE).read_text(encoding="utf-8"))
            former = state["settings"]
            done = int(state["targets"])
            size = int(state["bytes"])
            files = int(state["files"])
            digest = str(state["sha256"])
            final = bool(state["final"])
        except FileNotFoundError:
            return False
        except (OSError, ValueError, KeyError, TypeError):
            self.note = f"{self.folder} is damaged: starting anew"
            return False

        if former is None or self._settings is None or not size:
            return False
        if former != self._settings:
            differences = _differences(former, self._settings)
            self.note = f"{self.folder} is of another command ({differences}): starting anew"
            return False
        moved = final and not self.table.exists() and (self.out / _TABLE).exists()
        whole = moved or self._cut_back(size, digest)
        if not whole or not (final or self._dropped(done) == files):
            self.note = f"{self.folder} was altered: starting anew"
            return False

        self.done = done
        self._bytes = size
        self._files = files
        self._final = final
        return True

    def _dropped(self, done: int) -> int:
        """Remove files of targets that are not complete; return the number of the others."""
        kept = 0
        for path in self.lattices.glob("*"):
            if 0 < _number(path) <= done:
                kept += 1
            else:
                path.unlink()
        return kept

    def _cut_back(self, size: int, digest: str) -> bool:
        """Cut the table to its first ``size`` bytes; False where these were altered."""
        try:
            with open(self.table, "r+b") as file:
                header = file.readline().decode()
                file.seek(0)
                while block := file.read(min(_BLOCK, size - self._bytes)):
                    self._hash.update(block)
                    self._bytes += len(block)
                if self._hash.hexdigest() != digest:
                    return False
                file.truncate(size)
        except (OSError, ValueError):
            return False
        self._columns = header.strip().split(",")
        return True

    def _cleared(self) -> None:
        """Remove all that a former run left here."""
        self._hash = hashlib.sha256()
        self._bytes = 0
        self._columns = None
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != _LOCK:
                path.unlink()
        self.lattices.mkdir()


def _locked(path: Path) -> int | None:
    """Lock a file until it is closed; raises InputError where another process locks it."""
    if fcntl is None:
        return None
    handle = os.open(path, os.O_RDWR | os.O_CREAT)
    busy = False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        busy = True
    except OSError:  # a file system without locks
        return handle

    # The other run may have removed the file between its opening here and the lock.
    if busy or not os.fstat(handle).st_nlink:
        process = os.read(handle, 20).decode()
        os.close(handle)
        raise InputError(
            f"{path.parent.parent}: another run (process {process}) writes there; "
            "expected another folder, or wait for its end."
        )
    os.ftruncate(handle, 0)
    os.write(handle, str(os.getpid()).encode())
    return handle


def _number(path: Path) -> int:
    """Return the number of the target that a file belongs to, 0 where it belongs to none."""
    match = _TARGET.match(path.name)
    return int(match[1]) if match else 0


def _sync(path: Path) -> None:
    """Write a file through to the disk."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _differences(former: dict[str, str], settings: dict[str, str]) -> str:
    """Return in words where two settings differ; values as long as a digest are not quoted."""
    words = []
    for name in {**former, **settings}:
        old = former.get(name)
        new = settings.get(name)
        if old != new:
            short = max(len(str(old)), len(str(new))) < _QUOTED
            words.append(f"{name} {old}, now {new}" if short else f"other {name}")
    return ", ".join(words)


@contextmanager
def stoppable(words: Callable[[], str]) -> Iterator[None]:
    """End with one sentence on Ctrl-C (exit code 130) and on SIGTERM (143).

    After an error of files, such as a full disk, the sentence is printed too.
    """
    code = 0

    def stop(number: int, frame: object) -> None:
        nonlocal code
        code = 128 + number
        raise KeyboardInterrupt

    former = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except KeyboardInterrupt:
        print(f"Interrupted. {words()}", file=sys.stderr)
        sys.exit(code)
    except OSError:
        print(words(), file=sys.stderr)
        raise
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
