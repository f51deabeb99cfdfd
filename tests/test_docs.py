"""README and docs are what the measured results in docs/results make of their templates."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_pages_are_made_of_the_results_beside_them():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    pages = generate.pages()
    assert ROOT / "README.md" in pages
    for path, text in pages.items():
        assert path.read_text() == text, (
            f"{path.name} is not what its template says: run `make pages`"
        )
