"""`/v1/plans`: a plan as agreed, and where it stands."""

from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel

from lending.plan import InstalmentStatus, Plan, PlanEvent, PlanStatus, fold
from lending.postgres import PostgresPlans
from serving.decisions import Desk, problem_responses
from serving.postgres import transaction
from serving.problems import Problem


class InstalmentAnswer(BaseModel):
    """One instalment; amounts in minor units, `open_minor` is what is left to pay."""

    instalment_id: str
    number: int
    due_on: date
    amount_minor: int
    principal_minor: int
    interest_minor: int
    open_minor: int
    status: InstalmentStatus


class PlanAnswer(BaseModel):
    """A plan as agreed and as it stands on the day of the request; amounts in minor units."""

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
    annual_rate_basis_points: int
    instalments: list[InstalmentAnswer]


router = APIRouter(prefix="/v1/plans", tags=["plans"])


@router.get("/{plan_id}", responses={200: {"model": PlanAnswer}, **problem_responses(404, 503)})
def read_plan(request: Request, plan_id: Annotated[str, Path(max_length=120)]) -> PlanAnswer:
    """A plan, its instalments, and what has been paid."""
    desk: Desk = request.app.state.desk
    with transaction(desk.pool) as connection:
        plans = PostgresPlans(connection)
        plan = plans.get(plan_id)
        if plan is None:
            raise Problem(HTTPStatus.NOT_FOUND, "not-found", f"There is no plan {plan_id}.")
        return answer(plan, plans.events(plan_id), desk.clock())


def answer(plan: Plan, events: tuple[PlanEvent, ...], at: datetime) -> PlanAnswer:
    """The plan after its events, on the day of `at`."""
    standing = fold(plan, events)
    day = at.date()
    return PlanAnswer(
        plan_id=plan.plan_id,
        order_id=plan.order_id,
        decision_id=plan.decision_id,
        shopper_id=plan.shopper_id,
        account_id=plan.account_id,
        merchant_id=plan.merchant_id,
        origin=plan.origin.value,
        product=plan.product.value,
        status=standing.status,
        opened_on=plan.opened_on,
        currency=plan.currency.value,
        principal_minor=plan.principal.minor,
        outstanding_minor=standing.outstanding.minor,
        annual_rate_basis_points=plan.annual_rate_basis_points,
        instalments=[
            InstalmentAnswer(
                instalment_id=each.instalment_id,
                number=each.number,
                due_on=each.due_on,
                amount_minor=each.amount.minor,
                principal_minor=each.principal.minor,
                interest_minor=each.interest.minor,
                open_minor=standing.open(each).minor,
                status=standing.status_of(each, day),
            )
            for each in plan.instalments
        ],
    )
