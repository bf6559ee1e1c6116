"""Act: a merchant reports that it shipped a further part of an order, and that part is captured."""

from dataclasses import dataclass
from datetime import datetime

from ledger.books.store import Conflict, Refusal
from ledger.identity.authority import Authority
from ledger.identity.principal import Principal
from ledger.money import Money
from lending.plan.event import Opened, PartShipped, PlanEvent
from lending.plan.refusal import PlanRefusal
from lending.plan.when import When
from lending.servicing.log import PlanLog
from lending.servicing.record_events import EventRefused, KeptLedger, TermsOf, record_events
from payments.plan_events import event_of
from payments.transaction import Transaction

SHIP = "ship"
"""The name of this act in the authority file."""


@dataclass(frozen=True, slots=True)
class AskedShipment:
    """A shipment as the merchant reports it. `key` is the merchant's own id of it, which captures once."""

    plan_id: str
    key: str
    amount: Money
    by: Principal


@dataclass(frozen=True, slots=True)
class ShipmentTaken:
    """The shipment is captured: its number in the order, and what is still to be shipped. `new` if this call did it."""

    shipment: int
    amount: Money
    unshipped: Money
    new: bool


@dataclass(frozen=True, slots=True)
class ShipmentRefused:
    """Nothing was captured: the plan or the books refuse it."""

    reasons: tuple[PlanRefusal | Refusal, ...]


@dataclass(frozen=True, slots=True)
class ShipmentNotPossible:
    """Nothing was captured; the reason as a stable code and a sentence."""

    code: str
    detail: str


ShipmentAnswer = ShipmentTaken | ShipmentRefused | ShipmentNotPossible


def ship(
    asked: AskedShipment,
    *,
    authority: Authority,
    plans: PlanLog,
    ledger: KeptLedger,
    terms: TermsOf,
    transaction: Transaction,
    at: datetime,
) -> ShipmentAnswer:
    """Capture a further part of the order, in its own database transaction.

    Raises Conflict when the key was used for another amount.
    """
    if not authority.role(asked.by.role).does.names(SHIP):
        return ShipmentNotPossible("not-in-role", f"the role {asked.by.role} of {asked.by.principal_id} may not ship")
    with transaction():
        history = plans.lock([asked.plan_id]).get(asked.plan_id)
        if history is None or not asked.by.sees(history.plan.merchant_id):
            return ShipmentNotPossible("not-found", f"there is no plan {asked.plan_id}")
        plan = history.plan
        captured = [each.body for each in history.events if isinstance(each.body, Opened | PartShipped)]
        unshipped = plan.principal - Money.total((each.captured for each in captured), plan.currency)
        event_id = f"shipped:{asked.plan_id}:{asked.key}"
        known = next((each for each in history.events if each.event_id == event_id), None)
        if known is not None:
            return _again(asked, known, unshipped)
        when = When.moment(at, terms(plan).days.zone)
        body = PartShipped(asked.amount, len(captured) + 1)
        event = event_of(event_id, asked.plan_id, f"{asked.by.principal_id}/{asked.key}", when, body)
        (answer,) = record_events([event], plans=plans, ledger=ledger, terms=terms)
        if isinstance(answer, EventRefused):
            return ShipmentRefused(answer.reasons)
        return ShipmentTaken(body.shipment, asked.amount, unshipped - asked.amount, new=True)


def _again(asked: AskedShipment, known: PlanEvent, unshipped: Money) -> ShipmentTaken:
    body = known.body
    assert isinstance(body, PartShipped), f"{known.event_id} is a {known.kind}"
    if body.captured != asked.amount:
        raise Conflict(known.event_id, "amount_minor")
    return ShipmentTaken(body.shipment, body.captured, unshipped, new=False)
