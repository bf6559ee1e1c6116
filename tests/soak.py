"""How many times as long as usual the random machines run."""

import os

TIMES = int(os.environ.get("TRANCHE_SOAK", "1"))
