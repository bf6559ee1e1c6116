"""Answers of the break desk as plain values, the same on the command line and over HTTP."""

from typing import Any

from payments.break_desk.desk_log import BreakCase, BreakEvent, DeskProposal, KeptDeskAct
from payments.break_desk.perform_desk_act import DeskActDone, DeskActProposed, DeskAnswer
from payments.breaks import Break


def desk_answer_tree(answer: DeskAnswer) -> dict[str, Any]:
    """One answer, with its `status`: done, proposed or refused."""
    match answer:
        case DeskActDone(act, new):
            return {"status": "done", "new": new, **desk_act_tree(act)}
        case DeskActProposed(proposal, new):
            return {"status": "proposed", "new": new, **desk_proposal_tree(proposal)}
        case refused:
            return {"status": "refused", "code": refused.code, "detail": refused.detail}


def desk_act_tree(act: KeptDeskAct) -> dict[str, Any]:
    return {
        "act_id": act.act_id,
        "break_id": act.asked.break_id,
        "act": act.asked.act,
        "arguments": dict(act.asked.arguments),
        "reason": act.asked.reason,
        "by": act.principal_id,
        "approved_by": act.approved_by,
        "posted": list(act.posted),
        "reversed": list(act.reversed),
        "still_open": act.still_open,
        "recorded_at": act.recorded_at.isoformat(),
    }


def desk_proposal_tree(proposal: DeskProposal) -> dict[str, Any]:
    return {
        "proposal_id": proposal.proposal_id,
        "break_id": proposal.asked.break_id,
        "act": proposal.asked.act,
        "arguments": dict(proposal.asked.arguments),
        "reason": proposal.asked.reason,
        "by": proposal.proposed_by,
        "because": list(proposal.because),
        "proposed_at": proposal.proposed_at.isoformat(),
        "expires_at": proposal.expires_at.isoformat(),
    }


def listed_break_tree(broken: Break) -> dict[str, Any]:
    """A break by itself."""
    amount = broken.amount
    return {
        "break_id": broken.break_id,
        "break_class": broken.break_class.value,
        "amount_minor": None if amount is None else amount.minor,
        "currency": None if amount is None else amount.currency.value,
        "reason": broken.reason,
        "owner": broken.owner,
        "severity": broken.severity,
        "opened_on": broken.opened_on.isoformat(),
        "due_by": broken.due_by.isoformat(),
        "closed_on": None if broken.closed_on is None else broken.closed_on.isoformat(),
        "closed_by": broken.closed_by,
        "expectation_id": None if broken.expected is None else str(broken.expected),
        "line_key": None if broken.line_key is None else str(broken.line_key),
    }


def break_tree(case: BreakCase, events: list[BreakEvent], acts: list[KeptDeskAct]) -> dict[str, Any]:
    """A break with its line, everything that happened to it, and the acts of people on it."""
    line = case.line
    told = None
    if line is not None:
        told = {
            "bank_account": line.bank_account,
            "counterparty": line.counterparty,
            "booked_on": line.booked_on.isoformat(),
            "detail": line.detail,
        }
    return {
        **listed_break_tree(case.broken),
        "line": told,
        "events": [_event_tree(each) for each in events],
        "acts": [desk_act_tree(each) for each in acts],
    }


def _event_tree(event: BreakEvent) -> dict[str, Any]:
    return {
        "number": event.number,
        "event": event.event,
        "break_class": event.break_class,
        "owner": event.owner,
        "severity": event.severity,
        "due_by": event.due_by.isoformat(),
        "reason": event.reason,
        "actor": event.actor,
        "act_id": event.act_id,
        "on_day": event.on_day.isoformat(),
        "at": event.at.isoformat(),
    }
