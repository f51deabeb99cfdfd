"""Records of jobs: what a file of a study was made of, and whether it is still the file that was made.

``provenance/<rule>/<job>.json`` in the folder of a study says of a job:

=============================  ==========================================================================
``rule``, ``wildcards``        which job it was
``code_version``               of trussmap
``source_digest``              of the library's source that it depends on (`trussmap.provenance`)
``params``                     its settings, the seed among them
``inputs``, ``outputs``        SHA-256 of every file; of a folder, that of its files' names and contents; of all
                               but what was timed
=============================  ==========================================================================

Files are named from the folder of the study, and those that come with the project as ``project/resources/…``, so that
a record says the same wherever either lies. ``made_by/<file>.json`` links to the record of the job that made a file.
"""

import json
import os
from pathlib import Path

from trussmap.errors import InputError
from trussmap.io import file_digest, write_json

#: Folders of what was timed: it differs from run to run, which records do not, and no result depends on it.
TIMED = ("benchmarks/", "timings/")


class Study:
    """The folder of a study, with its records; ``project`` is that of the Snakefile."""

    def __init__(self, folder: str | Path, project: str | Path | None = None):
        self.folder = Path(folder)
        self._roots = {"": self.folder.resolve()} | ({"project/": Path(project).resolve()} if project else {})
        self._records = {}

    def name(self, path: str | Path) -> str:
        """How records call a file."""
        absolute = Path(os.path.abspath(path))
        absolute = absolute.parent.resolve() / absolute.name
        for prefix, root in self._roots.items():
            if absolute.is_relative_to(root):
                return f"{prefix}{absolute.relative_to(root)}"
        return str(absolute)

    def path(self, name: str) -> Path:
        """Where the file lies that records call so."""
        for prefix, root in reversed(self._roots.items()):
            if prefix and name.startswith(prefix):
                return root / name.removeprefix(prefix)
        return self.folder / name

    def write(self, rule: str, job: str, record: dict) -> None:
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

    def record(self, name: str) -> dict:
        """The record of what made a file; InputError where there is none, or none that can be read."""
        link = self._link(name)
        if link not in self._records:
            self._records[link] = read_record(link, self.folder / name)
        return self._records[link]

    def digests(self, paths: list) -> dict[str, str]:
        """{name: digest} of files but those of times; the study's are checked against the records of what made them.

        Raises InputError for the first file that is not the one its job made, and for one that was made of another
        version of a file that is among them: of the data set of another study, for one.
        """
        made = {name: Path(path) for path in paths if not (name := self.name(path)).startswith(TIMED)}
        digests = {name: self._digest(path) for name, path in made.items()}
        for name, path in made.items():
            if not self.is_recorded(name):
                continue
            record = self.record(name)
            if digests[name] != record["outputs"].get(name):
                raise InputError(
                    f"{path}: truncated, damaged or altered: not the file that rule {record['rule']} made, whose "
                    f"digest stands in {self._link(name)}; delete it, and it is made again."
                )
            for other, digest in record["inputs"].items():
                if digests.get(other, digest) != digest:
                    raise InputError(
                        f"{path}: made of another {other} than the one that is there; delete it, and it is made again."
                    )
        return digests

    def is_recorded(self, name: str) -> bool:
        """Whether a record has to say what made a file, which is the study's."""
        return not name.startswith(("project/", *TIMED)) and not Path(name).is_absolute()

    def _link(self, name):
        return self.folder / "made_by" / f"{name}.json"

    @staticmethod
    def _digest(path):
        try:
            return file_digest(path)
        except FileNotFoundError:
            raise InputError(f"{path}: is missing; the next run makes it again.") from None
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror}); delete it, and it is made again.") from error


def read_record(path: Path, of: Path) -> dict:
    """The record at ``path`` of what made the file ``of``; InputError where it is missing or damaged."""
    again = "delete it, and both are made again"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        whole = isinstance(record["rule"], str) and all(
            isinstance(key, str) and isinstance(digest, str)
            for files in (record["inputs"], record["outputs"])
            for key, digest in files.items()
        )
    except FileNotFoundError:
        raise InputError(f"{of}: {path} is missing, which says what made it; {again}.") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{of}: {path}, which says what made it, is damaged ({error!r}); {again}.") from error
    if not whole:
        raise InputError(f"{of}: {path}, which says what made it, is damaged; {again}.")
    return record
