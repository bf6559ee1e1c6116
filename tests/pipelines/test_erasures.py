"""Whose events ingest must not take, told without naming anybody."""

from datetime import UTC, datetime, timedelta

import pytest

from pipelines.erasures import Line, Refused, State, pseudonym
from pipelines.lake.iceberg_upkeep import _condition
from pipelines.lake.rows import Rows
from pipelines.subject import Subject, mentions

ASKED = datetime(2026, 5, 1, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
LINES = [
    Line("case-1", pseudonym("key", "shopper", "7"), State.REQUESTED, ASKED),
    Line("case-1", pseudonym("key", "account", "808"), State.REQUESTED, ASKED),
    Line("case-2", pseudonym("key", "shopper", "8"), State.HELD, ASKED),
]


@pytest.mark.parametrize(
    ("shopper_id", "account_id", "recorded_at", "refused"),
    [
        ("7", None, ASKED - MOMENT, True),
        ("7", None, ASKED, True),
        ("7", None, ASKED + MOMENT, False),
        (None, "808", ASKED, True),
        ("808", "7", ASKED, False),  # a shopper's number is not an account's
        ("8", None, ASKED, False),  # held, not erased
        (None, None, ASKED, False),
    ],
)
def test_what_was_recorded_of_an_erased_subject_by_the_request_is_refused(
    shopper_id: str | None, account_id: str | None, recorded_at: datetime, refused: bool
) -> None:
    found = Refused(LINES, "key")

    assert found.refuses(shopper_id=shopper_id, account_id=account_id, recorded_at=recorded_at) is refused


def test_a_batch_asks_for_all_its_ids_at_once() -> None:
    assert Refused(LINES, "key").until("account", ["808", "809", "808"]) == {"808": ASKED}
    assert not Refused([], "key")


def test_no_condition_means_every_row_and_an_empty_one_none() -> None:
    assert str(_condition(Rows())) == "AlwaysTrue()"
    assert str(_condition(Rows(any_of={}))) == str(_condition(Rows(any_of={"a": frozenset()}))) == "AlwaysFalse()"


MINE = Subject("7", {"shopper_id": frozenset({"7"}), "account_id": frozenset({"808"}), "plan_id": frozenset({"p1"})})


@pytest.mark.parametrize(
    ("payload", "mine"),
    [
        ('{"account_id": "808"}', True),
        ('{"body": {"account_id": 808}}', True),
        ('{"plan_id": "p1"}', True),
        ('{"amount_minor": 808, "shopper_id": "71"}', False),
        ('{"account_id":"808","cut of', True),
        ('{"account_id":"80', False),
        ("base64:eyJhY2NvdW50X2lkIjogIjgwOCIsIP8=", True),
        ("base64:not", False),
        ("", False),
        ("null", False),
    ],
)
def test_a_payload_is_about_the_subject_when_a_field_says_so(payload: str, mine: bool) -> None:
    assert mentions(payload, MINE) is mine
