from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def reference_dir():
    """Reference data that lie beside the checkout, not in it."""
    path = Path(__file__).resolve().parents[2] / "shared" / "reference"
    if not path.is_dir():
        pytest.skip("the reference data (../shared/reference) are not beside this checkout")
    return path
