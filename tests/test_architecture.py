"""Imports point one way: the folders are those of the table in docs/architecture.md, §2."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from conftest import files_in

ROOT = Path(__file__).resolve().parents[1]


def layers():
    """The level of each folder by name, 0 for the one that imports from no other."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    rows = page.partition("| folder |")[2].partition("\n\n")[0]
    names = re.findall(r"^\| `(\w+)` \|", rows, re.M)
    return {name: level for level, name in enumerate(names)}


def imports(source):
    """Modules that each module of the package at ``source`` imports, at any depth, functions and
    all.
    """
    package = source.name
    files = {
        ".".join((package, *path.relative_to(source).with_suffix("").parts)).removesuffix(
            ".__init__"
        ): path
        for path in files_in(source, "**/*.py")
    }
    edges = {}
    for module, path in files.items():
        named = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    here = (
                        module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
                    )
                    base = ".".join(
                        [*here[: len(here) - node.level + 1], *filter(None, [node.module])]
                    )
                inside = {f"{base}.{alias.name}" for alias in node.names}
                named |= {name if name in files else base for name in inside}
        edges[module] = {name for name in named if name.split(".")[0] == package} - {package}
    return edges


def upward(edges, layer):
    """Imports of a module from a layer above its own."""
    level = {module: layer[module.split(".")[1]] for module in edges if "." in module}
    return [
        f"{a} imports {b}" for a in sorted(level) for b in sorted(edges[a]) if level[a] < level[b]
    ]


def cycle(edges):
    """The modules of one cycle of imports, or None."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        return error.args[1]


@pytest.fixture(scope="module")
def edges():
    return imports(ROOT / "src" / "trussmap")


def test_every_module_stands_in_the_table(edges):
    assert {module.split(".")[1] for module in edges if "." in module} == layers().keys()


def test_no_module_imports_from_above(edges):
    assert upward(edges, layers()) == []


def test_no_cycle_of_imports(edges):
    assert cycle(edges) is None


def test_lattices_know_nothing_of_homogenization(edges):
    reached, todo = set(), [module for module in edges if module.startswith("trussmap.lattice")]
    while todo:
        module = todo.pop()
        if module not in reached:
            reached.add(module)
            todo += edges[module]
    assert not [
        module for module in reached if module.startswith("trussmap.mechanics.homogenization")
    ]


def test_the_library_knows_no_snakemake():
    for path in files_in(ROOT / "src" / "trussmap", "**/*.py"):
        assert not re.search(r"^\s*(import|from) snakemake", path.read_text(), re.M), path


def test_arrows_are_found_wherever_they_hide(tmp_path):
    """In a function, relative, and round a corner."""
    package = tmp_path / "some"
    (package / "low").mkdir(parents=True)
    for name, text in {
        "__init__.py": "",
        "low/__init__.py": "",
        "low/a.py": "def f():\n    from ..high import g\n",
        "low/b.py": "from some.low import a\nimport some.middle\n",
        "middle.py": "from some.low import a",
        "high.py": "import json\nfrom some import middle\nfrom some.low.b import x\n",
    }.items():
        (package / name).write_text(text)
    edges = imports(package)
    assert edges["some.high"] == {"some.middle", "some.low.b"}
    assert upward(edges, {"low": 0, "middle": 1, "high": 2}) == [
        "some.low.a imports some.high",
        "some.low.b imports some.middle",
    ]
    assert {"some.high", "some.low.a"} <= {*cycle(edges)}
    assert cycle(edges | {"some.low.a": set()}) is None


def public_functions(path):
    """Functions and methods of a module that others may call, with the names of their classes."""

    def inside(body, owner):
        for node in body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield from inside(node.body, f"{node.name}.")
            elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                if any(ast.unparse(d) == "overload" for d in node.decorator_list):
                    continue  # what it says stands at the function itself
                yield owner + node.name, node

    return inside(ast.parse(path.read_text()).body, "")


def test_public_functions_say_what_they_do_and_take():
    """But for what is compiled: its arguments are vectors there, and stand in a table at the head
    of the module.
    """
    compiled = {"mechanics/homogenization/kernel.py", "mechanics/homogenization/simd.py"}
    faults = []
    for path in files_in(ROOT / "src" / "trussmap", "**/*.py"):
        name = str(path.relative_to(ROOT / "src" / "trussmap"))
        for function, node in public_functions(path) if name not in compiled else ():
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            bare = [
                a.arg for a in arguments if a.annotation is None and a.arg not in ("self", "cls")
            ]
            if bare or node.returns is None or not ast.get_docstring(node):
                faults.append(f"{name}, {function}: {bare}")
    assert faults == []
