"""kinesis-local, a stand-in for Kinesis that can reshard, for the tests that need it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipelines.streams import kinesis_local


@pytest.fixture(scope="session")
def kinesis_local_endpoint(runtime_folder: Path) -> Iterator[str]:
    """The address of a kinesis-local of this test run; skipped where it cannot be fetched."""
    var = os.environ.get("TRANCHE_VAR")
    try:
        installed = kinesis_local.install(Path(var) if var else runtime_folder)
    except kinesis_local.Missing as missing:
        pytest.skip(str(missing))
    with kinesis_local.running(installed, runtime_folder / "kinesis-local.log") as endpoint:
        yield endpoint
