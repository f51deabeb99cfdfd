"""Cleaning up after killed runs.

The next run removes Snakemake's locks, and jobs end themselves.
"""

import fcntl
import os
import shutil
import sys
import threading
import time
from _thread import interrupt_main
from pathlib import Path


def take_over(folder: str | Path) -> None:
    """Hold Snakemake's ``.snakemake`` and remove the locks of a dead run.

    Snakemake's locks are files, which stay when it is killed. A lock of the operating system ends
    with its process, so whoever gets it knows that no other run is under way. If another process
    holds it, a thread waits for it beside the work, and Snakemake's locks remain. A file system
    without locks changes nothing.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)

    # The end of the process closes the file.
    handle = os.open(folder / "run.lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        threading.Thread(target=fcntl.flock, args=(handle, fcntl.LOCK_EX), daemon=True).start()
    except OSError:
        os.close(handle)
    else:
        if any((folder / "locks").glob("*")):
            words = "a run that was killed left locks; this one goes on from what it finished"
            print(words, file=sys.stderr)
        shutil.rmtree(folder / "locks", ignore_errors=True)


def end_with_parent(patience: float = 20.0) -> None:
    """Interrupt this process once its parent is dead, and end it later.

    It has ``patience`` seconds between the interrupt and its end.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        interrupt_main()
        time.sleep(patience)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
