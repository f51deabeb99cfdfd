"""The documentation site: its examples run and print what it shows, it is built, and it stands without a network."""

import re
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "docs"))
import website  # noqa: E402


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site. Examples that print something else than shown, and links to nothing, end the build."""
    folder = tmp_path_factory.mktemp("site")
    website.build(folder / "pages", folder / "site")
    return folder / "site"


def test_it_is_built_and_asks_for_nothing(site):
    pages = sorted(site.rglob("*.html"))
    assert site / "guide" / "tutorial.html" in pages
    for page in pages:
        asked = re.findall(
            r'<(?:link|script|img|iframe|source)\b[^>]*\b(?:href|src)="?(https?:[^"\s>]+)', page.read_text()
        )
        assert not asked, page
    assert not re.search(r"url\(['\"]?https?:", "".join(path.read_text() for path in site.rglob("*.css")))


def test_examples_left_out_are_few_and_say_why():
    ways = Counter()
    for page in website.GUIDE.glob("*.md"):
        for block in website.blocks(page.read_text()):
            if block.title.startswith(website.NOT_RUN):
                assert block.title.startswith(f"{website.NOT_RUN}: ")
                ways["left out"] += 1
            else:
                ways["run"] += website.is_run(block)
    assert ways == {"run": 24, "left out": 6}


def test_examples_that_print_something_else_are_told(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\nprint('length', 2.0)\n```\n\n```text\nlength 2.01\n```\n")
    website.run(page, tmp_path / "close")
    page.write_text(page.read_text().replace("2.01", "2.1"))
    with pytest.raises(SystemExit, match=r"page.md, line 6: .*\nlength 2.0"):
        website.run(page, tmp_path / "wrong")
    page.write_text("```sh\nfalse\n```\n")
    with pytest.raises(SystemExit, match=r"page.md, line 2: exit code 1"):
        website.run(page, tmp_path / "fails")


@pytest.mark.parametrize(
    ("shown", "agrees"),
    [
        ("a 1\nb 2", True),
        ("…\nb  2", True),
        ("a 1\n…", True),
        ("…", True),
        ("a 1", False),
        ("…\na 1", False),
        ("", False),
    ],
)
def test_lines_may_be_left_out_of_what_is_shown(shown, agrees):
    assert website.agree(["a 1", "b 2"], shown.splitlines()) is agrees
