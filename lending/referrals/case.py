"""A case: a decision that a person reviews, and where it stands as a fold of what happened in it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from ledger.money import Money
from lending.decision.decision import StatedMeans
from lending.terms.product_terms import TermsStamp
from lending.terms.review_terms import ReviewVerdict


class CaseCause(StrEnum):
    """Why a case was opened."""

    REFERRED = "referred"
    CONTESTED = "contested"


class ContestGround(StrEnum):
    """What a shopper says against a decision."""

    DATA_WRONG = "data_wrong"
    CIRCUMSTANCES_NOT_KNOWN = "circumstances_not_known"
    NOT_UNDERSTOOD = "not_understood"
    OTHER = "other"


class CaseEventKind(StrEnum):
    """What can happen in a case."""

    CLAIMED = "claimed"
    GIVEN_BACK = "given_back"
    DOCUMENTS_ASKED = "documents_asked"
    DOCUMENT_RECEIVED = "document_received"
    SECOND_LOOK_ASKED = "second_look_asked"
    SECOND_LOOK_REFUSED = "second_look_refused"
    ESCALATED = "escalated"
    DECIDED = "decided"


class ReviewState(StrEnum):
    """Where a case stands. Whoever has claimed it is another question."""

    OPEN = "open"
    WAITING_FOR_DOCUMENTS = "waiting_for_documents"
    SECOND_LOOK = "second_look"
    DECIDED = "decided"


@dataclass(frozen=True, slots=True)
class ReviewCase:
    """A case as it was opened. `triggers` are the rules that led to it; `ground` is that of a contest,
    `notice` what the shopper is told.

    `statement_sha256` is the digest of the document with the shopper's own view, which is kept elsewhere.
    """

    case_id: str
    decision_id: str
    cause: CaseCause
    queue: str
    triggers: tuple[str, ...]
    merchant_id: str | None
    shopper_id: str
    amount: Money
    opened_at: datetime
    due_at: datetime
    opened_by: str
    reason: str
    notice: str
    terms: TermsStamp
    ground: ContestGround | None = None
    statement_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """Something that happened in a case: who did it, and why. `number` counts from 1."""

    number: int
    kind: CaseEventKind
    at: datetime
    by: str
    reason: str
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReceivedDocument:
    """A document that came in: its kind, the SHA-256 of its bytes, and a reviewer's note without personal data."""

    kind: str
    sha256: str
    note: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class AskedVerdict:
    """What a reviewer wants to decide: the verdict, its coded reasons, and what it needs."""

    verdict: ReviewVerdict
    reasons: tuple[str, ...]
    amount_minor: int | None = None
    means: StatedMeans | None = None


@dataclass(frozen=True, slots=True)
class CaseStanding:
    """A case after its events.

    `holder` has claimed it until `held_until`. `proposed` is a verdict of `proposed_by` that waits for a second look.
    `outcome_id` is the decision that ended the case.
    """

    case: ReviewCase
    events: tuple[CaseEvent, ...]
    state: ReviewState
    queue: str
    due_at: datetime
    holder: str | None = None
    held_until: datetime | None = None
    asked: tuple[str, ...] = ()
    documents: tuple[ReceivedDocument, ...] = ()
    extended: bool = False
    proposed: AskedVerdict | None = None
    proposed_by: str | None = None
    outcome_id: str | None = None
    decided_at: datetime | None = None
    verdict: ReviewVerdict | None = None

    def held_at(self, at: datetime) -> str | None:
        """Who has claimed the case at a moment; a claim ends by itself."""
        return self.holder if self.held_until is not None and at < self.held_until else None

    def overdue_at(self, at: datetime) -> bool:
        return self.state is not ReviewState.DECIDED and at >= self.due_at


def case_standing(case: ReviewCase, events: Iterable[CaseEvent]) -> CaseStanding:
    """Fold the events of a case, in their order."""
    stands = CaseStanding(case, (), ReviewState.OPEN, case.queue, case.due_at)
    for event in events:
        stands = case_after(stands, event)
    return stands


def case_after(stands: CaseStanding, event: CaseEvent) -> CaseStanding:  # noqa: PLR0911 - one answer for each kind
    """The case after one more event."""
    body, stands = event.body, replace(stands, events=(*stands.events, event))
    if "due_at" in body:
        stands = replace(stands, queue=body["queue"], due_at=datetime.fromisoformat(body["due_at"]))
    match event.kind:
        case CaseEventKind.CLAIMED:
            return replace(stands, holder=event.by, held_until=event.at + timedelta(seconds=body["seconds"]))
        case CaseEventKind.GIVEN_BACK:
            return replace(stands, holder=None, held_until=None)
        case CaseEventKind.DOCUMENTS_ASKED:
            asked = tuple(dict.fromkeys((*stands.asked, *body["kinds"])))
            return replace(stands, state=ReviewState.WAITING_FOR_DOCUMENTS, asked=asked, extended=True)
        case CaseEventKind.DOCUMENT_RECEIVED:
            document = ReceivedDocument(body["kind"], body["sha256"], body["note"], event.at)
            here = (*stands.documents, document)
            missing = set(stands.asked) - {each.kind for each in here}
            complete = stands.state is ReviewState.WAITING_FOR_DOCUMENTS and not missing
            return replace(stands, documents=here, state=ReviewState.OPEN if complete else stands.state)
        case CaseEventKind.SECOND_LOOK_ASKED:
            return replace(
                stands,
                state=ReviewState.SECOND_LOOK,
                proposed=verdict_from_body(body),
                proposed_by=event.by,
                holder=None,
                held_until=None,
            )
        case CaseEventKind.SECOND_LOOK_REFUSED:
            return replace(stands, state=ReviewState.OPEN, proposed=None, proposed_by=None)
        case CaseEventKind.ESCALATED:
            return replace(stands, holder=None, held_until=None)
        case CaseEventKind.DECIDED:
            return replace(
                stands,
                state=ReviewState.DECIDED,
                holder=None,
                held_until=None,
                outcome_id=body["decision_id"],
                decided_at=event.at,
                verdict=ReviewVerdict(body["verdict"]),
            )


def verdict_body(asked: AskedVerdict) -> dict[str, Any]:
    """The verdict as plain values, for an event."""
    means = asked.means
    return {
        "verdict": asked.verdict.value,
        "reasons": list(asked.reasons),
        "amount_minor": asked.amount_minor,
        "income_minor": None if means is None else means.income_minor,
        "obligations_minor": None if means is None else means.obligations_minor,
    }


def verdict_from_body(body: Mapping[str, Any]) -> AskedVerdict:
    """The verdict from the plain values of `verdict_body`."""
    income, obligations = body["income_minor"], body["obligations_minor"]
    return AskedVerdict(
        ReviewVerdict(body["verdict"]),
        tuple(body["reasons"]),
        body["amount_minor"],
        None if income is None or obligations is None else StatedMeans(income, obligations),
    )
