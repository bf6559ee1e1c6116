"""The facts that a plan publishes: opening, events, money received, goods taken back, and changes of its dues."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from ledger.money import Money
from ledger.outbox.outbox import Fact, fact
from lending.canonical import canonical
from lending.plan.event import Opened, Paid, PaidOff, PartShipped, PlanEvent, Recovered, Refunded, tree_of
from lending.plan.plan import Plan, PlanStatus
from lending.plan.state import InstalmentState, PlanState
from lending.plan.when import When

# Nothing more will be paid on such a plan.
_FALLEN = (PlanStatus.CANCELLED, PlanStatus.REFUNDED, PlanStatus.WRITTEN_OFF)


def event_facts(event: PlanEvent, plan: Plan, before: PlanState | None, after: PlanState, number: int) -> list[Fact]:
    """The facts of one event of a plan, the plan's `number`th; `before` is None for the first."""
    when = When(event.value_date, event.occurred_at, event.recorded_at)
    facts = []
    if before is None and isinstance(event.body, Opened):
        facts.append(_fact("plan_opened.v1", f"plan:{plan.plan_id}", plan, when, _agreed(plan)))
    told = {**_whose(plan), "kind": event.kind, "value_date": event.value_date.isoformat(), "cause": event.cause}
    amount = _amount(event)
    told |= {
        "amount_minor": None if amount is None or amount.currency is not plan.currency else amount.minor,
        "currency": plan.currency.value,
        "body": canonical(tree_of(event.body)),
    }
    facts.append(_fact("plan_event.v1", f"plan_event:{event.event_id}", plan, when, told))
    match event.body:
        case Paid() | PaidOff() | Recovered() as body:
            received = {
                "payment_id": body.payment_id,
                **_whose(plan),
                "instalment_id": body.instalment_id if isinstance(body, Paid) else None,
                "amount_minor": body.amount.minor,
                "currency": body.amount.currency.value,
                "channel": body.channel.value,
            }
            facts.append(_fact("repayment_received.v1", f"repayment:{event.event_id}", plan, when, received))
        case Refunded() as body:
            taken_back = {
                "refund_id": body.refund_id,
                "order_id": plan.order_id,
                **_whose(plan),
                "merchant_id": plan.merchant_id,
                "amount_minor": body.amount.minor,
                "currency": body.amount.currency.value,
            }
            facts.append(_fact("order_refunded.v1", f"refund:{body.refund_id}", plan, when, taken_back))
    facts += _instalment_facts(plan, before, after, f"{number}", when)
    return facts


def day_facts(plan: Plan, before: PlanState, after: PlanState, number: int, at: datetime) -> list[Fact]:
    """The changes of dues on days without an event, such as a late fee, after the plan's `number`th event."""
    return list(_instalment_facts(plan, before, after, f"{number}:{after.through}", When.moment(at)))


def _instalment_facts(plan: Plan, before: PlanState | None, after: PlanState, cause: str, when: When) -> Iterator[Fact]:
    """The change of each due since its last fact. A due's open amount is the sum of its changes."""
    known = {} if before is None else {each.instalment_id: _due(each, before) for each in before.instalments}
    now = {each.instalment_id: _due(each, after) for each in after.instalments}
    for instalment_id, due in known.items():  # a backdated event can remove a due that a later event had added
        now.setdefault(instalment_id, {**due, "open_minor": 0, "status": "cancelled"})
    for instalment_id, due in now.items():
        was = known.get(instalment_id)
        if due == was:
            continue
        changed = {
            "instalment_id": instalment_id,
            **_whose(plan),
            **due,
            "open_change_minor": due["open_minor"] - (0 if was is None else was["open_minor"]),
            "currency": plan.currency.value,
            "days_past_due": _days_past_due(due, after.through),
        }
        event_id = f"instalment:{instalment_id}:{cause}"
        yield _fact("instalment_changed.v1", event_id, plan, when, changed)


def _fact(event_type: str, event_id: str, plan: Plan, when: When, columns: Mapping[str, Any]) -> Fact:
    return fact(event_type, event_id, plan.plan_id, columns, occurred_at=when.occurred_at, recorded_at=when.recorded_at)


def _due(each: InstalmentState, state: PlanState) -> dict[str, Any]:
    asked = each.amount.minor
    status = "open"
    if not each.open.minor:
        status = "cancelled" if not asked or state.status in _FALLEN else "settled"
    return {
        "number": each.number,
        "due_on": each.due_on.isoformat(),
        "amount_minor": asked,
        "open_minor": each.open.minor,
        "status": status,
    }


def _days_past_due(due: Mapping[str, Any], on: date) -> int:
    return max(0, (on - date.fromisoformat(due["due_on"])).days) if due["open_minor"] else 0


def _whose(plan: Plan) -> dict[str, Any]:
    return {"plan_id": plan.plan_id, "shopper_id": plan.shopper_id, "account_id": plan.account_id}


def _agreed(plan: Plan) -> dict[str, Any]:
    return {
        **_whose(plan),
        "decision_id": plan.decision_id,
        "order_id": plan.order_id,
        "merchant_id": plan.merchant_id,
        "product": plan.product.value,
        "principal_minor": plan.principal.minor,
        "currency": plan.currency.value,
        "instalments": len(plan.instalments),
        "opened_on": plan.opened_on.isoformat(),
    }


def _amount(event: PlanEvent) -> Money | None:
    if isinstance(event.body, Opened | PartShipped):
        return event.body.captured
    return getattr(event.body, "amount", None)
