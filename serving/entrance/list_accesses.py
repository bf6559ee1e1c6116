"""`GET /v1/accesses`: who read what is kept of a person, and what for."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from ledger.identity.authority import Right
from serving.bearer import RouteGate
from serving.decisions import Desk, problem_responses
from serving.entrance.access_record import NumberedAccess
from serving.entrance.postgres_accesses import PostgresAccesses
from serving.postgres import transaction


class AccessQuery(BaseModel):
    """Which readings: of a subject, by a principal, or all; a page of them before a number."""

    model_config = ConfigDict(extra="forbid")

    subject: str | None = Field(default=None, max_length=500, examples=["plan_id=p-1"])
    principal_id: str | None = Field(default=None, max_length=40)
    before: int | None = Field(default=None, ge=1)
    limit: int = Field(default=50, ge=1, le=200)


class AccessAnswer(BaseModel):
    """One reading: by whom, what for, and what was asked for."""

    number: int
    read_at: datetime
    principal_id: str
    purpose: str
    route: str
    subject: str


class AccessesAnswer(BaseModel):
    """Readings, the newest first. `next_before` is the `before` of the next page, null on the last one."""

    accesses: list[AccessAnswer]
    next_before: int | None


router = APIRouter(prefix="/v1/accesses", tags=["audit"])


@router.get(
    "",
    responses={200: {"model": AccessesAnswer}, **problem_responses(401, 403, 422, 503)},
    dependencies=[Depends(RouteGate(Right.ACCESSES))],
)
def list_accesses(request: Request, asked: Annotated[AccessQuery, Query()]) -> AccessesAnswer:
    """Readings, the newest first. Each is on record before it is answered."""
    desk: Desk = request.app.state.desk
    with transaction(desk.pool) as connection:
        found = PostgresAccesses(connection).newest(
            subject=asked.subject, principal_id=asked.principal_id, before=asked.before, most=asked.limit + 1
        )
    page = found[: asked.limit]
    return AccessesAnswer(
        accesses=[AccessAnswer.model_validate(access_tree(each)) for each in page],
        next_before=page[-1].number if len(found) > asked.limit else None,
    )


def access_tree(access: NumberedAccess) -> dict[str, object]:
    """A reading as plain values."""
    record = access.record
    return {
        "number": access.number,
        "read_at": record.read_at,
        "principal_id": record.principal_id,
        "purpose": record.purpose,
        "route": record.route,
        "subject": record.subject,
    }
