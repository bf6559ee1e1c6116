"""`/v1/lending-stops`: stop lending at once, lift a stop, and see every stop there ever was."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from ledger.identity.authority import Right
from ledger.identity.principal import Principal
from ledger.money import Currency
from lending.decision.lending_stop import LendingStop, Lift, StopFault, lift_stop, stop_lending
from lending.decision.postgres_stops import PostgresStops
from lending.terms.product import Product
from serving.bearer import RouteGate
from serving.decisions import Desk, problem_responses
from serving.postgres import transaction
from serving.problems import FieldFault, Problem
from serving.request_limits import PRINTABLE

Stopper = Annotated[Principal, Depends(RouteGate(Right.STOPS))]
Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=PRINTABLE)]
StopId = Annotated[str, Path(max_length=100)]
Key = Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=100, pattern=r"^[A-Za-z0-9._-]+$")]


class StopRequest(BaseModel):
    """What to stop and why. Left out, the currency means all of them, and the product likewise."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"currency": "GBP", "product": "pay_in_3", "reason": "fraud at one merchant"}]},
    )

    currency: Annotated[Currency | None, Field(strict=False)] = None
    product: Annotated[Product | None, Field(strict=False)] = None
    reason: Reason


class LiftRequest(BaseModel):
    """Why lending goes on."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"reason": "the merchant is off the platform"}]}
    )

    reason: Reason


class StopAnswer(BaseModel):
    """A stop; it holds while `lifted_at` is null."""

    stop_id: str
    scope: str
    currency: Currency | None
    product: Product | None
    stopped_at: datetime
    stopped_by: str
    reason: str
    lifted_at: datetime | None
    lifted_by: str | None
    lift_reason: str | None


class StopsAnswer(BaseModel):
    """Every stop, the newest first."""

    stops: list[StopAnswer]


router = APIRouter(prefix="/v1/lending-stops", tags=["policy"])


@router.post("", status_code=201, responses={201: {"model": StopAnswer}, **problem_responses(400, 401, 403, 422, 503)})
def stop(request: Request, asked: StopRequest, idempotency_key: Key, by: Stopper) -> StopAnswer:
    """Stop lending in a scope. Orders that come after the answer are not decided; offers that were made stand.

    The key is the stop's id: sent again with the same key, the first stop is the answer.
    """
    desk: Desk = request.app.state.desk
    wanted = LendingStop(
        idempotency_key, asked.currency, asked.product, desk.clock(), by.principal_id, asked.reason
    )  # fmt: skip
    with transaction(desk.pool) as connection:
        stops = PostgresStops(connection)
        kept = next((each for each in stops.listed() if each.stop_id == wanted.stop_id), None)
        if kept is None:
            return StopAnswer.model_validate(stop_tree(stop_lending(wanted, stops)))
    if (kept.currency, kept.product, kept.stopped_by) != (wanted.currency, wanted.product, wanted.stopped_by):
        faults = (FieldFault("Idempotency-Key", f"names the stop of {kept.scope}"),)
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, "key-reused", f"The key is that of another stop, of {kept.scope}.", faults
        )
    return StopAnswer.model_validate(stop_tree(kept))


@router.post("/{stop_id}/lift", responses={200: {"model": StopAnswer}, **problem_responses(401, 403, 404, 422, 503)})
def lift(request: Request, stop_id: StopId, asked: LiftRequest, by: Stopper) -> StopAnswer:
    """Lift a stop."""
    desk: Desk = request.app.state.desk
    with transaction(desk.pool) as connection:
        stops = PostgresStops(connection)
        try:
            lift_stop(stop_id, Lift(desk.clock(), by.principal_id, asked.reason), stops)
        except StopFault as fault:
            raise Problem(HTTPStatus.NOT_FOUND, "not-found", f"There is no stop {stop_id} that holds.") from fault
        (kept,) = (each for each in stops.listed() if each.stop_id == stop_id)
    return StopAnswer.model_validate(stop_tree(kept))


@router.get("", responses={200: {"model": StopsAnswer}, **problem_responses(401, 403, 503)})
def read_stops(request: Request, by: Stopper) -> StopsAnswer:  # noqa: ARG001 - the gate
    """Every stop there ever was, the newest first."""
    desk: Desk = request.app.state.desk
    with transaction(desk.pool) as connection:
        found = PostgresStops(connection).listed()
    return StopsAnswer(stops=[StopAnswer.model_validate(stop_tree(each)) for each in found])


def stop_tree(stop: LendingStop) -> dict[str, Any]:
    """A stop as plain values."""
    ended = stop.lift
    return {
        "stop_id": stop.stop_id,
        "scope": stop.scope,
        "currency": stop.currency,
        "product": stop.product,
        "stopped_at": stop.stopped_at,
        "stopped_by": stop.stopped_by,
        "reason": stop.reason,
        "lifted_at": None if ended is None else ended.lifted_at,
        "lifted_by": None if ended is None else ended.lifted_by,
        "lift_reason": None if ended is None else ended.reason,
    }
