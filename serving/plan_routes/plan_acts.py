"""`/v1/plans/{id}/<act>`: act on a plan, see what an act would do, quote a payoff, and approve what others propose.

One route for each row of the table of acts; the body is made from its arguments. Every route here takes a principal's
key as `Authorization: Bearer`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, create_model

from ledger.books.postgres import PostgresLedger
from ledger.books.store import Conflict
from ledger.identity.authority import Right, authority_file
from ledger.identity.principal import Principal
from ledger.money import Currency
from lending.acts.act import ACTS, NOT_BY_HAND, Argument, ArgumentForm, PlanAct, why_not_by_hand
from lending.acts.answers import answer_tree, look_tree, preview_tree, proposal_tree, quote_tree
from lending.acts.arguments import ID_PATTERN, LARGEST_MINOR_OF_AN_ACT, LARGEST_NUMBER, ArgumentFault, read_day
from lending.acts.log import AskedAct
from lending.acts.look import QuoteFault, look_at_plan, quote_payoff
from lending.acts.perform import (
    LONGEST_REASON,
    ActDone,
    ActPorts,
    ActProposed,
    ActRefused,
    NotAllowed,
    UnknownActProposal,
    approve_act,
    perform,
)
from lending.acts.postgres_acts import PostgresActs, settled_entries
from lending.acts.preview import preview_act
from lending.acts.withdraw import withdraw_act
from lending.servicing.postgres import PostgresPlans
from lending.servicing.record_events import UnknownPlan
from lending.terms.products import servicing_terms
from serving.bearer import Reader, RouteGate
from serving.decisions import Desk, problem_responses
from serving.postgres import Connection, Lost, WrittenMeanwhile, has_plan, transaction
from serving.problems import FieldFault, Problem
from serving.request_limits import PRINTABLE

Minor = Annotated[int, Field(gt=0, le=LARGEST_MINOR_OF_AN_ACT, description="in the currency's smallest unit")]
Sentence = Annotated[str, Field(min_length=1, max_length=LONGEST_REASON, pattern=PRINTABLE)]
RateText = Annotated[
    str, Field(pattern=r"^\d{1,6}(\.\d{1,6})?$", description="a rate with a fraction of a basis point")
]
Iso = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$", json_schema_extra={"format": "date"})]
_STRICT = ConfigDict(extra="forbid", strict=True)


class DueBody(BaseModel):
    """A new due of a reschedule."""

    model_config = _STRICT

    due_on: Iso
    principal_minor: int = Field(ge=0, le=LARGEST_MINOR_OF_AN_ACT)
    interest_minor: int = Field(default=0, ge=0, le=LARGEST_MINOR_OF_AN_ACT)


class ActAnswer(BaseModel):
    """An act that is done: who decided it and why, its events, and the entries posted and reversed."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["done"]
    new: bool
    act_id: str
    plan_id: str
    act: str
    arguments: dict[str, Any]
    reason: str
    by: str
    approved_by: str | None
    value_date: str
    recorded_at: str
    events: list[str]
    posted: list[str]
    reversed: list[str]


class ProposalBody(BaseModel):
    """An act that waits for a second principal; `because` says why one is needed."""

    model_config = ConfigDict(extra="forbid")

    proposal_id: str
    plan_id: str
    act: str
    arguments: dict[str, Any]
    reason: str
    by: str
    because: list[str]
    value_date: str
    proposed_at: str
    expires_at: str


class ProposedAnswer(ProposalBody):
    """The answer to an act that became a proposal."""

    status: Literal["proposed"]
    new: bool


class ScheduleAnswer(BaseModel):
    """What is owed at the end of a day, by instalment; amounts are in minor units."""

    model_config = ConfigDict(extra="forbid")

    as_of: str
    status: str
    currency: str
    owed_minor: int
    principal_minor: int
    fees_minor: int
    charged_off_minor: int
    credit_minor: int
    days_past_due: int
    instalments: list[dict[str, Any]]


class PreviewAnswer(BaseModel):
    """What an act would do: the schedule before and after, and the journals. Nothing of it is kept.

    `refused` has the reasons why the plan does not take it, `second_person` why another principal has to approve it.
    `known`: the key was used for this act before, so that doing it again changes nothing.
    """

    model_config = ConfigDict(extra="forbid")

    plan_id: str
    act: str
    arguments: dict[str, Any]
    value_date: str
    before: ScheduleAnswer
    after: ScheduleAnswer
    posted: list[dict[str, Any]]
    reversed: list[str]
    refused: list[dict[str, str]]
    second_person: list[str]
    in_role: bool
    known: bool


