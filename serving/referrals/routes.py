"""`/v1/referrals`: the queue of cases, and what a reviewer does with one. `/v1/decisions/{id}/contest` and `review`."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from ledger.identity.authority import Right, authority_file
from ledger.identity.principal import Principal
from lending.decision.decide_review import ReviewRefused
from lending.decision.postgres import PostgresDecisions
from lending.referrals.case import CaseStanding
from lending.referrals.case_log import CasePlace, UnknownCase
from lending.referrals.case_tree import case_tree, review_standing_tree, whole_case_tree
from lending.referrals.decide_case import REVIEW_ORDER, CaseDecider, decide_case, look_again
from lending.referrals.decide_case import CaseAnswer as Outcome
from lending.referrals.open_case import CaseDone, CaseRefused, Contest, case_id_of, contest
from lending.referrals.postgres_cases import PostgresCases
from lending.referrals.review_figures import figures_tree, review_figures
from lending.referrals.work_on_case import (
    CaseDesk,
    SentDocument,
    ask_for_documents,
    claim_case,
    give_back_case,
    receive_document,
)
from lending.terms.review_terms import review_terms
from serving.bearer import Reader, RouteGate
from serving.cursor import read_cursor, write_cursor
from serving.decisions import Desk, problem_responses
from serving.postgres import Connection, Lost, WrittenMeanwhile, transaction
from serving.problems import FieldFault, Problem
from serving.referrals.bodies import (
    AskDocumentsBody,
    CaseAnswer,
    CasesAnswer,
    ContestBody,
    DocumentBody,
    FiguresAnswer,
    ReviewAnswer,
    SecondLookBody,
    VerdictBody,
    WholeCaseAnswer,
    WhyBody,
)
from serving.referrals.deciding import ReviewUnderwriter, case_decider, case_desk

LISTED = "referrals"
FIGURES_OF = timedelta(days=30)

_STATUS = {"not-found": HTTPStatus.NOT_FOUND, "not-in-role": HTTPStatus.FORBIDDEN}
_INVALID = {"unknown-document", "unknown-reason", "other-verdict", "document-needed", "means-needed", "amount"}

CaseIdPath = Annotated[str, Path(max_length=100)]
DecisionIdPath = Annotated[str, Path(max_length=100)]
Reviewer = Annotated[Principal, Depends(RouteGate(Right.REFERRALS))]

router = APIRouter(tags=["reviews"])


@router.get("/v1/referrals", responses=problem_responses(400, 401, 403, 422, 503))
def read_queue(
    request: Request,
    by: Reviewer,
    queue: Annotated[str | None, Query(max_length=60, examples=["documents"])] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before")] = None,
) -> CasesAnswer:
    """The cases that nobody has decided, those that are due first at the front."""
    desk: Desk = request.app.state.desk
    at = desk.clock()
    with transaction(desk.pool) as connection:
        found = PostgresCases(connection).waiting(
            queue=queue, merchant_id=by.merchant_id, after=_place(cursor), limit=limit + 1
        )
    page = found[:limit]
    following = None
    if len(found) > limit:
        following = write_cursor(LISTED, page[-1].due_at.isoformat(), page[-1].case.case_id)
    return CasesAnswer(cases=[CaseAnswer.model_validate(case_tree(each, at)) for each in page], next_cursor=following)


@router.get("/v1/referrals/figures", responses=problem_responses(401, 403, 422, 503))
def read_figures(
    request: Request,
    by: Reviewer,
    since: Annotated[datetime | None, Query(description="30 days ago when left out", examples=["2026-03-01"])] = None,
    until: Annotated[datetime | None, Query(description="now when left out")] = None,
) -> FiguresAnswer:
    """Outcomes, times to a decision, and rates of agreement and override of the cases opened in a time."""
    desk: Desk = request.app.state.desk
    at = desk.clock()
    last = at if until is None else _in_utc(until)
    first = last - FIGURES_OF if since is None else _in_utc(since)
    with transaction(desk.pool) as connection:
        cases = [each for each in PostgresCases(connection).opened(first, last) if by.sees(each.case.merchant_id)]
    rows = figures_tree(review_figures(cases, at))
    return FiguresAnswer(since=first.isoformat(), until=last.isoformat(), queues=rows)


@router.get("/v1/referrals/{case_id}", responses=problem_responses(401, 403, 404, 503))
def read_case(request: Request, case_id: CaseIdPath, by: Reviewer) -> WholeCaseAnswer:
    """A case with what happened in it, and the documents and reasons that a reviewer may name."""
    desk: Desk = request.app.state.desk
    at = desk.clock()
    try:
        with transaction(desk.pool) as connection:
            at_desk = case_desk(connection, by, at)
            stands = at_desk.case(case_id)
    except UnknownCase as unknown:
        raise _no_case(case_id) from unknown
    return WholeCaseAnswer.model_validate(whole_case_tree(stands, at_desk.terms_of(stands), at))


_ANSWERS = problem_responses(400, 401, 403, 404, 409, 422, 503)


@router.post("/v1/referrals/{case_id}/claim", responses=_ANSWERS)
def claim(request: Request, case_id: CaseIdPath, body: WhyBody, by: Reviewer) -> CaseAnswer:
    """Claim a case for a while. One reviewer at a time has it; claiming it again starts the time anew."""
    return _worked(request, by, lambda desk: claim_case(case_id, body.reason, desk))


@router.post("/v1/referrals/{case_id}/give-back", responses=_ANSWERS)
def give_back(request: Request, case_id: CaseIdPath, body: WhyBody, by: Reviewer) -> CaseAnswer:
    """Give a claimed case back to its queue."""
    return _worked(request, by, lambda desk: give_back_case(case_id, body.reason, desk))


@router.post("/v1/referrals/{case_id}/document-requests", responses=_ANSWERS)
def request_documents(request: Request, case_id: CaseIdPath, body: AskDocumentsBody, by: Reviewer) -> CaseAnswer:
    """Ask the shopper for documents. The first time the deadline is set on, so that they can arrive."""
    return _worked(request, by, lambda desk: ask_for_documents(case_id, body.kinds, body.reason, desk))


@router.post("/v1/referrals/{case_id}/documents", responses=_ANSWERS)
def add_document(request: Request, case_id: CaseIdPath, body: DocumentBody, by: Reviewer) -> CaseAnswer:
    """Record that a document came in. The same document counts once."""
    sent = SentDocument(body.kind, body.sha256, body.note)
    return _worked(request, by, lambda desk: receive_document(case_id, sent, body.reason, desk))


@router.post("/v1/referrals/{case_id}/decision", responses={202: {"model": CaseAnswer}, **_ANSWERS})
def decide_referral(
    request: Request, case_id: CaseIdPath, body: VerdictBody, by: Annotated[Principal, Depends(RouteGate(REVIEW_ORDER))]
) -> Response:
    """Decide a claimed case. The outcome is a new decision, made and reserved as of now; `outcome_id` names it.

    202 when a second person has to look at it first. The same verdict sent again is answered as the first time.
    """
    return _decided(request, by, lambda made: decide_case(case_id, body.asked(), body.reason, made))


@router.post("/v1/referrals/{case_id}/second-look", responses=_ANSWERS)
def second_look(request: Request, case_id: CaseIdPath, body: SecondLookBody, by: Reviewer) -> Response:
    """Agree with another reviewer's verdict, which decides the case, or send it back to its queue."""
    return _decided(request, by, lambda made: look_again(case_id, agrees=body.agrees, reason=body.reason, decider=made))


