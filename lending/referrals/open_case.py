"""Acts: open the case of a referred decision, and the case of a decision that a shopper contests."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ledger.identity.authority import Authority, Right
from ledger.identity.principal import Principal
from lending.decision.record import StoredDecision
from lending.referrals.case import CaseCause, CaseStanding, ContestGround, ReviewCase
from lending.referrals.case_log import Cases
from lending.terms.policy import AssessmentStage
from lending.terms.review_terms import ReviewQueue, ReviewTerms, ReviewTermsFiles

POLICY = "policy"
"""Who opens the case of a referred decision."""

REFERRED = "referred"
CONTESTABLE = ("declined", "approved_reduced")


@dataclass(frozen=True, slots=True)
class CaseRefused:
    """Nothing was done; `code` keeps its meaning for good."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class CaseDone:
    """The case as it stands now; `new` is False when what was asked had been done before."""

    stands: CaseStanding
    new: bool


@dataclass(frozen=True, slots=True)
class Contest:
    """A shopper's request that a person reviews a decision. Their own view is a document; only its digest is kept."""

    decision_id: str
    ground: ContestGround
    reason: str
    statement_sha256: str | None = None


def case_id_of(decision_id: str) -> str:
    """The id of a decision's case.

    >>> case_id_of("d-601b09066f1174ae4af0bccd")
    'c-601b09066f1174ae4af0bccd'
    """
    return "c-" + decision_id.removeprefix("d-")


def open_referred(
    stored: StoredDecision, stage: AssessmentStage, *, cases: Cases, terms: ReviewTermsFiles, at: datetime
) -> bool:
    """Open the case of a decision that this stage referred; False when it is open already."""
    held = _terms_of(stored, terms, at)
    queue = held.queue_for(stage)
    reason = "the policy refers the order to a person"
    return cases.open(_case(stored, CaseCause.REFERRED, queue, held, at=at, by=POLICY, reason=reason))


def contest(
    asked: Contest,
    by: Principal,
    *,
    cases: Cases,
    decision: Callable[[str], StoredDecision | None],
    taken: Callable[[str], bool],
    terms: ReviewTermsFiles,
    authority: Authority,
    at: datetime,
) -> CaseDone | CaseRefused:
    """Record that a shopper contests a decision, and open the case in which a person reviews it. Once per decision."""
    if not authority.role(by.role).has(Right.CONTEST):
        return CaseRefused("not-in-role", f"the role {by.role} of {by.principal_id} may not {Right.CONTEST}")
    stored = decision(asked.decision_id)
    if stored is None or not by.sees(stored.order.merchant_id):
        return CaseRefused("not-found", f"there is no decision {asked.decision_id}")
    before = cases.get(case_id_of(stored.decision_id))
    if before is not None:
        same = (before.case.ground, before.case.statement_sha256) == (asked.ground, asked.statement_sha256)
        if before.case.cause is CaseCause.CONTESTED and same:
            return CaseDone(before, new=False)
        return CaseRefused("in-review", f"{before.case.case_id} reviews decision {stored.decision_id} already")
    if stored.outcome not in CONTESTABLE or taken(stored.decision_id):
        became = "a plan" if stored.outcome in CONTESTABLE else stored.outcome
        return CaseRefused("not-contestable", f"decision {stored.decision_id} is {became}")
    held = _terms_of(stored, terms, at)
    case = _case(
        stored,
        CaseCause.CONTESTED,
        held.contests,
        held,
        at=at,
        by=by.principal_id,
        reason=asked.reason,
        ground=asked.ground,
        statement_sha256=asked.statement_sha256,
    )
    cases.open(case)
    opened = cases.get(case.case_id)
    assert opened is not None, "it was opened, by this request or by another at the same time"
    return CaseDone(opened, new=True)


def open_missing(*, cases: Cases, terms: ReviewTermsFiles, at: datetime) -> int:
    """Open the cases of referred decisions from before there were cases, by their first reason; how many."""
    found = ((stored, json.loads(stored.answer)["reasons"][0]["stage"]) for stored in cases.without_case())
    return sum(open_referred(each, AssessmentStage(stage), cases=cases, terms=terms, at=at) for each, stage in found)


def _terms_of(stored: StoredDecision, terms: ReviewTermsFiles, at: datetime) -> ReviewTerms:
    return terms.on(json.loads(stored.answer)["jurisdiction"], at)


def _case(
    stored: StoredDecision,
    cause: CaseCause,
    queue: ReviewQueue,
    terms: ReviewTerms,
    *,
    at: datetime,
    by: str,
    reason: str,
    ground: ContestGround | None = None,
    statement_sha256: str | None = None,
) -> ReviewCase:
    order = stored.order
    rules = dict.fromkeys(each["rule"] for each in json.loads(stored.answer)["reasons"])
    return ReviewCase(
        case_id=case_id_of(stored.decision_id),
        decision_id=stored.decision_id,
        cause=cause,
        queue=queue.name,
        triggers=tuple(rules),
        merchant_id=order.merchant_id,
        shopper_id=order.shopper_id,
        amount=order.amount,
        opened_at=at,
        due_at=terms.due_at(at, queue.business_days),
        opened_by=by,
        reason=reason,
        notice=terms.notice_opened,
        terms=terms.stamp,
        ground=ground,
        statement_sha256=statement_sha256,
    )
