"""Record a scenario's acts on a loan in the order in which they become known, each as its kind of plan events.

What the engine cannot record raises NotExpressible with the name of the capability that is missing.
"""

from collections.abc import Callable, Mapping

from tests.scenarios.fineract_e2e import change_acts, money_acts
from tests.scenarios.fineract_e2e.loan import EngineLoan
from tests.scenarios.fineract_e2e.story import Act, ActKind, NotExpressible


def record(loan: EngineLoan, act: Act) -> None:
    """Record an act; what happens before the first disbursement waits for it."""
    if not loan.disbursed and act.kind is not ActKind.DISBURSED:
        loan.waiting.append(act)
        return
    if act.kind is ActKind.DISBURSED and act.on < loan.plan.opened_on:
        _open_earlier(loan, act)
        return
    loan.recorded.append(act)
    loan.known_on = max(loan.known_on, act.known_on)
    _record(loan, act)
    if act.kind is ActKind.DISBURSED and len(loan.disbursed) == 1:
        for earlier in loan.waiting:
            _record(loan, earlier)
    if act.kind in _OWES_MORE:
        money_acts.pay_with_credit(loan, act)


def _open_earlier(loan: EngineLoan, act: Act) -> None:
    """A disbursement before the first one that was known: the plan is made again from its day."""
    recorded = [*loan.waiting, *loan.recorded]
    loan.open_earlier(act.on)
    for each in (act, *recorded):
        record(loan, each)


def refuses(loan: EngineLoan, act: Act) -> bool:
    """Whether the engine would refuse an act. The loan stays as it is."""
    kept = (loan.events, loan.posted, loan.refused, loan.disbursed, loan.known_on)
    loan.events, loan.posted, loan.refused, loan.disbursed = [*kept[0]], [*kept[1]], [], [*kept[3]]
    loan.known_on = max(loan.known_on, act.known_on) if kept[0] else act.known_on
    _record(loan, act)
    refused = bool(loan.refused)
    loan.events, loan.posted, loan.refused, loan.disbursed, loan.known_on = kept
    return refused


def _record(loan: EngineLoan, act: Act) -> None:
    if act.kind in _UNDOES:
        change_acts.reverse_latest(loan, _UNDOES[act.kind])
    elif act.kind in _RECORDS:
        _RECORDS[act.kind](loan, act)
    elif act.kind is not ActKind.APPROVED:  # which comes before the plan
        raise NotExpressible(act.kind.value, act.step)


_OWES_MORE = frozenset(
    {
        ActKind.DISBURSED,
        ActKind.FEE,
        ActKind.PERCENTAGE_FEE,
        ActKind.INSTALMENT_FEE,
        ActKind.FEE_ADJUSTED,
        ActKind.PAID,
    }
)
_UNDOES = {
    ActKind.REFUND_UNDONE: "Payout Refund",
    ActKind.FEE_WAIVER_UNDONE: "Waive",
    ActKind.CHARGE_OFF_UNDONE: "Charge-off",
    ActKind.REAGE_UNDONE: "Re-age",
    ActKind.REAMORTISATION_UNDONE: "Re-amortize",
    ActKind.TERMINATION_UNDONE: "Contract termination",
}
# How each kind of act is recorded. A kind that is missing here is a capability that is missing, under its own name.
_RECORDS: Mapping[ActKind, Callable[[EngineLoan, Act], None]] = {
    ActKind.DISBURSED: money_acts.disburse,
    ActKind.PAID: money_acts.pay_some,
    ActKind.DOWN_PAYMENT: money_acts.pay_some,
    ActKind.PAID_OFF: money_acts.pay_off,
    ActKind.REFUNDED: money_acts.refund,
    ActKind.GOODWILL: money_acts.give,
    ActKind.INTEREST_PAYMENT_WAIVED: money_acts.give,
    ActKind.INTEREST_REFUNDED: money_acts.give,
    ActKind.FEE: money_acts.charge,
    ActKind.PERCENTAGE_FEE: money_acts.charge_percentage,
    ActKind.INSTALMENT_FEE: money_acts.charge_each,
    ActKind.FEE_WAIVED: money_acts.waive,
    ActKind.FEE_ADJUSTED: money_acts.waive,
    ActKind.UNDONE: change_acts.undo,
    ActKind.REPAYMENT_UNDONE: change_acts.undo_repayment,
    ActKind.CHARGED_BACK: money_acts.charge_back,
    ActKind.CHARGED_OFF: money_acts.charge_off,
    ActKind.WRITTEN_OFF: money_acts.write_off,
    ActKind.CREDIT_PAID_BACK: money_acts.pay_credit_back,
    ActKind.REAGED: change_acts.reage,
    ActKind.REAMORTISED: change_acts.reamortise,
    ActKind.PAUSED: change_acts.pause,
    ActKind.RESUMED: change_acts.resume,
    ActKind.RESCHEDULED: change_acts.change_terms,
    ActKind.INTEREST_PAUSED: change_acts.pause_interest,
    ActKind.TERMINATED: change_acts.terminate,
}
