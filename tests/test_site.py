"""The documentation site: its examples run and print what it shows, it is built, and it stands
without a network.
"""

import re
import sys
from collections import Counter
from pathlib import Path

import pytest
from browser import errors, opened, requested, started
from conftest import files_in
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import presence_of_element_located
from selenium.webdriver.support.wait import WebDriverWait
from typer.main import get_command

from trussmap.cli import app

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "docs"))
import website  # noqa: E402


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site. Examples that print something else than shown, and links to nothing, end the
    build.
    """
    folder = tmp_path_factory.mktemp("site")
    website.build(folder / "pages", folder / "site")
    return folder / "site"


@pytest.mark.slow
def test_it_is_built_and_asks_for_nothing(site):
    pages = files_in(site, "**/*.html")
    assert site / "guide" / "tutorial.html" in pages
    for page in pages:
        asked = re.findall(
            r'<(?:link|script|img|iframe|source)\b[^>]*\b(?:href|src)="?(https?:[^"\s>]+)',
            page.read_text(),
        )
        assert not asked, page
    assert not re.search(
        r"url\(['\"]?https?:", "".join(path.read_text() for path in files_in(site, "**/*.css"))
    )


@pytest.mark.slow
def test_it_opens_from_files_on_a_phone(site):
    """No complaints, no requests, no missing pictures, nothing wider than the screen; the search
    finds.
    """
    with started() as browser:
        for name in ("index", "guide/tutorial", "guide/gallery", "guide/reference", "learning"):
            opened(browser, site / f"{name}.html", width=400)
            assert (errors(browser), requested(browser)) == ([], []), name
            broken = "return [...document.images].filter(i => !i.naturalWidth).map(i => i.src)"
            assert browser.execute_script(broken) == [], name
            assert browser.execute_script("return document.documentElement.scrollWidth") <= 400, (
                name
            )
        browser.find_element(By.CSS_SELECTOR, "label[for=__search]").click()
        browser.find_element(By.CSS_SELECTOR, "input.md-search__input").send_keys("auxetic")
        found = (By.CSS_SELECTOR, ".md-search-result__link")
        assert "guide/" in WebDriverWait(browser, 20).until(
            presence_of_element_located(found)
        ).get_attribute("href")


def test_options_that_pages_name_are_there():
    """Commands are written out in README and pages, which cannot all be run."""
    commands = get_command(app).commands
    for page in (ROOT / "README.md", *files_in(website.GUIDE, "*.md")):
        for command, rest in re.findall(
            r"^trussmap ([a-z-]+)((?:\\\n|[^\n#])*)", page.read_text(), re.MULTILINE
        ):
            known = {
                option for p in commands[command].params for option in (*p.opts, *p.secondary_opts)
            }
            assert {*re.findall(r"(?<=[\s\[])--[a-z-]+", rest)} <= known, (page.name, command)


def test_examples_left_out_are_few_and_say_why():
    ways = Counter()
    for page in files_in(website.GUIDE, "*.md"):
        for block in website.blocks(page.read_text()):
            if block.title.startswith(website.NOT_RUN):
                assert block.title.startswith(f"{website.NOT_RUN}: ")
                ways["left out"] += 1
            else:
                ways["run"] += website.is_run(block)
    assert ways == {"run": 25, "left out": 8}


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
