"""`POST /v1/decisions/{id}/accept`: turns an approved decision into a plan, after the payment due today."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel

from ledger.identity.authority import Right
from ledger.identity.principal import Principal
from lending.acts.arguments import LARGEST_MINOR_OF_AN_ACT
from lending.decision.postgres import PostgresDecisions
from payments.collection.accept_offer import Accepted, NotOnOffer, PaymentRefused, PaymentUnknown, accept_offer
from payments.postgres import DatabaseDown, connected
from payments.provider.sandbox import SandboxProvider
from payments.wiring import adapters_over
from serving.bearer import RouteGate
from serving.decisions import AnyKey, Desk, problem_responses
from serving.plan_routes.plans import PlanAnswer, plan_answer
from serving.postgres import ClaimedBefore, IdempotencyKeys, Unavailable, transaction
from serving.problems import FieldFault, Problem

ROUTE = "POST /v1/decisions/{id}/accept"

_STATUS = {
    "not-found": HTTPStatus.NOT_FOUND,
    "in-progress": HTTPStatus.CONFLICT,
    "not-approved": HTTPStatus.CONFLICT,
    "no-merchant": HTTPStatus.CONFLICT,
    "offer-expired": HTTPStatus.CONFLICT,
    "attempts-used": HTTPStatus.CONFLICT,
    "part-not-possible": HTTPStatus.CONFLICT,
}


class PendingAnswer(BaseModel):
    """The outcome of the payment is not known yet; repeat the same request to ask again."""

    decision_id: str
    attempt_id: str
    status: str


router = APIRouter(prefix="/v1/decisions", tags=["decisions"])


@router.post(
    "/{decision_id}/accept",
    status_code=201,
    responses={
        201: {"model": PlanAnswer},
        202: {"model": PendingAnswer},
        **problem_responses(400, 401, 402, 403, 404, 409, 422, 503),
    },
)
def accept(  # noqa: PLR0917 - the framework passes them by name
    request: Request,
    decision_id: Annotated[str, Path(max_length=100)],
    idempotency_key: AnyKey,
    by: Annotated[Principal, Depends(RouteGate(Right.ACCEPT))],
    shipped_minor: Annotated[
        int | None, Query(gt=0, le=LARGEST_MINOR_OF_AN_ACT, description="what was shipped, if not the whole order")
    ] = None,
    offer_id: Annotated[
        str | None, Query(pattern="^[0-9]{1,3}$", description="which of the offers; the first one when left out")
    ] = None,
) -> Response:
    """Accept an offer of an approved decision. Requests with one key pay at most once; the first choice is for good.

    With `shipped_minor` only that part of the order is captured, and the rest by `/v1/plans/{id}/shipments`. That needs
    an offer without a payment today.
    """
    desk: Desk = request.app.state.desk
    provider: SandboxProvider | None = request.app.state.provider
    at = desk.clock()
    asked = decision_id if shipped_minor is None else f"{decision_id} shipped {shipped_minor}"
    asked = asked if offer_id is None else f"{asked} offer {offer_id}"
    _claim(desk, decision_id, asked, idempotency_key, by)
    _choose(desk, decision_id, offer_id)
    if provider is None:
        detail = "No payment provider is set up: TRANCHE_PROVIDER_URL is missing."
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "no-provider", detail)
    try:
        # A connection of its own, so that a slow provider does not use up those for decisions.
        with connected(request.app.state.settings.database_url) as connection:
            ports = adapters_over(connection, provider)
            outcome = accept_offer(
                decision_id,
                asked_by=idempotency_key,
                asking=ports.asking,
                decisions=ports.decisions,
                plans=ports.plans,
                ledger=ports.ledger,
                merchants=ports.merchants,
                terms=ports.terms,
                at=at,
                shipped_minor=shipped_minor,
            )
            accepted = [outcome.plan.plan_id] if isinstance(outcome, Accepted) else []
            histories = ports.plans.histories(accepted)
    except DatabaseDown as error:
        raise Unavailable(str(error)) from error
    match outcome:
        case Accepted(plan, new):
            headers = {"Location": f"/v1/plans/{plan.plan_id}"} | ({} if new else {"Idempotency-Replayed": "true"})
            body = plan_answer(histories[plan.plan_id], at).model_dump_json()
            return Response(body, HTTPStatus.CREATED, headers, "application/json")
        case PaymentUnknown(attempt_id, _):
            pending = PendingAnswer(decision_id=decision_id, attempt_id=attempt_id, status="payment_unknown")
            return Response(pending.model_dump_json(), HTTPStatus.ACCEPTED, {"Retry-After": "1"}, "application/json")
        case PaymentRefused(attempt_id, code):
            detail = f"The payment due today was refused: {code}. Nothing is owed; the offer still stands."
            faults = (FieldFault("attempt_id", attempt_id), FieldFault("code", code))
            raise Problem(HTTPStatus.PAYMENT_REQUIRED, "payment-refused", detail, faults)
        case NotOnOffer(code, detail):
            wait = 1 if code == "in-progress" else None
            raise Problem(_STATUS[code], code, detail, retry_after_seconds=wait)


def _claim(desk: Desk, decision_id: str, asked: str, key: str, by: Principal) -> None:
    """Bind the key to a decision and what was shipped of it; a Problem when it belongs to another request.

    Also when the caller has no such decision.
    """
    with transaction(desk.pool) as connection:
        decision = PostgresDecisions(connection).get(decision_id)
        if decision is None or not by.sees(decision.order.merchant_id):
            raise Problem(HTTPStatus.NOT_FOUND, "not-found", f"There is no decision {decision_id}.")
        claim = IdempotencyKeys(connection, by).claim(ROUTE, key, asked, desk.clock())
    if isinstance(claim, ClaimedBefore) and claim.request != asked:
        detail = f"The Idempotency-Key was used to accept {claim.request}."
        faults = (FieldFault("decision_id", f"was {claim.request!r}, is {asked!r}"),)
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "key-reused", detail, faults)


def _choose(desk: Desk, decision_id: str, offer_id: str | None) -> None:
    """Bind the decision to one of its offers before anything is paid; a Problem when another one is bound.

    Without an offer asked for it stays with the one that is bound, and else with the first.
    """
    with transaction(desk.pool) as connection:
        decisions = PostgresDecisions(connection)
        decision = decisions.get(decision_id)
        offered = 0 if decision is None else len(decision.offers)
        if offered <= 1 and offer_id in (None, "1"):
            return  # there is nothing to choose from
        if offer_id is not None and not 1 <= int(offer_id) <= offered:
            faults = (FieldFault("/offer_id", f"is none of the {offered} offers"),)
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "no-such-offer", "There is no such offer.", faults)
        chosen = decisions.choose(decision_id, str(int(offer_id or "1")), desk.clock())
    if offer_id is not None and chosen != str(int(offer_id)):
        detail = f"Offer {chosen} of decision {decision_id} is chosen already."
        raise Problem(HTTPStatus.CONFLICT, "other-offer", detail)
