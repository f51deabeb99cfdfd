"""The README's examples for designers and programmers run as they stand, on files of the names that
they give.
"""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import trimesh

from trussmap.crystal.catalogue import write_catalogue
from trussmap.crystal.generate import generate_catalogue
from trussmap.lattice.descriptor import DESIGN_COLUMNS, sample_designs
from trussmap.tensors.stiffness import isotropic

ROOT = Path(__file__).resolve().parents[1]
BLOCKS = re.findall(
    r"^```(\w+)\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files of all the names in capitals."""
    here = tmp_path_factory.mktemp("readme")
    bone = pd.read_csv(ROOT / "resources" / "bone_targets_gpa.csv")[:1]
    constants = [name for name in bone if re.fullmatch(r"C\d\d", name)]
    (bone[constants] * 1000).to_csv(here / "BONE.csv", index=False)
    designs = pd.DataFrame(sample_designs(0, 0, 20), columns=DESIGN_COLUMNS)
    designs.to_csv(here / "DESIGNS.csv", index=False)
    designs.to_parquet(here / "DESIGNS.parquet")
    write_catalogue(generate_catalogue(2, 0, threads=1), here / "CATALOGUE.lat", "generated")
    trimesh.creation.icosphere(radius=4).export(here / "IMPLANT.stl")
    return here


def commands():
    """Those of trussmap; what networks or studies of one's own are for is tested with these
    (test_workflow.py).
    """
    lines = "".join(text for language, text in BLOCKS if language == "sh").splitlines()
    found = [line.split("#")[0].strip() for line in lines if line.startswith("trussmap ")]
    return [
        re.sub(r"[\[\]]", "", line)
        for line in found
        if "--study" not in line and "results/" not in line
    ]


@pytest.mark.slow
def test_commands_run(folder):
    assert len(commands()) == 8
    pasted = "\n".join(" ".join(map(str, row)) for row in isotropic(800.0, 0.3))
    for command in commands():
        words = [Path(sys.executable).with_name("trussmap"), *command.split()[1:]]
        done = subprocess.run(words, cwd=folder, input=pasted, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stderr)
    assert len(pd.read_csv(folder / "found" / "designs.csv")) == 2
    assert (folder / "part" / "part.stl").is_file()
    assert len(pd.read_csv(folder / "STIFFNESS.csv")) == 2


def test_python_runs(folder, monkeypatch):
    monkeypatch.chdir(folder)
    [text] = [text for language, text in BLOCKS if language == "python"]
    exec(text, {})
    assert (folder / "best.png").is_file() and (folder / "best.stl").is_file()
