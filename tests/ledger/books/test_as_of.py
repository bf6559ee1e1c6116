"""Balances as of a day of value, as of a moment of knowledge, and both: the past does not change once it is sealed."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.account import Side
from ledger.books.memory import MemoryLedger
from ledger.journal import Journal
from ledger.money import Currency, Money
from tests.ledger.builders import DAY, NOON, a_journal, a_purchase
from tests.ledger.conftest import Store

BANK, PRINCIPAL, CLEARING = "bank:main", "plan:p-1:principal", "provider:sim:clearing"
Settle = Callable[[], None]


def _paid(key: str, minor: int, valued: int, known: int) -> Journal:
    """A payment of some pence, with its value date and record time some days after the purchase."""
    return a_journal(
        "F03",
        key,
        amounts={"principal": Money(minor, Currency.GBP)},
        value_date=DAY + timedelta(days=valued),
        recorded_at=NOON + timedelta(days=known),
    )


def _cash(store: Store, valued_by: date | None = None, recorded_by: datetime | None = None) -> int:
    found = store.balance(CLEARING, Currency.GBP, valued_by=valued_by, recorded_by=recorded_by)
    return found.posted(Side.DEBIT).minor


def test_a_backdated_entry_changes_the_day_of_value_and_not_what_was_known(store: Store, settle: Settle) -> None:
    store.post(a_purchase())
    store.post(_paid("a", 10_00, 1, 1))
    settle()
    store.post(_paid("late", 5_00, 0, 3))
    for sealed in (False, True):
        if sealed:
            settle()
        assert _cash(store) == 15_00
        assert _cash(store, valued_by=DAY) == 5_00
        assert _cash(store, recorded_by=NOON + timedelta(days=2)) == 10_00
        assert _cash(store, valued_by=DAY, recorded_by=NOON + timedelta(days=2)) == 0
        assert _cash(store, valued_by=DAY, recorded_by=NOON + timedelta(days=3)) == 5_00
        day_two = store.trial_balance(valued_by=DAY + timedelta(days=1), recorded_by=NOON + timedelta(days=2))
        assert {line.account: line.amount.minor for line in day_two.lines}[PRINCIPAL] == 90_00
        assert day_two.balanced
        known = store.statement(PRINCIPAL, Currency.GBP, recorded_by=NOON + timedelta(days=2))
        assert [line.entry_id for line in known] == ["F02:o-1", "F02:o-1", "F03:a"]


def test_what_is_recorded_with_an_old_clock_is_not_put_into_a_sealed_past(store: Store, settle: Settle) -> None:
    store.post(a_purchase())
    store.post(_paid("a", 10_00, 0, 5))
    settle()
    answered = _cash(store, recorded_by=NOON + timedelta(days=4))

    store.post(_paid("old clock", 7_00, 0, 2))

    for sealed in (False, True):
        if sealed:
            settle()
        assert _cash(store, recorded_by=NOON + timedelta(days=4)) == answered == 0
        assert _cash(store, recorded_by=NOON + timedelta(days=5)) == 17_00


def test_an_account_without_a_floor_counts_what_is_sealed_what_is_not_and_what_is_held(
    store: Store, settle: Settle
) -> None:
    store.post(a_purchase())
    for number in range(5):
        store.post(_paid(f"a{number}", 1_00, number, number))
        if number == 2:
            settle()
    store.hold(a_journal("F12a", "h", amounts={"principal": "3.00"}, correlation={"attempt_id": "h"}))

    in_flight = store.balance("rail:card:sim:in_flight", Currency.GBP)
    assert (in_flight.debits_posted, in_flight.debits_pending) == (0, 3_00)
    assert _cash(store) == 5_00
    assert store.balances()[CLEARING, Currency.GBP].debits_posted == 5_00
    assert store.trial_balance().balanced


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.lists(
        st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(1, 9)), max_size=5),
        min_size=1,
        max_size=4,
    )
)
def test_every_store_gives_the_same_past(parts: list[list[tuple[int, int, int]]], store: Store, settle: Settle) -> None:
    if isinstance(store, MemoryLedger):
        return
    memory = MemoryLedger()
    run = len(store.entries(correlation={}))
    names = {"plan": f"p-{run}", "provider": f"sim{run}"}
    clearing = f"provider:sim{run}:clearing"
    earliest = store.trial_balance(recorded_by=NOON - timedelta(days=400))
    assert earliest.lines == ()
    purchase = a_purchase(key=f"o{run}", names=names, recorded_at=NOON + timedelta(days=10 * run))
    for books in (memory, store):
        books.post(purchase)
    for part, payments in enumerate(parts):
        for place, (valued, known, minor) in enumerate(payments):
            journal = a_journal(
                "F03",
                f"{run}-{part}-{place}",
                names=names,
                amounts={"principal": Money(minor, Currency.GBP)},
                value_date=DAY + timedelta(days=valued),
                recorded_at=NOON + timedelta(days=10 * run + known),
            )
            for books in (memory, store):
                books.post(journal)
        if part % 2 == 0:
            memory.seal()
            settle()
        for day in (None, 0, 2, 4):
            for age in (None, 0, 1, 3, 9):
                by = None if day is None else DAY + timedelta(days=day)
                at = None if age is None else NOON + timedelta(days=10 * run + age)
                one = memory.balance(clearing, Currency.GBP, valued_by=by, recorded_by=at)
                other = store.balance(clearing, Currency.GBP, valued_by=by, recorded_by=at)
                assert one.posted(Side.DEBIT) == other.posted(Side.DEBIT), (by, at)
