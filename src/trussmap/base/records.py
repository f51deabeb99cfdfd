"""Records of jobs: the inputs, source and settings of a study's files.

A record also tells whether a file is still the one that the job made.
``provenance/<rule>/<job>.json`` in the folder of a study holds for a job:

=============================  ===================================================================
``rule``, ``wildcards``        which job it was
``code_version``               version of trussmap
``source_digest``              digest of the library's source that it depends on
                               (`trussmap.base.provenance`)
``params``                     its settings, the seed among them
``inputs``, ``outputs``        SHA-256 of every file; of a folder, that of its files' names and
                               contents; files of timings are left out
=============================  ===================================================================

Names of files start from the folder of the study, and those of files that belong to the project
are ``project/resources/…``. So a record does not depend on where the two folders lie.
``made_by/<file>.json`` links to the record of the job that made a file.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypedDict

from trussmap.base.errors import InputError
from trussmap.base.io import file_digest, write_json

#: Folders of timings: they differ from run to run, and no result depends on them.
TIMED = ("benchmarks/", "timings/")


class Record(TypedDict):
    """The record of one job, as it is written to disk."""

    rule: str
    wildcards: dict[str, str]
    code_version: str
    source_digest: str | None
    params: dict[str, Any]
    inputs: dict[str, str]
    outputs: dict[str, str]


class Study:
    """The folder of a study, with its records.

    ``project`` is the folder of the Snakefile.
    """

    def __init__(self, folder: str | Path, project: str | Path | None = None) -> None:
        self.folder = Path(folder)
        self._roots = {"": self.folder.resolve()}
        if project:
            self._roots["project/"] = Path(project).resolve()
        self._records: dict[Path, Record] = {}

    @property
    def has_project(self) -> bool:
        """Whether the folder of the Snakefile is known."""
        return "project/" in self._roots

    def name(self, path: str | Path) -> str:
        """Return the name by which records know a file."""
        absolute = Path(os.path.abspath(path))
        absolute = absolute.parent.resolve() / absolute.name
        for prefix, root in self._roots.items():
            if absolute.is_relative_to(root):
                return f"{prefix}{absolute.relative_to(root)}"
        return str(absolute)

    def path(self, name: str) -> Path:
        """Return the path of a file that records know by ``name``."""
        for prefix, root in reversed(self._roots.items()):
            if prefix and name.startswith(prefix):
                return root / name.removeprefix(prefix)
        return self.folder / name

    def write(self, rule: str, job: str, record: Record) -> None:
        """Write a record, and the links to it from all its outputs."""
        path = self.folder / "provenance" / rule / f"{job}.json"
        write_json(record, path)
        for name in record["outputs"]:
            link = self._link(name)
            link.parent.mkdir(parents=True, exist_ok=True)
            temporary = link.with_name(f".{link.name}-{os.getpid()}")
            temporary.unlink(missing_ok=True)
            temporary.symlink_to(os.path.relpath(path, link.parent))
            temporary.replace(link)

    def record(self, name: str) -> Record:
        """Return the record of the job that made a file.

        Raises InputError if there is none, or none that can be read.
        """
        link = self._link(name)
        if link not in self._records:
            self._records[link] = read_record(link, self.folder / name)
        return self._records[link]

    def digests(self, paths: Iterable[str | Path]) -> dict[str, str]:
        """Return {name: digest} of files, without those of timings.

        Files of the study are checked against the records of the jobs that made them. Raises
        InputError for the first file that is not the one its job made, and for one that was made
        of another version of a file in ``paths``, such as of another study's data set.
        """
        named = {self.name(path): Path(path) for path in paths}
        files = {name: path for name, path in named.items() if not name.startswith(TIMED)}
        digests = {name: self._digest(path) for name, path in files.items()}
        for name, path in files.items():
            if self.is_recorded(name):
                self._check(name, path, digests)
        return digests

    def is_recorded(self, name: str) -> bool:
        """Whether a file is one of the study's, which need a record."""
        return not name.startswith(("project/", *TIMED)) and not Path(name).is_absolute()

    def _check(self, name: str, path: Path, digests: dict[str, str]) -> None:
        """Raise InputError if a file or one of its inputs has changed."""
        record = self.record(name)
        if digests[name] != record["outputs"].get(name):
            raise InputError(
                f"{path}: truncated, damaged or altered: not the file that rule "
                f"{record['rule']} made, whose digest stands in {self._link(name)}; "
                "delete it, and it is made again."
            )
        for other, digest in record["inputs"].items():
            if digests.get(other, digest) != digest:
                raise InputError(
                    f"{path}: made of another {other} than the one that is there; "
                    "delete it, and it is made again."
                )

    def _link(self, name: str) -> Path:
        return self.folder / "made_by" / f"{name}.json"

    @staticmethod
    def _digest(path: Path) -> str:
        try:
            return file_digest(path)
        except FileNotFoundError:
            raise InputError(f"{path}: is missing; the next run makes it again.") from None
        except OSError as error:
            words = f"cannot be read ({error.strerror}); delete it, and it is made again."
            raise InputError(f"{path}: {words}") from error


def read_record(path: Path, of: Path) -> Record:
    """Read the record at ``path`` of the job that made the file ``of``.

    Raises InputError if it is missing or damaged.
    """
    again = "delete it, and both are made again"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        is_whole = isinstance(record["rule"], str) and all(
            isinstance(key, str) and isinstance(digest, str)
            for files in (record["inputs"], record["outputs"])
            for key, digest in files.items()
        )
    except FileNotFoundError:
        raise InputError(f"{of}: {path} is missing, which says what made it; {again}.") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        words = f"{path}, which says what made it, is damaged ({error!r}); {again}."
        raise InputError(f"{of}: {words}") from error
    if not is_whole:
        raise InputError(f"{of}: {path}, which says what made it, is damaged; {again}.")
    return record
