"""`POST /v1/acts/{act}`: one act on many plans, each row for itself, like `tranche lending plan bulk` with a file."""

from dataclasses import asdict
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from ledger.identity.authority import Right, authority_file
from ledger.identity.principal import Principal
from lending.acts.act import ACTS
from lending.acts.act_file import act_on_rows, columns_of, statuses
from lending.acts.log import AskedAct
from lending.acts.perform import ActDone, ActProposed, ActRefused, NotAllowed, perform
from lending.acts.preview import ActPreview, preview_act
from serving.bearer import RouteGate
from serving.decisions import Desk, problem_responses
from serving.plan_routes.plan_acts import Key, Preview, Sentence, act_ports
from serving.postgres import Lost, WrittenMeanwhile, transaction
from serving.problems import FieldFault, Problem
from serving.request_limits import PRINTABLE

MOST_ROWS = 500

Act = StrEnum("Act", {name.replace("-", "_").upper(): name for name in ACTS})  # type: ignore[misc]
Cell = Annotated[str, Field(max_length=2_000, pattern=PRINTABLE)]


class BulkBody(BaseModel):
    """The rows, with the columns and words of the command's file: `plan_id`, the act's arguments, and if wanted
    `reason`, `value_date` and `key`.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: Annotated[Sentence, Field(description="why, where a row has none")]
    rows: Annotated[list[dict[str, Cell]], Field(min_length=1, max_length=MOST_ROWS)]


class BulkRow(BaseModel):
    """One row's answer; `line` counts from 1."""

    line: int
    plan_id: str
    status: str = Field(pattern="^(done|again|proposed|refused|not_allowed|wrong|would_do|would_propose)$")
    act_id: str
    detail: str


class BulkAnswer(BaseModel):
    """An answer for each row, in their order, and how many rows had each answer."""

    rows: list[BulkRow]
    statuses: dict[str, int]


router = APIRouter(tags=["acts on plans"])


@router.post("/v1/acts/{act}", responses=problem_responses(400, 401, 403, 409, 422, 503))
def act_on_many(  # noqa: PLR0917 - the framework passes them by name
    request: Request,
    act: Act,
    body: BulkBody,
    idempotency_key: Key,
    by: Annotated[Principal, Depends(RouteGate(Right.PROPOSALS))],
    preview: Preview = False,
) -> BulkAnswer:
    """Do one act on many plans, each row in a transaction of its own. The same rows and key do nothing twice.

    The key and the rows mean what they mean in the command's file, so a list may be sent by either.
    """
    desk: Desk = request.app.state.desk
    name = str(act.value)
    if not authority_file().role(by.role).does.names(name):
        detail = f"The role {by.role} of {by.principal_id} may not {name}."
        raise Problem(HTTPStatus.FORBIDDEN, "not-in-role", detail)
    known = columns_of(name)
    for number, row in enumerate(body.rows):
        unknown = sorted(row.keys() - known)
        if unknown or "plan_id" not in row:
            field, trouble = (unknown[0], "is no column") if unknown else ("plan_id", "is missing")
            detail = f"Nothing was done: {name} takes {', '.join(sorted(known))}."
            faults = (FieldFault(f"/rows/{number}/{field}", trouble),)
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", detail, faults)

    def do(asked: AskedAct) -> ActDone | ActProposed | ActRefused | NotAllowed | ActPreview:
        try:
            return once(asked)
        except (Lost, WrittenMeanwhile):  # its key makes it safe to do again
            return once(asked)

    def once(asked: AskedAct) -> ActDone | ActProposed | ActRefused | NotAllowed | ActPreview:
        with transaction(desk.pool) as connection:
            ports = act_ports(connection, desk)
            return preview_act(asked, by, ports) if preview else perform(asked, by, ports)

    rows = act_on_rows(name, enumerate(body.rows, 1), do, key=idempotency_key, reason=body.reason)
    return BulkAnswer(rows=[BulkRow(**asdict(each)) for each in rows], statuses=dict(statuses(rows)))
