"""What is kept on disk: made again when its source changes or it is damaged, and never needed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import files_in

from trussmap.base import cache
from trussmap.base.provenance import source_digest
from trussmap.mechanics.homogenization import kernel

SOURCE = Path(cache.__file__).parents[1]
#: A small function that, as the kernel does, compiles in what another module defines.
PROBE = """
import numpy as np
from trussmap.base.cache import compiled
from trussmap.mechanics.homogenization.simd import LANES, add_scaled, aligned_zeros
@compiled(__name__)
def run(matrix, element):
    add_scaled(matrix, 0, element, 0, 2.0)
matrix, element = aligned_zeros(9, LANES), aligned_zeros(9, LANES)
element[:] = 21.0
run(matrix, element)
print(matrix[0, 0], bool(run.stats.cache_hits))
"""


def test_machine_code_follows_all_that_is_compiled_in(tmp_path):
    package = tmp_path / "trussmap"
    shutil.copytree(SOURCE, package, ignore=shutil.ignore_patterns("__pycache__", "pretrained"))
    (package / "probe.py").write_text(PROBE)
    environment = os.environ | {
        "PYTHONPATH": str(tmp_path),
        "TRUSSMAP_CACHE": str(tmp_path / "cache"),
    }

    def ran():
        command = [sys.executable, "-c", "import trussmap.probe"]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        ).stdout.split()

    assert [ran(), ran()] == [["42.0", "False"], ["42.0", "True"]]
    path = package / "mechanics" / "homogenization" / "simd.py"
    text, before = path.read_text(), "into[k] + factor * value[k]"
    assert before in text
    path.write_text(text.replace(before, "into[k] + 2 * factor * value[k]"))
    assert ran() == ["84.0", "False"]


def test_the_kernel_is_kept_under_all_that_is_compiled_in():
    assert f"machine-code-{source_digest(kernel.__name__)[:16]}" in kernel.run.stats.cache_path


def test_machine_code_is_kept_in_no_other_way():
    """Numba's own ``cache=True`` watches the file of a function, not what is compiled in from
    others.
    """
    for path in files_in(SOURCE, "**/*.py"):
        assert path.name == "cache.py" or not re.search(r"\bcache=(True|1)", path.read_text()), path


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TRUSSMAP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def build():
    build.calls += 1
    return {"a": np.arange(3.0), "b": np.array([(1, 2)], [("x", np.int32), ("y", np.int32)])}


@pytest.mark.parametrize("part", ["nbi", "nbc"])
def test_damaged_machine_code_is_made_again(folder, part):
    def made():
        @cache.compiled("trussmap.tensors.stiffness")
        def twice(x):
            return 2 * x

        assert twice(21) == 42
        return bool(twice.stats.cache_hits)

    assert [made(), made()] == [False, True]
    (path,) = folder.rglob(f"*.{part}")
    path.write_bytes(path.read_bytes()[:100])
    assert [made(), made()] == [False, True]


@pytest.fixture
def arrays(folder):
    build.calls = 0
    return lambda: cache.cached_arrays("numbers", build, "trussmap.tensors.stiffness")


def test_arrays_are_made_once(arrays):
    first, second = arrays(), arrays()
    assert build.calls == 1 and sorted(first) == ["a", "b"]
    assert all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("damage", ["truncated", "altered", "empty"])
def test_a_damaged_file_is_made_again(arrays, folder, damage):
    arrays()
    (path,) = folder.iterdir()
    if damage == "altered":
        stored = dict(np.load(path))
        np.savez(path, **stored | {"a": stored["a"] + 1})
    else:
        path.write_bytes(path.read_bytes()[:100] if damage == "truncated" else b"")
    assert np.array_equal(arrays()["a"], np.arange(3.0))
    arrays()
    assert build.calls == 2


def test_nothing_fails_where_nothing_can_be_written(arrays, folder):
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file where the folder should be")
    assert np.array_equal(arrays()["a"], np.arange(3.0))

    @cache.compiled("trussmap.tensors.stiffness")
    def twice(x):
        return 2 * x

    assert twice(21) == 42
