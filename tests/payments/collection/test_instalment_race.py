"""One instalment, three payers at once: the scheduler, the shopper's own transfer, and the news of an attempt."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import date

import pytest

from ledger.account import Side
from ledger.books.store import RefusalCode
from ledger.proof.postgres_audit import connect_for_audit
from ledger.proof.verify import verify
from lending.plan.booking import balances_of
from lending.plan.event import Channel, Paid, PlanEvent
from lending.plan.fold import fold
from lending.plan.plan import Plan
from lending.plan.when import When
from lending.servicing.record_events import EventRefused, record
from payments.collection.collect import collect
from payments.collection.opening import must_hold
from payments.collection.outcome import apply_outcome
from payments.plan_events import paid_event_id
from payments.provider.charge import Succeeded
from payments.provider.simulated import SimulatedProvider
from payments.reconciliation.bookings import unidentified_credit
from payments.till import Till
from tests.payments.plans import NOON, a_till, an_open_plan, first_due, open_items, pending, posted, rows

ROUNDS = 4
LIVE = ("planned", "claimed", "submitting", "unknown", "presumed_paid", "settled", "disputed")


def at_once(database_url: str, provider: SimulatedProvider, acts: list[Callable[[Till], None]]) -> list[BaseException]:
    """Each act on a thread and a connection of its own, all released together; what went wrong."""
    together, wrong = threading.Barrier(len(acts)), list[BaseException]()

    def run(act: Callable[[Till], None]) -> None:
        try:
            with a_till(database_url, provider) as own:
                own.database.execute("SET deadlock_timeout = '200ms'")
                together.wait()
                act(own)
        except BaseException as error:  # noqa: BLE001 - told to the test
            wrong.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


def pushes(plan: Plan, line_id: str, day: date) -> Callable[[Till], None]:
    """The shopper pays the instalment by a transfer, as a line of our bank's statement tells.

    The money is on suspense at once. While an attempt holds the same debt the books refuse to take it from there.
    """

    def act(till: Till) -> None:
        due, when = plan.instalments[0], When.day(day, recorded_at=NOON)
        body = Paid(due.amount, Channel.TRANSFER, line_id, instalment_id=due.instalment_id)
        event_id = paid_event_id(f"credit:{line_id}")
        event = PlanEvent(event_id, plan.plan_id, day, when.occurred_at, when.recorded_at, line_id, body)
        with till.database.transaction():
            credit = unidentified_credit(line_id, till.profile.push_bank, due.amount, when)
            (outcome,) = till.ledger.post_all([credit])
            must_hold(outcome, credit.entry_id)
        with till.database.transaction():
            (answer,) = record([event], plans=till.plans, ledger=till.ledger, terms=till.terms)
        if isinstance(answer, EventRefused):
            assert [each.code for each in answer.reasons] == [RefusalCode.BELOW_ZERO] * len(answer.reasons)

    return act


def hears(attempt_id: str, answer: Succeeded) -> Callable[[Till], None]:
    """The provider's news of an attempt that is under way."""

    def act(till: Till) -> None:
        with till.database.transaction():
            apply_outcome(till, attempt_id, answer, NOON)

    return act


def collects(day: date) -> Callable[[Till], None]:
    def act(till: Till) -> None:
        collect(day, till=till, at=NOON)

    return act


@pytest.mark.parametrize("under_way", [False, True], ids=["nothing under way", "an attempt under way"])
def test_scheduler_shopper_and_webhook_pay_one_instalment_at_once(database_url: str, *, under_way: bool) -> None:
    provider = SimulatedProvider(lose_answers=lambda _: under_way)
    with a_till(database_url, provider) as till:
        plans = [an_open_plan(till, number) for number in range(1, ROUNDS + 1)]
    for number, plan in enumerate(plans):
        day, due = first_due(plan), plan.instalments[0]
        attempt_id = f"{due.instalment_id}#1"
        acts = [collects(day), collects(day), pushes(plan, f"l-{number}", day)]
        if under_way:
            with a_till(database_url, provider) as till:
                collect(day, till=till, at=NOON)
            answer = provider.book[attempt_id]
            assert isinstance(answer, Succeeded)
            acts += [hears(attempt_id, answer), hears(attempt_id, answer)]

        assert at_once(database_url, provider, acts) == []

        with a_till(database_url, provider) as till:
            collect(day, till=till, at=NOON)  # asks for what is not known yet
            pushes(plan, f"l-{number}", day)(till)  # what waited for the outcome on suspense
            live = rows(till, f"SELECT state FROM payments.attempts WHERE instalment_id = '{due.instalment_id}'")
            assert sum(state in LIVE for (state,) in live) <= 1
            taken = provider.captured.count(attempt_id)
            assert taken == 1 if under_way else taken <= 1
            _holds(database_url, till, plan, payments=1 + taken)
    with connect_for_audit(database_url) as audit:
        assert verify(audit).faults == ()


def _holds(database_url: str, till: Till, plan: Plan, *, payments: int) -> None:
    """Every payment counts once; what is beyond the debt is the shopper's; balances are what the events come to."""
    history = till.plans.histories([plan.plan_id])[plan.plan_id]
    paid = Counter(event.body.channel for event in history.events if isinstance(event.body, Paid))
    assert sum(paid.values()) == payments
    assert paid[Channel.TRANSFER] == 1
    state = fold(plan, history.events, till.terms(plan), through=history.folded_through)
    for (account, currency), minor in balances_of(state.bookings).items():
        if account.startswith((f"plan:{plan.plan_id}:", f"shopper:{plan.shopper_id}:")):
            assert posted(till, account, currency=currency) == minor, account
    principal = posted(till, f"plan:{plan.plan_id}:principal")
    credit = posted(till, f"shopper:{plan.shopper_id}:credit_balance", Side.CREDIT)
    interest = posted(till, f"plan:{plan.plan_id}:interest_rcv")
    accrued = sum(booking.amounts["interest"].minor for booking in state.bookings if booking.flow == "F17")
    assert principal >= 0
    assert principal + interest - credit == plan.principal.minor + accrued - payments * plan.instalments[0].amount.minor
    assert pending(till, "rail:card:sandbox:in_flight") == 0
    left = open_items(database_url, till)
    assert left.faults == (), [str(each) for each in left.faults]