@router.post(
    "/v1/decisions/{decision_id}/contest", status_code=201, responses={201: {"model": ReviewAnswer}, **_ANSWERS}
)
def contest_decision(
    request: Request,
    decision_id: DecisionIdPath,
    body: ContestBody,
    by: Annotated[Principal, Depends(RouteGate(Right.CONTEST))],
) -> Response:
    """Record that a shopper contests a decision and wants a person to review it. Opens a case, once per decision.

    The answer is what the shopper has to be told: that a person will look, who can change the decision, and until when.
    """
    desk: Desk = request.app.state.desk
    at = desk.clock()
    asked = Contest(decision_id, body.ground, body.reason, body.statement_sha256)
    with transaction(desk.pool) as connection:
        decisions = PostgresDecisions(connection)
        answer = contest(
            asked,
            by,
            cases=PostgresCases(connection),
            decision=decisions.get,
            taken=decisions.taken,
            terms=review_terms(),
            authority=authority_file(),
            at=at,
        )
    if isinstance(answer, CaseRefused):
        raise _problem(answer)
    told = ReviewAnswer.model_validate(review_standing_tree(answer.stands, at))
    headers = {"Location": f"/v1/decisions/{decision_id}/review"}
    headers |= {} if answer.new else {"Idempotency-Replayed": "true"}
    return Response(told.model_dump_json(), HTTPStatus.CREATED, headers, "application/json")


