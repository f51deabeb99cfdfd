"""What a killed run leaves: locks of Snakemake's, which the next one drops, and jobs, which end themselves."""

import fcntl
import os
import shutil
import sys
import threading
import time
from _thread import interrupt_main
from pathlib import Path


def take_over(folder: str | Path) -> None:
    """Hold Snakemake's folder ``.snakemake`` until this process ends, and drop what a dead one locked in it.

    Snakemake's locks are files that stay when it is killed. A lock of the system ends with its process, so whoever gets
    it knows that no run is under way. Where another process holds it, it is waited for beside the work, and Snakemake's
    locks stand. A file system that knows no locks changes nothing.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / "run.lock", os.O_RDWR | os.O_CREAT)  # closed by the end of the process
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        threading.Thread(target=fcntl.flock, args=(handle, fcntl.LOCK_EX), daemon=True).start()
    except OSError:
        os.close(handle)
    else:
        if any((folder / "locks").glob("*")):
            print("a run that was killed left locks; this one goes on from what it finished", file=sys.stderr)
        shutil.rmtree(folder / "locks", ignore_errors=True)


def end_with_parent(patience: float = 20.0) -> None:
    """Interrupt this process when the one that started it has died; end it after ``patience`` more s."""
    parent = os.getppid()

    def watch():
        while os.getppid() == parent:
            time.sleep(0.5)
        interrupt_main()
        time.sleep(patience)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
