import os
from pathlib import Path

import pytest
from smoke import smoke_study  # noqa: F401

#: A program that test_workflow.py runs; it needs what few have.
collect_ignore = ["validator.py"]
#: Files that take minutes. They come first, or a core would have nothing to do at the end.
LONG = ["test_workflow.py", "test_runs.py", "test_site.py"]


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


def files_in(folder: Path, pattern: str) -> list[Path]:
    """List the files below a folder that match a pattern; fail if there are none."""
    matches = sorted(path for path in folder.glob(pattern) if path.is_file())
    assert matches, f"{folder}: no file matches {pattern}, so a test of all of them tests nothing"
    return matches


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of the handed cases and reference data; tests that need it are skipped without it."""
    folder = Path(os.environ.get("TRUSSMAP_REFERENCE", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here; expected the folder of cases and reference data")
    return folder
