"""`tranche lab`: JupyterLab on the notebooks, which are plain Python files, on loopback, beside the local runtime."""

import json
import os
import subprocess
import sys
from typing import Annotated

import typer

from terminal.command_line import stage
from tranche.extras import require
from tranche.settings import CHECKOUT, Settings, inherited

# A double click on a plain Python file opens it as the notebook that it is.
_VIEWER = {"@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"python": "Jupytext Notebook"}}}

app = stage("JupyterLab on the notebooks, on loopback.")


@app.command()
def run(
    port: Annotated[int, typer.Option(help="Port; the next free one when it is taken.")] = 8888,
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = True,
) -> None:
    """Open the notebooks in JupyterLab until Ctrl-C; a double click opens one as a notebook."""
    require("jupyterlab")
    configuration = Settings.from_environment().var / "jupyter"
    overrides = configuration / "labconfig" / "default_setting_overrides.json"
    overrides.parent.mkdir(parents=True, exist_ok=True)
    overrides.write_text(json.dumps(_VIEWER))
    words = ["lab", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.root_dir=notebooks"]
    options = [] if browser else ["--no-browser"]
    if os.geteuid() == 0:
        options.append("--allow-root")  # in a container there is nobody else; it listens on loopback alone
    done = subprocess.run(
        [sys.executable, "-m", "jupyter", *words, *options],
        env=inherited({"JUPYTER_CONFIG_PATH": str(configuration)}),
        cwd=CHECKOUT,
        check=False,
    )
    raise typer.Exit(done.returncode)