class HistoryAnswer(ScheduleAnswer):
    """A plan as of today with its events, the acts behind them, the acts that it can take, and why not the others."""

    plan_id: str
    order_id: str
    shopper_id: str | None
    merchant_id: str | None
    product: str
    opened_on: str
    allowed: list[str]
    not_now: dict[str, str]
    events: list[dict[str, str]]
    acts: list[dict[str, Any]]


class QuoteAnswer(BaseModel):
    """What settles a plan on a day; `in_flight_minor` is being collected, so `amount_minor` leaves it out."""

    model_config = ConfigDict(extra="forbid")

    plan_id: str
    on: str
    currency: str
    amount_minor: int
    principal_minor: int
    interest_minor: int
    fees_minor: int
    in_flight_minor: int


class WithdrawBody(BaseModel):
    """Why a proposal is taken back."""

    model_config = _STRICT

    reason: Annotated[Sentence, Field(description="why")]


class WithdrawnAnswer(ProposalBody):
    """A proposal that its proposer took back."""

    status: Literal["withdrawn"]
    new: bool
    withdrawn_at: str
    withdrawn_because: str


class ProposalsAnswer(BaseModel):
    """Proposals that wait for a second principal, the oldest first."""

    proposals: list[ProposalBody]


PlanIdPath = Annotated[str, Path(max_length=120)]
Key = Annotated[str, Header(min_length=1, max_length=60, pattern="^[A-Za-z0-9._-]+$")]
Proposer = Annotated[Principal, Depends(RouteGate(Right.PROPOSALS))]
Preview = Annotated[bool, Query(description="Show what the act would do, and do nothing.")]

router = APIRouter(tags=["acts on plans"])


@router.get("/v1/plans/{plan_id}/history", responses=problem_responses(401, 403, 404, 503))
def read_history(request: Request, plan_id: PlanIdPath, by: Reader) -> HistoryAnswer:
    """A plan with its events, who decided each of them and why, and the acts that it can take now.

    A merchant sees its own acts alone: what the lender decided about a shopper, and why, is none of its business.
    """
    desk: Desk = request.app.state.desk
    with as_problems(), transaction(desk.pool) as connection:
        ports = act_ports(connection, desk)
        _check_scope(connection, plan_id, by)
        look = look_at_plan(plan_id, plans=ports.plans, acts=ports.acts, terms=ports.terms, at=ports.at)
    tree = look_tree(look)
    if by.merchant_id is not None:
        tree["acts"] = [act for act in tree["acts"] if act["by"] == by.principal_id]
    return HistoryAnswer.model_validate(tree)


@router.get("/v1/plans/{plan_id}/quote", responses=problem_responses(401, 403, 404, 422, 503))
def read_quote(
    request: Request,
    plan_id: PlanIdPath,
    by: Reader,
    on: Annotated[str | None, Query(description="A day such as 2026-05-01; today when left out.")] = None,
) -> QuoteAnswer:
    """What settles a plan on any day since it was opened, with the interest and fees of that day."""
    desk: Desk = request.app.state.desk
    with as_problems(), transaction(desk.pool) as connection:
        ports = act_ports(connection, desk)
        day = None if on is None else read_day(on, "on")
        _check_scope(connection, plan_id, by)
        payoff = quote_payoff(plan_id, day, plans=ports.plans, ledger=ports.ledger, terms=ports.terms, at=ports.at)
    return QuoteAnswer.model_validate(quote_tree(plan_id, payoff))


@router.get("/v1/proposals", responses=problem_responses(401, 403, 503))
def read_proposals(request: Request, by: Proposer) -> ProposalsAnswer:
    """The acts that wait for a second principal."""
    desk: Desk = request.app.state.desk
    with transaction(desk.pool) as connection:
        found = PostgresActs(connection).open_proposals(desk.clock(), merchant_id=by.merchant_id)
    return ProposalsAnswer(proposals=[ProposalBody.model_validate(proposal_tree(each)) for each in found])


@router.post(
    "/v1/proposals/{proposal_id}/approve",
    status_code=201,
    responses={201: {"model": ActAnswer}, **problem_responses(401, 403, 404, 409, 503)},
)
def approve_proposal(request: Request, proposal_id: Annotated[str, Path(max_length=200)], by: Proposer) -> Response:
    """Approve another principal's proposal and do it. Sent again, it changes nothing."""
    return _answered(request.app.state.desk, lambda ports: approve_act(proposal_id, by, ports))


