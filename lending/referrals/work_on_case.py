"""Acts of a reviewer on a case: claim it, give it back, ask for documents, and take them in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger.identity.authority import Authority, Right
from ledger.identity.principal import Principal
from lending.referrals.case import CaseEvent, CaseEventKind, CaseStanding, ReviewState, case_after
from lending.referrals.case_log import Cases, UnknownCase
from lending.referrals.open_case import CaseDone, CaseRefused
from lending.terms.review_terms import ReviewTerms, ReviewTermsFiles
from terminal.fault import Fault


class ChangedReviewTerms(Fault):
    """Raised for a case whose terms of reviews are gone or were changed."""


@dataclass(frozen=True, slots=True)
class CaseDesk:
    """What every act on a case needs: the cases, their terms, who may do what, who acts, and when."""

    cases: Cases
    terms: ReviewTermsFiles
    authority: Authority
    by: Principal
    at: datetime

    def case(self, case_id: str) -> CaseStanding:
        """The case as it stands; raises UnknownCase also for one of another merchant."""
        stands = self.cases.get(case_id)
        if stands is None or not self.by.sees(stands.case.merchant_id):
            raise UnknownCase(case_id)
        return stands

    def terms_of(self, stands: CaseStanding) -> ReviewTerms:
        """The terms under which the case was opened; raises ChangedReviewTerms."""
        stamp = stands.case.terms
        terms = self.terms.by_digest(stamp.digest)
        if terms is None:
            raise ChangedReviewTerms(f"{stands.case.case_id}: the terms {stamp.version} were changed or are gone")
        return terms

    def add(self, stands: CaseStanding, kind: CaseEventKind, reason: str, body: Mapping[str, Any]) -> CaseDone:
        """Keep the next event of the case."""
        event = CaseEvent(len(stands.events) + 1, kind, self.at, self.by.principal_id, reason, body)
        self.cases.add(stands.case.case_id, event)
        return CaseDone(case_after(stands, event), new=True)

    def may_not_work(self, stands: CaseStanding) -> CaseRefused | None:
        """Why the principal may not work on the case at all, if so."""
        who = self.by
        if not self.authority.role(who.role).has(Right.REFERRALS):
            return CaseRefused("not-in-role", f"the role {who.role} of {who.principal_id} may not {Right.REFERRALS}")
        if stands.state is ReviewState.DECIDED:
            return CaseRefused("decided", f"{stands.case.case_id} was decided by {stands.outcome_id}")
        return None

    def does_not_hold(self, stands: CaseStanding) -> CaseRefused | None:
        """Why the principal may not act on the case, if so: whoever acts has claimed it."""
        refused = self.may_not_work(stands)
        if refused is not None:
            return refused
        holder = stands.held_at(self.at)
        if holder == self.by.principal_id:
            return None
        whose = "nobody" if holder is None else holder
        return CaseRefused("not-claimed", f"{stands.case.case_id} is claimed by {whose}, not by {self.by.principal_id}")


def claim_case(case_id: str, reason: str, desk: CaseDesk) -> CaseDone | CaseRefused:
    """Claim a case for a while. One reviewer at a time has it; claiming it again starts the time anew."""
    stands = desk.case(case_id)
    refused = desk.may_not_work(stands)
    if refused is not None:
        return refused
    if stands.state is ReviewState.SECOND_LOOK:
        return CaseRefused("second-look", f"{case_id} waits for a second look at what {stands.proposed_by} decided")
    holder = stands.held_at(desk.at)
    if holder is not None and holder != desk.by.principal_id:
        return CaseRefused("claimed", f"{case_id} is claimed by {holder} until {stands.held_until}")
    seconds = int(desk.terms_of(stands).claim.total_seconds())
    return desk.add(stands, CaseEventKind.CLAIMED, reason, {"seconds": seconds})


def give_back_case(case_id: str, reason: str, desk: CaseDesk) -> CaseDone | CaseRefused:
    """Give a claimed case back to its queue."""
    stands = desk.case(case_id)
    refused = desk.does_not_hold(stands)
    return refused or desk.add(stands, CaseEventKind.GIVEN_BACK, reason, {})


def ask_for_documents(case_id: str, kinds: Sequence[str], reason: str, desk: CaseDesk) -> CaseDone | CaseRefused:
    """Ask the shopper for documents. The first time the clock is set on, so that they can arrive."""
    stands = desk.case(case_id)
    refused = desk.does_not_hold(stands)
    if refused is not None:
        return refused
    terms = desk.terms_of(stands)
    unknown = sorted(set(kinds) - set(terms.documents))
    if unknown or not kinds:
        known = ", ".join(terms.documents)
        return CaseRefused("unknown-document", f"{', '.join(unknown) or 'nothing'} is asked for; there are {known}")
    if set(kinds) <= set(stands.asked):
        return CaseDone(stands, new=False)
    body: dict[str, Any] = {"kinds": list(dict.fromkeys(kinds))}
    if not stands.extended:
        due = max(stands.due_at, terms.due_at(desk.at, terms.documents_business_days))
        body |= {"queue": stands.queue, "due_at": due.isoformat()}
    return desk.add(stands, CaseEventKind.DOCUMENTS_ASKED, reason, body)


@dataclass(frozen=True, slots=True)
class SentDocument:
    """A document as it came in: its kind, the SHA-256 of its bytes in hexadecimal, and a note without personal data."""

    kind: str
    sha256: str
    note: str


def receive_document(case_id: str, sent: SentDocument, reason: str, desk: CaseDesk) -> CaseDone | CaseRefused:
    """Record that a document came in. Anybody who works on cases may; the same document counts once."""
    stands = desk.case(case_id)
    refused = desk.may_not_work(stands)
    if refused is not None:
        return refused
    if stands.state is ReviewState.SECOND_LOOK:
        return CaseRefused("second-look", f"{case_id} waits for a second look; refuse that first")
    terms = desk.terms_of(stands)
    if sent.kind not in terms.documents:
        return CaseRefused("unknown-document", f"{sent.kind} is none of {', '.join(terms.documents)}")
    if any((each.kind, each.sha256) == (sent.kind, sent.sha256) for each in stands.documents):
        return CaseDone(stands, new=False)
    body = {"kind": sent.kind, "sha256": sent.sha256, "note": sent.note}
    return desk.add(stands, CaseEventKind.DOCUMENT_RECEIVED, reason, body)
