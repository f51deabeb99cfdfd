"""What the script of a rule leaves beside its results: a log, and a record of where they come from."""

import json
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from trussmap import __version__
from trussmap.console import never_fail_to_print
from trussmap.errors import InputError
from trussmap.io import file_digest
from trussmap.records import TIMED, Study
from trussmap.takeover import end_with_parent


class _Tee:
    """A text stream that writes to several; progress bars become lines of their own."""

    encoding = "utf-8"

    def __init__(self, *streams):
        self.streams = streams

    def write(self, text):
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        for stream in self.streams:
            stream.write(text)
        return len(text)

    def flush(self):
        for stream in self.streams:
            stream.flush()

    def isatty(self):
        return False


@contextmanager
def job(snakemake: object) -> Iterator[None]:
    """Run the script of a rule: its log, its threads, its errors, and the record of where its results come from.

    What the script prints goes to its log and to the terminal. An InputError ends it with its one sentence and exit
    code 1; any other error keeps its traceback. Numerical libraries that are imported inside keep to the rule's
    threads. Before it begins, its inputs are checked to be what their jobs made; at the end a record says what
    its results were made of (`trussmap.records`), and the log how much memory it took of what the rule asked for. If
    what started it is killed, it ends too.
    """
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = str(snakemake.threads)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # NumPy's sums would depend on the threads, and its products are small
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


def _peak_of_memory():
    """MB of this process, or of the largest that it ran."""
    largest = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return largest / (2**20 if sys.platform == "darwin" else 2**10)


def _write_record(snakemake, study, log, inputs):
    params = dict(snakemake.params.items())
    record = {
        "rule": snakemake.rule,
        "wildcards": dict(snakemake.wildcards.items()),
        "code_version": __version__,
        "source_digest": params.pop("source", None),
        "params": json.loads(json.dumps(params, default=str)),
        "inputs": inputs,
        "outputs": {
            name: file_digest(path) for path in snakemake.output if not (name := study.name(path)).startswith(TIMED)
        },
    }
    study.write(log.parent.name, log.stem, record)
