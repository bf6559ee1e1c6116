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
from lending.plan.event import Paid, PaymentChannel, PlanEvent
from lending.plan.fold import fold
from lending.plan.plan import Plan
from lending.plan.when import When
from lending.servicing.record_events import EventRefused, record_events
from payments.collection.opening import must_hold
from payments.plan_events import paid_event_id
from payments.provider.charge import Succeeded
from payments.provider.simulated import SimulatedProvider
from payments.reconciliation.bookings import unidentified_credit
from payments.wiring import Adapters
from tests.payments.acts import apply_outcome, collect
from tests.payments.plans import (
    AFTER_THE_DUES,
    an_open_plan,
    first_due,
    open_items,
    pending,
    posted,
    rows,
    the_adapters,
)

ROUNDS = 4
LIVE = ("planned", "claimed", "submitting", "unknown", "presumed_paid", "settled", "disputed")


def at_once(
    database_url: str, provider: SimulatedProvider, acts: list[Callable[[Adapters], None]]
) -> list[BaseException]:
    """Each act on a thread and a connection of its own, all released together; what went wrong."""
    together, wrong = threading.Barrier(len(acts)), list[BaseException]()

    def run(act: Callable[[Adapters], None]) -> None:
        try:
            with the_adapters(database_url, provider) as own:
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


def pushes(plan: Plan, line_id: str, day: date) -> Callable[[Adapters], None]:
    """The shopper pays the instalment by a transfer, as shown by a line of our bank statement.

    The money is on suspense at once. While an attempt holds the same debt the books refuse to take it from there.
    """

    def act(ports: Adapters) -> None:
        due, when = plan.instalments[0], When.day(day, recorded_at=AFTER_THE_DUES)
        body = Paid(due.amount, PaymentChannel.TRANSFER, line_id, instalment_id=due.instalment_id)
        event_id = paid_event_id(f"credit:{line_id}")
        event = PlanEvent(event_id, plan.plan_id, day, when.occurred_at, when.recorded_at, line_id, body)
        with ports.transaction():
            credit = unidentified_credit(line_id, ports.profile.push_bank, due.amount, when)
            (outcome,) = ports.ledger.post_all([credit])
            must_hold(outcome, credit.entry_id)
        with ports.transaction():
            (answer,) = record_events([event], plans=ports.plans, ledger=ports.ledger, terms=ports.terms)
        if isinstance(answer, EventRefused):
            assert [each.code for each in answer.reasons] == [RefusalCode.BELOW_ZERO] * len(answer.reasons)

    return act


def hears(attempt_id: str, answer: Succeeded) -> Callable[[Adapters], None]:
    """The provider's news of an attempt that is under way."""

    def act(ports: Adapters) -> None:
        with ports.transaction():
            apply_outcome(ports, attempt_id, answer, AFTER_THE_DUES)

    return act


def collects(day: date) -> Callable[[Adapters], None]:
    def act(ports: Adapters) -> None:
        collect(day, ports=ports, at=AFTER_THE_DUES)

    return act


@pytest.mark.parametrize("under_way", [False, True], ids=["nothing under way", "an attempt under way"])
def test_scheduler_shopper_and_webhook_pay_one_instalment_at_once(database_url: str, *, under_way: bool) -> None:
    provider = SimulatedProvider(lose_answers=lambda _: under_way)
    with the_adapters(database_url, provider) as ports:
        plans = [an_open_plan(ports, number) for number in range(1, ROUNDS + 1)]
    for number, plan in enumerate(plans):
        day, due = first_due(plan), plan.instalments[0]
        attempt_id = f"{due.instalment_id}#1"
        acts = [collects(day), collects(day), pushes(plan, f"l-{number}", day)]
        if under_way:
            with the_adapters(database_url, provider) as ports:
                collect(day, ports=ports, at=AFTER_THE_DUES)
            answer = provider.book[attempt_id]
            assert isinstance(answer, Succeeded)
            acts += [hears(attempt_id, answer), hears(attempt_id, answer)]

        assert at_once(database_url, provider, acts) == []

        with the_adapters(database_url, provider) as ports:
            collect(day, ports=ports, at=AFTER_THE_DUES)  # asks for what is not known yet
            pushes(plan, f"l-{number}", day)(ports)  # what waited for the outcome on suspense
            live = rows(ports, f"SELECT state FROM payments.attempts WHERE instalment_id = '{due.instalment_id}'")
            assert sum(state in LIVE for (state,) in live) <= 1
            taken = provider.captured.count(attempt_id)
            assert taken == 1 if under_way else taken <= 1
            _holds(database_url, ports, plan, payments=1 + taken)
    with connect_for_audit(database_url) as audit:
        assert verify(audit).faults == ()


def _holds(database_url: str, ports: Adapters, plan: Plan, *, payments: int) -> None:
    """Every payment counts once; what is beyond the debt is the shopper's; balances are what the events come to."""
    history = ports.plans.histories([plan.plan_id])[plan.plan_id]
    paid = Counter(event.body.channel for event in history.events if isinstance(event.body, Paid))
    assert sum(paid.values()) == payments
    assert paid[PaymentChannel.TRANSFER] == 1
    state = fold(plan, history.events, ports.terms(plan), through=history.folded_through)
    for (account, currency), minor in balances_of(state.bookings).items():
        if account.startswith((f"plan:{plan.plan_id}:", f"shopper:{plan.shopper_id}:")):
            assert posted(ports, account, currency=currency) == minor, account
    principal = posted(ports, f"plan:{plan.plan_id}:principal")
    credit = posted(ports, f"shopper:{plan.shopper_id}:credit_balance", Side.CREDIT)
    interest = posted(ports, f"plan:{plan.plan_id}:interest_rcv")
    accrued = sum(booking.amounts["interest"].minor for booking in state.bookings if booking.flow == "F17")
    assert principal >= 0
    assert principal + interest - credit == plan.principal.minor + accrued - payments * plan.instalments[0].amount.minor
    assert pending(ports, "rail:card:sandbox:in_flight") == 0
    left = open_items(database_url, ports)
    assert left.faults == (), [str(each) for each in left.faults]
