"""Memory of a training on 3,000,000 designs, a smaller data set several times over:

    python benchmarks/memory.py STUDY [SETTINGS]

STUDY is a finished study, such as results/laptop. Every network of its architectures is trained
until the first batches are through, which is when everything has been read; its peak is then told
in MB: of anonymous memory, which the system cannot take back, and of all that was resident,
features in memory-mapped files included. Settings of trainings, such as studies/paper.yaml, replace
those of the study.
"""

import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import h5py
import yaml
from snakemake.utils import update_config

from trussmap.base import hdf5
from trussmap.data.dataset import COLUMNS, SPLITS
from trussmap.learning.registry import architectures

DESIGNS = 3_000_000
TRAIN = """
import json, sys
from trussmap.learning.models import train_network
train_network(sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4]), 0, sys.argv[5])
"""


def repeated(source, path):
    """A data set of ``DESIGNS`` rows to train with that lie, several times each, in another one."""
    with h5py.File(source) as old, hdf5.create(path) as new:
        new.attrs.update(old.attrs)
        for split in SPLITS:
            for name in ("number", *COLUMNS):
                rows = old[split][name]
                total = DESIGNS if split == "train" else len(rows)
                layout = h5py.VirtualLayout((total, *rows.shape[1:]), rows.dtype)
                for first in range(0, total, len(rows)):
                    count = min(len(rows), total - first)
                    layout[first : first + count] = h5py.VirtualSource(rows)[:count]
                new.create_virtual_dataset(f"{split}/{name}", layout)


def peaks(command):
    """Peak of anonymous and of resident memory in MB of a training, until its first line of
    progress.
    """
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        highest = {"RssAnon": 0.0, "VmRSS": 0.0}

        def watch():
            while process.poll() is None:
                status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
                for key in highest:
                    if found := re.search(rf"{key}:\s+(\d+)", status):
                        highest[key] = max(highest[key], int(found[1]) / 1024)
                time.sleep(0.1)

        watcher = threading.Thread(target=watch)
        watcher.start()
        said = []
        for line in process.stdout:
            said.append(line)
            if "designs/s" in line:
                process.kill()
        watcher.join()
    if not any("designs/s" in line for line in said):
        sys.exit("".join(said))
    return round(highest["RssAnon"]), round(highest["VmRSS"])


def main(study, further=None):
    settings = json.loads((study / "study.json").read_text(encoding="utf-8"))["model"]
    if further:
        update_config(settings, yaml.safe_load(further.read_text(encoding="utf-8"))["model"])
    common = {key: settings[key] for key in ("precision", "threads", "checkpoint_seconds")}
    with tempfile.TemporaryDirectory(dir=study.parent) as folder:
        repeated((study / "dataset.h5").resolve(), f"{folder}/dataset.h5")
        for architecture in (settings["architecture"], *settings["also"]):
            out = Path(folder) / architecture
            out.mkdir()
            for path in (study / "models" / architecture).iterdir():
                (out / path.name).symlink_to(path.resolve())
            for network in architectures()[architecture].networks:
                how = settings[architecture][network] | common
                command = [
                    sys.executable,
                    "-c",
                    TRAIN,
                    architecture,
                    network,
                    f"{folder}/dataset.h5",
                ]
                anonymous, resident = peaks(
                    [*command, json.dumps(how), out / f"{network}.safetensors"]
                )
                print(
                    f"{architecture}/{network}: {anonymous:,} MB anonymous, {resident:,} MB "
                    f"resident",
                    flush=True,
                )


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
