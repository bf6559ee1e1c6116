"""What a person sees while an act is at work; a schedule's log gets nothing of it, and does not pay for loading it."""

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any


def waiting(text: str) -> AbstractContextManager[Any]:
    """A line that moves on stderr until the act is done, where stderr is a terminal."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(text)
