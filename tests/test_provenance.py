"""A digest of the source changes with what the code does, for what depends on it, and with nothing
else.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import files_in

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def digests(tmp_path):
    """A function that edits a copy of the project and returns digests by script."""
    shutil.copytree(
        ROOT / "src" / "trussmap",
        tmp_path / "trussmap",
        ignore=shutil.ignore_patterns("pretrained", "__py*"),
    )
    shutil.copytree(ROOT / "workflow" / "scripts", tmp_path / "scripts")
    code = "import sys; from trussmap.base.provenance import source_digest as d; print(*[d(p) for p in sys.argv[1:]])"
    scripts = [path.name for path in files_in(tmp_path / "scripts", "*.py")]

    def after(file=None, old="", new=""):
        if file:
            path = tmp_path / "trussmap" / file
            text = path.read_text()
            assert old in text
            path.write_text(text.replace(old, new, 1))
        command = [sys.executable, "-c", code, *(tmp_path / "scripts" / name for name in scripts)]
        run = subprocess.run(
            command, capture_output=True, text=True, env={"PYTHONPATH": str(tmp_path)}, check=True
        )
        return dict(zip(scripts, run.stdout.split(), strict=True))

    return after


def changed(before, after):
    return {name.removesuffix(".py") for name in before if before[name] != after[name]}


def test_an_edit_of_the_homogenization_reaches_the_shards_and_what_is_trained(digests):
    before = digests()
    touched = changed(
        before, digests("mechanics/homogenization/kernel.py", "12 * bend", "13 * bend")
    )
    assert {"homogenize", "evaluate", "grade", "generalize_bone"} <= touched
    assert not touched & {"sample", "merge", "train", "figure_losses", "study"}


def test_an_edit_of_a_figure_reaches_that_figure_only(digests):
    before = digests()
    assert changed(before, digests("figures/losses.py", "1.5", "1.6")) == {"figure_losses"}


def test_comments_docstrings_and_formatting_do_not_count(digests):
    before = digests()
    after = digests(
        "mechanics/homogenization/kernel.py", '"""The numeric half', '"""\n\nThe other half'
    )
    assert (
        after
        == before
        == digests(
            "mechanics/homogenization/kernel.py", "import numba\n", "import numba  # fast\n\n"
        )
    )
