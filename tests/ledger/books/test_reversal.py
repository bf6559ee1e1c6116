"""An entry is undone by its mirror image, once, and posted again where it was wrong."""

from datetime import date, timedelta

import pytest

from ledger.account import Side
from ledger.books.store import (
    Act,
    AlreadyRecorded,
    Outcome,
    Recorded,
    RefusalCode,
    Refused,
    Request,
    Reversal,
    UnknownEntry,
)
from ledger.money import Currency
from tests.ledger.builders import DAY, NOON, a_claim, a_journal, a_purchase, presumed_paid
from tests.ledger.conftest import Store

LATER = NOON + timedelta(days=2)


def _reverse(store: Store, entry_id: str, value_date: date = DAY) -> Outcome:
    return store.reverse(entry_id, value_date=value_date, occurred_at=LATER, recorded_at=LATER, reason="wrong price")


def _codes(answer: object) -> list[RefusalCode]:
    assert isinstance(answer, Refused)
    return [reason.code for reason in answer.reasons]


def test_a_reversal_nets_its_original_exactly_and_both_name_each_other(store: Store) -> None:
    store.post(a_purchase())

    assert _reverse(store, "F02:o-1") == Recorded("F38:F02:o-1")

    assert store.trial_balance().lines == ()
    original, mirror = store.entry("F02:o-1"), store.entry("F38:F02:o-1")
    assert original is not None
    assert mirror is not None
    assert (original.reversed_by, mirror.reverses) == ("F38:F02:o-1", "F02:o-1")
    assert mirror.act is Act.REVERSE
    assert [(each.credit, each.debit, each.amount) for each in mirror.journal.transfers] == [
        (each.debit, each.credit, each.amount) for each in original.journal.transfers
    ]
    assert [entry.journal.entry_id for entry in store.entries(correlation={"plan_id": "p-1"})] == [
        "F02:o-1",
        "F38:F02:o-1",
    ]


def test_an_entry_is_reversed_once(store: Store) -> None:
    store.post(a_purchase())
    _reverse(store, "F02:o-1")

    assert _reverse(store, "F02:o-1") == AlreadyRecorded("F38:F02:o-1")
    assert _codes(_reverse(store, "F02:o-1", DAY + timedelta(days=1))) == [RefusalCode.ALREADY_REVERSED]
    another = Reversal("F02:o-1", DAY, LATER, LATER, "again", suffix="#2")
    assert _codes(store.post_batch([another])[0]) == [RefusalCode.ALREADY_REVERSED]
    assert store.trial_balance().lines == ()


def test_a_hold_and_a_reversal_are_not_reversed_and_what_is_unknown_cannot_be(store: Store) -> None:
    store.post(a_purchase())
    store.hold(a_claim())
    _reverse(store, "F02:o-1")  # refused: the claim holds the debt
    store.post(a_purchase(key="o-2"))
    _reverse(store, "F02:o-2")

    assert _codes(_reverse(store, "F12a:a-1")) == [RefusalCode.NOT_REVERSIBLE]
    assert _codes(_reverse(store, "F38:F02:o-2")) == [RefusalCode.NOT_REVERSIBLE]
    store.void_hold("F12a:a-1", at=NOON, reason="declined")
    for unknown in ("F02:never", "F38:F02:o-1", "void:F12a:a-1"):
        with pytest.raises(UnknownEntry):
            _reverse(store, unknown)


def test_a_limit_holds_for_a_reversal_too(store: Store) -> None:
    store.post(a_purchase())
    store.post(a_journal("F03", "a-1", amounts={"principal": "25.00"}))

    assert _codes(_reverse(store, "F02:o-1")) == [RefusalCode.BELOW_ZERO]
    assert store.entry("F02:o-1").reversed_by is None  # type: ignore[union-attr]
    first_the_later_one = [
        Reversal("F03:a-1", DAY, LATER, LATER, "order"),
        Reversal("F02:o-1", DAY, LATER, LATER, "order", suffix="#2"),
    ]
    assert store.post_batch(first_the_later_one) == (Recorded("F38:F03:a-1"), Recorded("F38:F02:o-1#2"))


def test_a_reversed_entry_is_posted_again_with_what_it_should_have_been(store: Store) -> None:
    store.post(a_purchase())
    corrected = a_purchase("76.00", "4.00", suffix="#2", corrects="F02:o-1")

    assert _codes(store.preview([Request(Act.POST, corrected)])[0]) == [RefusalCode.NOT_REVERSED]
    answers = store.post_batch([Reversal("F02:o-1", DAY, LATER, LATER, "price"), Request(Act.POST, corrected)])

    assert answers == (Recorded("F38:F02:o-1"), Recorded("F02:o-1#2"))
    assert store.balance("plan:p-1:principal", Currency.GBP).posted(Side.DEBIT).minor == 80_00
    assert store.entry("F02:o-1#2").journal.corrects == "F02:o-1"  # type: ignore[union-attr]
    with pytest.raises(UnknownEntry):
        store.post(a_purchase(key="o-9", corrects="F02:never"))


def test_what_posted_a_hold_is_posted_again_without_it(store: Store) -> None:
    store.post(a_purchase())
    store.hold(a_claim())
    store.post_hold("F12a:a-1", presumed_paid())
    _reverse(store, "F12b:a-1")

    moved = presumed_paid(suffix="#2", corrects="F12b:a-1", value_date=DAY + timedelta(days=1))

    assert store.post(moved) == Recorded("F12b:a-1#2")
    assert store.balance("plan:p-1:principal", Currency.GBP).posted(Side.DEBIT).minor == 75_00
    in_flight = store.balance("rail:card:sim:in_flight", Currency.GBP)
    assert (in_flight.posted(Side.DEBIT).minor, in_flight.debits_pending) == (0, 0)
