"""Where a runtime's data is stored: in a folder with a short path in the user's state directory (its home).

The path of a socket is limited to about a hundred characters, the checkout's file system may not support sockets, and
as root every folder above PostgreSQL's data has to be made accessible to its user. So a runtime's folder in the
checkout only has a note of where its home is, and the home has a note of the folder that it belongs to.

Uses only the standard library, so that it works before anything is installed.
"""

import hashlib
import os
import socket
import sys
from pathlib import Path

from tranche.fault import RuntimeFault
from tranche.settings import STATE_DIR, state_dir

SOCKET = Path("pg") / ".s.PGSQL.5432"
# The limit is 108 bytes on Linux and 104 on macOS, the zero byte at the end included.
LONGEST_SOCKET = 103
DATA_IS_IN, BELONGS_TO = "where", "where"
NO_ROOM = "a folder of yours on a local disk with a short path, such as"


def home_of(folder: Path) -> Path:
    """The home of the runtime in `folder`: always the same one, and a different one for each folder."""
    noted = _noted(folder / DATA_IS_IN)
    # An existing runtime stays where it is, even if the settings have changed.
    if noted is not None and _noted(noted / BELONGS_TO) == folder.resolve():
        return noted
    return state_dir() / hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:8]


def make_home(folder: Path) -> Path:
    """Create both folders, each with a note of the other; raises RuntimeFault with the cure if that cannot work."""
    home = home_of(folder)
    check_home(home)
    folder.mkdir(parents=True, exist_ok=True)
    for note, text in ((folder / DATA_IS_IN, home), (home / BELONGS_TO, folder.resolve())):
        if _noted(note) != text:
            note.write_text(f"{text}\n")
    return home


def check_home(home: Path) -> None:
    """Create the folder and test what a runtime needs there; raises RuntimeFault, with the setting that moves it."""
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
    """Every runtime's home under the state directory, with the folder that it belongs to, which may be deleted."""
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
