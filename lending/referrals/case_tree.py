"""A case as plain values, for the API and the command line."""

from datetime import datetime
from typing import Any

from lending.referrals.case import CaseStanding
from lending.terms.review_terms import ReviewTerms


def case_tree(stands: CaseStanding, at: datetime) -> dict[str, Any]:
    """The case as it stands at a moment, without its events."""
    case = stands.case
    return {
        "case_id": case.case_id,
        "decision_id": case.decision_id,
        "cause": case.cause.value,
        "state": stands.state.value,
        "queue": stands.queue,
        "triggers": list(case.triggers),
        "merchant_id": case.merchant_id,
        "shopper_id": case.shopper_id,
        "amount_minor": case.amount.minor,
        "currency": case.amount.currency.value,
        "opened_at": case.opened_at.isoformat(),
        "opened_by": case.opened_by,
        "reason": case.reason,
        "ground": None if case.ground is None else case.ground.value,
        "statement_sha256": case.statement_sha256,
        "notice": case.notice,
        "due_at": stands.due_at.isoformat(),
        "overdue": stands.overdue_at(at),
        "holder": stands.held_at(at),
        "documents_asked": list(stands.asked),
        "documents": [
            {
                "kind": each.kind,
                "sha256": each.sha256,
                "note": each.note,
                "received_at": each.received_at.isoformat(),
            }
            for each in stands.documents
        ],
        "proposed_by": stands.proposed_by,
        "verdict": None if stands.verdict is None else stands.verdict.value,
        "outcome_id": stands.outcome_id,
        "decided_at": None if stands.decided_at is None else stands.decided_at.isoformat(),
        "terms_version": case.terms.version,
    }


def whole_case_tree(stands: CaseStanding, terms: ReviewTerms, at: datetime) -> dict[str, Any]:
    """The case with what happened in it, and the documents and reasons that a reviewer may name."""
    return case_tree(stands, at) | {
        "events": [
            {
                "number": each.number,
                "kind": each.kind.value,
                "at": each.at.isoformat(),
                "by": each.by,
                "reason": each.reason,
                "body": dict(each.body),
            }
            for each in stands.events
        ],
        "document_kinds": list(terms.documents),
        "reasons": [
            {
                "code": each.code,
                "verdict": each.verdict.value,
                "text": each.text,
                "answers": sorted(each.answers),
                "needs_document": each.needs_document,
                "needs_means": each.needs_means,
                "assesses_risk": each.assesses_risk,
                "second_look": each.second_look,
            }
            for each in terms.reasons
        ],
    }


def review_standing_tree(stands: CaseStanding, at: datetime) -> dict[str, Any]:
    """What a shopper, and the merchant for them, is told of a review: where it stands, and what came of it."""
    case = stands.case
    return {
        "decision_id": case.decision_id,
        "case_id": case.case_id,
        "cause": case.cause.value,
        "state": stands.state.value,
        "opened_at": case.opened_at.isoformat(),
        "due_at": stands.due_at.isoformat(),
        "overdue": stands.overdue_at(at),
        "documents_asked": list(stands.asked),
        "notice": case.notice if stands.outcome_id is None else str(stands.events[-1].body["notice"]),
        "outcome_id": stands.outcome_id,
        "decided_at": None if stands.decided_at is None else stands.decided_at.isoformat(),
    }
