"""The documentation site: run the examples of its pages, then build it.

    python docs/website.py    # build/site/index.html   (make docs)

The pages of docs/guide are written by hand, and what they show happened: their blocks are run in
order in a folder of the page's own, and what they print is compared with the ``text`` block below.
Files that a page makes are part of the site, so that it can show and link them. A block is

- ``sh`` or ``python``: run; the python blocks of a page are one session;
- ``csv`` with a title: a file of that name;
- anything with a title that begins with ``NOT_RUN``: left alone, and the reader is told so.
"""

import os
import re
import shutil
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from math import isclose
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
GUIDE = ROOT / "docs" / "guide"
NOT_RUN = "Not run here"
# Many lattices meet a target exactly, and the last digits of a machine decide which is found.
ONE_OF_MANY = "One of many that meet it: numbers of yours differ"
# Tests/test_workflow.py runs those of reviewer.md in one.
NEEDS_STUDY = f"{NOT_RUN}: it needs a finished study"
_FENCE = re.compile(r'^```(\w*)(?: title="([^"\n]*)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_MAY_BE = re.compile(r" \d+ of \d+ kinds of struts left out;")  # of one of many
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")


class Block(NamedTuple):
    """A fenced block of a page: ``line`` is that of its first line of content."""

    language: str
    title: str
    text: str
    line: int


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found = [
        Block(m[1], m[2] or "", m[3], page.count("\n", 0, m.start(3)) + 1)
        for m in _FENCE.finditer(page)
    ]
    if 2 * len(found) != len(re.findall(r"^\s*```", page, re.MULTILINE)):
        raise SystemExit(
            "a fence that is indented, not closed, or has more than a language and a title"
        )
    return found


def is_run(block: Block) -> bool:
    return block.language in ("sh", "python") and not block.title.startswith(NOT_RUN)


def run(page: Path, folder: Path) -> None:
    """Run the blocks of a page in a folder; SystemExit names the line where something else comes
    out than shown.
    """
    folder.mkdir(parents=True, exist_ok=True)
    session, said = {"__name__": page.stem}, ""
    for block in blocks(page.read_text(encoding="utf-8")):
        where = f"{page.name}, line {block.line}"
        if block.title.startswith(NOT_RUN):
            said = None
        elif block.language == "csv":
            (folder / block.title).write_text(block.text, encoding="utf-8")
        elif block.language == "sh":
            said = _shell(block.text, folder, where)
        elif block.language == "python":
            with chdir(folder), redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()):
                # Blank lines before it give what goes wrong the page's line numbers.
                exec(compile("\n" * (block.line - 1) + block.text, str(page), "exec"), session)
            said = out.getvalue()
        elif block.language == "text":
            if said is not None and not agree(
                said.splitlines(), block.text.splitlines(), block.title != ONE_OF_MANY
            ):
                raise SystemExit(f"{where}: what is shown is not what came out:\n{said}")
        else:
            raise SystemExit(f"{where}: a block of {block.language or 'no language'}")


def agree(said: list[str], shown: list[str], numbers: bool = True) -> bool:
    """Whether lines are the same but for spaces and ``numbers`` up to 2 %; a shown line … stands
    for any lines.
    """
    if not shown or not said:
        return not said and all(line == "…" for line in shown)
    if shown[0] == "…":
        return agree(said, shown[1:], numbers) or agree(said[1:], shown, numbers)
    return _close(said[0], shown[0], numbers) and agree(said[1:], shown[1:], numbers)


def _close(said, shown, numbers):
    if not numbers:
        said, shown = (_MAY_BE.sub("", line) for line in (said, shown))
    words = [_NUMBER.sub("0", line).split() for line in (said, shown)]
    pairs = zip(
        *([float(n) for n in _NUMBER.findall(line)] for line in (said, shown)), strict=False
    )
    return words[0] == words[1] and (
        not numbers or all(isclose(a, b, rel_tol=0.02, abs_tol=1e-6) for a, b in pairs)
    )


def _shell(text, folder, where):
    """What commands print, with this environment's programs first on the path."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{where}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def build(source: Path, out: Path) -> None:
    """Copy the pages to a folder ``source``, run their examples there, and make the site ``out`` of
    it.
    """
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(
        ROOT / "docs",
        source,
        ignore=shutil.ignore_patterns("templates", "results", "*.py", "__pycache__"),
    )
    for page in sorted(GUIDE.glob("*.md")):
        run(page, source / "guide" / page.stem)
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--quiet",
        "--config-file",
        ROOT / "mkdocs.yml",
        "--site-dir",
        out,
    ]
    subprocess.run(
        command,
        env=os.environ | {"TRUSSMAP_PAGES": str(source), "NO_MKDOCS_2_WARNING": "1"},
        check=True,
    )


if __name__ == "__main__":
    build(ROOT / "build" / "pages", ROOT / "build" / "site")
