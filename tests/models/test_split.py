"""The out-of-time split keeps the future out of training."""

from datetime import date
from typing import Any

import numpy as np
import pytest

from models import split
from models.split import SplitFault

UNTIL, TEST_UNTIL = date(1995, 12, 31), date(1996, 12, 31)


def some_days(*days: str) -> Any:
    return np.array(days, dtype="datetime64[D]")


PADDING = ("1993-01-01", "1993-01-02", "1996-06-01", "1996-06-02")  # one good and one bad loan on each side
PADDING_BAD = [False, True, False, True]


@pytest.mark.parametrize(
    ("day", "side"),
    [
        pytest.param("1995-12-30", "train", id="the day before the split"),
        pytest.param("1995-12-31", "train", id="the day of the split"),
        pytest.param("1996-01-01", "test", id="the day after the split"),
        pytest.param("1996-12-31", "test", id="the last day of the test"),
        pytest.param("1997-01-01", "later", id="the day after the test"),
    ],
)
def test_each_day_falls_on_one_side(day: str, side: str) -> None:
    sides = split.out_of_time(
        some_days(*PADDING, day), np.array([*PADDING_BAD, True]), train_until=UNTIL, test_until=TEST_UNTIL
    )
    assert (4 in sides.train, 4 in sides.test, sides.later == 1) == (side == "train", side == "test", side == "later")


def test_no_loan_is_on_both_sides_and_none_is_lost() -> None:
    random = np.random.default_rng(2)
    days = np.datetime64("1993-01-01") + random.integers(0, 2500, 500)
    sides = split.out_of_time(days, random.random(500) < 0.2, train_until=UNTIL, test_until=TEST_UNTIL)
    assert not set(sides.train) & set(sides.test)
    assert len(sides.train) + len(sides.test) + sides.later == 500
    assert days[sides.train].max() < days[sides.test].min()


@pytest.mark.parametrize(
    ("days", "bad", "said"),
    [
        ([], [], r"train side .* has 0 loans .* there are no applications"),
        (PADDING[2:], PADDING_BAD[2:], r"train side .* has 0 loans.* from 1996-06-01 to 1996-06-02.*--train-until"),
        (PADDING[:2], PADDING_BAD[:2], r"test side \(after 1995-12-31 up to 1996-12-31\) has 0 loans"),
        (PADDING, [False, False, False, True], r"train side .* has 2 loans of which 0 defaulted"),
        (PADDING, [False, True, True, True], r"test side .* has 2 loans of which 2 defaulted"),
    ],
)
def test_a_side_without_both_kinds_is_refused_with_the_way_out(days: Any, bad: list[bool], said: str) -> None:
    with pytest.raises(SplitFault, match=said):
        split.out_of_time(some_days(*days), np.array(bad, dtype=bool), train_until=UNTIL, test_until=TEST_UNTIL)


@pytest.mark.parametrize("test_until", [UNTIL, date(1995, 1, 1)])
def test_a_test_that_ends_before_it_begins_is_refused(test_until: date) -> None:
    with pytest.raises(SplitFault, match="must lie before"):
        split.out_of_time(some_days(*PADDING), np.array(PADDING_BAD), train_until=UNTIL, test_until=test_until)
