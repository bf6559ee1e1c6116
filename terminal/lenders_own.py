"""Where the files are that a lender decides on: a folder of its own, or the examples that ship with the packages."""

from pathlib import Path

from terminal.environment import SettingFault
from terminal.settings import CONFIG, Settings


def lenders_own(name: str, shipped: Path) -> Path:
    """The file or folder of this name in the lender's folder; the shipped one where no folder is set.

    Raises SettingFault where the lender's folder lacks it: an example must never hold because a file was forgotten.
    """
    folder = Settings.from_environment().config
    if folder is None:
        return shipped
    own = folder / name
    if not own.exists():
        raise SettingFault(
            CONFIG, f"is {folder}, which has no {name}; `tranche init` copies an example", "/etc/tranche"
        )
    return own
