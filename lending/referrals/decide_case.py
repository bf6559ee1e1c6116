"""Acts: decide a case, take a second look at a verdict, and end what nobody decided in time.

The outcome of a case is a new decision that names the one it reviews.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ledger.money import Money
from lending.decision.decide_review import ReviewRefused
from lending.decision.record import StoredDecision
from lending.decision.review import Review
from lending.decision.underwrite import NoPolicy, Underwritten
from lending.referrals.case import AskedVerdict, CaseEventKind, CaseStanding, ReviewState, verdict_body
from lending.referrals.open_case import CaseDone, CaseRefused
from lending.referrals.work_on_case import CaseDesk
from lending.terms.review_terms import Overdue, ReviewTerms, ReviewVerdict

REVIEW_ORDER = "review-order"
"""The act of the authority file: its limit is the amount up to which a reviewer approves alone."""


class Decide(Protocol):
    """Makes the decision of a review, in the transaction of the case."""

    def __call__(
        self, first: StoredDecision, review: Review, terms: ReviewTerms
    ) -> Underwritten | ReviewRefused | NoPolicy:
        """The decision, or why there is none."""

    def try_out(self, first: StoredDecision, review: Review, terms: ReviewTerms) -> ReviewRefused | NoPolicy | None:
        """Why the review would be refused now, if so; keeps nothing."""


@dataclass(frozen=True, slots=True)
class CaseDecider:
    """What deciding a case needs beside its desk."""

    desk: CaseDesk
    decision: Callable[[str], StoredDecision | None]
    decide: Decide

    def first(self, stands: CaseStanding) -> StoredDecision:
        found = self.decision(stands.case.decision_id)
        assert found is not None, "the database keeps the decision of every case"
        return found


CaseAnswer = CaseDone | CaseRefused | ReviewRefused


def decide_case(case_id: str, asked: AskedVerdict, reason: str, decider: CaseDecider) -> CaseAnswer:
    """Decide a claimed case. Above the reviewer's limit, and for some reasons, it waits for a second look.

    The same verdict sent again is answered as the first time.
    """
    desk = decider.desk
    stands, by = desk.case(case_id), desk.by
    if _decided_so(stands, asked, by.principal_id):
        return CaseDone(stands, new=False)
    refused = desk.does_not_hold(stands) or _may_not_decide(asked, desk)
    if refused is not None:
        return refused
    role = desk.authority.role(by.role)
    amount = None if asked.amount_minor is None else Money(asked.amount_minor, stands.case.amount.currency)
    if role.does.covers(amount) and not _wants_second_look(asked, desk.terms_of(stands)):
        return _decided(stands, _review(stands, asked, by.principal_id, None), reason, decider)
    trouble = decider.decide.try_out(
        decider.first(stands), _review(stands, asked, by.principal_id, None), desk.terms_of(stands)
    )
    if trouble is not None:
        return _refused(trouble)
    return desk.add(stands, CaseEventKind.SECOND_LOOK_ASKED, reason, verdict_body(asked))


def look_again(case_id: str, *, agrees: bool, reason: str, decider: CaseDecider) -> CaseAnswer:
    """Agree with a verdict that waits for a second look, which decides the case, or refuse it.

    Whoever looks again is another principal, whose role may approve what it covers.
    """
    desk = decider.desk
    stands, by = desk.case(case_id), desk.by
    refused = desk.may_not_work(stands)
    if refused is not None:
        return refused
    proposed, first_by = stands.proposed, stands.proposed_by
    if stands.state is not ReviewState.SECOND_LOOK or proposed is None or first_by is None:
        return CaseRefused("no-second-look", f"{case_id} waits for no second look")
    if by.principal_id == first_by:
        return CaseRefused("same-person", f"{first_by} decided; somebody else has to look again")
    amount = None if proposed.amount_minor is None else Money(proposed.amount_minor, stands.case.amount.currency)
    role = desk.authority.role(by.role)
    if not role.approves.names(REVIEW_ORDER) or not role.approves.covers(amount):
        return CaseRefused("not-in-role", f"the role {by.role} of {by.principal_id} may not look again at {amount}")
    if not agrees:
        return desk.add(stands, CaseEventKind.SECOND_LOOK_REFUSED, reason, {"proposed_by": first_by})
    return _decided(stands, _review(stands, proposed, first_by, by.principal_id), reason, decider)


def end_overdue(case_id: str, decider: CaseDecider) -> CaseAnswer:
    """Escalate or decline a case whose time ran out, as the terms of its queue say."""
    desk = decider.desk
    stands = desk.case(case_id)
    if not stands.overdue_at(desk.at):
        return CaseRefused("not-overdue", f"{case_id} is due at {stands.due_at.isoformat()}")
    terms = desk.terms_of(stands)
    queue = terms.queue(stands.queue)
    reason = f"nobody decided until {stands.due_at.isoformat()}"
    if queue.overdue is Overdue.ESCALATED and queue.escalates_to is not None:
        to = terms.queue(queue.escalates_to)
        due_at = terms.due_at(desk.at, to.business_days)
        body = {"queue": to.name, "due_at": due_at.isoformat(), "from": queue.name}
        return desk.add(stands, CaseEventKind.ESCALATED, reason, body)
    codes = tuple(each.code for each in terms.reasons if each.verdict is ReviewVerdict.EXPIRED)
    asked = AskedVerdict(ReviewVerdict.EXPIRED, codes[:1])
    return _decided(stands, _review(stands, asked, desk.by.principal_id, None), reason, decider)


def _may_not_decide(asked: AskedVerdict, desk: CaseDesk) -> CaseRefused | None:
    by = desk.by
    if asked.verdict is ReviewVerdict.EXPIRED:
        return CaseRefused("not-by-hand", "only the clock lets a case expire")
    if not desk.authority.role(by.role).does.names(REVIEW_ORDER):
        return CaseRefused("not-in-role", f"the role {by.role} of {by.principal_id} may not {REVIEW_ORDER}")
    return None


def _decided_so(stands: CaseStanding, asked: AskedVerdict, by: str) -> bool:
    """Whether this principal's same verdict was taken before, and decided the case or waits for a second look."""
    if stands.state is ReviewState.SECOND_LOOK:
        return stands.proposed == asked and stands.proposed_by == by
    if stands.state is not ReviewState.DECIDED:
        return False
    last = stands.events[-1]
    return by in (last.by, stands.proposed_by) and verdict_body(asked).items() <= dict(last.body).items()


