"""Act: take back one's own proposal, which nobody approves after that."""

from dataclasses import dataclass, replace

from ledger.identity.principal import Principal
from lending.acts.arguments import ArgumentFault
from lending.acts.log import ProposedAct, Withdrawal
from lending.acts.perform import LONGEST_REASON, ActPorts, NotAllowed, proposal_in_scope


@dataclass(frozen=True, slots=True)
class ActWithdrawn:
    """The proposal is withdrawn; `new` if this call did it."""

    proposal: ProposedAct
    new: bool


def withdraw_act(proposal_id: str, reason: str, principal: Principal, ports: ActPorts) -> ActWithdrawn | NotAllowed:
    """Withdraw a proposal, once. Raises UnknownActProposal, and ArgumentFault for a reason that is none."""
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise ArgumentFault("reason", f"is a sentence of up to {LONGEST_REASON} characters")
    proposal = proposal_in_scope(proposal_id, principal, ports)
    if principal.principal_id != proposal.proposed_by:
        return NotAllowed("not-proposer", f"{proposal.proposed_by} proposed it, and nobody else takes it back")
    ports.plans.lock([proposal.asked.plan_id])  # an approval at the same time is over after this
    proposal = proposal_in_scope(proposal_id, principal, ports)
    if proposal.withdrawal is not None:
        return ActWithdrawn(proposal, new=False)
    if proposal.approved_by is not None:
        return NotAllowed("proposal-approved", f"{proposal.approved_by} approved it, so it is done")
    withdrawal = Withdrawal(principal.principal_id, ports.at, reason)
    assert ports.acts.withdraw(proposal, withdrawal), f"{proposal_id} is withdrawn, and its plan is locked"
    return ActWithdrawn(replace(proposal, withdrawal=withdrawal), new=True)
