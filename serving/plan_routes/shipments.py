"""`POST /v1/plans/{id}/shipments`: a merchant reports that it shipped a further part of an order."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ledger.books.store import Conflict
from ledger.identity.authority import authority_file
from ledger.identity.principal import Principal
from ledger.money import Currency, Money
from lending.acts.answers import refusal_trees
from lending.acts.arguments import LARGEST_MINOR_OF_AN_ACT
from payments.merchants.ship import AskedShipment, ShipmentNotPossible, ShipmentRefused, ShipmentTaken, ship
from payments.postgres import DatabaseDown, connected
from payments.provider.provider import NoProvider
from payments.wiring import adapters_over
from serving.bearer import RouteGate
from serving.decisions import Desk, problem_responses
from serving.postgres import Unavailable
from serving.problems import FieldFault, Problem


class ShipmentBody(BaseModel):
    """The part of the purchase that was shipped, in minor units."""

    model_config = ConfigDict(extra="forbid", strict=True)

    amount_minor: int = Field(gt=0, le=LARGEST_MINOR_OF_AN_ACT)
    currency: Annotated[Currency, Field(strict=False)]


class ShipmentTakenAnswer(BaseModel):
    """The shipment as captured: its number within the order, and what is still to be shipped."""

    plan_id: str
    shipment: int
    amount_minor: int
    unshipped_minor: int
    currency: Currency
    new: bool


router = APIRouter(prefix="/v1/plans", tags=["plans"])


@router.post(
    "/{plan_id}/shipments",
    status_code=201,
    responses={201: {"model": ShipmentTakenAnswer}, **problem_responses(400, 401, 403, 404, 409, 422, 503)},
)
def post_shipment(
    request: Request,
    plan_id: Annotated[str, Path(max_length=100)],
    body: ShipmentBody,
    idempotency_key: Annotated[str, Header(min_length=1, max_length=60, pattern="^[A-Za-z0-9._-]+$")],
    by: Annotated[Principal, Depends(RouteGate("ship"))],
) -> Response:
    """Capture a further part of an order. The key is the merchant's id of the shipment; it captures once."""
    desk: Desk = request.app.state.desk
    asked = AskedShipment(plan_id, idempotency_key, Money(body.amount_minor, body.currency), by)
    try:
        with connected(request.app.state.settings.database_url) as connection:
            ports = adapters_over(connection, NoProvider())
            answer = ship(
                asked,
                authority=authority_file(),
                plans=ports.plans,
                ledger=ports.ledger,
                terms=ports.terms,
                transaction=ports.transaction,
                at=desk.clock(),
            )
    except DatabaseDown as error:
        raise Unavailable(str(error)) from error
    except Conflict as conflict:
        differs = (FieldFault(f"/{conflict.field}", "differs"),)
        detail = f"The Idempotency-Key was used with another {conflict.field}."
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "key-reused", detail, differs) from conflict
    match answer:
        case ShipmentTaken(shipment, amount, unshipped, new):
            written = ShipmentTakenAnswer(
                plan_id=plan_id,
                shipment=shipment,
                amount_minor=amount.minor,
                unshipped_minor=unshipped.minor,
                currency=amount.currency,
                new=new,
            )
            headers = {} if new else {"Idempotency-Replayed": "true"}
            return Response(written.model_dump_json(), HTTPStatus.CREATED, headers, "application/json")
        case ShipmentRefused(reasons):
            faults = tuple(FieldFault(each["code"], each["detail"]) for each in refusal_trees(reasons))
            raise Problem(HTTPStatus.CONFLICT, "act-refused", "Nothing was captured: the plan refuses it.", faults)
        case ShipmentNotPossible(code, detail):
            status = HTTPStatus.NOT_FOUND if code == "not-found" else HTTPStatus.FORBIDDEN
            raise Problem(status, code, f"Nothing was captured: {detail}.")
