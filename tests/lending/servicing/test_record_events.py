"""Events as they are recorded: kept once, judged by what came before, booked, and booked anew when one comes late."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any

import psycopg
import pytest

from ledger.account import Side
from ledger.books.close_period import close_period
from ledger.books.memory import MemoryLedger
from ledger.books.postgres_periods import PostgresPeriods
from ledger.books.store import Answer, Asked, Conflict, Refusal, RefusalCode, Refused
from ledger.map.flows import journal
from ledger.money import Currency
from lending.plan.event import (
    ChargedOff,
    Disputed,
    Forbearance,
    Goodwill,
    Held,
    Paid,
    PaymentChannel,
    PlanEvent,
    Recovered,
    Reversed,
)
from lending.plan.plan import Plan
from lending.plan.refusal import PlanRefusalCode
from lending.servicing.memory import MemoryPlans
from lending.servicing.record_events import (
    MOST_CLOSES,
    EventAlreadyRecorded,
    EventRecorded,
    EventRefused,
    UnknownPlan,
)
from tests.lending.plans import NOON, a_plan, pounds
from tests.lending.servicing.servicing import Desk, a_payment, an_event, another_database, day, opened

Connection = psycopg.Connection[Any]


@pytest.fixture(params=["memory", "postgres"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    if request.param == "memory":
        yield Desk.in_memory()
        return
    connection: Connection = request.getfixturevalue("connection")
    connection.execute("SET ROLE tranche_application")
    yield Desk.over(connection)
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what a commit would check
    connection.rollback()


def test_an_event_is_booked_and_says_what_it_posted(desk: Desk) -> None:
    plan = a_plan()
    desk.plans.open(plan)

    (recorded,) = desk.take(opened(plan))

    assert recorded == EventRecorded(f"opened:{plan.plan_id}", ("F02:m-1/o-1/1",), ())
    assert desk.balances() == desk.folded(plan)
    assert desk.standing(plan).principal == pounds("100.00")
    assert [each.open_principal for each in desk.standing(plan).instalments] == [
        each.principal for each in plan.instalments
    ]


def test_the_same_event_changes_nothing_and_another_under_its_id_is_a_conflict(desk: Desk) -> None:
    plan = a_plan("90.00")
    desk.open(plan)
    payment = a_payment(plan, "x-1", day(0), "30.00")

    once, twice = desk.record(payment, payment)

    assert (type(once), type(twice)) == (EventRecorded, EventAlreadyRecorded)
    assert desk.record(replace(payment, recorded_at=NOON)) == (EventAlreadyRecorded("paid:x-1"),)
    with pytest.raises(Conflict, match="value_date"):
        desk.record(replace(payment, value_date=day(1)))
    with pytest.raises(Conflict, match="body"):
        desk.record(a_payment(plan, "x-2", day(0), "1.00"), replace(payment, body=Goodwill(pounds("1.00"))))
    assert desk.balances() == desk.folded(plan)


def test_an_event_of_another_plan_does_not_take_a_known_id(desk: Desk) -> None:
    one, other = a_plan("90.00"), a_plan("60.00", plan_id="p-d-2", decision_id="d-2", order_id="o-2")
    desk.open(one, other)
    payment = a_payment(one, "x-1", day(0), "30.00")
    desk.take(payment)

    with pytest.raises(Conflict, match="plan_id"):
        desk.record(replace(payment, plan_id=other.plan_id))
    with pytest.raises(UnknownPlan, match="p-d-9"):
        desk.record(replace(payment, plan_id="p-d-9"))


def test_what_a_plan_refuses_leaves_everything_as_it_was(desk: Desk) -> None:
    plan = a_plan("90.00")
    desk.open(plan)
    before = desk.balances(), desk.standing(plan), desk.plans.histories([plan.plan_id])

    zero, taken = desk.record(a_payment(plan, "x-0", day(0), "0.00"), a_payment(plan, "x-1", day(0), "30.00"))

    assert isinstance(zero, EventRefused)
    assert [reason.code for reason in zero.reasons] == [PlanRefusalCode.NOT_POSITIVE]
    assert isinstance(taken, EventRecorded)
    assert desk.standing(plan).principal == pounds("60.00")
    assert before[1].version == desk.standing(plan).version - 1
    assert desk.plans.find_events(["paid:x-0"]) == {}


def test_what_the_books_refuse_is_undone_and_the_rest_is_taken(desk: Desk) -> None:
    """The plan's principal is held by an attempt, of which the plan knows nothing: a charge-off cannot take it."""
    from tests.ledger.builders import a_claim

    one, other = a_plan("90.00"), a_plan("60.00", plan_id="p-d-2", decision_id="d-2", order_id="o-2")
    desk.open(one, other)
    desk.ledger.hold(a_claim("30.00", names={"plan": one.plan_id}))
    before = desk.balances()

    refused, taken = desk.record(an_event(one, "off", day(100), ChargedOff()), a_payment(other, "x-1", day(0), "20.00"))

    assert isinstance(refused, EventRefused)
    assert [reason.code for reason in refused.reasons] == [RefusalCode.BELOW_ZERO]
    assert isinstance(taken, EventRecorded)
    assert {of for of, net in desk.balances().items() if before.get(of) != net} == {
        ("plan:p-d-2:principal", Currency.GBP), ("provider:sim:clearing", Currency.GBP),
    }  # fmt: skip
    assert desk.standing(one).version == 1
    assert isinstance(desk.record(a_payment(one, "x-2", day(0), "1.00"))[0], EventRecorded)