@router.post("/v1/proposals/{proposal_id}/withdraw", responses=problem_responses(400, 401, 403, 404, 422, 503))
def withdraw_proposal(
    request: Request, proposal_id: Annotated[str, Path(max_length=200)], body: WithdrawBody, by: Proposer
) -> WithdrawnAnswer:
    """Take back your own proposal, which nobody approves after that. Sent again, it changes nothing."""
    desk: Desk = request.app.state.desk
    with as_problems(), transaction(desk.pool) as connection:
        answer = withdraw_act(proposal_id, body.reason, by, act_ports(connection, desk))
    if isinstance(answer, NotAllowed):
        raise Problem(HTTPStatus.FORBIDDEN, answer.code, f"The proposal stays: {answer.detail}.")
    return WithdrawnAnswer.model_validate(answer_tree(answer))


@dataclass(frozen=True, slots=True)
class _Posted:
    """What one request to a route of an act carries."""

    plan_id: str
    key: str
    by: Principal
    preview: bool


def _act_route(act: PlanAct) -> Callable[..., Response]:
    """The endpoint of one act, with a body made from its arguments."""

    def endpoint(  # noqa: PLR0917 - the framework passes them by name
        request: Request,
        plan_id: PlanIdPath,
        body: BaseModel,
        idempotency_key: Key,
        by: Principal,
        preview: Preview = False,
    ) -> Response:
        return _act(request.app.state.desk, act, body, _Posted(plan_id, idempotency_key, by, preview))

    endpoint.__annotations__["body"] = body_of_act(act)
    endpoint.__annotations__["by"] = Annotated[Principal, Depends(RouteGate(act.name))]
    endpoint.__doc__ = act.meaning
    endpoint.__name__ = act.name.replace("-", "_")
    return endpoint


def body_of_act(act: PlanAct) -> type[BaseModel]:
    """The body of an act's request: its arguments, the reason, and the day from which it counts."""
    named: dict[str, Any] = {}
    for each in act.arguments:
        named |= _fields_of(each)
    amounts = [each for each in act.arguments if each.form in (ArgumentForm.MONEY, ArgumentForm.DUES)]
    if amounts:
        currency: Any = Annotated[Currency, Field(strict=False, description="of every amount")]
        needed = any(each.required for each in amounts)
        named["currency"] = (currency, ...) if needed else (currency | None, None)
    named["reason"] = (Annotated[Sentence, Field(description="why")], ...)
    named["value_date"] = (
        Annotated[Iso | None, Field(description="the day from which it counts; today when left out")],
        None,
    )
    name = "".join(part.capitalize() for part in act.name.split("-"))
    return create_model(f"{name}Body", __config__=_STRICT, __doc__=act.meaning, **named)


def _fields_of(argument: Argument) -> dict[str, Any]:
    name: str
    form: Any
    forms: dict[ArgumentForm, tuple[str, Any]] = {
        ArgumentForm.MONEY: (f"{argument.name}_minor", Minor),
        ArgumentForm.DAY: (argument.name, Iso),
        ArgumentForm.ID: (argument.name, Annotated[str, Field(pattern=f"^{ID_PATTERN}$")]),
        ArgumentForm.FLAG: (argument.name, bool),
        ArgumentForm.NUMBER: (argument.name, Annotated[int, Field(ge=0, le=LARGEST_NUMBER)]),
        ArgumentForm.RATE: (argument.name, Annotated[int, Field(ge=0, le=LARGEST_NUMBER)] | RateText),
        ArgumentForm.DUES: (argument.name, Annotated[list[DueBody], Field(min_length=1, max_length=600)]),
    }
    if argument.form is ArgumentForm.CHOICE:
        name, form = argument.name, Literal[argument.choices]
    else:
        name, form = forms[argument.form]
    described = Field(description=argument.meaning)
    if argument.required:
        return {name: (Annotated[form, described], ...)}
    return {name: (Annotated[form | None, described], None)}


for _each in ACTS.values():
    router.add_api_route(
        f"/v1/plans/{{plan_id}}/{_each.name}",
        _act_route(_each),
        methods=["POST"],
        status_code=201,
        summary=_each.meaning,
        responses={
            200: {"model": PreviewAnswer, "description": "a preview; nothing was done"},
            201: {"model": ActAnswer, "description": "done"},
            202: {"model": ProposedAnswer, "description": "proposed; another principal has to approve it"},
            **problem_responses(400, 401, 403, 404, 409, 422, 503),
        },
    )


