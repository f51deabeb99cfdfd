"""Progress that a person can read, and the log of a rule."""

import os
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from trussmap.errors import InputError


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
def rule_log(path, threads=None):
    """Copy what a script prints into the log ``path`` and show it on the terminal as well.

    An InputError ends the script with its one sentence and exit code 1; any other error keeps its traceback, in
    the log as on the terminal. ``threads`` bounds the threads of numerical libraries that are imported inside.
    """
    if threads:
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
            os.environ[name] = str(threads)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", buffering=1) as log:
        tee = _Tee(log, sys.stderr)
        with redirect_stdout(tee), redirect_stderr(tee):
            try:
                yield
            except InputError as error:
                print(f"Error: {error}", file=sys.stderr)
                sys.exit(1)
            except Exception:
                import traceback

                traceback.print_exc()
                sys.exit(1)


def progress(items, what, total=None, unit="it", seconds=5.0):
    """Iterate over ``items``, printing a line with count, rate and time left every few ``seconds``."""
    from tqdm import tqdm

    return tqdm(items, desc=what, total=total, unit=unit, mininterval=seconds, ascii=True, ncols=90, file=sys.stderr)
