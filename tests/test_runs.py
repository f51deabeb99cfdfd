"""Runs that are disturbed, and runs on a cluster, beside one that is not: they come to the same
bytes.
"""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
import slurm
from conftest import files_in

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = """
sampling: {designs: 600, shard_size: %d}
model:
  checkpoint_seconds: 0.2
  paper: {forward_1: {hidden: [64, 64], epochs: 300, batch: 64}}
"""
NETWORK = "results/smoke/models/paper/forward_1.safetensors"
# What the cut into shards must not change, and what is trained with follows from.
DATA = ["dataset.h5", "moments.csv"]
# Folders of a study that say how a run went, and not what came of it.
COURSE = ("logs", "benchmarks", "timings")

pytestmark = pytest.mark.slow


def command_in(folder, *arguments, settings=(), shard_size=300, target=NETWORK):
    folder.mkdir(exist_ok=True)
    (folder / "settings.yaml").write_text(SETTINGS % shard_size)
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        ROOT / "Snakefile",
        "--directory",
        folder,
        *arguments,
    ]
    return [
        *command,
        "--configfile",
        folder / "settings.yaml",
        "--config",
        "study=smoke",
        *settings,
        "--",
        target,
    ]


def started(command, **more):
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, **streams, text=True, cwd=ROOT, **more)


def finished(command, **more):
    """Exit code and output of a run."""
    with started(command, **more) as run:
        output, _ = run.communicate(timeout=500)
    return run.returncode, output


def read(folder):
    """All files of a study but those on its course."""
    study = folder / "results/smoke"
    names = [path.relative_to(study) for path in files_in(study, "**/*")]
    return {str(path): (study / path).read_bytes() for path in names if path.parts[0] not in COURSE}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Results of a run on one core, in a folder with a plain name."""
    folder = tmp_path_factory.mktemp("undisturbed")
    code, output = finished(command_in(folder, "--cores", "1"))
    assert code == 0, output[-5000:]
    files = read(folder)
    assert len(files) > 20 and {*DATA, "models/paper/forward_1.safetensors"} <= {*files}
    return files


def test_one_shard_gives_the_same_bytes_as_two(undisturbed, tmp_path):
    target = "results/smoke/dataset.h5"
    code, output = finished(command_in(tmp_path, "--cores", "2", shard_size=600, target=target))
    assert code == 0, output[-5000:]
    assert len([*(tmp_path / "results/smoke/designs").glob("*.h5")]) == 1
    files = read(tmp_path)
    assert all(files[name] == undisturbed[name] for name in DATA)


# --------------------------------------------------------------------------------------------------------
# disturbed
def workers(driver):
    return [
        child
        for child in psutil.Process(driver.pid).children(recursive=True)
        if "train.py" in str(child.cmdline())
    ]


def wait_for_checkpoint(folder, driver, after=0.0):
    """Time at which the training wrote its next checkpoint."""
    path = (folder / NETWORK).with_suffix(".checkpoint.safetensors")
    while not (path.exists() and path.stat().st_mtime > after and workers(driver)):
        assert driver.poll() is None, driver.stdout.read()[-5000:]
        time.sleep(0.02)
    return path.stat().st_mtime


def small_files():
    """What a full disk does: no file grows beyond 100 kB."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


def test_a_run_goes_on_after_whatever_stopped_it(undisturbed, tmp_path):
    folder = tmp_path / "nach Störung"
    command = command_in(folder, "--cores", "2")
    homeless = {key: value for key, value in os.environ.items() if key != "HOME"}

    code, output = finished(command, preexec_fn=small_files)
    assert code != 0
    made = {path.name for path in (folder / "results/smoke").rglob("*.h5")}
    assert made == {"0000.h5", "0001.h5"} and not (folder / "results/smoke/stiffness").exists(), (
        output[-3000:]
    )

    with started(command, env=homeless) as driver:  # as the kernel does where memory is out
        stamp = wait_for_checkpoint(folder, driver)
        workers(driver)[0].kill()
        assert driver.wait(100) != 0
    assert not (folder / NETWORK).exists()

    with started(command) as driver:
        wait_for_checkpoint(folder, driver, stamp)
        (orphan,) = workers(driver)
        orphan.suspend()  # or it might be through before the second run
        code, output = finished(command)  # in the same folder
        assert code != 0 and "cannot be locked" in output
        driver.send_signal(signal.SIGKILL)
        orphan.resume()
    orphan.wait(30)
    assert not (folder / NETWORK).exists()

    code, output = finished(command)
    assert code == 0, output[-5000:]
    assert "this one goes on from what it finished" in output
    assert (
        "resumed at epoch" in (folder / "results/smoke/logs/train/paper_forward_1.log").read_text()
    )
    assert read(folder) == undisturbed


