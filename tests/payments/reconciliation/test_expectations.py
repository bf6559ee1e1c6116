"""What is expected of the outside world is kept once, and never changed in silence."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from ledger.books.store import Conflict
from ledger.money import Currency, Money
from payments.expectation import Expected, Leg, Window
from payments.expectation_key import (
    BroughtBackKey,
    CaptureKey,
    ClaimKey,
    ClaimWonKey,
    DebitKey,
    DueKey,
    ExpectationKey,
    PayoutKey,
    RefundKey,
    ReturnKey,
    UnknownKey,
    expectation_key,
)
from payments.ids import AttemptId, CaseId, ProviderPayoutId, RefundPaymentId
from payments.line_key import LineKey, LineKind
from payments.reconciliation.postgres import PostgresReconciliation
from tests.payments.plans import pounds

DAY = date(2026, 3, 3)
CAPTURE = CaptureKey(AttemptId("p-1/1#1"))


@pytest.fixture
def reconciliation(connection: psycopg.Connection[Any]) -> Iterator[PostgresReconciliation]:
    yield PostgresReconciliation(connection)
    connection.rollback()


def expected(key: ExpectationKey = CAPTURE, **other: Any) -> Expected:
    made = Expected(
        key=key,
        leg=Leg.LEDGER_PROVIDER,
        amount=pounds(30_00),
        expected_on=DAY,
        due_by=DAY + timedelta(days=2),
        created_by="p-1/1#1",
        account_id="a-1",
        plan_id="p-1",
        instalment_id="p-1/1",
        window=Window(DAY, DAY),
    )
    return replace(made, **other)


def test_an_expectation_reads_back_as_it_was_expected(reconciliation: PostgresReconciliation) -> None:
    claim = expected(ClaimKey(CaseId("cb-1")), created_by=ClaimKey(CaseId("cb-1")), account_id=None, window=None)

    assert reconciliation.expect([expected(), claim]) == 2
    found = reconciliation.expected([CAPTURE, claim.key], [])
    assert sorted(found, key=lambda each: str(each.key)) == [expected(), claim]


def test_the_same_expectation_again_changes_nothing_whatever_caused_it(reconciliation: PostgresReconciliation) -> None:
    reconciliation.expect([expected()])

    assert reconciliation.expect([expected(), expected(created_by="another file")]) == 0
    assert reconciliation.expected([CAPTURE], []) == [expected()]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("leg", Leg.PROVIDER_BANK),
        ("amount", pounds(30_01)),
        ("amount", Money(30_00, Currency.EUR)),
        ("expected_on", DAY + timedelta(days=1)),
        ("due_by", DAY + timedelta(days=3)),
        ("account_id", None),
        ("plan_id", "p-2"),
        ("instalment_id", "p-1/2"),
        ("window", Window(DAY, DAY + timedelta(days=1))),
    ],
)
def test_an_expectation_under_a_known_key_with_another_content_is_a_conflict_that_names_the_field(
    reconciliation: PostgresReconciliation, field: str, value: object
) -> None:
    reconciliation.expect([expected()])

    with pytest.raises(Conflict, match=f"capture:p-1/1#1 is recorded with another {field}"):
        reconciliation.expect([expected(**{field: value})])


def test_two_contents_under_one_new_key_are_a_conflict_too(reconciliation: PostgresReconciliation) -> None:
    with pytest.raises(Conflict, match="another amount"):
        reconciliation.expect([expected(), expected(amount=pounds(1))])


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (CAPTURE, "capture:p-1/1#1"),
        (ReturnKey(AttemptId("p-1/1#1")), "return:p-1/1#1"),
        (ClaimKey(CaseId("cb:1")), "claim:cb:1"),
        (ClaimWonKey(CaseId("cb-1")), "claim-won:cb-1"),
        (RefundKey(RefundPaymentId("r-1#1")), "refund:r-1#1"),
        (PayoutKey(ProviderPayoutId("po-1")), "payout:po-1"),
        (DebitKey("mp-2026-03-10-m-1-GBP"), "debit:mp-2026-03-10-m-1-GBP"),
        (BroughtBackKey("r-1#2"), "brought-back:r-1#2"),
        (DueKey("p-1/1"), "due:p-1/1"),
    ],
)
def test_a_key_is_stored_as_a_text_and_read_from_it(key: ExpectationKey, text: str) -> None:
    assert str(key) == text
    assert expectation_key(text) == key


@pytest.mark.parametrize("text", ["", "capture", "seizure:p-1/1#1"])
def test_a_text_that_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(UnknownKey, match="is not the key of an expectation"):
        expectation_key(text)


@pytest.mark.parametrize("kind", LineKind)
def test_a_lines_key_is_stored_as_a_text_and_read_from_it(kind: LineKind) -> None:
    key = LineKey(kind, "main:GBP/1")

    assert str(key) == f"{kind.value}:main:GBP/1"
    assert LineKey.of(str(key)) == key
