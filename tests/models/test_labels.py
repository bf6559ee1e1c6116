"""What counts as default, and when it is known."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import models
from models import labels
from models.labels import LabelFault
from tests.models.worlds import outcomes

MAY_31, JUNE_1 = datetime(2024, 5, 31, 23, 59, tzinfo=UTC), datetime(2024, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "bad"),
    [("finished_paid", False), ("running_ok", False), ("finished_unpaid", True), ("running_in_debt", True)],
)
def test_unpaid_and_in_debt_are_default(status: str, bad: bool) -> None:
    assert labels.read_outcome_labels(outcomes(("l", status, None))).bad == {"l": bad}


def test_an_unknown_status_is_refused_with_the_loan() -> None:
    with pytest.raises(LabelFault, match="loan l7 has status 'E'"):
        labels.read_outcome_labels(outcomes(("l7", "E", None)))


def test_outcomes_say_how_many_have_a_date() -> None:
    read = labels.read_outcome_labels(
        outcomes(("a", "running_ok", None), ("b", "running_ok", JUNE_1), ("c", "finished_paid", None))
    )
    assert (read.dated, read.undated) == (1, 2)


@pytest.mark.parametrize(
    ("known_by", "bad"),
    [
        pytest.param(date(2024, 5, 30), {}, id="the day before"),
        pytest.param(date(2024, 5, 31), {"a": True}, id="the day itself"),
        pytest.param(date(2024, 6, 1), {"a": True, "b": True}, id="the day after"),
        pytest.param(None, {"a": True, "b": True}, id="no limit"),
    ],
)
def test_an_outcome_counts_from_the_day_it_was_recorded(known_by: date | None, bad: dict[str, bool]) -> None:
    lake = outcomes(("a", "finished_unpaid", MAY_31), ("b", "finished_unpaid", JUNE_1))
    read = labels.read_outcome_labels(lake, known_by)
    assert read.bad == bad
    assert read.not_yet_known == 2 - len(bad)


def test_an_undated_outcome_counts_whatever_the_day() -> None:
    assert labels.read_outcome_labels(outcomes(("a", "running_in_debt", None)), date(1900, 1, 1)).bad == {"a": True}


def test_the_newest_known_outcome_of_a_loan_wins() -> None:
    lake = outcomes(("a", "finished_unpaid", JUNE_1), ("a", "running_ok", MAY_31))
    assert labels.read_outcome_labels(lake).bad == {"a": True}
    assert labels.read_outcome_labels(lake, date(2024, 5, 31)).bad == {"a": False}


@pytest.mark.parametrize("second", [None, MAY_31])
def test_two_outcomes_that_no_date_puts_in_order_are_refused(second: datetime | None) -> None:
    with pytest.raises(LabelFault, match="loan a is both"):
        labels.read_outcome_labels(outcomes(("a", "running_ok", MAY_31), ("a", "finished_unpaid", second)))


def test_the_same_outcome_twice_is_one() -> None:
    assert labels.read_outcome_labels(outcomes(("a", "running_ok", None), ("a", "running_ok", None))).undated == 1


def test_no_other_module_of_the_path_reads_outcomes() -> None:
    (package,) = models.__path__
    readers = {
        path.name
        for folder in ("models", "features", "serving", "lending")
        for path in (Path(package).parent / folder).rglob("*.py")
        if re.search(r"[\"'](curated\.)?loan_outcomes[\"']", path.read_text(encoding="utf-8"))
    }
    assert readers == {"labels.py"}
