"""Print what a reader of the code has to take in: length, parameters, density, types, layers.

    python benchmarks/house.py                 # this tree
    python benchmarks/house.py --tree FOLDER   # another checkout, such as one of an earlier commit

Measures, over ``src/`` and ``workflow/scripts/`` unless said otherwise:

- functions: median length, share over 60 lines, share with 8 parameters or more (typer's commands
  apart), share fully annotated
- packed assignments: ``a, b = x, y`` among all assignments
- long lines: over 100 columns
- docstrings whose first line is longer than 72 characters
- way of a target: the modules that calls enter, followed statically and in source order from
  `trussmap.cli.design`'s ``design``, each function once; a climb is a step to a module that more imports
  separate from the bottom than the one before
- assertions in ``tests/``: ``assert`` statements, and calls of ``pytest.raises``, ``pytest.warns``
  and ``np.testing.assert_…``; doctests are not counted
- mypy: errors with its default settings, where it is installed
"""

import argparse
import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(tree: Path) -> list[Path]:
    """List the Python files of library and workflow."""
    files = [*sorted((tree / "src").rglob("*.py")), *sorted((tree / "workflow").rglob("*.py"))]
    if not files:
        raise SystemExit(f"{tree}: no Python files in src/ and workflow/; expected a checkout.")
    return files


def functions(module: ast.Module) -> Iterator[Function]:
    """Yield all functions and methods of a module."""
    for node in ast.walk(module):
        if isinstance(node, Function):
            yield node


def parameters(function: Function) -> list[ast.arg]:
    """List the parameters of a function, without ``self`` and ``cls``."""
    given = function.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    every += [extra for extra in (given.vararg, given.kwarg) if extra]
    return [argument for argument in every if argument.arg not in ("self", "cls")]


def is_command(function: Function) -> bool:
    """Whether typer calls a function, which takes an option a parameter."""
    return any("command" in ast.dump(decorator) for decorator in function.decorator_list)


def is_packed(node: ast.AST) -> bool:
    """Whether a statement assigns several values that are written side by side."""
    return (
        isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Tuple)
        and isinstance(node.targets[0], ast.Tuple)
    )


def measure(tree: Path) -> dict[str, str]:
    """Measure functions, assignments, lines and docstrings of a tree."""
    texts = {path: path.read_text(encoding="utf-8") for path in python_files(tree)}
    modules = {path: ast.parse(text) for path, text in texts.items()}
    every = [function for module in modules.values() for function in functions(module)]
    plain = [function for function in every if not is_command(function)]
    lengths = [function.end_lineno - function.lineno + 1 for function in every]
    nodes = [node for module in modules.values() for node in ast.walk(module)]
    assignments = [node for node in nodes if isinstance(node, ast.Assign | ast.AnnAssign)]
    lines = [line for text in texts.values() for line in text.splitlines()]
    first_lines = [
        (ast.get_docstring(node) or "").partition("\n")[0]
        for node in nodes
        if isinstance(node, ast.Module | ast.ClassDef | Function)
    ]
    smk = [p.read_text(encoding="utf-8") for p in sorted((tree / "workflow/rules").glob("*.smk"))]

    def share(count: int, of: list) -> str:
        return f"{count} of {len(of)}, {count / len(of):.1%}"

    return {
        "Python files, lines": f"{len(texts)}, {len(lines)}",
        "functions, median length": f"{len(every)}, {statistics.median(lengths):.0f}",
        "functions over 60 lines": share(sum(length > 60 for length in lengths), lengths),
        "functions with 8 parameters or more": share(
            sum(len(parameters(function)) >= 8 for function in plain), plain
        ),
        "most parameters of one": str(max(len(parameters(function)) for function in plain)),
        "functions fully annotated": share(
            sum(
                function.returns is not None and all(a.annotation for a in parameters(function))
                for function in every
            ),
            every,
        ),
        "packed assignments": share(sum(map(is_packed, nodes)), assignments),
        "lines over 100 columns": share(sum(len(line) > 100 for line in lines), lines),
        "docstrings that begin with more than 72 characters": share(
            sum(len(line) > 72 for line in first_lines), first_lines
        ),
        "lines of .smk": str(sum(len(text.splitlines()) for text in smk)),
    }


