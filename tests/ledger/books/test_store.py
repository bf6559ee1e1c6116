"""One behaviour suite over every store of the books."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.account import Balance, Side
from ledger.books.memory import MemoryLedger
from ledger.books.postgres import PostgresLedger
from ledger.books.store import (
    AlreadyRecorded,
    AlreadyVoided,
    Conflict,
    Recorded,
    RefusalCode,
    Refused,
    UnknownHold,
    Voided,
)
from ledger.map.flows import NotOnTheMap
from ledger.money import LARGEST_MINOR, Currency, Money
from tests.ledger.builders import DAY, NOON, a_claim, a_journal, a_purchase, pounds, presumed_paid

PRINCIPAL = "plan:p-1:principal"
Store = MemoryLedger | PostgresLedger


@pytest.fixture(params=["memory", "postgres"])
def books(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryLedger()
        return
    connection: psycopg.Connection[Any] = request.getfixturevalue("connection")
    connection.execute("SET ROLE tranche_application")  # everything here must work with no more than its rights
    yield PostgresLedger(connection)
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what a commit would check
    connection.rollback()


def _free(books: Store, account: str, normal: Side = Side.DEBIT) -> Money:
    return books.balance(account, Currency.GBP).free(normal)


def test_a_purchase_makes_the_shopper_owe_and_us_owe_the_merchant(books: Store) -> None:
    assert books.post(a_purchase()) == Recorded("F02:o-1")

    assert books.balance(PRINCIPAL, Currency.GBP) == Balance(Currency.GBP, debits_posted=100_00)
    assert books.balance("merchant:m-1:payable", Currency.GBP) == Balance(Currency.GBP, credits_posted=95_00)
    assert books.trial_balance().totals() == {Currency.GBP: (pounds("100.00"), pounds("100.00"))}


def test_the_currencies_of_an_account_are_those_in_which_it_was_used(books: Store) -> None:
    yen = Money(700, Currency.JPY)
    for amount in (pounds("7.00"), yen):
        books.post(a_journal("F36a", f"l-{amount.currency}", amounts={"cash": amount}))

    (account,) = {name for name, currency in books.balances() if currency is Currency.JPY and name.startswith("bank:")}
    assert books.currencies(account) == (Currency.GBP, Currency.JPY)
    assert books.currencies(PRINCIPAL) == ()


def test_the_same_journal_again_changes_nothing(books: Store) -> None:
    books.post(a_purchase())

    assert books.post(a_purchase()) == AlreadyRecorded("F02:o-1")
    assert books.balance(PRINCIPAL, Currency.GBP).debits_posted == 100_00
    assert len(books.entries(correlation={})) == 1


def test_when_we_first_knew_is_kept_and_a_later_knowing_is_the_same_journal(books: Store) -> None:
    books.post(a_purchase())

    assert books.post(a_purchase(recorded_at=NOON + timedelta(days=3))) == AlreadyRecorded("F02:o-1")
    assert books.entries(correlation={})[0].journal.recorded_at == NOON


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"payable": "96.00"}, "transfers"),
        ({"value_date": DAY + timedelta(days=1)}, "value_date"),
        ({"occurred_at": NOON + timedelta(microseconds=1)}, "occurred_at"),
        ({"correlation": {"plan_id": "p-2"}}, "correlation"),
    ],
)
def test_another_content_under_a_known_id_is_a_conflict_that_names_the_field(
    books: Store, changes: dict[str, Any], field: str
) -> None:
    books.post(a_purchase())

    with pytest.raises(Conflict) as raised:
        books.post(a_purchase(**changes))
    assert (raised.value.entry_id, raised.value.field) == ("F02:o-1", field)


def test_another_flow_or_another_end_of_a_hold_is_a_conflict(books: Store) -> None:
    books.post(a_purchase())
    books.hold(a_claim(), expires_at=NOON)

    with pytest.raises(Conflict, match="flow"):
        books.post(replace(a_journal("F49", amounts={"capital": "1.00"}), entry_id="F02:o-1"))
    with pytest.raises(Conflict, match="expires_at"):
        books.hold(a_claim(), expires_at=NOON + timedelta(hours=1))


def test_what_is_not_on_the_map_is_not_written(books: Store) -> None:
    with pytest.raises(NotOnTheMap):
        books.post(a_claim())
    with pytest.raises(NotOnTheMap):
        books.post(replace(a_purchase(), flow="F99"))
    with pytest.raises(NotOnTheMap):
        books.balance("purse:p-1", Currency.GBP)
    assert books.entries(correlation={}) == ()


def test_a_debt_cannot_be_repaid_below_zero_and_the_refusal_names_the_account(books: Store) -> None:
    books.post(a_purchase())
    too_much = a_journal("F03", "a-1", amounts={"principal": "100.01"})

    answer = books.post(too_much)

    assert isinstance(answer, Refused)
    assert [(reason.code, reason.about) for reason in answer.reasons] == [(RefusalCode.BELOW_ZERO, PRINCIPAL)]
    assert "-0.01 GBP" in answer.reasons[0].detail
    assert books.balance(PRINCIPAL, Currency.GBP) == Balance(Currency.GBP, debits_posted=100_00)
    assert books.balance("provider:sim:clearing", Currency.GBP).empty
    assert len(books.entries(correlation={})) == 1


def test_a_refusal_is_final_for_its_id_and_is_answered_again(books: Store) -> None:
    early = a_journal("F03", "a-1", amounts={"principal": "25.00"})
    refused = books.post(early)
    books.post(a_purchase())

    assert isinstance(refused, Refused)
    assert books.post(early) == refused
    assert books.post(a_journal("F03", "a-2", amounts={"principal": "25.00"})) == Recorded("F03:a-2")
    with pytest.raises(Conflict, match="transfers"):
        books.post(a_journal("F03", "a-1", amounts={"principal": "26.00"}))


def test_a_refusal_carries_every_reason(books: Store) -> None:
    answer = books.hold(a_journal("F12a", "a-1", amounts={"fees": "1.00", "interest": "1.00", "principal": "1.00"}))

    assert isinstance(answer, Refused)
    assert [reason.about for reason in answer.reasons] == [
        "plan:p-1:fee_rcv",
        "plan:p-1:interest_rcv",
        "plan:p-1:principal",
    ]


def test_a_counter_past_64_bits_is_refused(books: Store) -> None:
    most = Money(LARGEST_MINOR, Currency.GBP)
    books.post(a_journal("F49", "1", amounts={"capital": most}))

    answer = books.post(a_journal("F49", "2", amounts={"capital": "0.01"}))

    assert isinstance(answer, Refused)
    assert {reason.code for reason in answer.reasons} == {RefusalCode.TOO_LARGE}


def test_a_claim_holds_the_debt_without_posting_and_stops_a_second_claim(books: Store) -> None:
    books.post(a_purchase())

    assert books.hold(a_claim("80.00", "a-1")) == Recorded("F12a:a-1")

    assert books.balance(PRINCIPAL, Currency.GBP) == Balance(Currency.GBP, debits_posted=100_00, credits_pending=80_00)
    assert _free(books, PRINCIPAL) == pounds("20.00")
    assert isinstance(books.hold(a_claim("20.01", "a-2")), Refused)
    assert isinstance(books.post(a_journal("F03", "a-3", amounts={"principal": "20.01"})), Refused)
    assert books.hold(a_claim("20.00", "a-4")) == Recorded("F12a:a-4")


def test_posting_a_hold_lets_the_debt_fall_and_leaves_nothing_in_flight(books: Store) -> None:
    books.post(a_purchase())
    books.hold(a_claim())

    assert books.post_hold("F12a:a-1", presumed_paid()) == Recorded("F12b:a-1")

    assert books.balance(PRINCIPAL, Currency.GBP) == Balance(Currency.GBP, debits_posted=100_00, credits_posted=25_00)
    in_flight = books.balance("rail:card:sim:in_flight", Currency.GBP)
    assert (in_flight.debits_pending, in_flight.posted(Side.DEBIT).minor) == (0, 0)
    assert books.balance("provider:sim:clearing", Currency.GBP).posted(Side.DEBIT) == pounds("25.00")
    assert books.open_holds() == ()


def test_the_whole_of_a_debt_can_be_held_and_posted(books: Store) -> None:
    books.post(a_purchase())
    books.hold(a_claim("100.00"))

    assert books.post_hold("F12a:a-1", presumed_paid("100.00")) == Recorded("F12b:a-1")
    assert _free(books, PRINCIPAL) == pounds("0.00")


def test_a_hold_is_posted_once(books: Store) -> None:
    books.post(a_purchase())
    books.hold(a_claim())
    books.post_hold("F12a:a-1", presumed_paid())

    assert books.post_hold("F12a:a-1", presumed_paid()) == AlreadyRecorded("F12b:a-1")
    again = books.post_hold("F12a:a-1", presumed_paid(key="a-9"))
    assert isinstance(again, Refused)
    assert again.reasons[0].code is RefusalCode.HOLD_RESOLVED
    refused = books.void_hold("F12a:a-1", at=NOON, reason="late")
    assert isinstance(refused, Refused)
    assert refused.reasons[0].code is RefusalCode.HOLD_RESOLVED


def test_a_hold_posted_in_part_keeps_the_rest_until_it_is_posted_or_voided(books: Store) -> None:
    books.post(a_purchase())
    books.hold(a_claim("25.00"))

    assert books.post_hold("F12a:a-1", presumed_paid("10.00", "part-1")) == Recorded("F12b:part-1")
    assert books.find_hold("F12a:a-1").remaining == (pounds("15.00"),)  # type: ignore[union-attr]
    assert _free(books, PRINCIPAL) == pounds("75.00")
    more = books.post_hold("F12a:a-1", presumed_paid("15.01", "part-2"))
    assert isinstance(more, Refused)
    assert RefusalCode.MORE_THAN_HELD in {reason.code for reason in more.reasons}
    assert books.void_hold("F12a:a-1", at=NOON, reason="rest not needed") == Voided("F12a:a-1")
    assert _free(books, PRINCIPAL) == pounds("90.00")
    assert books.find_hold("F12a:a-1").remaining == (pounds("0.00"),)  # type: ignore[union-attr]


def test_a_voided_hold_frees_the_debt_once(books: Store) -> None:
    books.post(a_purchase())
    books.hold(a_claim())

    assert books.void_hold("F12a:a-1", at=NOON, reason="declined") == Voided("F12a:a-1")
    assert books.void_hold("F12a:a-1", at=NOON, reason="declined") == AlreadyVoided("F12a:a-1")
    assert _free(books, PRINCIPAL) == pounds("100.00")
    assert isinstance(books.post_hold("F12a:a-1", presumed_paid()), Refused)


def test_a_journal_that_posts_nothing_of_what_is_held_is_refused(books: Store) -> None:
    books.post(a_purchase())
    books.hold(a_claim())

    other = presumed_paid(names={"plan": "p-2"})
    answer = books.post_hold("F12a:a-1", other)

    assert isinstance(answer, Refused)
    assert answer.reasons[0].code is RefusalCode.NOT_HELD


def test_a_hold_that_ran_out_is_not_posted(books: Store) -> None:
    books.post(a_purchase())
    books.hold(a_claim(), expires_at=NOON + timedelta(hours=1))

    late = books.post_hold("F12a:a-1", presumed_paid(recorded_at=NOON + timedelta(hours=1)))

    assert isinstance(late, Refused)
    assert [reason.code for reason in late.reasons] == [RefusalCode.HOLD_EXPIRED]
    just_in_time = presumed_paid(key="a-9", recorded_at=NOON + timedelta(minutes=59))
    assert books.post_hold("F12a:a-1", just_in_time) == Recorded("F12b:a-9")


def test_a_hold_that_was_never_placed_or_was_refused_is_unknown(books: Store) -> None:
    assert isinstance(books.hold(a_claim()), Refused)
    for hold_id in ("F12a:a-1", "F12a:never"):
        with pytest.raises(UnknownHold):
            books.post_hold(hold_id, presumed_paid())
        with pytest.raises(UnknownHold):
            books.void_hold(hold_id, at=NOON, reason="declined")
        assert books.find_hold(hold_id) is None


def test_a_reservation_is_not_posted_as_a_payment(books: Store) -> None:
    books.hold(a_journal("F01", "d-1", amounts={"approved": "100.00"}))

    with pytest.raises(NotOnTheMap, match="does not post a F01"):
        books.post_hold("F01:d-1", presumed_paid())


def test_open_holds_come_in_the_order_in_which_they_run_out(books: Store) -> None:
    for key, hours in (("d-3", None), ("d-2", 2), ("d-1", 2), ("d-0", 3)):
        end = None if hours is None else NOON + timedelta(hours=hours)
        books.hold(a_journal("F01", key, amounts={"approved": "1.00"}), expires_at=end)

    assert [hold.hold_id for hold in books.open_holds()] == ["F01:d-1", "F01:d-2", "F01:d-0", "F01:d-3"]
    by_then = books.open_holds(expired_at=NOON + timedelta(hours=2))
    assert [hold.hold_id for hold in by_then] == ["F01:d-1", "F01:d-2"]


def test_a_batch_answers_each_journal_in_order(books: Store) -> None:
    books.post(a_purchase(key="o-0"))
    journals = [
        a_purchase(key="o-0"),
        a_purchase(key="o-1"),
        a_journal("F03", "a-1", amounts={"principal": "200.01"}),
        a_journal("F03", "a-2", amounts={"principal": "200.00"}),
        a_journal("F03", "a-3", amounts={"principal": "0.01"}),
        a_purchase(key="o-1"),
    ]

    answers = books.post_all(journals)

    kinds = [type(answer) for answer in answers]
    assert kinds == [AlreadyRecorded, Recorded, Refused, Recorded, Refused, AlreadyRecorded]
    assert [answer.entry_id for answer in answers] == [journal.entry_id for journal in journals]
    assert [entry.journal.entry_id for entry in books.entries(correlation={})] == ["F02:o-0", "F02:o-1", "F03:a-2"]
    assert _free(books, PRINCIPAL) == pounds("0.00")
    assert books.post_all([]) == ()


def test_a_batch_with_a_conflict_writes_nothing_and_spoils_nothing(books: Store) -> None:
    books.post(a_purchase(key="o-0"))

    for broken in (a_purchase(key="o-0", payable="1.00"), a_purchase(key="o-1", payable="1.00")):
        with pytest.raises(Conflict):
            books.post_all([a_purchase(key="o-1"), broken])
    assert books.post(a_purchase(key="o-2")) == Recorded("F02:o-2")
    assert [entry.journal.entry_id for entry in books.entries(correlation={})] == ["F02:o-0", "F02:o-2"]


def test_entries_are_found_by_any_of_their_business_ids(books: Store) -> None:
    books.post(a_purchase(correlation={"plan_id": "p-1", "order_id": "o-1"}))
    books.hold(a_claim())
    books.post_hold("F12a:a-1", presumed_paid())

    def found(**correlation: str) -> list[str]:
        return [entry.journal.entry_id for entry in books.entries(correlation=correlation)]

    assert found(plan_id="p-1") == ["F02:o-1", "F12a:a-1", "F12b:a-1"]
    assert found(plan_id="p-1", attempt_id="a-1") == ["F12a:a-1", "F12b:a-1"]
    assert found(plan_id="p-2") == []
    assert books.entries(correlation={"order_id": "o-1"})[0].journal == a_purchase(
        correlation={"plan_id": "p-1", "order_id": "o-1"}
    )


def test_the_trial_balance_of_a_day_counts_what_is_valued_up_to_it(books: Store) -> None:
    books.post(a_purchase())
    books.post(a_journal("F03", "a-1", amounts={"principal": "25.00"}, value_date=DAY + timedelta(days=1)))

    def owed(as_of: date | None) -> list[Money]:
        return [line.amount for line in books.trial_balance(as_of).lines if line.account == PRINCIPAL]

    assert owed(DAY - timedelta(days=1)) == []
    assert owed(DAY) == [pounds("100.00")]
    assert owed(DAY + timedelta(days=1)) == [pounds("75.00")]
    assert owed(None) == [pounds("75.00")]
    assert books.trial_balance(DAY).balanced


def test_a_statement_runs_by_value_date_and_ends_at_the_balance(books: Store) -> None:
    books.post(a_purchase())
    books.post(a_journal("F03", "later", amounts={"principal": "30.00"}, value_date=DAY + timedelta(days=2)))
    books.post(a_journal("F03", "backdated", amounts={"principal": "20.00"}, value_date=DAY + timedelta(days=1)))

    lines = books.statement(PRINCIPAL, Currency.GBP)

    assert [(line.entry_id, line.balance.minor) for line in lines] == [
        ("F02:o-1", 95_00),
        ("F02:o-1", 100_00),
        ("F03:backdated", 80_00),
        ("F03:later", 50_00),
    ]
    until = books.statement(PRINCIPAL, Currency.GBP, as_of=DAY + timedelta(days=1))
    assert [line.entry_id for line in until][-1] == "F03:backdated"
    assert books.statement(PRINCIPAL, Currency.CZK) == ()


def test_a_clearing_group_is_open_until_it_is_zero(books: Store) -> None:
    books.post(a_purchase())
    books.hold(a_claim())
    in_flight = books.open_groups(DAY + timedelta(days=2))
    books.post_hold("F12a:a-1", presumed_paid(value_date=DAY + timedelta(days=1)))
    clearing = books.open_groups(DAY + timedelta(days=2))
    cash = {"cash": "24.50", "fee": "0.50"}
    books.post(a_journal("F12c", "a-1", amounts=cash, correlation={"attempt_id": "a-1"}))

    (group,) = in_flight
    assert (group.account, group.key, group.value) == ("rail:card:sim:in_flight", "attempt_id", "a-1")
    assert (group.posted, group.pending) == (pounds("0.00"), pounds("25.00"))
    assert group.age_days(DAY + timedelta(days=2)) == 2
    (group,) = clearing
    assert (group.account, group.value, group.posted) == ("provider:sim:clearing", "a-1", pounds("25.00"))
    assert group.age_days(DAY + timedelta(days=2)) == 1
    assert books.open_groups(DAY + timedelta(days=2)) == ()


def test_a_group_that_its_journals_do_not_name_is_listed_without_a_name(books: Store) -> None:
    books.post(a_journal("F36a", "l-1", amounts={"cash": "1.00"}, correlation={"line_id": "l-1"}))
    books.post(a_journal("F36a", "l-2", amounts={"cash": "2.00"}, correlation={}))

    groups = books.open_groups(DAY)

    assert {(group.value, group.posted.minor) for group in groups} == {("l-1", -1_00), ("", -2_00)}
    assert books.open_groups(DAY - timedelta(days=1)) == ()


def test_a_group_that_opens_again_is_as_old_as_its_new_opening(books: Store) -> None:
    def at(days: int, flow: str, **amounts: str) -> None:
        correlation = {"attempt_id": "a-1"}
        written = a_journal(flow, f"{days}", amounts=amounts, correlation=correlation, value_date=DAY + timedelta(days))
        books.post(written)

    books.post(a_purchase())
    at(0, "F03", principal="25.00")
    at(2, "F12c", cash="25.00")
    at(30, "F35d", cash="5.00")
    at(31, "F35d", cash="1.00")

    (group,) = books.open_groups(DAY + timedelta(days=36))

    assert (group.posted, group.since) == (pounds("6.00"), DAY + timedelta(days=30))
    assert (group.owner, group.overdue(DAY + timedelta(days=36))) == ("operations", True)
    assert not group.overdue(DAY + timedelta(days=35))
    (group,) = books.open_groups(DAY + timedelta(days=1))
    assert (group.posted, group.since) == (pounds("25.00"), DAY)
    assert books.open_groups(DAY + timedelta(days=29)) == ()


JOURNALS = [
    *[a_purchase(f"{amount}.00", "1.00", f"o-{amount}") for amount in range(40, 46)],
    *[a_journal("F03", f"a-{amount}", amounts={"principal": f"{amount}.00"}) for amount in range(1, 5)],
    *[a_journal("F36a", f"l-{amount}", amounts={"cash": f"{amount}.00"}) for amount in range(1, 4)],
]


@given(order=st.permutations(JOURNALS))
def test_any_order_of_entries_that_are_all_accepted_gives_the_same_balances(order: list[Any]) -> None:
    # The purchases come first in either order, so that no repayment meets an empty account.
    order = sorted(order, key=lambda journal: journal.flow != "F02")
    one, other = MemoryLedger(), MemoryLedger()
    for journal in JOURNALS:
        one.post(journal)
    for journal in order:
        assert other.post(journal) == Recorded(journal.entry_id)

    assert one.trial_balance().lines == other.trial_balance().lines
    assert other.trial_balance().balanced


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(0, 5), st.integers(1, 5), st.integers(1, 60_00)), max_size=25))
def test_memory_and_postgres_give_the_same_answers_and_balances(
    connection: psycopg.Connection[Any], steps: list[tuple[int, int, int]]
) -> None:
    memory, postgres = MemoryLedger(), PostgresLedger(connection)
    try:
        for number, (act, key, minor) in enumerate(steps):
            answers = [_step(books, act, f"k{key}", minor, number) for books in (memory, postgres)]
            assert answers[0] == answers[1]
        assert memory.trial_balance().lines == postgres.trial_balance().lines
        assert memory.trial_balance(DAY).lines == postgres.trial_balance(DAY).lines
        assert memory.open_groups(DAY) == postgres.open_groups(DAY)
        assert memory.open_holds() == postgres.open_holds()
        assert memory.trial_balance().balanced
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    finally:
        connection.rollback()


def _step(books: Store, act: int, key: str, minor: int, number: int) -> object:
    money = Money(minor, Currency.GBP)
    named = {"correlation": {"attempt_id": key}}
    repaid, cash = {"principal": money}, {"cash": money}
    acts: list[Callable[[], object]] = [
        lambda: books.post(a_journal("F02", f"{key}-{number % 3}", amounts={"payable": money})),
        lambda: books.hold(a_journal("F12a", key, amounts=repaid, **named)),
        lambda: books.post_hold(f"F12a:{key}", a_journal("F12b", f"{key}-{number % 2}", amounts=repaid, **named)),
        lambda: books.void_hold(f"F12a:{key}", at=NOON, reason="declined"),
        lambda: books.post_all(
            [
                a_journal("F12c", key, amounts=cash, **named),
                a_journal("F03", f"{key}-{number}", amounts=repaid),
            ]
        ),
        lambda: books.post(a_journal("F07a", f"{key}-{number}", amounts={"payout": money})),
    ]
    try:
        return acts[act]()
    except (Conflict, UnknownHold) as raised:
        return (type(raised), *raised.args)
