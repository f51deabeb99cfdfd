"""The arrows between the library's modules point one way: down the layers, and never round in a circle."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "src"
#: From the ground up; the longest name that a module's own begins with decides.
LAYERS = [
    ["__init__", "errors", "io", "progress", "streams", "study", "job", "provenance"],
    ["stiffness", "rotation", "measures"],
    ["lattice", "dataset", "targets", "lookup"],
    ["homogenization"],
    ["crystal"],
    ["learning"],
    ["design"],
    ["evaluation", "assessment", "grading", "export", "output"],
    ["figures"],
    ["report", "metrics"],
    ["cli"],
]


def imports():
    """{module: modules of the library that it imports anywhere}, by their names without the package's."""
    paths = {
        path.relative_to(SOURCE).with_suffix("").as_posix().replace("/", "."): path for path in SOURCE.rglob("*.py")
    }
    paths = {name.removeprefix("trussmap.").removesuffix(".__init__"): path for name, path in paths.items()}
    graph = {name: set() for name in paths}
    for name, path in paths.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                found = [f"{node.module}.{alias.name}" for alias in node.names] + [node.module]
            else:
                continue
            found = [module.removeprefix("trussmap.") for module in found if module.startswith("trussmap.")]
            # `from package import module` needs the module, `from module import name` the module that has the name
            graph[name] |= {module for module in found if module in paths and module != name}
    return graph


def layer(module):
    names = {name: height for height, layer in enumerate(LAYERS) for name in layer}
    fitting = [name for name in names if module == name or module.startswith(f"{name}.")]
    return names[max(fitting, key=len)]


def test_no_module_imports_what_stands_above_it():
    graph = imports()
    assert len(graph) > 40 and "figures.style" in graph["figures.cell"]
    upward = [(name, other) for name, others in graph.items() for other in others if layer(other) > layer(name)]
    assert upward == []


def test_no_module_imports_itself_by_a_detour():
    graph = {
        name: {other for other in others if not name.startswith(f"{other}.")} for name, others in imports().items()
    }
    TopologicalSorter(graph).prepare()
