"""One list of dependencies (pyproject.toml), one lock, one conda environment: they must say the same."""

import re
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "envs"))
import lock  # noqa: E402


@pytest.fixture
def locked():
    lines = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][\w.]*", line) for line in lines), (
        "expected exact versions and nothing else"
    )
    return dict(line.split("==") for line in lines)


def test_lock_has_all_that_pyproject_leads_to(locked):
    assert lock.closure().keys() <= locked.keys()


def test_this_environment_is_the_locked_one(locked):
    assert {name: locked[name] for name in lock.closure()} == lock.closure()


def test_torch_is_pinned_to_one_release(locked):
    assert locked["torch"] == "2.13.0"


def test_conda_environment_states_the_locked_versions(locked):
    *_, pip = yaml.safe_load((ROOT / "envs" / "trussmap.yaml").read_text())["dependencies"]
    conda = dict(line.split("==") for line in pip["pip"])
    assert conda == {name: locked[name] for name in conda}
    development = ("pytest", "ruff", "selenium", "snakefmt")
    runtime = {lock.normalized(re.split(r"[<>=]", line)[0]) for line in lock.declared()}
    assert conda.keys() == runtime - set(development)
