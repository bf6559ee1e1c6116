"""`tranche init`: copy the shipped policies, products, terms and roles into a folder of the lender's own."""

import shutil
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from terminal.command_line import stage
from terminal.report import Report, reporting
from terminal.settings import CONFIG
from tranche.fault import RuntimeFault

# The name in the lender's folder -> package, path in it, and what it decides.
OWN_FILES = {
    "policies": ("lending", "policies", "to whom money is lent, with the cases that test it"),
    "products": ("lending", "products", "how it is repaid: instalments, interest, fees"),
    "merchant_terms": ("lending", "merchant_terms", "what merchants pay, and when they are paid"),
    "review_terms": ("lending", "review_terms", "how a person reviews: queues, clocks, documents, coded reasons"),
    "calendars": ("lending", "calendars", "days without business; overrides.toml puts single days right"),
    "closing-rules.toml": ("lending", "acts/rules-2.toml", "what the close of business decides by itself"),
    "payments": ("payments", "policies", "rails, retries and the treatment of breaks"),
    "authority.toml": ("ledger", "authority.toml", "who may do what, up to which amount"),
    "wording.toml": ("models", "wording.toml", "the reasons that a model gives, in words"),
}

app = stage("A folder of the lender's own files, to be edited instead of those in the packages.")


class FolderNotEmpty(RuntimeFault):
    """Raised for a folder that has something in it, which might be edited files."""


@app.command()
@reporting("name", "decides")
def init(
    folder: Annotated[Path, typer.Argument(help="The folder; it is made, or must be empty.", file_okay=False)],
) -> Report:
    """Copy the shipped policies, products, terms, calendars, rails, roles and wording into a folder of your own."""
    copy_own_files(folder)
    rows = [{"name": name, "decides": decides} for name, (_, _, decides) in OWN_FILES.items()]
    lines = [
        *(f"{row['name']:<20}{row['decides']}" for row in rows),
        f"set {CONFIG}={folder.resolve()}, or as a line of a profile; `tranche policy lint` then checks these",
    ]
    return Report({"folder": str(folder.resolve()), "files": rows}, lines, rows)


def copy_own_files(folder: Path) -> None:
    """Copy each; raises FolderNotEmpty, and then nothing is copied."""
    if folder.exists() and any(folder.iterdir()):
        raise FolderNotEmpty(f"{folder} is not empty; name a folder that is, or that does not exist yet")
    folder.mkdir(parents=True, exist_ok=True)
    for name, (package, path, _) in OWN_FILES.items():
        shipped = Path(str(files(package))) / path
        if shipped.is_dir():
            shutil.copytree(shipped, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(shipped, folder / name)
