"""`/v1/breaks`: list what does not reconcile, look at it, and deal with it with a reason; approve what others propose.

One route for each row of the table of the desk's acts; the body is made from its arguments.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, create_model

from ledger.books.store import Conflict
from ledger.identity.authority import Right
from ledger.identity.principal import Principal
from lending.acts.arguments import ArgumentFault
from payments.break_desk.desk_act import DESK_ACTS, DeskAct
from payments.break_desk.desk_answers import break_tree, desk_answer_tree, desk_proposal_tree, listed_break_tree
from payments.break_desk.desk_log import AskedDeskAct
from payments.break_desk.desk_ports import DeskPorts, desk_over
from payments.break_desk.perform_desk_act import (
    LONGEST_DESK_REASON,
    DeskActDone,
    DeskActProposed,
    DeskAnswer,
    UnknownBreak,
    UnknownDeskProposal,
    approve_desk_act,
    of_back_office,
    perform_desk_act,
)
from payments.postgres import DatabaseBusy, DatabaseDown, connected
from payments.provider.provider import NoProvider
from payments.wiring import adapters_over
from serving.bearer import RouteGate
from serving.decisions import problem_responses
from serving.postgres import Unavailable
from serving.problems import FieldFault, Problem
from serving.request_limits import PRINTABLE

MOST_LISTED = 1_000
PATIENCE_S = 5
"""For so long an act waits for a run of reconciliation to end."""

_FORBIDDEN = frozenset({"not-in-role", "same-person", "proposal-expired"})


class ListedBreakBody(BaseModel):
    """A break: its class, what it is about, who deals with it, and by when."""

    model_config = ConfigDict(extra="forbid")

    break_id: str
    break_class: str
    amount_minor: int | None
    currency: str | None
    reason: str
    owner: str
    severity: str
    opened_on: str
    due_by: str
    closed_on: str | None
    closed_by: str | None
    expectation_id: str | None
    line_key: str | None


class BreaksAnswer(BaseModel):
    """Breaks, the gravest first; `more` if there are others beyond the limit."""

    breaks: list[ListedBreakBody]
    more: bool


class BreakAnswer(ListedBreakBody):
    """A break with its line, everything that happened to it, and the acts of people on it."""

    line: dict[str, Any] | None
    events: list[dict[str, Any]]
    acts: list[dict[str, Any]]


class DeskActAnswer(BaseModel):
    """An act on a break that is done: who decided it and why, and the entries posted and reversed."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["done"]
    new: bool
    act_id: str
    break_id: str
    act: str
    arguments: dict[str, str]
    reason: str
    by: str
    approved_by: str | None
    posted: list[str]
    reversed: list[str]
    still_open: bool
    recorded_at: str


class DeskProposalBody(BaseModel):
    """An act on a break that waits for a second principal; `because` says why one is needed."""

    model_config = ConfigDict(extra="forbid")

    proposal_id: str
    break_id: str
    act: str
    arguments: dict[str, str]
    reason: str
    by: str
    because: list[str]
    proposed_at: str
    expires_at: str


class DeskProposedAnswer(DeskProposalBody):
    """The answer to an act that became a proposal."""

    status: Literal["proposed"]
    new: bool


class DeskProposalsAnswer(BaseModel):
    """Acts on breaks that wait for a second principal, the oldest first."""

    proposals: list[DeskProposalBody]


BreakIdPath = Annotated[str, Path(max_length=200, description="The break's id; # in it is sent as %23.")]
DeskKey = Annotated[str, Header(min_length=1, max_length=60, pattern="^[A-Za-z0-9._-]+$")]


def _back_office(by: Annotated[Principal, Depends(RouteGate(Right.BREAKS))]) -> Principal:
    """A principal that belongs to no merchant."""
    if not of_back_office(by):
        detail = f"{by.principal_id} belongs to a merchant, and breaks are of many at once."
        raise Problem(HTTPStatus.FORBIDDEN, "not-in-role", detail)
    return by


DeskReader = Annotated[Principal, Depends(_back_office)]

router = APIRouter(tags=["breaks"])


