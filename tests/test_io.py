"""JSON files hold numbers only, and only one function writes them."""

import math
import re
from pathlib import Path

import pytest
from conftest import files_in

from trussmap.base.io import write_json

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_reaches_no_json(tmp_path, value):
    path = tmp_path / "numbers.json"
    write_json({"r2": {"C11": 0.5}}, path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json({"r2": {"C11": [0.1, value]}}, path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_every_json_file_goes_through_write_json():
    """Elsewhere ``json.dumps`` makes strings to digest, attributes of files, or what a page holds."""
    strings = {"dataset.py", "job.py", "models.py", "training.py", "live.py"}
    for folder in ("src", "workflow", "docs"):
        for path in files_in(ROOT / folder, "**/*.py"):
            found = {*re.findall(r"json\.dumps?\b|to_json", path.read_text())}
            assert found <= ({"json.dumps"} if path.name in {"io.py", *strings} else set()), path
