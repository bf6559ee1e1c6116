"""Where a runtime's data lies: a short folder of the user's state directory, whatever the path of the checkout.

A socket's path has room for about a hundred characters, not every file system of a checkout has sockets, and as root
each folder above the data of PostgreSQL is opened for reading. So a runtime's folder in the checkout holds a note of
where its data is, and the data's folder a note of whose it is.

Needs nothing but the standard library, so that it can be asked before anything is installed.
"""

import hashlib
import os
import socket
import sys
from pathlib import Path

from tranche.fault import RuntimeFault
from tranche.settings import STATE_DIR, state_dir

SOCKET = Path("pg") / ".s.PGSQL.5432"
# Linux has room for 108 bytes and macOS for 104, each with the zero byte at the end.
LONGEST_SOCKET = 103
DATA_IS_IN, BELONGS_TO = "where", "where"
NO_ROOM = "a folder of yours on a local disk with a short path, such as"


def home_of(folder: Path) -> Path:
    """Where the data of the runtime in `folder` lies; the same each time, and another one for each folder."""
    noted = _noted(folder / DATA_IS_IN)
    # A runtime that exists stays where it is, whatever the settings say by now.
    if noted is not None and _noted(noted / BELONGS_TO) == folder.resolve():
        return noted
    return state_dir() / hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:8]


def make_home(folder: Path) -> Path:
    """Make both folders, each with a note of the other; `RuntimeFault` says what cannot work there, and the cure."""
    home = home_of(folder)
    check_home(home)
    folder.mkdir(parents=True, exist_ok=True)
    for note, text in ((folder / DATA_IS_IN, home), (home / BELONGS_TO, folder.resolve())):
        if _noted(note) != text:
            note.write_text(f"{text}\n")
    return home


def check_home(home: Path) -> None:
    """Make the folder and try in it what a runtime needs; `RuntimeFault` names the setting that moves it."""
    length = len(os.fsencode(home / SOCKET))
    if length > LONGEST_SOCKET:
        raise RuntimeFault(
            f"{home} is too long a path for a socket in it ({length} characters, {LONGEST_SOCKET} are possible); "
            f"set {STATE_DIR} to {NO_ROOM} {STATE_DIR}=/tmp/tranche-{os.geteuid()}"
        )
    try:
        home.mkdir(parents=True, exist_ok=True)
        trial = home / f".try-{os.getpid()}"
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise RuntimeFault(
            f"the data of the local runtime cannot be written under {home} ({error.strerror}); "
            f"set {STATE_DIR} to {NO_ROOM} {STATE_DIR}=/srv/tranche"
        ) from error
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.bind(str(trial))
    except OSError as error:
        raise RuntimeFault(
            f"the file system of {home} has no sockets ({error.strerror}), which PostgreSQL needs; "
            f"set {STATE_DIR} to {NO_ROOM} {STATE_DIR}=/tmp/tranche-{os.geteuid()}"
        ) from error
    finally:
        trial.unlink(missing_ok=True)


def homes() -> dict[Path, Path]:
    """Every runtime's data under the state directory, each with the folder that it belongs to, there or gone."""
    base = state_dir()
    if not base.is_dir():
        return {}
    found = {each: _noted(each / BELONGS_TO) for each in sorted(base.iterdir())}
    return {home: folder for home, folder in found.items() if folder is not None}


def _noted(note: Path) -> Path | None:
    try:
        text = note.read_text().strip()
    except OSError:
        return None
    return Path(text) if text else None


if __name__ == "__main__":
    try:
        check_home(home_of(Path(sys.argv[1])))
    except RuntimeFault as fault:
        sys.exit(f"error: {fault}")