def _wants_second_look(asked: AskedVerdict, terms: ReviewTerms) -> bool:
    given = (terms.reason(code) for code in asked.reasons)
    return any(reason is not None and reason.second_look for reason in given)


def _review(stands: CaseStanding, asked: AskedVerdict, by: str, second: str | None) -> Review:
    return Review(
        reviews=stands.case.decision_id,
        case_id=stands.case.case_id,
        verdict=asked.verdict,
        reasons=asked.reasons,
        amount_minor=asked.amount_minor,
        means=asked.means,
        documents=tuple(each.sha256 for each in stands.documents),
        by=by,
        second=second,
        terms=stands.case.terms,
    )


def _decided(stands: CaseStanding, review: Review, reason: str, decider: CaseDecider) -> CaseAnswer:
    desk = decider.desk
    terms = desk.terms_of(stands)
    made = decider.decide(decider.first(stands), review, terms)
    if not isinstance(made, Underwritten):
        return _refused(made)
    asked = AskedVerdict(review.verdict, review.reasons, review.amount_minor, review.means)
    body = verdict_body(asked) | {
        "decision_id": made.decision.decision_id,
        "outcome": made.decision.outcome,
        "second": review.second,
        "notice": terms.notice_decided,
    }
    return desk.add(stands, CaseEventKind.DECIDED, reason, body)


def _refused(trouble: ReviewRefused | NoPolicy) -> CaseRefused | ReviewRefused:
    if isinstance(trouble, ReviewRefused):
        return trouble
    return CaseRefused("no-policy", f"no policy lends {trouble.currency} as {trouble.product} now")