def test_books_that_refuse_and_close_a_period_in_every_round_end_the_recording() -> None:
    class Closing(MemoryLedger):
        rounds = 0

        def closed_through(self) -> date:
            self.rounds += 1
            return day(-1000 + self.rounds)

        def post_batch(self, requests: Sequence[Asked]) -> tuple[Answer, ...]:
            return tuple(Refused("F02:x", (Refusal(RefusalCode.CLOSED_PERIOD, "2026", "closed"),)) for _ in requests)

    ledger = Closing()
    desk = Desk(MemoryPlans(ledger), ledger)
    plan = a_plan()
    desk.plans.open(plan)

    with pytest.raises(RuntimeError, match=f"in each of {1 + MOST_CLOSES} rounds"):
        desk.record(opened(plan))

    assert desk.plans.find_events([f"opened:{plan.plan_id}"]) == {}


def test_a_backdated_payment_takes_a_late_fee_away_by_reversal(desk: Desk) -> None:
    plan = a_plan("90.00")
    desk.open(plan)
    desk.take(a_payment(plan, "x-1", day(0), "30.00"))
    desk.take(a_payment(plan, "x-2", day(40), "37.00"))
    assert ("inc:late_fee", Currency.GBP) in desk.balances()

    (late,) = desk.take(a_payment(plan, "x-3", day(29), "30.00", at=datetime(2026, 3, 1, tzinfo=UTC)))

    assert late.reversed == ("F19a:x-2", f"F15:{plan.plan_id}/1/late")  # the newest first
    assert late.posted[0].endswith(":x-3")
    assert "F19a:x-2#2" in late.posted
    assert ("inc:late_fee", Currency.GBP) not in desk.balances()
    assert desk.balances() == desk.folded(plan)
    again = desk.ledger.entry("F19a:x-2#2")
    assert again is not None
    assert again.journal.corrects == "F19a:x-2"
    reversal = desk.ledger.entry("F38:F19a:x-2")
    assert reversal is not None
    assert (reversal.reverses, reversal.journal.value_date) == ("F19a:x-2", day(40))


def test_taking_a_backdated_payment_back_brings_the_fee_again_under_a_new_id(desk: Desk) -> None:
    plan = a_plan("90.00")
    desk.open(plan)
    desk.take(a_payment(plan, "x-1", day(0), "30.00"))
    desk.take(a_payment(plan, "x-2", day(40), "37.00"))
    before = desk.balances()
    desk.take(a_payment(plan, "x-3", day(29), "30.00"))

    (undone,) = desk.take(an_event(plan, "undo", day(41), Reversed("paid:x-3")))

    assert f"F15:{plan.plan_id}/1/late#2" in undone.posted
    assert undone.reversed == ("F19a:x-2#2", "F19a:x-3")
    assert desk.balances() == before == desk.folded(plan)


