"""The real payment files, where they are."""

import os
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[4]


@pytest.fixture(scope="session")
def real_payment_files() -> Path:
    """The folder of samples of banks and providers; the test is skipped where it is absent."""
    root = Path(os.environ.get("TRANCHE_TEST_DATA") or CHECKOUT.parent / "shared" / "data")
    if not (root / "payment_files").is_dir():
        pytest.skip(f"no payment_files in {root}; point TRANCHE_TEST_DATA at the data folder")
    return root / "payment_files"
