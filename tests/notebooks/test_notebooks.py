"""Every notebook runs from top to bottom on a world that has been through the whole path."""

from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, KeptDemo

NOTEBOOKS = sorted((CHECKOUT / "notebooks").glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_a_notebook_runs_and_draws(path: Path, kept_demo: KeptDemo, monkeypatch: pytest.MonkeyPatch) -> None:
    # Imported here, since every process that collects tests would otherwise spend a second on them.
    import jupytext
    import nbclient

    for name, value in kept_demo.environment.items():
        monkeypatch.setenv(name, value)
    notebook = jupytext.read(path)

    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute(cwd=CHECKOUT)

    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 3
    assert any("Identical" in output.get("text", "") for output in outputs)
