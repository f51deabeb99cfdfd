"""The package as others install it: what the wheel holds, what it needs, and that it works far from
any checkout.
"""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from conftest import files_in
from test_architecture import imports

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "envs"))
import lock  # noqa: E402

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy, for a build leaves folders in the source."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(
        ROOT / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )
    out = tmp_path_factory.mktemp("wheel")
    command = [
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        out,
        source,
    ]
    subprocess.run([sys.executable, "-m", *map(str, command)], check=True)
    (path,) = out.iterdir()
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The folder of the installed wheel; what it needs is that of this environment."""
    folder = tmp_path_factory.mktemp("site")
    command = ["pip", "install", "--quiet", "--no-deps", "--no-index", "--target", folder, wheel]
    subprocess.run([sys.executable, "-m", *map(str, command)], check=True)
    return folder


@pytest.mark.slow
def test_the_wheel_holds_all_of_the_library(wheel):
    with zipfile.ZipFile(wheel) as file:
        held = {name for name in file.namelist() if name.startswith("trussmap/")}
    source = ROOT / "src"
    wanted = {path.relative_to(source).as_posix() for path in files_in(source, "trussmap/**/*")}
    assert held == {name for name in wanted if "__pycache__" not in name}
    assert {"trussmap/py.typed", "trussmap/pretrained/polar/forward.safetensors"} <= held
    assert wheel.stat().st_size < 20e6


def third_party(paths):
    """Distributions that modules import, by their normalized names."""
    modules = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules.add(node.module.split(".")[0])
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "import_module":
                modules |= {a.value for a in node.args if isinstance(a, ast.Constant)}
    known = packages_distributions()
    foreign = modules - {"trussmap", *sys.stdlib_module_names}
    return {lock.normalized(known.get(module, [module])[0]) for module in foreign}


def reached(source, roots):
    """Files of all modules that some modules import at any depth."""
    edges, seen, todo = imports(source), set(), list(roots)
    while todo:
        module = todo.pop()
        if module in edges and module not in seen:
            seen.add(module)
            todo += [*edges[module], module.rpartition(".")[0]]
    path = {module: source.parent.joinpath(*module.split(".")) for module in seen}
    return [p / "__init__.py" if p.is_dir() else p.with_suffix(".py") for p in path.values()]


def named(lines):
    return {lock.Requirement(line).name for line in lines}


def test_commands_and_interface_need_what_is_installed_with_them():
    """Architectures of networks are loaded by name, so all of `learning` counts."""
    learning = [m for m in imports(ROOT / "src" / "trussmap") if m.startswith("trussmap.learning")]
    files = reached(ROOT / "src" / "trussmap", ["trussmap.cli", "trussmap.api", *learning])
    inside = {"llvmlite", "markupsafe"}  # of numba and of jinja2
    assert third_party(files) - inside == named(PROJECT["dependencies"])
    everything = [
        *files_in(ROOT / "src", "**/*.py"),
        *files_in(ROOT / "workflow", "**/*.py"),
        *files_in(ROOT / "docs", "*.py"),
    ]
    assert third_party(everything) - inside <= named(PROJECT["dependencies"]) | named(
        PROJECT["optional-dependencies"]["study"]
    )


@pytest.mark.slow
def test_it_designs_anywhere(installed, tmp_path):
    """As a program and from Python, in a folder that knows nothing of the checkout."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["PYTHONPATH"] = str(installed)

    def run(*command):
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )

    where = run(sys.executable, "-c", "import trussmap; print(trussmap.__file__)")
    assert Path(where.stdout.strip()).is_relative_to(installed), where
    program = installed / "bin" / "trussmap"
    assert run(sys.executable, program, "--version").stdout == f"trussmap {PROJECT['version']}\n"
    code = "import trussmap as tm, pandas as pd; from trussmap.tensors.stiffness import COMPONENTS, pack; "
    code += (
        "c = tm.homogenize(tm.Lattice.from_elementary('octet', relative_density=0.05)).stiffness; "
    )
    code += "pd.DataFrame(pack(c), columns=COMPONENTS).to_csv('targets.csv', index=False)"
    made = run(sys.executable, "-c", code)
    assert made.returncode == 0, made.stderr
    options = [
        "--youngs-modulus",
        "1",
        "--out",
        "found",
        "--cell-size-mm",
        "2",
        "--block",
        "1",
        "--keep",
        "1",
    ]
    designed = run(sys.executable, program, "design", "targets.csv", *options)
    assert designed.returncode == 0, designed.stderr
    written = {p.suffix for p in (tmp_path / "found" / "lattices").iterdir()}
    assert written == {".csv", ".stl", ".3mf", ".inp", ".vtk", ".json", ".png", ".html"}