def test_events_in_any_order_leave_the_same_plan_and_the_same_balances(desk: Desk) -> None:
    """Whenever an event becomes known, the books end where the sorted events put them."""
    plan = a_plan("1000.00", months=6, rate=1200)
    events = [
        a_payment(plan, "x-1", day(31), "174.00"),
        a_payment(plan, "x-2", day(70), "400.00"),
        an_event(plan, "g", day(45), Goodwill(pounds("5.00"))),
        a_payment(plan, "x-3", day(60), "20.00"),
    ]
    in_order = Desk.in_memory()
    in_order.open(plan)
    in_order.take(*sorted(events, key=lambda event: event.value_date))

    desk.open(plan)
    for event in reversed(events):
        desk.take(event)

    assert desk.balances() == in_order.balances() == desk.folded(plan)
    assert desk.standing(plan) == in_order.standing(plan)


def test_an_event_of_one_plan_leaves_the_others_alone(desk: Desk) -> None:
    """No event of one plan changes a row or a balance of another."""
    one, other = a_plan("90.00"), a_plan("60.00", plan_id="p-d-2", decision_id="d-2", order_id="o-2")
    desk.open(one, other)
    before = desk.standing(other), desk.plans.histories([other.plan_id])[other.plan_id]

    desk.take(a_payment(one, "x-1", day(40), "97.00"), an_event(one, "undo", day(50), Reversed("paid:x-1")))

    assert (desk.standing(other), desk.plans.histories([other.plan_id])[other.plan_id]) == before
    assert desk.balances() == desk.folded(one, other)


def test_an_interest_bearing_plan_accrues_up_to_the_payment(desk: Desk) -> None:
    plan = a_plan("1000.00", months=6, rate=1200)
    desk.open(plan)

    (recorded,) = desk.take(a_payment(plan, "x-1", day(10), "100.00"))

    accrued = [entry_id for entry_id in recorded.posted if entry_id.startswith("F17")]
    assert accrued == [f"F17:{plan.plan_id}/paid:x-1"]
    assert desk.standing(plan).accrues
    assert desk.balances() == desk.folded(plan)


def test_where_it_stands_is_what_the_books_have_on_the_plan(desk: Desk) -> None:
    """Open principal, interest and fees each equal their account in the books."""
    plan = a_plan("1000.00", months=6, rate=1200)
    desk.open(plan)
    desk.take(a_payment(plan, "x-1", day(75), "200.00"))

    standing = desk.standing(plan)

    for account, kept in (
        ("principal", standing.principal), ("interest_rcv", standing.interest), ("fee_rcv", standing.fees)
    ):  # fmt: skip
        name = f"plan:{plan.plan_id}:{account}"
        assert desk.ledger.balance(name, Currency.GBP).posted(Side.DEBIT) == kept, account
    assert sum(each.open_principal.minor for each in standing.instalments) == standing.principal.minor


def test_what_is_due_and_what_of_it_may_be_asked_for(desk: Desk) -> None:
    one, other, third = (
        a_plan("90.00", plan_id=f"p-d-{number}", decision_id=f"d-{number}", order_id=f"o-{number}")
        for number in (1, 2, 3)
    )
    desk.open(one, other, third)
    desk.take(
        a_payment(one, "x-1", day(0), "10.00"),
        an_event(other, "later", day(0), Forbearance(day(0), day(40))),
        an_event(third, "case", day(0), Disputed("c-1", pounds("90.00"))),
    )

    def due(days: int) -> list[tuple[str, int]]:
        return [(each.plan.plan_id, each.open_amount.minor) for each in desk.plans.due(day(days))]

    def collectable(days: int) -> list[tuple[str, int]]:
        return [(each.plan.plan_id, each.open_amount.minor) for each in desk.plans.collectable(day(days))]

    assert due(-1) == []
    assert due(0) == [("p-d-1", 20_00), ("p-d-2", 30_00), ("p-d-3", 30_00)]
    assert collectable(0) == [("p-d-1", 20_00)]
    assert collectable(39) == [("p-d-1", 20_00), ("p-d-1", 30_00)]
    assert ("p-d-2", 30_00) in collectable(40)
    assert desk.plans.due(day(0))[2].disputed == pounds("30.00")