@router.get("/v1/breaks", responses=problem_responses(401, 403, 422, 503))
def read_breaks(
    request: Request,
    _: DeskReader,
    *,
    closed: Annotated[bool, Query(description="List closed ones too.")] = False,
    owner: Annotated[str | None, Query(max_length=60)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 200,
) -> BreaksAnswer:
    """What does not reconcile, the gravest first and then by due day."""
    with _at_desk(request) as ports:
        found = ports.desk.listed(limit + 1, closed=closed, owner=owner)
    listed = [ListedBreakBody.model_validate(listed_break_tree(each)) for each in found[:limit]]
    return BreaksAnswer(breaks=listed, more=len(found) > limit)


@router.get("/v1/break-proposals", responses=problem_responses(401, 403, 503))
def read_desk_proposals(request: Request, _: DeskReader) -> DeskProposalsAnswer:
    """The acts on breaks that wait for a second principal."""
    with _at_desk(request) as ports:
        found = ports.desk.open_proposals(ports.at)
    return DeskProposalsAnswer(proposals=[DeskProposalBody.model_validate(desk_proposal_tree(each)) for each in found])


@router.post(
    "/v1/break-proposals/{proposal_id}/approve",
    status_code=201,
    responses={201: {"model": DeskActAnswer}, **problem_responses(401, 403, 404, 409, 503)},
)
def approve_desk_proposal(
    request: Request, proposal_id: Annotated[str, Path(max_length=200)], by: DeskReader
) -> Response:
    """Approve another principal's proposal and do it. Sent again, it changes nothing."""
    return _answered_at_desk(request, lambda ports: approve_desk_act(proposal_id, by, ports))


@router.get("/v1/breaks/{break_id:path}", responses=problem_responses(401, 403, 404, 503))
def read_break(request: Request, break_id: BreakIdPath, _: DeskReader) -> BreakAnswer:
    """A break with its line, everything that happened to it, and who did what and why."""
    with _at_desk(request) as ports:
        case = ports.desk.case(break_id, lock=False)
        if case is None:
            raise UnknownBreak(break_id)
        tree = break_tree(case, ports.desk.events(break_id), ports.desk.acts_on(break_id))
    return BreakAnswer.model_validate(tree)


def _act_route(act: DeskAct) -> Callable[..., Response]:
    """The endpoint of one act, with a body made from its arguments."""

    def endpoint(
        request: Request, break_id: BreakIdPath, body: BaseModel, idempotency_key: DeskKey, by: Principal
    ) -> Response:
        said = body.model_dump(mode="json", exclude_none=True)
        reason = said.pop("reason")
        asked = AskedDeskAct(break_id, act.name, said, reason, idempotency_key)
        return _answered_at_desk(request, lambda ports: perform_desk_act(asked, by, ports))

    endpoint.__annotations__["body"] = body_of_desk_act(act)
    endpoint.__annotations__["by"] = Annotated[Principal, Depends(RouteGate(act.grant))]
    endpoint.__doc__ = act.meaning
    endpoint.__name__ = f"{act.name.replace('-', '_')}_break"
    return endpoint


def body_of_desk_act(act: DeskAct) -> type[BaseModel]:
    """The body of an act's request: its arguments and the reason."""
    reason: Any = Annotated[str, Field(min_length=1, max_length=LONGEST_DESK_REASON, pattern=PRINTABLE)]
    named: dict[str, Any] = {"reason": (Annotated[reason, Field(description="why")], ...)}
    for each in act.arguments:
        text: Any = Annotated[str, Field(max_length=160, description=each.meaning)]
        named[each.name] = (text, ...) if each.required else (text | None, None)
    name = "".join(part.capitalize() for part in act.grant.split("-"))
    strict = ConfigDict(extra="forbid", strict=True)
    return create_model(f"{name}Body", __config__=strict, __doc__=act.meaning, **named)


for _each in DESK_ACTS.values():
    router.add_api_route(
        f"/v1/breaks/{{break_id:path}}/{_each.name}",
        _act_route(_each),
        methods=["POST"],
        status_code=201,
        summary=_each.meaning,
        responses={
            201: {"model": DeskActAnswer, "description": "done"},
            202: {"model": DeskProposedAnswer, "description": "proposed; another principal has to approve it"},
            **problem_responses(400, 401, 403, 404, 409, 422, 503),
        },
    )


@contextmanager
def _at_desk(request: Request) -> Iterator[DeskPorts]:
    """The desk over a connection of its own and one transaction, with its faults as problems."""
    try:
        url = request.app.state.settings.database_url
        with connected(url, patience_s=PATIENCE_S) as connection, connection.transaction():
            yield desk_over(adapters_over(connection, NoProvider()), request.app.state.clock())
    except DatabaseDown as error:
        raise Unavailable(str(error)) from error
    except DatabaseBusy as error:
        detail = "Reconciliation is running. Nothing was changed; send the same request again."
        raise Problem(HTTPStatus.CONFLICT, "in-progress", detail, retry_after_seconds=30) from error
    except (UnknownBreak, UnknownDeskProposal) as error:
        raise Problem(HTTPStatus.NOT_FOUND, "not-found", f"{error.user_message}.") from error
    except ArgumentFault as fault:
        faults = (FieldFault(f"/{fault.name}", fault.trouble),)
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", f"{fault}.", faults) from fault
    except Conflict as conflict:
        differs = (FieldFault(f"/{conflict.field}", "differs"),)
        detail = f"The Idempotency-Key was used with another {conflict.field}."
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "key-reused", detail, differs) from conflict


def _answered_at_desk(request: Request, do: Callable[[DeskPorts], DeskAnswer]) -> Response:
    with _at_desk(request) as ports:
        answer = do(ports)
    tree = desk_answer_tree(answer)
    written: BaseModel
    match answer:
        case DeskActDone(_, new):
            written = DeskActAnswer.model_validate(tree)
            headers = {} if new else {"Idempotency-Replayed": "true"}
            return Response(written.model_dump_json(), HTTPStatus.CREATED, headers, "application/json")
        case DeskActProposed(proposal, new):
            written = DeskProposedAnswer.model_validate(tree)
            headers = {"Location": f"/v1/break-proposals/{proposal.proposal_id}/approve"}
            headers |= {} if new else {"Idempotency-Replayed": "true"}
            return Response(written.model_dump_json(), HTTPStatus.ACCEPTED, headers, "application/json")
        case refused:
            status = HTTPStatus.FORBIDDEN if refused.code in _FORBIDDEN else HTTPStatus.CONFLICT
            raise Problem(status, refused.code, f"Nothing was done: {refused.detail}.")
