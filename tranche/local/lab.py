"""`tranche lab`: JupyterLab on loopback, with the notebooks, which are plain Python files, on the current profile."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from terminal.command_line import stage
from tranche.extras import require
from tranche.fault import RuntimeFault
from tranche.settings import CHECKOUT, Settings, inherited

NOTEBOOK = "one_applicant"
# Open plain Python files as notebooks, and make no requests to the internet.
_SETTINGS = {
    "@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"python": "Jupytext Notebook"}},
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}

app = stage("JupyterLab on the notebooks, on loopback.")


@app.command()
def run_lab(
    notebook: Annotated[str, typer.Argument(help="The notebook that is opened, by its name.")] = NOTEBOOK,
    port: Annotated[int, typer.Option(help="Port; the next free one when it is taken.")] = 8888,
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = True,
) -> None:
    """Open a notebook in JupyterLab until Ctrl-C; a double click opens another."""
    require("jupyterlab")
    file = notebook_file(notebook)
    configuration = Settings.from_environment().var / "jupyter"
    overrides = configuration / "labconfig" / "default_setting_overrides.json"
    overrides.parent.mkdir(parents=True, exist_ok=True)
    overrides.write_text(json.dumps(_SETTINGS))
    words = ["lab", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.root_dir=notebooks"]
    options = [f"--LabApp.default_url=/lab/tree/{file.name}", *([] if browser else ["--no-browser"])]
    if os.geteuid() == 0:
        options.append("--allow-root")  # for containers, which often have only root; it listens on loopback only
    os.chdir(CHECKOUT)
    # JupyterLab replaces this process, so that it ends with the command.
    os.execve(  # noqa: S606 - our own program with fixed arguments
        sys.executable,
        [sys.executable, "-m", "jupyter", *words, *options],
        inherited({"JUPYTER_CONFIG_PATH": str(configuration)}),
    )


def notebook_file(name: str) -> Path:
    """The file of a notebook; raises RuntimeFault, which lists the existing ones, for an unknown one.

    >>> notebook_file("one_applicant").name
    'one_applicant.py'
    """
    files = {path.stem: path for path in sorted((CHECKOUT / "notebooks").glob("*.py"))}
    found = files.get(name.removesuffix(".py"))
    if found is None:
        raise RuntimeFault(f"there is no notebook {name!r}; there are {', '.join(files)}")
    return found
