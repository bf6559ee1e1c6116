"""`/v1/plans`: a plan as agreed, and its present state."""

from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel

from lending.acts.look import allowed_acts
from lending.plan.fold import fold
from lending.plan.plan import InstalmentStatus, PlanStatus
from lending.servicing.log import PlanHistory
from lending.servicing.postgres import PostgresPlans
from lending.terms.basis_points import basis_points_tree
from lending.terms.products import servicing_terms
from serving.bearer import Reader
from serving.decisions import Desk, problem_responses
from serving.postgres import transaction
from serving.problems import Problem


class InstalmentAnswer(BaseModel):
    """One instalment of the present schedule; `open_minor` is the unpaid amount, fees included."""

    instalment_id: str
    number: int
    due_on: date
    amount_minor: int
    principal_minor: int
    interest_minor: int
    open_minor: int
    status: InstalmentStatus


class PlanAnswer(BaseModel):
    """A plan as of the day of the request; amounts are in minor units.

    `outstanding_minor` is principal; `credit_minor` is what the shopper has paid beyond the debt; `allowed` names the
    acts that the plan takes now.
    """

    plan_id: str
    order_id: str
    decision_id: str | None
    shopper_id: str | None
    account_id: str
    merchant_id: str | None
    origin: str
    product: str
    status: PlanStatus
    opened_on: date
    currency: str
    principal_minor: int
    outstanding_minor: int
    fees_minor: int
    credit_minor: int
    refunded_minor: int
    days_past_due: int
    annual_rate_basis_points: int | str
    allowed: list[str]
    instalments: list[InstalmentAnswer]


router = APIRouter(prefix="/v1/plans", tags=["plans"])


@router.get("/{plan_id}", responses={200: {"model": PlanAnswer}, **problem_responses(401, 403, 404, 503)})
def read_plan(request: Request, plan_id: Annotated[str, Path(max_length=120)], by: Reader) -> PlanAnswer:
    """A plan with its instalments and payments."""
    desk: Desk = request.app.state.desk
    with transaction(desk.pool) as connection:
        history = PostgresPlans(connection).histories([plan_id]).get(plan_id)
    if history is None or not by.sees(history.plan.merchant_id):
        raise Problem(HTTPStatus.NOT_FOUND, "not-found", f"There is no plan {plan_id}.")
    return plan_answer(history, desk.clock())


def plan_answer(history: PlanHistory, at: datetime) -> PlanAnswer:
    """The plan after its events, as of the day of `at` where it is lent."""
    plan = history.plan
    terms = servicing_terms(plan.terms_version, plan.currency)
    day = terms.days.day_of(at)
    state = fold(plan, history.events, terms, through=max(day, plan.opened_on))
    return PlanAnswer(
        plan_id=plan.plan_id,
        order_id=plan.order_id,
        decision_id=plan.decision_id,
        shopper_id=plan.shopper_id,
        account_id=plan.account_id,
        merchant_id=plan.merchant_id,
        origin=plan.origin.value,
        product=plan.product.value,
        status=state.status,
        opened_on=plan.opened_on,
        currency=plan.currency.value,
        principal_minor=plan.principal.minor,
        outstanding_minor=state.outstanding.minor,
        fees_minor=state.open_fees.minor,
        credit_minor=state.credit_balance.minor,
        refunded_minor=state.refunded.minor,
        days_past_due=state.days_past_due(day),
        annual_rate_basis_points=basis_points_tree(plan.annual_rate_basis_points),
        allowed=list(allowed_acts(history, state)),
        instalments=[
            InstalmentAnswer(
                instalment_id=each.instalment_id,
                number=each.number,
                due_on=each.due_on,
                amount_minor=each.amount.minor,
                principal_minor=each.principal.minor,
                interest_minor=each.interest.minor,
                open_minor=each.open.minor,
                status=each.status_of(day),
            )
            for each in state.instalments
        ],
    )
