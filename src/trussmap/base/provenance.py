"""Digests of the source that made a result.

The source is that of all modules that a script or a module can reach. A digest covers what the code
does, not how it is written: comments, docstrings, formatting and the types of parameters and
results do not count.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
_NAME = "trussmap"


def source_digest(*roots: str | Path) -> str:
    """Return the SHA-256 of the source that roots depend on.

    It covers the roots and every module of the library that they import. A root is the path of a
    script, or the name of a module; a package stands for all its modules. Imports count at any
    depth, also those inside functions, except for the interface that ``trussmap`` itself offers
    (`trussmap.api`). Files of other kinds beside a module, such as templates, count with it.
    """
    paths: set[Path] = set()
    waiting = [path for root in roots for path in _files(root)]
    while waiting:
        path = waiting.pop()
        if path not in paths:
            paths.add(path)
            waiting += _parsed(path)[1]

    lines = sorted(f"{_name(path)} {_parsed(path)[0]}\n" for path in paths)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _name(path: Path) -> str:
    """Return a name that does not depend on the folder of the library."""
    return f"{_NAME}/{path.relative_to(_PACKAGE)}" if path.is_relative_to(_PACKAGE) else path.name


def _files(root: str | Path) -> list[Path]:
    """List the files of a root.

    They are the script, or a module with the packages around it, and all modules of a package.
    """
    if Path(root).suffix == ".py":
        return [Path(root)]
    files = _module(str(root))
    if files[-1].name == "__init__.py":
        files += sorted(files[-1].parent.glob("*.py"))
    return files


def _module(name: str) -> list[Path]:
    """List the files of a module and of the packages around it.

    The outermost comes first; the list is empty if the library has no such module.
    """
    words = name.split(".")
    if words[0] != _NAME:
        return []
    packages = [_PACKAGE.joinpath(*words[1:k]) for k in range(1, len(words))]
    module = _PACKAGE.joinpath(*words[1:])
    file = module / "__init__.py" if module.is_dir() else module.with_suffix(".py")
    return [*(folder / "__init__.py" for folder in packages), file] if file.is_file() else []


@cache
def _parsed(path: Path) -> tuple[str, list[Path]]:
    """Return the digest of a file's content, and the files it depends on."""
    if path.suffix != ".py":
        return hashlib.sha256(path.read_bytes()).hexdigest(), []
    tree = ast.parse(path.read_bytes())
    statements = [*_statements(tree)]

    # The package loads its interface only when a caller asks for it; its modules do not use it.
    names = () if path == _PACKAGE / "__init__.py" else _imports(statements)
    imported = [file for name in names for file in _module(name)]

    for node in statements:
        _strip(node)
    beside = [p for p in path.parent.glob("*.html") if path.is_relative_to(_PACKAGE)]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), imported + beside


def _strip(node: ast.AST) -> None:
    """Remove docstring and types of a statement, in place."""
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
        node, clean=False
    ):
        node.body = node.body[1:]
    if isinstance(node, ast.FunctionDef):
        node.returns = None
        given = node.args
        every = (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg)
        for argument in every:
            if argument:
                argument.annotation = None


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all statements below it.

    They are a tenth of the nodes; all others are expressions.
    """
    yield node
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        inner = getattr(node, field, None)
        for child in inner if isinstance(inner, list) else ():
            yield from _statements(child)


def _imports(statements: list[ast.AST]) -> Iterator[str]:
    """Yield names that statements import: modules, or names in them."""
    for node in statements:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
