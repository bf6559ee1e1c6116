"""Redirect standard error to a file, to keep the JVM's start-up messages out of the terminal."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def stderr_into(log: Path) -> Iterator[None]:
    """Inside the block, file descriptor 2 appends to `log`; processes started there inherit it."""
    sys.stderr.flush()
    kept = os.dup(2)
    with log.open("ab") as out:
        os.dup2(out.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
