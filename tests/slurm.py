"""A cluster of one node, real Slurm as plain processes in a folder of its own, for tests that
submit jobs.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

#: Memory and cores are those that the node says it has: more than there are, so that jobs of a
#: profile fit as they are.
_CONFIGURATION = """
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
SlurmdUser={user}
SlurmdParameters=config_overrides
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
EnforcePartLimits=ALL
MinJobAge=3600
MpiDefault=none
ReturnToService=2
GresTypes=gpu
NodeName=localhost NodeHostname=localhost NodeAddr=127.0.0.1 CPUs=4 RealMemory=64000 Gres=gpu:1
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@contextmanager
def started():
    """Yield the environment in which Slurm's commands find the cluster; skip where Slurm is not
    installed or fails.
    """
    needed = ("munged", "slurmctld", "slurmd", "sbatch", "srun")
    search = os.pathsep.join([os.environ["PATH"], "/usr/sbin"])
    programs = {name: shutil.which(name, path=search) for name in needed}
    if not all(programs.values()) or find_spec("snakemake_executor_plugin_slurm") is None:
        pytest.skip(
            "NO SLURM: slurm-wlm, munge or snakemake-executor-plugin-slurm is not installed; no "
            "job was submitted"
        )
    with TemporaryDirectory(prefix="slurm", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        environment = _configured(folder, programs)
        daemons = []
        try:
            munge = [
                f"--{file.partition('.')[2]}-file={folder}/{file}"
                for file in ("munge.key", "munge.pid", "munge.log")
            ]
            munge += [
                f"--seed-file={folder}/munge.seed",
                f"--socket={folder}/munge.socket",
                "--foreground",
                "--force",
            ]
            for command in (
                [programs["munged"], *munge],
                [programs["slurmctld"], "-D"],
                [programs["slurmd"], "-D", "-N", "localhost"],
            ):
                quiet = {
                    "stdout": subprocess.DEVNULL,
                    "stderr": subprocess.DEVNULL,
                    "stdin": subprocess.DEVNULL,
                }
                daemons.append(subprocess.Popen(command, env=environment, **quiet))
                _wait_for(folder / "munge.socket", daemons[0])
            if not _answers(environment):
                logs = "".join(path.read_text()[-1000:] for path in folder.glob("*.log"))
                pytest.skip(f"NO SLURM: it does not run here, so no job was submitted\n{logs}")
            yield environment
        finally:
            for daemon in reversed(daemons):
                daemon.send_signal(signal.SIGTERM)
                with suppress(subprocess.TimeoutExpired):
                    daemon.wait(10)
                daemon.kill()


def _configured(folder, programs):
    """Write key and configuration; the environment that leads to them."""
    for name in ("state", "spool", "bin"):
        (folder / name).mkdir()
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o400)
    with socket.socket() as one, socket.socket() as two:
        for free in (one, two):
            free.bind(("127.0.0.1", 0))
        ports = [free.getsockname()[1] for free in (one, two)]
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    (folder / "slurm.conf").write_text(_CONFIGURATION.format(folder=folder, ports=ports, user=user))
    (folder / "gres.conf").write_text("Name=gpu File=/dev/null\n")
    # Snakemake drops SLURM_CONF before it calls srun, which would then look for a configuration of
    # the machine's own.
    srun = folder / "bin" / "srun"
    srun.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {programs["srun"]} "$@"\n')
    srun.chmod(0o755)
    path = os.pathsep.join([str(folder / "bin"), os.environ["PATH"], "/usr/sbin"])
    return os.environ | {"SLURM_CONF": f"{folder}/slurm.conf", "PATH": path}


def _wait_for(path, daemon, seconds=10):
    end = time.monotonic() + seconds
    while not path.exists() and daemon.poll() is None and time.monotonic() < end:
        time.sleep(0.05)


def _answers(environment, seconds=30):
    """Whether a job can be run."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(subprocess.TimeoutExpired):
            run = subprocess.run(
                ["srun", "--immediate=5", "true"], env=environment, capture_output=True, timeout=10
            )
            if run.returncode == 0:
                return True
        time.sleep(0.2)
    return False
