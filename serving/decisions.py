"""`/v1/decisions`: request a decision on an order, and read it again."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from features.postgres import PostgresVectors
from ledger.books.postgres import PostgresLedger
from ledger.identity.authority import Right
from ledger.identity.principal import Principal
from ledger.money import Currency, Money
from ledger.outbox import outbox
from lending.canonical import canonical
from lending.decision.order import Channel, Order, OrderFault, order_body
from lending.decision.postgres import PostgresDecisions
from lending.decision.record import StoredDecision
from lending.decision.underwrite import DecidedOtherwise, LendingStopped, NoPolicy, Underwritten, underwrite
from lending.referrals.open_case import open_referred
from lending.referrals.postgres_cases import PostgresCases
from lending.terms.merchant_terms import NoMerchantTerms, merchant_terms_on
from lending.terms.policy import Policies
from lending.terms.product import FIXED_MONTHS, Product
from lending.terms.review_terms import review_terms
from models.artefact import Model
from serving.bearer import Reader, RouteGate
from serving.entrance.card_number import card_number_in_id
from serving.postgres import ClaimedBefore, IdempotencyKeys, Lost, Pool, WrittenMeanwhile, transaction
from serving.problems import MEDIA_TYPE, FieldFault, Problem, ProblemBody
from serving.request_limits import card_number_problem
from serving.vector_scorer import VectorScorer

ROUTE = "POST /v1/decisions"
LARGEST_AMOUNT = 10**15

# Printable and without spaces, because ids become part of account names, file names and log lines.
Id = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@/-]*$")]
AnyKey = Annotated[str, Header(min_length=1, max_length=255, pattern=r"^[ -~]+$")]
# Part of a ledger account's name, in which a colon is a separator.
NameId = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that deciding needs, created when the app starts."""

    pool: Pool
    model: Model
    policies: Policies
    clock: Callable[[], datetime]
    code_digest: str


class OrderRequest(BaseModel):
    """An order at the checkout. `duration_months` is omitted for products that fix it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    order_id: Id
    shopper_id: NameId
    account_id: Id
    merchant_id: NameId | None = None
    amount_minor: int = Field(gt=0, le=LARGEST_AMOUNT, description="in the currency's smallest unit")
    currency: Annotated[Currency, Field(strict=False)]
    product: Annotated[Product, Field(strict=False)]
    duration_months: int | None = Field(default=None, ge=1, le=120)
    channel: Annotated[Channel, Field(strict=False)]
    application_id: Id | None = None
    alternatives: bool | None = Field(default=None, description="also offer other ways of repaying, or counter-offers")

    def order(self) -> Order:
        """The order; raises `OrderFault` when fields contradict each other."""
        months = self.duration_months
        if months is None:
            months = FIXED_MONTHS.get(self.product)
        if months is None:
            raise OrderFault("duration_months", f"is needed for {self.product}")
        return Order(
            order_id=self.order_id,
            shopper_id=self.shopper_id,
            account_id=self.account_id,
            merchant_id=self.merchant_id,
            amount=Money(self.amount_minor, self.currency),
            product=self.product,
            duration_months=months,
            channel=self.channel,
            application_id=self.application_id,
            alternatives=bool(self.alternatives),
        )


class MerchantAnswer(BaseModel):
    """The decision as its merchant sees it: outcome, offers and reasons, nothing else that is known of a shopper."""

    decision_id: str
    order_id: str
    application_id: str | None
    shopper_id: str
    account_id: str
    merchant_id: str | None
    jurisdiction: str
    product: Product
    channel: Channel
    decided_at: datetime
    expires_at: datetime | None
    outcome: str = Field(pattern="^(approved|approved_reduced|referred|declined)$")
    stage: str | None
    requested: dict[str, Any]
    approved_amount_minor: int | None
    offers: list[dict[str, Any]]
    reasons: list[dict[str, Any]]
    disclosures: dict[str, Any]
    reviews: str | None = Field(default=None, description="the decision that this one reviews")


class DecisionAnswer(MerchantAnswer):
    """The decision as the back office sees it, with all that it was based on. Read again, it has the same bytes."""

    score: dict[str, Any] | None
    affordability: dict[str, Any]
    exposure: dict[str, Any]
    policy: dict[str, Any]
    model: dict[str, Any]
    inputs: dict[str, Any]
    review: dict[str, Any] | None = Field(default=None, description="who reviewed it, with which coded reasons")


_REASON_OF_MERCHANT = ("rank", "code", "text", "stage")


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {
        status: {"model": ProblemBody, "content": {MEDIA_TYPE: {}}, "description": HTTPStatus(status).phrase}
        for status in statuses
    }


router = APIRouter(prefix="/v1/decisions", tags=["decisions"])


@router.post(
    "",
    status_code=201,
    responses={201: {"model": DecisionAnswer | MerchantAnswer}, **problem_responses(400, 401, 403, 409, 413, 422, 503)},
)
def decide_order(
    request: Request,
    asked: OrderRequest,
    idempotency_key: AnyKey,
    by: Annotated[Principal, Depends(RouteGate(Right.DECIDE, kept=True))],
) -> Response:
    """Decide one order. The same key and body always return the same answer."""
    try:
        order = asked.order()
    except OrderFault as fault:
        faults = (FieldFault(f"/{fault.field}", fault.reason),)
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", str(fault), faults) from fault
    if holders := _ids_like_cards(order, request.app.state.clock()):
        raise card_number_problem(*holders)
    if not by.sees(order.merchant_id):
        faults = (FieldFault("/merchant_id", f"is not {by.merchant_id}"),)
        detail = f"{by.principal_id} asks for the merchant {by.merchant_id} alone."
        raise Problem(HTTPStatus.FORBIDDEN, "other-merchant", detail, faults)
    made = decide_once(request.app.state.desk, order, idempotency_key, by)
    headers = {"Location": f"/v1/decisions/{made.decision.decision_id}"}
    if not made.new:
        headers["Idempotency-Replayed"] = "true"
    return _answer(made.decision, by, 201, headers)


def _ids_like_cards(order: Order, at: datetime) -> list[str]:
    """The fields of the ids that a card number could be in; none that match the merchant's own format of ids."""
    ids = {
        "/order_id": order.order_id,
        "/shopper_id": order.shopper_id,
        "/account_id": order.account_id,
        "/application_id": order.application_id or "",
    }
    found = [field for field, each in ids.items() if card_number_in_id(each)]
    if not found or order.merchant_id is None:
        return found
    try:
        own = merchant_terms_on(order.merchant_id, at.date()).id_format
    except NoMerchantTerms:
        return found
    return [field for field in found if own is None or own.fullmatch(ids[field]) is None]


