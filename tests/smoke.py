"""The smoke study, run once for all tests, and how tests run Snakemake."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).resolve().parents[1]


def snakemake(folder, *arguments, study="smoke", settings=(), targets=(), library=None):
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        ROOT / "Snakefile",
        "--directory",
        folder,
    ]
    command += ["--cores", "all", *arguments]
    if study:
        command += ["--config", f"study={study}", *settings]
    command += ["--", *targets]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    environment = os.environ | ({"PYTHONPATH": str(library)} if library else {})
    return subprocess.run(command, **streams, text=True, cwd=ROOT, env=environment)


@pytest.fixture(scope="session")
def smoke_study(tmp_path_factory):
    """A folder in which the smoke study was run from nothing, by the first test process that asks;
    for reading.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    finished = shared / "smoke" / "finished"
    with FileLock(shared / "smoke.lock"):
        if not finished.exists():
            finished.parent.mkdir(exist_ok=True)
            run = snakemake(finished.parent)
            assert run.returncode == 0, run.stdout[-5000:]
            finished.touch()
    return finished.parent
