"""The version of the running code: the commit of a checkout, otherwise the version of the package."""

import subprocess
from importlib.metadata import version
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


def code_version(checkout: Path = CHECKOUT) -> str:
    """The commit, with `+changed` when files differ from it; `tranche VERSION` outside a checkout."""
    commit = _git(checkout, "rev-parse", "HEAD") if (checkout / ".git").exists() else None
    if not commit:
        return f"tranche {version('tranche')}"
    return f"{commit}+changed" if _git(checkout, "status", "--porcelain", "--untracked-files=no") else commit


def _git(checkout: Path, *command: str) -> str | None:
    try:
        done = subprocess.run(["git", *command], cwd=checkout, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
