"""What payments tell plans: the event of each attempt, line or case, and how a till records it."""

from collections.abc import Sequence

from lending.plan import Plan
from lending.plan_event import (
    Body,
    Channel,
    CreditRefunded,
    Held,
    Opened,
    Paid,
    PlanEvent,
    Refunded,
    RefundPaid,
    Returned,
    Reversed,
)
from lending.service_plans import EventRecorded, EventRefused, record
from lending.when import When
from payments.attempt import Planned
from payments.expectation import Expected
from payments.line import FileLine
from payments.rail_profile import Rail
from payments.refund_payment import RefundPayment
from payments.till import Till


class PlanRefused(Exception):
    """A plan refused what has already happened: an assumption is broken and the work stops."""

    @property
    def user_message(self) -> str:
        return str(self)


def tell(till: Till, events: Sequence[PlanEvent]) -> tuple[str, ...]:
    """Record events in the caller's database transaction; the entries posted for them.

    Raises PlanRefused where a plan cannot take one.
    """
    posted: list[str] = []
    answers = record(events, plans=till.plans, ledger=till.ledger, terms=till.terms) if events else ()
    for answer in answers:
        if isinstance(answer, EventRefused):
            raise PlanRefused(f"{answer.event_id} was refused: {', '.join(map(str, answer.reasons))}")
        posted += answer.posted if isinstance(answer, EventRecorded) else ()
    return tuple(posted)


def opened(plan: Plan, when: When) -> PlanEvent:
    """The purchase is captured, all of it."""
    return _event(f"opened:{plan.plan_id}", plan.plan_id, plan.order_id, when, Opened(plan.principal))


def collected(planned: Planned, rail: Rail, when: When) -> PlanEvent:
    """The provider took what an attempt asked for; a down payment held nothing of its own."""
    held = Held(planned.hold_id, planned.fees, planned.interest, planned.principal)
    body = Paid(
        planned.amount,
        Channel.CHECKOUT if planned.opens_plan else Channel.ATTEMPT,
        planned.attempt_id,
        provider=rail.provider,
        rail=rail.rail,
        instalment_id=planned.instalment_id,
        held=None if planned.opens_plan else held,
    )
    return _event(paid_event_id(planned.attempt_id), planned.plan_id, planned.attempt_id, when, body)


def paid_event_id(payment_id: str) -> str:
    """The event of an attempt's or a transfer's money."""
    return f"paid:{payment_id}"


def pushed(line: FileLine, expected: Expected, when: When) -> PlanEvent:
    """A line of the bank's statement pays the due that it was matched to."""
    assert expected.plan_id is not None, f"{expected.key} is of no plan"
    body = Paid(line.amount, Channel.TRANSFER, line.line_id, instalment_id=expected.instalment_id)
    return _event(paid_event_id(line.line_key), expected.plan_id, line.line_key, when, body)


def returned(planned: Planned, return_id: str, when: When) -> PlanEvent:
    """A payment came back."""
    body = Returned(paid_event_id(planned.attempt_id), return_id)
    return _event(f"returned:{return_id}", planned.plan_id, return_id, when, body)


def refunded(plan_id: str, body: Refunded, when: When) -> PlanEvent:
    """The merchant takes back goods."""
    return _event(f"refunded:{body.refund_id}", plan_id, body.refund_id, when, body)


def claimed(case_id: str, stage: str, plan_id: str, when: When, body: Body) -> PlanEvent:
    """The shopper's bank claims a payment back, or gives that up."""
    return _event(f"claim:{case_id}:{stage}", plan_id, case_id, when, body)


def refund_arrived(payment: RefundPayment, when: When) -> PlanEvent:
    """A refund reached the shopper."""
    body = RefundPaid(payment.refund_id, payment.amount)
    return _event(f"refund-paid:{payment.payment_id}", payment.plan_id, payment.payment_id, when, body)


def refund_came_back(payment: RefundPayment, when: When) -> PlanEvent:
    """A refund did not reach the shopper after all."""
    body = Reversed(f"refund-paid:{payment.payment_id}")
    return _event(f"refund-failed:{payment.payment_id}", payment.plan_id, payment.payment_id, when, body)


def credit_owed(plan_id: str, body: CreditRefunded, when: When) -> PlanEvent:
    """Credit is to be paid back."""
    return _event(f"credit-refunded:{body.refund_id}", plan_id, body.refund_id, when, body)


def credit_applied(plan_id: str, body: Paid, when: When) -> PlanEvent:
    """Credit repays what is owed."""
    return _event(paid_event_id(body.payment_id), plan_id, body.payment_id, when, body)


def _event(event_id: str, plan_id: str, cause: str, when: When, body: Body) -> PlanEvent:
    return PlanEvent(event_id, plan_id, when.value_date, when.occurred_at, when.recorded_at, cause, body)
