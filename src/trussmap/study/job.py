"""Scripts of rules: each leaves a log and a record of its results' origin."""

import json
import os
import resource
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Protocol, TextIO

from trussmap import __version__
from trussmap.base.console import never_fail_to_print
from trussmap.base.errors import InputError
from trussmap.base.io import file_digest
from trussmap.base.records import TIMED, Record, Study
from trussmap.study.takeover import end_with_parent


class Resources(Protocol):
    """The resources of a job."""

    mem_mb: int


class Named(Protocol):
    """A list of Snakemake's with names for its items."""

    def items(self) -> Iterable[tuple[str, Any]]:
        """Return pairs of name and item."""


class Snakemake(Protocol):
    """The object ``snakemake`` of a script, as far as `job` uses it."""

    rule: str
    threads: int
    scriptdir: str
    log: Sequence[str]
    input: Iterable[str]
    output: Iterable[str]
    params: Named
    wildcards: Named
    resources: Resources


class _Tee:
    """A text stream that writes to several.

    Each state of a progress bar becomes a line.
    """

    encoding = "utf-8"

    def __init__(self, *streams: TextIO) -> None:
        self.streams = streams

    def write(self, text: str) -> int:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        for stream in self.streams:
            stream.write(text)
        return len(text)

    def flush(self) -> None:
        for stream in self.streams:
            stream.flush()

    def isatty(self) -> bool:
        return False


@contextmanager
def job(snakemake: Snakemake) -> Iterator[None]:
    """Run the script of a rule with its log, threads, errors and record.

    - The script's output goes to its log and to the terminal.
    - An InputError ends it with its one sentence and exit code 1; any other error keeps its
      traceback.
    - Numerical libraries that are imported inside use the threads of the rule.
    - Before it begins, its inputs are checked against the records of the jobs that made them. At
      the end, a record says what its results were made of (`trussmap.base.records`), and the log
      how much of its memory the job used.
    - If the process that started it is killed, it ends too.
    """
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = str(snakemake.threads)
    # The result of NumPy's sums would depend on the threads, and its products are small.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    end_with_parent()

    path = Path(snakemake.log[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    never_fail_to_print()
    with open(path, "w", buffering=1, encoding="utf-8") as log:
        tee = _Tee(log, sys.stderr)
        with redirect_stdout(tee), redirect_stderr(tee):
            try:
                study = Study(path.parents[2], Path(snakemake.scriptdir).parents[1])
                inputs = study.digests(list(snakemake.input))
                yield
                _write_record(snakemake, study, path, inputs)
                print(f"peak of memory: {_peak_of_memory():.0f} MB of {snakemake.resources.mem_mb}")
            except InputError as error:
                print(f"Error: {error}", file=sys.stderr)
                sys.exit(1)
            except KeyboardInterrupt:
                print("interrupted, or what started it is gone", file=sys.stderr)
                sys.exit(1)
            except Exception:
                import traceback

                traceback.print_exc()
                sys.exit(1)


def _peak_of_memory() -> float:
    """Return the peak of memory in MB: of this process or its largest child."""
    largest = max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return largest / (2**20 if sys.platform == "darwin" else 2**10)


def _write_record(snakemake: Snakemake, study: Study, log: Path, inputs: dict[str, str]) -> None:
    """Write the record of a job whose inputs have these digests."""
    params = dict(snakemake.params.items())
    outputs = {study.name(path): path for path in snakemake.output}
    record: Record = {
        "rule": snakemake.rule,
        "wildcards": dict(snakemake.wildcards.items()),
        "code_version": __version__,
        "source_digest": params.pop("source", None),
        "params": json.loads(json.dumps(params, default=str)),
        "inputs": inputs,
        "outputs": {
            name: file_digest(path) for name, path in outputs.items() if not name.startswith(TIMED)
        },
    }
    study.write(log.parent.name, log.stem, record)
