"""kinesis-local, a stand-in for Kinesis that can reshard, for the tests that need it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import KEPT
from tests.pipelines.streams import kinesis_local


@pytest.fixture(scope="session")
def kinesis_local_endpoint(runtime_folder: Path) -> Iterator[str]:
    """The address of a kinesis-local of this test run; skipped where it cannot be fetched."""
    try:
        installed = kinesis_local.install(KEPT)
    except kinesis_local.Missing as missing:
        pytest.skip(str(missing))
    with kinesis_local.running(installed, runtime_folder / "kinesis-local.log") as endpoint:
        yield endpoint
