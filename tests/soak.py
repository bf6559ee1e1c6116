"""How many times as long as usual the random machines run."""

import os

TIMES = int(os.environ.get("TRANCHE_SOAK", "1"))


def examples(*, usual: int, soaked: int) -> int:
    """How many courses a random machine plays: the usual number, in `make soak` the soaked number, `TIMES` times."""
    return usual if TIMES == 1 else TIMES * soaked