def test_one_by_one_and_all_at_once_write_the_same_journals(connection: Connection, template_database: str) -> None:
    """Whatever the path, the same events make the same entries, to the digest of their bodies."""
    plan, other = a_plan("1000.00", months=6, rate=1200), a_plan("60.00", plan_id="p-2", decision_id="d-2")
    other = replace(other, order_id="o-2")
    events = (
        a_payment(plan, "x-1", day(31), "174.00"),
        a_payment(other, "x-2", day(31), "20.00"),
        an_event(plan, "g", day(33), Goodwill(pounds("5.00"))),
        a_payment(plan, "x-3", day(60), "200.00"),
    )
    desk = Desk.over(connection)
    desk.open(plan, other)
    for event in events:
        desk.take(event)

    with another_database(template_database, "all_at_once") as second:
        batch = Desk.over(second)
        batch.plans.open_all([plan, other])
        batch.take(opened(plan), opened(other), *events)

        assert _bodies(second) == _bodies(connection)
        assert batch.balances() == desk.balances()


def _bodies(connection: Connection) -> set[tuple[str, bytes]]:
    return set(connection.execute("SELECT entry_id, digest FROM ledger.requests").fetchall())


def test_a_late_item_counts_from_the_first_open_day_and_keeps_its_own(connection: Connection) -> None:
    """Nothing of a refold goes into a closed period, neither what is reversed nor what is posted again."""
    plan = a_plan("90.00")
    desk = Desk.over(connection)
    desk.open(plan)
    desk.take(a_payment(plan, "x-1", day(0), "30.00"), a_payment(plan, "x-2", day(40), "37.00"))
    connection.commit()
    closed = close_period(PostgresPeriods(connection), day(45), at=datetime(2026, 3, 10, tzinfo=UTC))
    connection.commit()

    (late,) = desk.take(a_payment(plan, "x-3", day(29), "30.00", recorded_at=datetime(2026, 3, 11, tzinfo=UTC)))

    assert closed.through == day(45)
    for entry_id in (*late.posted, *(f"F38:{each}" for each in late.reversed)):
        entry = desk.ledger.entry(entry_id)
        assert entry is not None
        assert entry.journal.value_date == day(46), entry_id
    assert (again := desk.ledger.entry("F19a:x-3")) is not None
    assert again.journal.original_date == day(29)
    fees = ("inc:late_fee", Currency.GBP)
    assert desk.balances()[fees] == 7_00, "the fee went to equity with its period and is given back in this one"
    assert desk.ledger.balance("plan:p-d-1:principal", Currency.GBP).posted(Side.DEBIT) == desk.standing(plan).principal


def test_full_recovery_after_a_charge_off_leaves_no_loss_of_principal(desk: Desk) -> None:
    """The loss booked at the charge-off and the recovery net to zero on principal."""
    plan = a_plan("90.00")
    desk.open(plan)
    desk.take(an_event(plan, "off", day(0), ChargedOff()))

    body = Recovered(pounds("90.00"), PaymentChannel.SHOPPER, "x-1", provider="sim", rail="card")
    desk.take(an_event(plan, "back", day(120), body))

    balances = {account: minor for (account, _), minor in desk.balances().items()}
    assert balances["exp:charge_off"] + balances["inc:recovery"] == 0
    assert not any(account.startswith("memo:") for account in balances)
    assert desk.standing(plan).status == "recovered"
    assert desk.balances() == desk.folded(plan)


