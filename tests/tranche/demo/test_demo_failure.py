"""A stage that cannot finish ends the demo by name, and nothing that the demo started is left running."""

import os
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from tranche.demo.demo import DemoRequest, demo
from tranche.demo.stages import StageFailed
from tranche.local.placement import home_of
from tranche.local.runtime import LocalRuntime

pytestmark = pytest.mark.slow


@pytest.fixture
def own_environment() -> Iterator[None]:
    """The demo takes the process's environment over; the tests after this one want theirs back."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def processes_about(folder: Path) -> list[str]:
    """Command lines of live processes that name the folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if str(folder) in line:
            found.append(line)
    return found


def test_a_source_that_lacks_tables_ends_the_run_in_its_stage(runtime_folder: Path, own_environment: None) -> None:
    os.environ["TRANCHE_DATABASE_URL"] = "postgresql://nobody@elsewhere/never"
    data = runtime_folder / "half" / "berka"
    data.mkdir(parents=True)
    (data / "account.asc").write_text('"account_id";"district_id";"frequency";"date"\n')
    folder = runtime_folder / "demo"
    out = StringIO()

    with pytest.raises(StageFailed, match=r"^stage publish failed: .*berka") as failed:
        demo(DemoRequest(data=data.parent), folder, Console(file=out, width=120))

    assert failed.value.stage == "publish"
    assert "publish" in out.getvalue()
    assert [part.state for part in LocalRuntime(folder / "runtime").status()] == ["down", "down", "down"]
    assert processes_about(folder) == []
    assert processes_about(home_of(folder / "runtime")) == []
    assert not (folder / "summary.json").exists()
