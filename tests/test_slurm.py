"""The study on a cluster: jobs through a real Slurm by the profile, and what comes of a job that is cancelled."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
import slurm

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = """
sampling: {designs: 600, shard_size: 300}
model:
  checkpoint_seconds: 0.2
  paper: {forward_1: {hidden: [64, 64], epochs: 400, batch: 64}}
"""
NETWORK = "results/smoke/models/paper/forward_1.safetensors"


@pytest.fixture(scope="module")
def cluster():
    with slurm.started() as environment:
        yield environment


def snakemake(folder, *arguments, environment=None, settings=(), targets=(NETWORK,)):
    (folder / "settings.yaml").write_text(SETTINGS)
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder]
    command += [*arguments, "--configfile", folder / "settings.yaml", "--config", "study=smoke", *settings]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.run(
        [*command, "--", *targets], **streams, text=True, cwd=ROOT, env=environment, timeout=400, check=False
    )


def by_slurm(folder, environment, *arguments, **more):
    how = ["--workflow-profile", ROOT / "profiles/slurm", "--slurm-init-seconds-before-status-checks", "1"]
    return snakemake(folder, *how, *arguments, environment=environment, **more)


def test_a_job_that_fits_no_node_is_told_at_once(cluster, tmp_path):
    run = by_slurm(tmp_path, cluster, "--max-threads", "8", "--set-threads", "merge=8")
    assert run.returncode != 0
    assert "rule merge has 8 threads, and the largest node 4 cores: give the option --max-threads 4" in run.stdout
    assert not (tmp_path / "results").exists()


def test_a_cluster_gives_the_same_bytes_although_a_job_is_cancelled(cluster, tmp_path):
    local, remote = tmp_path / "local", tmp_path / "on a clüster"
    local.mkdir()
    remote.mkdir()
    cancelled, over = [], threading.Event()

    def cancel_training():
        """Cancel the job that trains as soon as it has a checkpoint."""
        checkpoint = (remote / NETWORK).with_suffix(".checkpoint.safetensors")
        while not checkpoint.exists() and not over.wait(0.1):
            pass
        running = ["squeue", "--noheader", "--states=R", "--format=%i"]
        found = subprocess.run(running, env=cluster, capture_output=True, text=True).stdout.split()
        cancelled.extend(found)
        subprocess.run(["scancel", *found], env=cluster)

    canceller = threading.Thread(target=cancel_training, daemon=True)
    canceller.start()
    run = by_slurm(remote, cluster, settings=["gres=gpu:1"])
    over.set()
    assert run.returncode == 0, run.stdout[-8000:]
    alone = snakemake(local, "--cores", "2")
    assert alone.returncode == 0, alone.stdout[-5000:]

    assert len(cancelled) == 1
    assert f"SLURM-job '{cancelled[0]}' failed, SLURM status is: 'CANCELLED'" in run.stdout
    assert "resumed at epoch" in (remote / "results/smoke/logs/train/paper_forward_1.log").read_text()
    for name in (
        "dataset.h5",
        "moments.csv",
        "stiffness/0001.h5",
        *(f"models/paper/forward_1.{e}" for e in ("safetensors", "json")),
    ):
        assert (local / "results/smoke" / name).read_bytes() == (remote / "results/smoke" / name).read_bytes(), name

    jobs = ["squeue", "--noheader", "--states=all", "--sort=i", "--format=%T %C %m %b"]
    jobs = subprocess.run(jobs, env=cluster, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [" ".join(job.split()) for job in jobs[1:]] == [  # the first one started the cluster
        "COMPLETED 2 2600M N/A",  # two shards side by side
        "COMPLETED 1 1300M N/A",
        "CANCELLED 2 3300M gres:gpu:1",
        "COMPLETED 2 6600M gres:gpu:1",
    ]