def _claimed(desk: Desk, plan: Plan, attempt_id: str, days: int, *, fees: str) -> PlanEvent:
    """An attempt claims an instalment and perhaps its late fee (F12a); the event of its payment posts the hold."""
    at = datetime.combine(day(days), time(9), UTC)
    amounts = {"fees": pounds(fees), "principal": pounds("30.00")}
    claim = journal(
        "F12a", key=attempt_id, value_date=day(days), occurred_at=at, recorded_at=at,
        correlation={"plan_id": plan.plan_id, "attempt_id": attempt_id}, amounts=amounts,
        names={"plan": plan.plan_id, "rail": "card", "provider": "sim"},
    )  # fmt: skip
    desk.ledger.hold(claim)
    held = Held(claim.entry_id, amounts["fees"], pounds("0.00"), amounts["principal"])
    body = Paid(
        amounts["fees"] + amounts["principal"], PaymentChannel.ATTEMPT, attempt_id, provider="sim", rail="card",
        instalment_id=plan.instalments[1].instalment_id, held=held,
    )  # fmt: skip
    return an_event(plan, f"paid:{attempt_id}", day(days), body)


def test_a_held_payment_whose_split_changes_is_booked_anew_without_its_hold(desk: Desk) -> None:
    plan = a_plan("90.00")
    desk.open(plan)
    desk.take(a_payment(plan, "x-1", day(0), "30.00"), a_payment(plan, "x-0", day(36), "1.00"))
    (paid,) = desk.take(_claimed(desk, plan, "a-1", 36, fees="0.00"))
    assert "F19a:a-1" in paid.posted, "the fee is paid first, and the hold has none"

    (late,) = desk.take(a_payment(plan, "x-2", day(29), "30.00"))

    assert {"F12a:a-1#2", "F12b:a-1"} <= set(late.posted)
    assert desk.balances() == desk.folded(plan)
    assert desk.ledger.open_holds() == ()


def test_each_event_is_a_fact_for_those_who_follow(connection: Connection) -> None:
    desk, plan = Desk.over(connection), a_plan("90.00")
    desk.open(plan)
    desk.take(a_payment(plan, "x-1", day(0), "30.00"))

    rows = connection.execute(
        "SELECT event_id, event_type, key, payload ->> 'kind' FROM ledger.outbox"
        " WHERE event_type = 'plan_event.v1' ORDER BY position"
    ).fetchall()

    assert rows == [
        (f"plan_event:opened:{plan.plan_id}", "plan_event.v1", plan.plan_id, "opened"),
        ("plan_event:paid:x-1", "plan_event.v1", plan.plan_id, "paid"),
    ]


def test_two_events_that_race_on_one_plan_cannot_both_win(database_url: str) -> None:
    """Each charges the plan off; what the first took off the books the second cannot take off again."""
    plan = a_plan("90.00")
    with psycopg.connect(database_url) as connection:
        Desk.over(connection).open(plan)
    ready = threading.Barrier(8)

    def write(number: int) -> str:
        with psycopg.connect(database_url) as connection:
            ready.wait(timeout=60)
            event = an_event(plan, f"off-{number}", day(10), ChargedOff())
            return type(Desk.over(connection).record(event)[0]).__name__

    with ThreadPoolExecutor(8) as pool:
        names = sorted(pool.map(write, range(8)))
    assert names == ["EventRecorded"] + ["EventRefused"] * 7
    with psycopg.connect(database_url) as connection:
        assert Desk.over(connection).balances() == Desk.over(connection).folded(plan)


def test_one_event_sent_sixteen_times_at_once_is_taken_once(database_url: str) -> None:
    plan = a_plan("90.00")
    with psycopg.connect(database_url) as connection:
        Desk.over(connection).open(plan)
    ready = threading.Barrier(16)

    def send(_: int) -> str:
        with psycopg.connect(database_url) as connection:
            ready.wait(timeout=60)
            return type(Desk.over(connection).record(a_payment(plan, "x-1", day(0), "30.00"))[0]).__name__

    with ThreadPoolExecutor(16) as pool:
        names = sorted(pool.map(send, range(16)))
    assert names == ["EventAlreadyRecorded"] * 15 + ["EventRecorded"]
    with psycopg.connect(database_url) as connection:
        assert Desk.over(connection).standing(plan).principal == pounds("60.00")
