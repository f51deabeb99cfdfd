"""One list of dependencies (pyproject.toml), one lock, one conda environment: they must say the
same.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "envs"))
import lock  # noqa: E402


@pytest.fixture
def locked():
    lines = [
        line
        for line in (ROOT / "requirements.lock").read_text().splitlines()
        if not line.startswith("#")
    ]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][\w.]*", line) for line in lines), (
        "expected exact versions and nothing else"
    )
    return dict(line.split("==") for line in lines)


def test_lock_has_all_that_pyproject_leads_to(locked):
    assert lock.closure().keys() <= locked.keys()


def test_this_environment_is_the_locked_one(locked):
    assert {name: locked[name] for name in lock.closure()} == lock.closure()


def test_make_lock_installs_all_extras():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = ",".join(project["optional-dependencies"])
    assert f"install --quiet '.[{extras}]'" in (ROOT / "Makefile").read_text()


def test_torch_is_pinned_to_one_release(locked):
    assert locked["torch"] == "2.13.0"


def test_conda_environment_states_the_locked_versions(locked):
    *_, pip = yaml.safe_load((ROOT / "envs" / "trussmap.yaml").read_text())["dependencies"]
    conda = dict(line.split("==") for line in pip["pip"])
    assert conda == {name: locked[name] for name in conda}
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = pyproject["project"]
    runtime = [
        *project["dependencies"],
        *project["optional-dependencies"]["study"],
        *pyproject["build-system"]["requires"],
    ]
    assert conda.keys() == {lock.normalized(lock.Requirement(line).name) for line in runtime}


def test_supported_versions_of_python_are_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    makefile = (ROOT / "Makefile").read_text()
    first, end = map(
        int, re.fullmatch(r">=3\.(\d+),<3\.(\d+)", project["requires-python"]).groups()
    )
    assert f"SUPPORTED := (3, {first}) <= sys.version_info < (3, {end})" in makefile
    versions = [f"3.{minor}" for minor in range(first, end)]
    named = [
        line.rpartition(" :: ")[2] for line in project["classifiers"] if "Python :: 3." in line
    ]
    assert named == versions
    assert f"needs Python {', '.join(versions[:-1])} or {versions[-1]}," in makefile


def test_version_and_authors_are_those_of_the_citation():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == project["version"]
    assert [person["name"] for person in project["authors"]] == [
        person["name"] for person in citation["authors"]
    ]
    assert f"## {project['version']}\n" in (ROOT / "CHANGELOG.md").read_text()


def test_make_help_lists_all_that_can_be_made():
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[
        1
    ].split()
    # Under `make test` this make is a second one, which would tell the folder it enters and leaves.
    command = ["make", "--no-print-directory", "help"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert sorted(
        line.split()[1] for line in said.splitlines() if line.startswith("make ")
    ) == sorted(targets)
    assert said.splitlines()[-1].split() == ["studies:", "laptop", "paper", "paper_cpu", "smoke"]


def test_make_takes_a_python_that_is_new_enough(tmp_path):
    """An old python3 comes first on the path, as on macOS, and a newer one by its own name."""
    for name, answer in (("python3", "exit 1"), ("python3.12", f'exec "{sys.executable}" "$@"')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{answer}\n")
        (tmp_path / name).chmod(0o755)
    command = ["make", "--dry-run", "--always-make", "environment"]
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    run = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert "python3.12 -m venv --clear $new" in run.stdout