class Library:
    """The modules of a tree, their imports of each other, and calls followed through them."""

    def __init__(self, source: Path) -> None:
        self.modules = {}
        for path in sorted((source / "trussmap").rglob("*.py")):
            name = ".".join(path.relative_to(source).with_suffix("").parts)
            self.modules[name.removesuffix(".__init__")] = ast.parse(
                path.read_text(encoding="utf-8")
            )
        self.floor = cache(self._floor)

    def imports(self, tree: ast.AST) -> dict[str, str]:
        """Map names in a tree to the dotted names that they were imported from."""
        names = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("trussmap"):
                for alias in node.names:
                    names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        return names

    def module_of(self, dotted: str) -> str | None:
        """Return the module that a dotted name is, or lies in."""
        while dotted and dotted not in self.modules:
            dotted = dotted.rpartition(".")[0]
        return dotted or None

    def _floor(self, module: str) -> int:
        """Return how many imports separate a module from the bottom, at most."""
        below = {self.module_of(name) for name in self.imports(self.modules[module]).values()}
        below -= {module, None, "trussmap"}
        return 1 + max(map(self.floor, below), default=-1)

    def definition(self, dotted: str) -> tuple[str, Function] | None:
        """Find the function of a dotted name, also where a package hands it on."""
        module = self.module_of(dotted)
        name = dotted.removeprefix(f"{module}.")
        if module is None or "." in name:
            return None
        for node in self.modules[module].body:
            if isinstance(node, Function) and node.name == name:
                return module, node
        handed_on = self.imports(self.modules[module]).get(name)
        return self.definition(handed_on) if handed_on and handed_on != dotted else None

    def stations(self, dotted: str) -> list[str]:
        """List the modules that calls enter from a function on, in the order of the source."""
        entered: list[str] = []
        seen = set()

        def follow(module: str, function: Function) -> None:
            if (module, function.name) in seen:
                return
            seen.add((module, function.name))
            names = self.imports(self.modules[module])
            calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
            for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
                text = ast.unparse(call.func)
                head, _, tail = text.partition(".")
                target = names.get(head, f"{module}.{head}") + (f".{tail}" if tail else "")
                found = self.definition(target)
                if found is None:
                    continue
                if not entered or entered[-1] != found[0]:
                    entered.append(found[0])
                follow(*found)

        start = self.definition(dotted)
        if start is None:
            raise SystemExit(f"{dotted}: no such function; expected the command that designs.")
        entered.append(start[0])
        follow(*start)
        return entered


def way(tree: Path, start: str) -> dict[str, str]:
    """Measure the way of a target: modules entered, and how often a call climbs back up."""
    library = Library(tree / "src")
    entered = library.stations(start)
    floors = [library.floor(module) for module in entered]
    climbs = sum(after > before for before, after in pairwise(floors))
    return {"way of a target, stations": str(len(entered)), "climbs back up": str(climbs)}


def is_assertion(node: ast.AST) -> bool:
    """Whether a node of a test can fail it: a statement, or a call that expects or compares."""
    if isinstance(node, ast.Assert):
        return True
    if not isinstance(node, ast.Call):
        return False
    name = ast.unparse(node.func).rpartition(".")[2]
    return name in ("raises", "warns", "gradcheck") or name.startswith("assert_")


def assertions(tree: Path) -> dict[str, str]:
    """Count tests and assertions of a tree."""
    paths = sorted((tree / "tests").glob("*.py"))
    nodes = [
        node for path in paths for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    ]
    tests = [n for n in nodes if isinstance(n, Function) and n.name.startswith("test_")]
    return {"tests, assertions": f"{len(tests)}, {sum(map(is_assertion, nodes))}"}


def mypy_errors(tree: Path) -> str:
    """Return the last line that mypy prints of a tree."""
    command = [sys.executable, "-m", "mypy", "src"]
    run = subprocess.run(command, cwd=tree, capture_output=True, text=True)
    return (run.stdout or run.stderr).strip().rpartition("\n")[2]


def main() -> None:
    """Print the measures of a tree, a line each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tree", type=Path, default=Path(__file__).resolve().parents[1])
    parser.add_argument(
        "--start", default="trussmap.cli.design.design", help="where a target enters"
    )
    given = parser.parse_args()
    rows = measure(given.tree) | way(given.tree, given.start) | assertions(given.tree)
    rows["mypy"] = mypy_errors(given.tree)
    for name, value in rows.items():
        print(f"{name:55}{value}")


if __name__ == "__main__":
    main()
