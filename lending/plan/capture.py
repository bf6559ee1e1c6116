"""The purchase is captured, whole or shipment by shipment (F02, F40), or a loan is taken over or granted (F48, F47)."""

from ledger.map.flow import Flow
from lending.plan.accrual import rounded_interest, shared
from lending.plan.event import Opened, PartShipped, PlanEvent
from lending.plan.merchant_share import Share
from lending.plan.plan import Instalment, Origin, Plan
from lending.plan.running import RunningPlan


def captured(run: RunningPlan, event: PlanEvent, body: Opened | PartShipped) -> None:
    """The captured part is spread over the instalments in proportion; a later one over those not yet past."""
    plan = run.plan
    amount = min(body.captured.minor, plan.principal.minor - run.captured.amount)
    if run.cancelled or amount <= 0:
        return
    _spread(run, event, amount)
    before = run.captured
    run.captured = _captured(plan, before.amount + amount)
    part = run.captured - before
    if plan.origin is Origin.IMPORTED:
        run.book(Flow.PLAN_TAKEN_OVER, plan.plan_id, event, {"principal": amount})
    elif plan.merchant_id is None:
        run.book(Flow.LOAN_DISBURSED, plan.plan_id, event, {"granted": amount})
    elif plan.foreign is not None:
        amounts = {"discount": part.discount, "tax": part.tax}
        amounts["spread"] = rounded_interest(plan.foreign.spread.minor, amount, plan.principal.minor)
        amounts["converted"] = amount - sum(amounts.values())
        names = {"currency": plan.foreign.payable.currency.value}
        run.book(
            Flow.FOREIGN_PURCHASE, _shipment(run, body), event, amounts, names=names, foreign={"payable": part.merchant}
        )
    else:
        amounts = {"payable": part.merchant, "discount": part.discount, "tax": part.tax}
        run.book(
            Flow.TAXED_PURCHASE_CAPTURED if part.tax else Flow.PURCHASE_CAPTURED, _shipment(run, body), event, amounts
        )


def cancelled(run: RunningPlan) -> None:
    """F04: nothing more is captured; the reservation is void, which is no journal."""
    run.cancelled = True


def _captured(plan: Plan, amount: int) -> Share:
    """What of the plan's discount, tax and the merchant's share is captured with so much of its principal."""
    whole = plan.principal.minor
    discount = rounded_interest(plan.merchant_discount.minor, amount, whole)
    tax = rounded_interest(0 if plan.tax is None else plan.tax.minor, amount, whole)
    merchant = amount - discount - tax
    if plan.foreign is not None:
        merchant = rounded_interest(plan.foreign.payable.minor, amount, whole)
    return Share(amount, discount, tax, merchant)


def _shipment(run: RunningPlan, body: Opened | PartShipped) -> str:
    return f"{run.plan.merchant_id}/{run.plan.order_id}/{body.shipment}"


def _spread(run: RunningPlan, event: PlanEvent, amount: int) -> None:
    planned: dict[str, Instalment] = {each.instalment_id: each for each in run.plan.instalments}
    own = [line for line in run.lines if line.instalment_id in planned]
    to_come = [line for line in own if run.captured.amount == 0 or line.due_on >= event.value_date] or own[-1:]
    weights = [planned[line.instalment_id].principal.minor for line in to_come]
    for line, part in zip(to_come, shared(amount, weights), strict=True):
        each = planned[line.instalment_id]
        line.principal += part
        if each.interest.minor:
            grown = line.interest + rounded_interest(each.interest.minor, part, each.principal.minor)
            line.set_interest(event.value_date, grown)
