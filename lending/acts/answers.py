"""Answers of acts as plain values, the same on the command line and over HTTP; amounts are in minor units."""

from collections.abc import Sequence
from typing import Any

from ledger.books.store import Entry, Refusal
from lending.acts.log import KeptAct, ProposedAct
from lending.acts.look import PlanLook
from lending.acts.perform import ActDone, ActProposed, ActRefused, NotAllowed
from lending.acts.preview import ActPreview
from lending.acts.withdraw import ActWithdrawn
from lending.plan.refusal import PlanRefusal
from lending.plan.state import Payoff, PlanState
from lending.servicing.log import standing_of


def answer_tree(answer: ActDone | ActProposed | ActRefused | ActWithdrawn | NotAllowed) -> dict[str, Any]:
    """One answer, with its `status`: done, proposed, refused, withdrawn or not_allowed."""
    match answer:
        case ActDone(act, new):
            return {"status": "done", "new": new, **act_tree(act)}
        case ActProposed(proposal, new):
            return {"status": "proposed", "new": new, **proposal_tree(proposal)}
        case ActRefused(reasons):
            return {"status": "refused", "reasons": refusal_trees(reasons)}
        case ActWithdrawn(proposal, new):
            return {"status": "withdrawn", "new": new, **withdrawn_tree(proposal)}
        case NotAllowed(code, detail):
            return {"status": "not_allowed", "reasons": [{"code": code, "detail": detail}]}


def act_tree(act: KeptAct) -> dict[str, Any]:
    return {
        "act_id": act.act_id,
        "plan_id": act.asked.plan_id,
        "act": act.asked.act,
        "arguments": dict(act.asked.tree),
        "reason": act.asked.reason,
        "by": act.principal_id,
        "approved_by": act.approved_by,
        "value_date": act.value_date.isoformat(),
        "recorded_at": act.recorded_at.isoformat(),
        "events": list(act.events),
        "posted": list(act.posted),
        "reversed": list(act.reversed),
    }


def proposal_tree(proposal: ProposedAct) -> dict[str, Any]:
    return {
        "proposal_id": proposal.proposal_id,
        "plan_id": proposal.asked.plan_id,
        "act": proposal.asked.act,
        "arguments": dict(proposal.asked.tree),
        "reason": proposal.asked.reason,
        "by": proposal.proposed_by,
        "because": list(proposal.because),
        "value_date": proposal.value_date.isoformat(),
        "proposed_at": proposal.proposed_at.isoformat(),
        "expires_at": proposal.expires_at.isoformat(),
    }


def withdrawn_tree(proposal: ProposedAct) -> dict[str, Any]:
    withdrawal = proposal.withdrawal
    assert withdrawal is not None, f"{proposal.proposal_id} is withdrawn"
    told = {"withdrawn_at": withdrawal.at.isoformat(), "withdrawn_because": withdrawal.reason}
    return {**proposal_tree(proposal), **told}


def preview_tree(preview: ActPreview) -> dict[str, Any]:
    """The schedule before and after, and the journals that would be posted."""
    return {
        "plan_id": preview.asked.plan_id,
        "act": preview.asked.act,
        "arguments": dict(preview.asked.tree),
        "value_date": preview.value_date.isoformat(),
        "before": state_tree(preview.before),
        "after": state_tree(preview.after),
        "posted": [entry_tree(each) for each in preview.posted],
        "reversed": list(preview.reversed),
        "refused": refusal_trees(preview.refused),
        "second_person": list(preview.second_person),
        "in_role": preview.in_role,
        "known": preview.known,
    }


def state_tree(state: PlanState) -> dict[str, Any]:
    """What is owed at the end of a day, by instalment."""
    return {
        "as_of": state.through.isoformat(),
        "status": state.status.value,
        "currency": state.currency.value,
        "owed_minor": state.owed.minor,
        "principal_minor": state.outstanding.minor,
        "fees_minor": state.open_fees.minor,
        "charged_off_minor": state.charged_off.minor,
        "credit_minor": state.credit_balance.minor,
        "days_past_due": state.days_past_due(state.through),
        "instalments": [
            {
                "instalment_id": each.instalment_id,
                "number": each.number,
                "due_on": each.due_on.isoformat(),
                "principal_minor": each.principal.minor,
                "interest_minor": each.interest.minor,
                "open_minor": (each.open_principal + each.open_interest + each.open_fees).minor,
                "disputed_minor": each.disputed.minor,
            }
            for each in standing_of(state, version=0).instalments
        ],
    }


def look_tree(look: PlanLook) -> dict[str, Any]:
    """A plan with what it can take now, its events and its acts."""
    plan = look.state.plan
    return {
        "plan_id": plan.plan_id,
        "order_id": plan.order_id,
        "shopper_id": plan.shopper_id,
        "merchant_id": plan.merchant_id,
        "product": plan.product.value,
        "opened_on": plan.opened_on.isoformat(),
        **state_tree(look.state),
        "allowed": list(look.allowed),
        "not_now": dict(look.not_now),
        "events": [
            {
                "event_id": each.event_id,
                "kind": each.kind,
                "value_date": each.value_date.isoformat(),
                "cause": each.cause,
            }
            for each in look.events
        ],
        "acts": [act_tree(each) for each in look.acts],
    }


def quote_tree(plan_id: str, payoff: Payoff) -> dict[str, Any]:
    return {
        "plan_id": plan_id,
        "on": payoff.as_of.isoformat(),
        "currency": payoff.amount.currency.value,
        "amount_minor": payoff.amount.minor,
        "principal_minor": payoff.principal.minor,
        "interest_minor": payoff.interest.minor,
        "fees_minor": payoff.fees.minor,
        "in_flight_minor": payoff.in_flight.minor,
    }


def refusal_trees(reasons: Sequence[PlanRefusal | Refusal]) -> list[dict[str, str]]:
    return [{"code": str(each.code), "detail": each.detail} for each in reasons]


def entry_tree(entry: Entry) -> dict[str, Any]:
    """A journal with its transfers."""
    journal = entry.journal
    return {
        "entry_id": journal.entry_id,
        "flow": str(journal.flow),
        "value_date": journal.value_date.isoformat(),
        "transfers": [
            {
                "debit": each.debit,
                "credit": each.credit,
                "amount_minor": each.amount.minor,
                "currency": each.amount.currency.value,
            }
            for each in journal.transfers
        ],
    }
