"""The erasure record: which events ingest must refuse, stored without the id of any subject."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from pipelines.erasures.erasures import ErasedSubjects, ErasureEntry, ErasureState, keyed, pseudonym
from pipelines.erasures.subject import Subject, mentions
from pipelines.lake.iceberg_upkeep import _condition
from pipelines.lake.rows import RowSelection
from terminal.environment import SettingFault

ASKED = datetime(2026, 5, 1, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
LINES = [
    ErasureEntry("case-0", pseudonym("key", "shopper", "7"), ErasureState.REQUESTED, ASKED + MOMENT),
    ErasureEntry("case-1", pseudonym("key", "shopper", "7"), ErasureState.REQUESTED, ASKED),
    ErasureEntry("case-1", pseudonym("key", "account", "808"), ErasureState.REQUESTED, ASKED),
    ErasureEntry("case-2", pseudonym("key", "shopper", "8"), ErasureState.HELD, ASKED),
]


@pytest.mark.parametrize(
    ("kind", "subject_id", "until"),
    [
        ("shopper", "7", ASKED + MOMENT),  # asked for twice: the later request counts
        ("account", "808", ASKED),
        ("shopper", "808", None),  # a shopper's number is not an account's
        ("account", "7", None),
        ("shopper", "8", None),  # held, not erased
        ("shopper", "9", None),
    ],
)
def test_who_was_erased_is_refused_up_to_the_request(kind: str, subject_id: str, until: datetime | None) -> None:
    found = ErasedSubjects(LINES, "key").until(kind, [subject_id])

    assert found == ({} if until is None else {subject_id: until})


def test_a_batch_asks_for_all_its_ids_at_once() -> None:
    assert ErasedSubjects(LINES, "key").until("account", ["808", "809", "808"]) == {"808": ASKED}
    assert ErasedSubjects([], "key").until("account", ["808"]) == {}


def test_another_key_than_the_records_is_named_and_not_used() -> None:
    lines = [ErasureEntry("", keyed("key"), ErasureState.KEYED, ASKED), *LINES]

    assert ErasedSubjects(lines, "key").until("account", ["808"]) == {"808": ASKED}
    with pytest.raises(SettingFault, match="TRANCHE_ERASURE_KEY is another key than the one"):
        ErasedSubjects(lines, "another key")


def test_no_condition_means_every_row_and_an_empty_one_none() -> None:
    assert str(_condition(RowSelection())) == "AlwaysTrue()"
    assert (
        str(_condition(RowSelection(any_of={})))
        == str(_condition(RowSelection(any_of={"a": frozenset()})))
        == "AlwaysFalse()"
    )


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
        (json.dumps({"plan_id": None, "transfers": json.dumps([{"debit": "shopper:7:credit_balance"}])}), True),
        (json.dumps({"plan_id": None, "transfers": json.dumps([{"debit": "shopper:71:credit_balance"}])}), False),
        ("", False),
        ("null", False),
    ],
)
def test_a_payload_is_about_the_subject_when_a_field_says_so(payload: str, mine: bool) -> None:
    assert mentions(payload, MINE) is mine
