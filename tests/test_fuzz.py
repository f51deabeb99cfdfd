"""Every reader ends in one sentence or in success, whatever a file holds; benchmarks/fuzz.py has
the million inputs.
"""

import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
import fuzz

sys.path.pop(0)
EDITS = strategies.lists(
    strategies.tuples(
        strategies.integers(0, 7), strategies.floats(0, 1), strategies.integers(0, 1 << 30)
    ),
    max_size=4,
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    return folder, fuzz.corpus(folder)


@pytest.mark.parametrize("number", range(12))
def test_whatever_a_file_holds(corpus, tmp_path, number):
    folder, parts = corpus
    reader, label, name, contents, _, beside = parts[number]

    @settings(
        max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(EDITS, strategies.integers(0, 3))
    def ends(edits, choice):
        for other in beside:
            shutil.copy(folder / other, tmp_path / other)
        content = contents[choice % len(contents)]
        data = fuzz.mutate(content, edits)
        (tmp_path / name).write_bytes(data)
        with warnings.catch_warnings(action="ignore"):
            found = fuzz.outcome(reader, tmp_path / name, np.random.default_rng(choice))
        assert found in ("read", "InputError"), (label, found)
        if data != content and label in ("shards", "data sets", "weights"):
            assert found == "InputError", label

    ends()


def test_a_small_file_asks_for_no_memory(corpus, tmp_path):
    """40,000 nodes in a file of half a megabyte: each against each other would take gigabytes."""
    reader, _, _, contents, *_ = corpus[1][0]
    text = contents[0].decode()
    rows = "".join(f"{k / 40000:.5f} 0 0\n" for k in range(40_000))
    (tmp_path / "x.lat").write_text(text.replace("Nodal positions:\n", f"Nodal positions:\n{rows}"))
    found = fuzz.outcome(reader, tmp_path / "x.lat", np.random.default_rng(0))
    assert found == "InputError"
