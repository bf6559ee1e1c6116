"""Out-of-time split: train on applications up to one day, test on later ones.

Random splits are not offered, because loans of the same weeks share their economy, which flatters a credit model.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from terminal.fault import Fault


class SplitFault(Fault):
    """A side of the split has no applications, or only good or only bad ones; says which and what to change."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSplit:
    """Indices of the applications to train on and to test on; `later` ones belong to neither."""

    train: NDArray[np.intp]
    test: NDArray[np.intp]
    later: int


def out_of_time(
    applied_on: NDArray[np.datetime64], bad: NDArray[np.bool_], *, train_until: date, test_until: date
) -> TrainingSplit:
    """Train on applications up to `train_until`, test on later ones up to `test_until`. Raises SplitFault."""
    if not train_until < test_until:
        raise SplitFault(f"train-until {train_until} must lie before test-until {test_until}")
    days = applied_on.astype("datetime64[D]")
    early = days <= np.datetime64(train_until)
    within = days <= np.datetime64(test_until)
    split = TrainingSplit(np.flatnonzero(early), np.flatnonzero(within & ~early), int((~within).sum()))
    span = f"applications run from {days.min()} to {days.max()}" if len(days) else "there are no applications"
    for side, chosen, bounds in (
        ("train", split.train, f"up to {train_until}"),
        ("test", split.test, f"after {train_until} up to {test_until}"),
    ):
        bads = int(bad[chosen].sum())
        if bads == 0 or bads == len(chosen):
            raise SplitFault(
                f"the {side} side ({bounds}) has {len(chosen)} loans of which {bads} defaulted; it needs both kinds; "
                f"{span}; choose other days with --train-until and --test-until"
            )
    return split
