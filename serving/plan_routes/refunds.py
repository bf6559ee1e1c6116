"""`POST /v1/plans/{id}/refunds`: refund goods of an order to a shopper."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ledger.books.store import Conflict
from ledger.identity.authority import authority_file
from ledger.identity.principal import Principal
from ledger.money import Currency, Money
from payments.postgres import DatabaseDown, connected
from payments.provider.provider import NoProvider
from payments.refunds.refund import NoSuchPlan, RefundRefused, RefundTaken, refund
from payments.wiring import adapters_over
from serving.bearer import RouteGate
from serving.decisions import Desk, problem_responses
from serving.postgres import ClaimedBefore, IdempotencyKeys, Unavailable, has_plan, transaction
from serving.problems import FieldFault, Problem

ROUTE = "POST /v1/plans/{id}/refunds"
LONGEST_ID = 100


class RefundBody(BaseModel):
    """The amount to refund of the purchase, in minor units."""

    model_config = ConfigDict(extra="forbid", strict=True)

    amount_minor: int = Field(gt=0, le=2**53)
    currency: Annotated[Currency, Field(strict=False)]


class RefundAnswer(BaseModel):
    """The refund as booked: the amount paid back to the shopper, and what may still be refunded of the purchase."""

    refund_id: str
    plan_id: str
    amount_minor: int
    to_shopper_minor: int
    refundable_rest_minor: int
    currency: Currency


router = APIRouter(prefix="/v1/plans", tags=["plans"])


@router.post(
    "/{plan_id}/refunds",
    status_code=201,
    responses={201: {"model": RefundAnswer}, **problem_responses(400, 401, 403, 404, 409, 422, 503)},
)
def post_refund(
    request: Request,
    plan_id: Annotated[str, Path(max_length=120)],
    body: RefundBody,
    idempotency_key: Annotated[str, Header(min_length=1, max_length=LONGEST_ID, pattern="^[A-Za-z0-9._-]+$")],
    by: Annotated[Principal, Depends(RouteGate("refund"))],
) -> Response:
    """Refund all or part of a purchase; requests with the same key refund once.

    The key is the refund's id, for a merchant's own principal with the merchant before it.

    For a shop's system, whose role may refund up to its limit; beyond it, propose the act `refund`.
    """
    desk: Desk = request.app.state.desk
    at = desk.clock()
    amount = Money(body.amount_minor, body.currency)
    may = authority_file().role(by.role).does
    if not may.covers(amount):
        detail = f"The role {by.role} of {by.principal_id} may not refund {amount} alone."
        raise Problem(HTTPStatus.FORBIDDEN, "not-in-role", detail)
    refund_id = idempotency_key if by.merchant_id is None else f"{by.merchant_id}.{idempotency_key}"
    if len(refund_id) > LONGEST_ID:
        detail = f"With the merchant before it, the Idempotency-Key is longer than {LONGEST_ID} characters."
        raise Problem(HTTPStatus.BAD_REQUEST, "malformed", detail, (FieldFault("idempotency-key", detail),))
    _claim(desk, plan_id, idempotency_key, by)
    try:
        with connected(request.app.state.settings.database_url) as connection:
            ports = adapters_over(connection, NoProvider())
            answer = refund(
                plan_id,
                refund_id,
                amount,
                plans=ports.plans,
                ledger=ports.ledger,
                terms=ports.terms,
                settled=ports.payouts.settled,
                transaction=ports.transaction,
                at=at,
            )
    except DatabaseDown as error:
        raise Unavailable(str(error)) from error
    except Conflict as conflict:
        detail = f"Refund {idempotency_key} was made with another {conflict.field}."
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "key-reused", detail) from conflict
    match answer:
        case RefundTaken():
            replayed = {} if answer.new else {"Idempotency-Replayed": "true"}
            return Response(_written(answer, amount), HTTPStatus.CREATED, replayed, "application/json")
        case RefundRefused(_, reasons):
            faults = tuple(FieldFault(str(each.code), each.detail) for each in reasons)
            raise Problem(HTTPStatus.CONFLICT, "refund-refused", "Nothing was refunded.", faults)
        case NoSuchPlan():
            raise Problem(HTTPStatus.NOT_FOUND, "not-found", f"There is no plan {plan_id}.")


def _claim(desk: Desk, plan_id: str, key: str, by: Principal) -> None:
    """Bind the key to this plan; a Problem when it belongs to another, or the caller has no such plan."""
    with transaction(desk.pool) as connection:
        if not has_plan(connection, plan_id, by):
            raise Problem(HTTPStatus.NOT_FOUND, "not-found", f"There is no plan {plan_id}.")
        claim = IdempotencyKeys(connection, by).claim(ROUTE, key, plan_id, desk.clock())
    if isinstance(claim, ClaimedBefore) and claim.request != plan_id:
        detail = f"The Idempotency-Key was used to refund {claim.request}."
        faults = (FieldFault("plan_id", f"was {claim.request!r}, is {plan_id!r}"),)
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "key-reused", detail, faults)


def _written(answer: RefundTaken, amount: Money) -> str:
    return RefundAnswer(
        refund_id=answer.refund_id,
        plan_id=answer.plan_id,
        amount_minor=amount.minor,
        to_shopper_minor=answer.to_shopper.minor,
        refundable_rest_minor=answer.refundable_rest.minor,
        currency=amount.currency,
    ).model_dump_json()
