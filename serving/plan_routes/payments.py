"""`POST /v1/plans/{id}/payments`: a shopper pays now, a part or what settles the plan."""

from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ledger.books.store import Conflict
from ledger.identity.authority import authority_file
from ledger.identity.principal import Principal
from ledger.money import Currency, Money
from lending.acts.arguments import LARGEST_MINOR_OF_AN_ACT
from payments.collection.pay import (
    AskedPayment,
    PaymentDeclined,
    PaymentNotPossible,
    PaymentPending,
    PaymentPreview,
    PaymentTaken,
    pay,
)
from payments.collection.payment_answers import payment_tree
from payments.postgres import DatabaseDown, connected
from payments.provider.sandbox import SandboxProvider
from payments.wiring import adapters_over
from serving.bearer import RouteGate
from serving.decisions import Desk, problem_responses
from serving.postgres import Unavailable, has_plan, transaction
from serving.problems import FieldFault, Problem

_STATUS = {
    "not-found": HTTPStatus.NOT_FOUND,
    "not-in-role": HTTPStatus.FORBIDDEN,
    "wrong-currency": HTTPStatus.UNPROCESSABLE_ENTITY,
}


class PaymentBody(BaseModel):
    """What the shopper pays: an amount with its currency, or the payoff of today."""

    model_config = ConfigDict(extra="forbid")

    amount_minor: int | None = Field(default=None, gt=0, le=LARGEST_MINOR_OF_AN_ACT)
    currency: Currency | None = None
    payoff: bool = False

    @model_validator(mode="after")
    def one_of_both(self) -> "PaymentBody":
        """Refuses a body with neither or both, and an amount without its currency."""
        if self.payoff != (self.amount_minor is None) or (self.amount_minor is None) != (self.currency is None):
            raise ValueError("send either amount_minor and currency, or payoff: true")
        return self

    def amount(self) -> Money | None:
        if self.amount_minor is None or self.currency is None:
            return None
        return Money(self.amount_minor, self.currency)


class PaymentTakenAnswer(BaseModel):
    """The payment as captured, and what is owed after it."""

    status: Literal["captured"]
    new: bool
    plan_id: str
    attempt_id: str
    amount_minor: int
    currency: Currency
    owed_minor: int
    plan_status: str


class PaymentPendingAnswer(BaseModel):
    """The outcome is not known yet; repeat the same request to ask again."""

    status: Literal["pending"]
    plan_id: str
    attempt_id: str
    detail: str


class PaymentPreviewAnswer(BaseModel):
    """What the payment would change; nothing was charged or kept."""

    status: Literal["preview"]
    plan_id: str
    amount_minor: int
    currency: Currency
    before: dict[str, Any]
    after: dict[str, Any]
    posted: list[dict[str, Any]]


router = APIRouter(prefix="/v1/plans", tags=["plans"])


@router.post(
    "/{plan_id}/payments",
    status_code=201,
    responses={
        200: {"model": PaymentPreviewAnswer, "description": "a preview; nothing was charged"},
        201: {"model": PaymentTakenAnswer},
        202: {"model": PaymentPendingAnswer},
        **problem_responses(400, 401, 402, 403, 404, 409, 422, 503),
    },
)
def post_payment(  # noqa: PLR0917 - the framework passes them by name
    request: Request,
    plan_id: Annotated[str, Path(max_length=100)],
    body: PaymentBody,
    idempotency_key: Annotated[str, Header(min_length=1, max_length=60, pattern="^[A-Za-z0-9._-]+$")],
    by: Annotated[Principal, Depends(RouteGate("pay"))],
    preview: Annotated[bool, Query(description="Show what the payment would change, and charge nothing.")] = False,
) -> Response:
    """Charge the shopper's payment method. Requests for a plan with the same key charge once."""
    desk: Desk = request.app.state.desk
    provider: SandboxProvider | None = request.app.state.provider
    if provider is None:
        detail = "No payment provider is set up: TRANCHE_PROVIDER_URL is missing."
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "no-provider", detail)
    with transaction(desk.pool) as connection:
        if not has_plan(connection, plan_id, by):
            raise Problem(HTTPStatus.NOT_FOUND, "not-found", f"Nothing was charged: there is no plan {plan_id}.")
    try:
        # A connection of its own, so that a slow provider does not use up those for decisions.
        with connected(request.app.state.settings.database_url) as connection:
            ports = adapters_over(connection, provider)
            answer = pay(
                AskedPayment(plan_id, idempotency_key, body.amount(), by),
                authority=authority_file(),
                asking=ports.asking,
                plans=ports.plans,
                ledger=ports.ledger,
                terms=ports.terms,
                profile=ports.profile,
                at=desk.clock(),
                preview=preview,
            )
    except DatabaseDown as error:
        raise Unavailable(str(error)) from error
    except Conflict as conflict:
        differs = (FieldFault(f"/{conflict.field}", "differs"),)
        detail = f"The Idempotency-Key was used with another {conflict.field}."
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "key-reused", detail, differs) from conflict
    tree = payment_tree(plan_id, answer)
    written: BaseModel
    match answer:
        case PaymentTaken():
            headers = {} if answer.new else {"Idempotency-Replayed": "true"}
            written = PaymentTakenAnswer.model_validate(tree)
            return Response(written.model_dump_json(), HTTPStatus.CREATED, headers, "application/json")
        case PaymentPending():
            written = PaymentPendingAnswer.model_validate(tree)
            return Response(written.model_dump_json(), HTTPStatus.ACCEPTED, {"Retry-After": "1"}, "application/json")
        case PaymentPreview():
            written = PaymentPreviewAnswer.model_validate(tree)
            return Response(written.model_dump_json(), HTTPStatus.OK, media_type="application/json")
        case PaymentDeclined(attempt_id, code):
            faults = (FieldFault("attempt_id", attempt_id), FieldFault("code", code))
            detail = f"The payment was refused: {code}. Nothing changed; another key tries again."
            raise Problem(HTTPStatus.PAYMENT_REQUIRED, "payment-refused", detail, faults)
        case PaymentNotPossible(code, detail):
            wait = 1 if code == "in-progress" else None
            status = _STATUS.get(code, HTTPStatus.CONFLICT)
            raise Problem(status, code, f"Nothing was charged: {detail}.", retry_after_seconds=wait)
