"""Where the answers that others computed lie."""

import os
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def oracles() -> Path:
    """The folder of printed schedules and published rates; the test is skipped where it is absent."""
    root = Path(os.environ.get("TRANCHE_TEST_DATA") or CHECKOUT.parent / "shared" / "data")
    folder = root / "oracles"
    if not folder.is_dir():
        pytest.skip(f"no oracles in {root}; point TRANCHE_TEST_DATA at the data folder")
    return folder
