"""The purchase is captured, whole or shipment by shipment (F02, F40), or a loan is taken over or granted (F48, F47)."""

from lending.accrual import rounded, shared
from lending.plan import Origin
from lending.plan_event import Cancelled, Opened, PartShipped, PlanEvent
from lending.running_plan import RunningPlan


def captured(run: RunningPlan, event: PlanEvent, body: Opened | PartShipped) -> None:
    """The captured part is spread over the instalments in proportion; a later one over those not yet past."""
    plan = run.plan
    amount = min(body.captured.minor, plan.principal.minor - run.captured)
    if run.cancelled or amount <= 0:
        return
    _spread(run, event, amount)
    run.captured += amount
    before = run.discount, run.tax, run.foreign
    whole = plan.principal.minor
    run.discount = rounded(plan.merchant_discount.minor, run.captured, whole)
    run.tax = rounded(0 if plan.tax is None else plan.tax.minor, run.captured, whole)
    run.foreign = rounded(0 if plan.foreign is None else plan.foreign.payable.minor, run.captured, whole)
    discount, tax = run.discount - before[0], run.tax - before[1]
    if plan.origin is Origin.IMPORTED:
        run.book("F48", plan.plan_id, event, {"principal": amount})
    elif plan.merchant_id is None:
        run.book("F47", plan.plan_id, event, {"granted": amount})
    elif plan.foreign is not None:
        spread = rounded(plan.foreign.spread.minor, amount, whole)
        amounts = {"discount": discount, "tax": tax, "spread": spread}
        amounts["converted"] = amount - sum(amounts.values())
        key, names = _shipment(run, body), {"currency": plan.foreign.payable.currency.value}
        run.book("F40", key, event, amounts, names=names, foreign={"payable": run.foreign - before[2]})
    else:
        amounts = {"payable": amount - discount - tax, "discount": discount, "tax": tax}
        run.book("F02t" if tax else "F02", _shipment(run, body), event, amounts)


def cancelled(run: RunningPlan, event: PlanEvent, body: Cancelled) -> None:  # noqa: ARG001 - every act is called alike
    """F04: nothing more is captured; the reservation is void, which is no journal."""
    run.cancelled = True


def _shipment(run: RunningPlan, body: Opened | PartShipped) -> str:
    return f"{run.plan.merchant_id}/{run.plan.order_id}/{body.shipment}"


def _spread(run: RunningPlan, event: PlanEvent, amount: int) -> None:
    planned = {each.instalment_id: each for each in run.plan.instalments}
    own = [line for line in run.lines if line.instalment_id in planned]
    to_come = [line for line in own if run.captured == 0 or line.due_on >= event.value_date] or own[-1:]
    weights = [planned[line.instalment_id].principal.minor for line in to_come]
    for line, part in zip(to_come, shared(amount, weights), strict=True):
        each = planned[line.instalment_id]
        line.principal += part
        if each.interest.minor:
            grown = line.interest + rounded(each.interest.minor, part, each.principal.minor)
            line.set_interest(event.value_date, grown)
