"""What the doors of reviews decide with: cases, model, policies and books over one database transaction."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from features.postgres import PostgresVectors
from ledger.books.postgres import PostgresLedger
from ledger.identity.authority import authority_file
from ledger.identity.principal import Principal
from ledger.outbox import outbox
from lending.decision.decide_review import ReviewRefused
from lending.decision.postgres import PostgresDecisions
from lending.decision.record import StoredDecision
from lending.decision.review import Review
from lending.decision.underwrite import NoPolicy, Underwritten
from lending.decision.underwrite_review import underwrite_review
from lending.referrals.decide_case import CaseDecider
from lending.referrals.postgres_cases import PostgresCases
from lending.referrals.work_on_case import CaseDesk
from lending.terms.policy import Policies
from lending.terms.review_terms import ReviewTerms, review_terms
from models.artefact import Model
from serving.postgres import Connection
from serving.vector_scorer import VectorScorer


@dataclass(frozen=True, slots=True)
class ReviewUnderwriter:
    """Makes the decisions of reviews over one connection, within the caller's transaction."""

    connection: Connection
    model: Model
    policies: Policies
    code_digest: str
    at: datetime

    def __call__(
        self, first: StoredDecision, review: Review, terms: ReviewTerms
    ) -> Underwritten | ReviewRefused | NoPolicy:
        return underwrite_review(
            first,
            review,
            terms=terms,
            at=self.at,
            code_digest=self.code_digest,
            policies=self.policies,
            scorer=VectorScorer(self.model, PostgresVectors(self.connection)),
            decisions=PostgresDecisions(self.connection),
            ledger=PostgresLedger(self.connection),
            publish=partial(outbox.append_all, self.connection),
        )

    def try_out(self, first: StoredDecision, review: Review, terms: ReviewTerms) -> ReviewRefused | NoPolicy | None:
        with self.connection.transaction(force_rollback=True):
            made = self(first, review, terms)
        return None if isinstance(made, Underwritten) else made


def case_desk(connection: Connection, by: Principal, at: datetime) -> CaseDesk:
    """The desk of a principal at a moment."""
    return CaseDesk(PostgresCases(connection), review_terms(), authority_file(), by, at)


def case_decider(desk: CaseDesk, underwriter: ReviewUnderwriter) -> CaseDecider:
    """What decides cases at a desk."""
    return CaseDecider(desk, PostgresDecisions(underwriter.connection).get, underwriter)
