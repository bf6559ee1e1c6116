"""The plan events of lines from outside files."""

from ledger.money import Money
from lending.plan.event import Paid, PaymentChannel, PlanEvent, Returned
from lending.plan.when import When
from payments.collection.attempt import Planned
from payments.expectation import Expected
from payments.files.line import FileLine
from payments.plan_events import event_of, paid_event_id


def pushed(line: FileLine, expected: Expected, when: When, in_flight: Money | None = None) -> PlanEvent:
    """A line of the bank statement pays the due that it was matched with, or waits for an attempt that asks for it."""
    assert expected.plan_id is not None, f"{expected.key} is of no plan"
    body = Paid(
        line.amount,
        PaymentChannel.TRANSFER,
        line.line_id,
        instalment_id=expected.instalment_id,
        in_flight=in_flight,
        taking=None if line.taking == 1 else line.taking,
    )
    return event_of(paid_event_id(line.payment_id), expected.plan_id, str(line.line_key), when, body)


def returned(planned: Planned, return_id: str, when: When) -> PlanEvent:
    """A payment was returned."""
    body = Returned(paid_event_id(planned.attempt_id), return_id)
    return event_of(f"returned:{return_id}", planned.plan_id, return_id, when, body)