# -------------------------------------------------------------------------------------------------------
# on a cluster
@pytest.fixture(scope="module")
def cluster():
    with slurm.started() as environment:
        yield environment


def by_slurm(folder, *arguments, settings=()):
    how = [
        "--workflow-profile",
        ROOT / "profiles/slurm",
        "--slurm-init-seconds-before-status-checks",
        "1",
    ]
    return command_in(folder, *how, *arguments, settings=settings)


def test_a_job_that_fits_no_node_is_told_at_once(cluster, tmp_path):
    code, output = finished(
        by_slurm(tmp_path, "--max-threads", "8", "--set-threads", "merge=8"), env=cluster
    )
    assert code != 0
    assert (
        "rule merge has 8 threads, and the largest node 4 cores; give the option --max-threads 4"
        in output
    )
    assert not (tmp_path / "results").exists()


def test_a_cluster_that_does_not_answer_is_told_at_once(cluster, tmp_path):
    silent = tmp_path / "bin" / "sinfo"  # the real one takes a minute and a half to give up
    silent.parent.mkdir()
    silent.write_text(
        "#!/bin/sh\necho 'sinfo: error: could not establish a configuration source' >&2; exit 1\n"
    )
    silent.chmod(0o755)
    code, output = finished(
        by_slurm(tmp_path), env=cluster | {"PATH": f"{silent.parent}:{cluster['PATH']}"}
    )
    assert code != 0 and "Slurm does not answer, so no job was submitted: sinfo: error" in output
    assert not (tmp_path / "results").exists()


def test_a_cluster_gives_the_same_bytes_although_a_job_is_cancelled(cluster, undisturbed, tmp_path):
    folder, cancelled, over = tmp_path / "on a clüster", [], threading.Event()

    def cancel_training():
        """Cancel the job that trains as soon as it has a checkpoint."""
        checkpoint = (folder / NETWORK).with_suffix(".checkpoint.safetensors")
        while not checkpoint.exists() and not over.wait(0.05):
            pass
        running = ["squeue", "--noheader", "--states=R", "--format=%i"]
        cancelled.extend(
            subprocess.run(running, env=cluster, capture_output=True, text=True).stdout.split()
        )
        subprocess.run(["scancel", *cancelled], env=cluster)

    threading.Thread(target=cancel_training, daemon=True).start()
    code, output = finished(by_slurm(folder, settings=["gres=gpu:1"]), env=cluster)
    over.set()
    assert code == 0, output[-8000:]
    assert read(folder) == undisturbed
    assert len(cancelled) == 1
    assert f"SLURM-job '{cancelled[0]}' failed, SLURM status is: 'CANCELLED'" in output
    assert (
        "resumed at epoch" in (folder / "results/smoke/logs/train/paper_forward_1.log").read_text()
    )

    jobs = ["squeue", "--noheader", "--states=all", "--sort=i", "--format=%T %C %m %b"]
    jobs = subprocess.run(
        jobs, env=cluster, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert [
        " ".join(job.split()) for job in jobs[1:]
    ] == [  # the first one showed that the cluster runs
        "COMPLETED 2 2600M N/A",  # two shards side by side
        "COMPLETED 1 1300M N/A",
        "CANCELLED 2 3300M gres:gpu:1",
        "COMPLETED 2 6600M gres:gpu:1",
    ]