@router.get("/v1/decisions/{decision_id}/review", responses=problem_responses(401, 403, 404, 503))
def read_review(request: Request, decision_id: DecisionIdPath, by: Reader) -> ReviewAnswer:
    """Where the review of a referred or contested decision stands, and which decision came of it."""
    desk: Desk = request.app.state.desk
    with transaction(desk.pool) as connection:
        stands = PostgresCases(connection).get(case_id_of(decision_id))
    if stands is None or stands.case.decision_id != decision_id or not by.sees(stands.case.merchant_id):
        raise Problem(HTTPStatus.NOT_FOUND, "not-found", f"There is no review of a decision {decision_id}.")
    return ReviewAnswer.model_validate(review_standing_tree(stands, desk.clock()))


def _worked(request: Request, by: Principal, do: Callable[[CaseDesk], CaseDone | CaseRefused]) -> CaseAnswer:
    desk: Desk = request.app.state.desk
    at = desk.clock()
    stands = _once_more(desk, lambda connection: do(case_desk(connection, by, at)))
    return CaseAnswer.model_validate(case_tree(stands, at))


def _decided(request: Request, by: Principal, do: Callable[[CaseDecider], Outcome]) -> Response:
    desk: Desk = request.app.state.desk
    at = desk.clock()

    def within(connection: Connection) -> Outcome:
        at_desk = case_desk(connection, by, at)
        underwriter = ReviewUnderwriter(connection, desk.model, desk.policies, desk.code_digest, at)
        return do(case_decider(at_desk, underwriter))

    stands = _once_more(desk, within)
    body = CaseAnswer.model_validate(case_tree(stands, at)).model_dump_json()
    status = HTTPStatus.ACCEPTED if stands.proposed_by and stands.outcome_id is None else HTTPStatus.OK
    headers = {} if stands.outcome_id is None else {"Location": f"/v1/decisions/{stands.outcome_id}"}
    return Response(body, status, headers, "application/json")


def _once_more(desk: Desk, do: Callable[[Connection], Outcome]) -> CaseStanding:
    """Do it in one transaction, and once more after a lost connection or race: whoever was faster is then seen."""
    try:
        answer = _within(desk, do)
    except (Lost, WrittenMeanwhile):
        answer = _within(desk, do)
    if isinstance(answer, ReviewRefused):
        faults = tuple(FieldFault(each.code, each.detail) for each in answer.objections)
        status = (
            HTTPStatus.UNPROCESSABLE_ENTITY
            if all(each.code in _INVALID for each in answer.objections)
            else HTTPStatus.CONFLICT
        )
        detail = "Nothing was decided: " + "; ".join(each.detail for each in answer.objections)
        raise Problem(status, "review-refused", detail, faults)
    if isinstance(answer, CaseRefused):
        raise _problem(answer)
    return answer.stands


def _within(desk: Desk, do: Callable[[Connection], Outcome]) -> Outcome:
    try:
        with transaction(desk.pool) as connection:
            return do(connection)
    except UnknownCase as unknown:
        raise _no_case(str(unknown.args[0])) from unknown


def _problem(refused: CaseRefused) -> Problem:
    invalid = HTTPStatus.UNPROCESSABLE_ENTITY if refused.code in _INVALID else HTTPStatus.CONFLICT
    return Problem(_STATUS.get(refused.code, invalid), refused.code, f"Nothing was done: {refused.detail}.")


def _no_case(case_id: str) -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, "not-found", f"There is no case {case_id}.")


def _place(cursor: str | None) -> CasePlace | None:
    if cursor is None:
        return None
    try:
        due_at, case_id = read_cursor(LISTED, cursor, 2)
        return CasePlace(datetime.fromisoformat(due_at), case_id)
    except ValueError as fault:
        wrong = (FieldFault("/cursor", str(fault)),)
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", f"The cursor {fault}.", wrong) from fault


def _in_utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at