@router.get(
    "/{decision_id}",
    responses={200: {"model": DecisionAnswer | MerchantAnswer}, **problem_responses(401, 403, 404, 503)},
)
def read_decision(request: Request, decision_id: Annotated[str, Path(max_length=100)], by: Reader) -> Response:
    """The decision as it was first answered, byte for byte."""
    desk: Desk = request.app.state.desk
    with transaction(desk.pool) as connection:
        decision = PostgresDecisions(connection).get(decision_id)
    if decision is None or not by.sees(decision.order.merchant_id):
        raise Problem(HTTPStatus.NOT_FOUND, "not-found", f"There is no decision {decision_id}.")
    return _answer(decision, by, 200, {})


def decide_once(desk: Desk, order: Order, key: str, by: Principal) -> Underwritten:
    """The order's decision, made now or before. Retried once after a lost connection or a lost race.

    The retry is safe: by key and order it finds whatever the first attempt committed.
    """
    try:
        return _decide(desk, order, key, by)
    except (Lost, WrittenMeanwhile):
        return _decide(desk, order, key, by)


def _decide(desk: Desk, order: Order, key: str, by: Principal) -> Underwritten:
    """Claim the key, decide, store and reserve in one transaction; a Problem rolls all of it back."""
    at = desk.clock()
    asked = canonical(order_body(order))
    with transaction(desk.pool) as connection:
        claim = IdempotencyKeys(connection, by).claim(ROUTE, key, asked, at)
        if isinstance(claim, ClaimedBefore) and claim.request != asked:
            raise _other_body(claim.request, asked)
        outcome = underwrite(
            order,
            at=at,
            code_digest=desk.code_digest,
            policies=desk.policies,
            scorer=VectorScorer(desk.model, PostgresVectors(connection)),
            decisions=PostgresDecisions(connection),
            ledger=PostgresLedger(connection),
            publish=partial(outbox.append_all, connection),
            open_case=partial(open_referred, cases=PostgresCases(connection), terms=review_terms(), at=at),
        )
        match outcome:
            case Underwritten():
                return outcome
            case DecidedOtherwise(decision_id, field):
                detail = f"Order {order.order_id} was decided as {decision_id} with another {field}."
                raise Problem(HTTPStatus.CONFLICT, "order-decided", detail, (FieldFault(f"/{field}", "differs"),))
            case LendingStopped(currency, product):
                detail = f"Lending in {currency} by {product} is stopped; nothing was decided."
                raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "lending-stopped", detail)
            case NoPolicy(currency, product):
                detail = f"No policy lends {currency} as {product} on {at.date()}."
                faults = (FieldFault("/currency", detail), FieldFault("/product", detail))
                raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "no-policy", detail, faults)


def _other_body(before: str, now: str) -> Problem:
    """The Problem of a key that is reused with another body; names each field that differs."""
    first, second = json.loads(before), json.loads(now)
    faults = tuple(
        FieldFault(f"/{name}", f"was {first.get(name)!r}, is {second[name]!r}")
        for name in second
        if first.get(name) != second[name]
    )
    detail = f"The Idempotency-Key was used with another body: {', '.join(fault.field for fault in faults)} differs."
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "key-reused", detail, faults)


def _answer(decision: StoredDecision, by: Principal, status: int, headers: dict[str, str]) -> Response:
    answer = decision.answer if by.merchant_id is None else merchant_view(decision.answer)
    return Response(answer, status, headers, "application/json")


def merchant_view(answer: str) -> str:
    """The part of a decision's answer that its merchant sees: the outcome, its offers, and reasons in words.

    Left out is what is known of the shopper beside the order: score, income and obligations, exposure, the values that
    rules read, the model and its inputs, and what each reason weighed.
    """
    tree = json.loads(answer)
    tree["reasons"] = [{name: reason[name] for name in _REASON_OF_MERCHANT} for reason in tree["reasons"]]
    return canonical({name: value for name, value in tree.items() if name in MerchantAnswer.model_fields})
