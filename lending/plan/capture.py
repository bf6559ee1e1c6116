"""Capture of a purchase, whole or by shipment (F02, F40); takeover (F48) and disbursement (F47) of a loan."""

from ledger.map.flow import Flow
from lending.plan.event import Opened, PartShipped, PlanEvent
from lending.plan.level_again import repay_part
from lending.plan.merchant_share import Share
from lending.plan.plan import Instalment, Origin, Plan
from lending.plan.proportion import proportion_of, shared
from lending.plan.running import RunningPlan


def captured(run: RunningPlan, event: PlanEvent, body: Opened | PartShipped) -> None:
    """Spread the captured amount over the instalments in proportion, a later shipment over those not yet past due.

    Where the terms say so, the instalments are made level again instead.
    """
    plan = run.plan
    amount = min(body.captured.minor, plan.principal.minor - run.captured.amount)
    if run.cancelled or amount <= 0:
        return
    if run.terms.shipments.made_level and amount < plan.principal.minor:
        repay_part(run, event, amount)
    else:
        _spread(run, event, amount)
    before = run.captured
    run.settled_by = None  # what settled the plan did not settle this: it bears interest from its shipment
    run.captured = _captured(plan, before.amount + amount)
    part = run.captured - before
    if plan.origin is Origin.IMPORTED:
        run.book(Flow.PLAN_TAKEN_OVER, plan.plan_id, event, {"principal": amount})
    elif plan.merchant_id is None:
        run.book(Flow.LOAN_DISBURSED, plan.plan_id, event, {"granted": amount})
    elif plan.foreign is not None:
        amounts = {"discount": part.discount, "tax": part.tax}
        amounts["spread"] = proportion_of(plan.foreign.spread.minor, amount, plan.principal.minor)
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
    """F04: nothing more will be captured. The reservation is voided elsewhere and needs no journal."""
    run.cancelled = True


def _captured(plan: Plan, amount: int) -> Share:
    """The discount, tax and merchant's share that belong to a captured amount of principal."""
    whole = plan.principal.minor
    discount = proportion_of(plan.merchant_discount.minor, amount, whole)
    tax = proportion_of(0 if plan.tax is None else plan.tax.minor, amount, whole)
    merchant = amount - discount - tax
    if plan.foreign is not None:
        merchant = proportion_of(plan.foreign.payable.minor, amount, whole)
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
        line.agreed += part
        interest = proportion_of(each.interest.minor, part, each.principal.minor)
        line.level += part + interest
        line.interest += interest if run.terms.interest_as_agreed else 0  # or else it follows what is owed
