"""The running processes of a folder, to prove that something was stopped completely."""

import os
from pathlib import Path

import psutil


def processes_of(folder: Path) -> list[str]:
    """Command lines of everything alive that was started in or on this folder."""
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if process.pid != os.getpid() and (str(folder) in " ".join(words) or str(folder) in process.cwd()):
                found.append(" ".join(words))
        except psutil.Error:
            continue
    return found
