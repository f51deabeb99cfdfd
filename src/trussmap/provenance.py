"""Which source made a result: digests of the library's modules that a script, or a module, can reach.

A digest covers what the code does, not how it is written down: comments, docstrings, formatting and the types that
functions state do not count.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parent
_NAME = __package__


def source_digest(*roots: str | Path) -> str:
    """SHA-256 of the source that the roots depend on: their own and that of every module of the library they import.

    A root is the path of a script, or the name of a module; a package stands for all its modules. Imports count at any
    depth, those inside functions too, but for the interface that ``trussmap`` itself offers (`trussmap.api`). Files of
    other kinds beside a module, such as templates, count with it.
    """
    paths, waiting = set(), [path for root in roots for path in _files(root)]
    while waiting:
        path = waiting.pop()
        if path not in paths:
            paths.add(path)
            waiting += _parsed(path)[1]
    lines = sorted(f"{_name(path)} {_parsed(path)[0]}\n" for path in paths)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _name(path: Path) -> str:
    """A name that does not depend on where the library is installed, or the study checked out."""
    return f"{_NAME}/{path.relative_to(_PACKAGE)}" if path.is_relative_to(_PACKAGE) else path.name


def _files(root: str | Path) -> list[Path]:
    """Files of a root: the script, or a module with the packages around it, and all of a package."""
    if Path(root).suffix == ".py":
        return [Path(root)]
    found = _module(str(root))
    return found + (sorted(found[-1].parent.glob("*.py")) if found[-1].name == "__init__.py" else [])


def _module(name: str) -> list[Path]:
    """Files of a module of the library and of the packages around it, outermost first; empty where there is none."""
    parts = name.split(".")
    if parts[0] != _NAME:
        return []
    folders = [_PACKAGE.joinpath(*parts[1:k]) for k in range(1, len(parts))]
    own = _PACKAGE.joinpath(*parts[1:])
    file = own / "__init__.py" if own.is_dir() else own.with_suffix(".py")
    return [*(folder / "__init__.py" for folder in folders), file] if file.is_file() else []


@cache
def _parsed(path: Path) -> tuple[str, list[Path]]:
    """Digest of a file's own content, and the files that it brings along."""
    if path.suffix != ".py":
        return hashlib.sha256(path.read_bytes()).hexdigest(), []
    tree = ast.parse(path.read_bytes())
    statements = [*_statements(tree)]
    # The package itself loads its interface only for who asks it, and the modules that it stands around do not.
    names = () if path == _PACKAGE / "__init__.py" else _imports(statements)
    imported = [file for name in names for file in _module(name)]
    for node in statements:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False):
            node.body = node.body[1:]
        if isinstance(node, ast.FunctionDef):
            node.returns, own = None, node.args
            for arg in (*own.posonlyargs, *own.args, *own.kwonlyargs, own.vararg, own.kwarg):
                if arg:
                    arg.annotation = None
    beside = [p for p in path.parent.glob("*.html") if path.is_relative_to(_PACKAGE)]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), imported + beside


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all statements below it: a tenth of the nodes, for all else are expressions."""
    yield node
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        inner = getattr(node, field, None)
        for child in inner if isinstance(inner, list) else ():
            yield from _statements(child)


def _imports(statements: list[ast.AST]) -> Iterator[str]:
    """Names of modules, or of what may be one, that statements import."""
    for node in statements:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