@router.post("/v1/plans/{plan_id}/{kind}", include_in_schema=False)
def refuse_by_hand(plan_id: PlanIdPath, kind: str, _: Reader) -> Response:
    """Say who records a kind of event that is no act of a person."""
    who = why_not_by_hand(kind)
    if who is None:
        acts = ", ".join(ACTS)
        raise Problem(HTTPStatus.NOT_FOUND, "not-found", f"{kind} is no act on a plan; there are {acts}.")
    assert kind.replace("-", "_") in NOT_BY_HAND, f"{kind} of {plan_id}"
    raise Problem(HTTPStatus.FORBIDDEN, "not-by-hand", f"{who}.")


def _check_scope(connection: Connection, plan_id: str, by: Principal) -> None:
    if not has_plan(connection, plan_id, by):
        raise UnknownPlan(plan_id)


def _act(desk: Desk, act: PlanAct, body: BaseModel, posted: _Posted) -> Response:
    """Do one act, or show what it would do."""
    said = body.model_dump(mode="json", exclude_none=True)
    reason, value_date = said.pop("reason"), said.pop("value_date", None)
    with as_problems():
        day = None if value_date is None else read_day(value_date, "value_date")
    asked = AskedAct(posted.plan_id, act.name, said, reason, posted.key, day)
    if posted.preview:
        return _previewed(desk, asked, posted.by)
    return _answered(desk, partial(_performed, asked, posted.by))


def _performed(asked: AskedAct, by: Principal, ports: ActPorts) -> ActDone | ActProposed | ActRefused | NotAllowed:
    return perform(asked, by, ports)


def _previewed(desk: Desk, asked: AskedAct, by: Principal) -> Response:
    with as_problems(), transaction(desk.pool) as connection:
        preview = preview_act(asked, by, act_ports(connection, desk))
    answer = PreviewAnswer.model_validate(preview_tree(preview))
    return Response(answer.model_dump_json(), HTTPStatus.OK, media_type="application/json")


def _answered(
    desk: Desk, do: Callable[[ActPorts], ActDone | ActProposed | ActRefused | NotAllowed], *, again: bool = False
) -> Response:
    """Do it in one transaction. After a lost connection or race it is done once more: its key makes that safe."""
    try:
        with as_problems(), transaction(desk.pool) as connection:
            answer = do(act_ports(connection, desk))
    except (Lost, WrittenMeanwhile):
        if again:
            raise
        return _answered(desk, do, again=True)
    tree = answer_tree(answer)
    match answer:
        case ActDone(_, new):
            headers = {} if new else {"Idempotency-Replayed": "true"}
            written = ActAnswer.model_validate(tree).model_dump_json()
            return Response(written, HTTPStatus.CREATED, headers, "application/json")
        case ActProposed(proposal, new):
            headers = {"Location": f"/v1/proposals/{proposal.proposal_id}/approve"}
            headers |= {} if new else {"Idempotency-Replayed": "true"}
            written = ProposedAnswer.model_validate(tree).model_dump_json()
            return Response(written, HTTPStatus.ACCEPTED, headers, "application/json")
        case ActRefused():
            faults = tuple(FieldFault(each["code"], each["detail"]) for each in tree["reasons"])
            raise Problem(HTTPStatus.CONFLICT, "act-refused", "Nothing was done: the plan refuses it.", faults)
        case NotAllowed(code, detail):
            raise Problem(HTTPStatus.FORBIDDEN, code, f"Nothing was done: {detail}.")


def act_ports(connection: Connection, desk: Desk) -> ActPorts:
    return ActPorts(
        plans=PostgresPlans(connection),
        ledger=PostgresLedger(connection),
        acts=PostgresActs(connection),
        terms=lambda plan: servicing_terms(plan.terms_version, plan.currency),
        settled=settled_entries(connection),
        authority=authority_file(),
        at=desk.clock(),
    )


@contextmanager
def as_problems() -> Iterator[None]:
    """Turns the faults of acts into problems that name the field."""
    try:
        yield
    except UnknownPlan as unknown:
        raise Problem(HTTPStatus.NOT_FOUND, "not-found", f"There is no plan {unknown.args[0]}.") from unknown
    except UnknownActProposal as unknown:
        raise Problem(HTTPStatus.NOT_FOUND, "not-found", f"There is no proposal {unknown.args[0]}.") from unknown
    except ArgumentFault as fault:
        wrong = (FieldFault(f"/{fault.name}", fault.trouble),)
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", str(fault), wrong) from fault
    except QuoteFault as fault:
        wrong = (FieldFault("/on", str(fault)),)
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", str(fault), wrong) from fault
    except Conflict as conflict:
        detail = f"The Idempotency-Key was used with another {conflict.field}."
        differs = (FieldFault(f"/{conflict.field}", "differs"),)
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "key-reused", detail, differs) from conflict
