"""A standard output that lacks the signs of a text gets readable ASCII; files are UTF-8 whatever
the locale.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from trussmap.lattice.descriptor import DESIGN_COLUMNS, sample_designs
from trussmap.mechanics.homogenization import homogenize_designs
from trussmap.tensors.stiffness import COMPONENTS

PROGRAM = Path(sys.executable).with_name("trussmap")
COMMANDS = ["homogenize", "homogenize-cells", "design", "part", "grade", "audit", "export-crate"]
#: Locale C, as `sinfo`, cron and containers have it, without the UTF-8 that Python puts in its
#: place.
LOCALE_C = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def trussmap(*arguments, cwd, **environment):
    """Exit code, output and errors as bytes."""
    inherited = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("LC_", "LANG", "PYTHONIO", "PYTHONUTF8"))
    }
    run = subprocess.run(
        [PROGRAM, *map(str, arguments)], cwd=cwd, env=inherited | environment, capture_output=True
    )
    assert b"Traceback" not in run.stderr, run.stderr
    return run.returncode, run.stdout, run.stderr


@pytest.fixture
def folder(tmp_path):
    """Two designs, and two targets in GPa with names in several scripts, in files with names in
    them.
    """
    designs = pd.DataFrame(sample_designs(7, 0, 2), columns=DESIGN_COLUMNS)
    designs.to_csv(tmp_path / "désigns√.csv", index=False)
    targets = pd.DataFrame(210 * homogenize_designs(designs.to_numpy()), columns=COMPONENTS)
    targets.insert(0, "name", ["Ω “fémur” → ν", "骨²"])
    targets.to_csv(tmp_path / "targets√.csv", index=False)
    return tmp_path


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_in_ascii(tmp_path, command):
    code, out, err = trussmap(*command.split(), "--help", cwd=tmp_path, PYTHONIOENCODING="ascii")
    text = out.decode("ascii")
    assert (code, err) == (0, b"") and "?" not in text and "\\" not in text
    if command == "design":
        assert "sqrt2" in text and "C11 ... C66" in text and "6x6" in text


def test_design_in_the_locale_c(folder):
    """Names of targets, files and folders are spelled out too; what is written is UTF-8."""
    command = [
        "design",
        "targets√.csv",
        "--youngs-modulus",
        210,
        "--draws",
        5,
        "--refine",
        "none",
        "--keep",
        1,
    ]
    command += ["--cell-size-mm", 2, "--block", 1, "--unit", "N/mm²"]
    code, out, err = trussmap(*command, "--out", "öut→", cwd=folder, **LOCALE_C)
    text = out.decode("ascii")
    assert code == 0, err
    assert (
        'Omega "femur" -> nu: E1' in text
        and "?^2: E1" in text
        and "written: out->/designs.csv" in text
    )
    table = pd.read_csv(folder / "öut→" / "designs.csv")
    assert table["name"].tolist() == ["Ω “fémur” → ν", "骨²"]
    page = (folder / "öut→" / "lattices" / "target1_rank1.html").read_text(encoding="utf-8")
    assert "Ω “fémur” → ν" in page and "N/mm²" in page


def test_part_in_the_locale_c(folder):
    """Names of files have bytes there that no sign stands for."""
    command = ["part", "désigns√.csv", "--cell-size-mm", 1.5, "--box", 2, 2, 2, "--out", "párt"]
    code, out, err = trussmap(*command, cwd=folder, **LOCALE_C)
    assert code == 0, err
    assert b"mm^3" in out and b"written: part/part.stl" in out
    files = {path.name for path in (folder / "párt").iterdir()}
    assert files == {f"part.{ending}" for ending in ("stl", "3mf", "inp", "vtk", "json")}
    json.loads((folder / "párt" / "part.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["homogenize", "fehlt→‖.csv", "o.csv"], "Error: fehlt→‖.csv: no such file"),
        (
            ["part", "désigns√.csv", "--out", "p", "--cell-size-mm", 1, "--box", 2, 0, 2],
            "a box of 2 × 0 × 2 mm",
        ),
        (["design", "targets√.csv", "--öption…"], "No such option: --öption…"),
    ],
)
def test_errors_in_any_encoding(folder, arguments, says):
    """A sign that the encoding has stays, the others are spelled out."""
    spelled = {"→": "->", "‖": "|", "ö": "o", "×": "x", "…": "..."}
    for name, environment in (("cp1252", {"PYTHONIOENCODING": "cp1252"}), ("ascii", LOCALE_C)):
        code, out, err = trussmap(*arguments, cwd=folder, **environment)
        assert code == 2 and out == b""
        expected = "".join(sign if sign.encode(name, "ignore") else spelled[sign] for sign in says)
        assert expected in err.decode(name)
