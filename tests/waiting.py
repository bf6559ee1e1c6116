"""The one place where a test waits for something outside of it: until a condition holds, up to a limit."""

import time
from collections.abc import Callable


def until(
    condition: Callable[[], bool], seconds: float = 20, *, say: Callable[[], str] = lambda: "it never came true"
) -> None:
    """Wait for a condition; fail with the words of `say` when it does not hold in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, say()
        time.sleep(0.01)
