"""Claims of the shopper's bank on a payment (F14, F26): opened, won, lost. The debt is unchanged until the decision."""

from ledger.map.flow import Flow
from lending.plan.allocation import AllocationSplit, next_due, owe_more, take_back_amounts
from lending.plan.charge_off import take_back_off_the_books
from lending.plan.event import CashBack, ClaimLost, ClaimOpened, ClaimWon, PlanEvent, Route
from lending.plan.running import Fee, Payment, RunningCase, RunningPlan
from lending.plan.state import CaseKind
from lending.plan.withhold_refund import release_withheld, use_up, withhold
from lending.terms.servicing_terms import ClaimDue


def claim_opened(run: RunningPlan, event: PlanEvent, body: ClaimOpened) -> None:
    """F14a, F26a: open a claim. A refund that would pay the shopper the same money twice is withheld meanwhile."""
    payment = run.payments.get(body.payment_event_id)
    if payment is None or body.case_id in run.cases:
        return
    amount = payment.left if body.amount is None else min(payment.left, body.amount.minor)
    case = RunningCase(body.case_id, CaseKind.CLAIM, amount, payment=payment, route=body.route, provider=body.provider)
    run.cases[body.case_id] = case
    amounts = {"claim": amount}
    flow = Flow.LATE_CLAIM_ADVISED
    if body.route is Route.CARD:
        flow = Flow.CHARGEBACK_REOPENED if body.again else Flow.CHARGEBACK_OPENED
        amounts["chargeback_fee"] = 0 if body.chargeback_fee is None else body.chargeback_fee.minor
    run.book(flow, case.case_id, event, amounts, names=_names(case), correlation=_correlation(case))
    withhold(run, event, run.claimed_back - run.withheld, case.case_id)


def claim_won(run: RunningPlan, event: PlanEvent, body: ClaimWon) -> None:
    """F14d, F26b: the payment stands, and withheld refunds become payable."""
    case = run.cases.get(body.case_id)
    if case is None or not case.open:
        return
    case.open = False
    flow, amounts = Flow.CHARGEBACK_WON, {"claim": case.amount}
    if case.route is Route.DIRECT_DEBIT:
        flow, amounts = Flow.CLAIM_WITHDRAWN, {_CASH_BACK[body.cash_back]: case.amount}
    elif body.chargeback_fee is not None:
        amounts["chargeback_fee"] = body.chargeback_fee.minor
    names = _names(case) | {"bank": body.bank}
    run.book(flow, case.case_id, event, amounts, names=names, correlation=_correlation(case))
    release_withheld(run, event, case.case_id)


def claim_lost(run: RunningPlan, event: PlanEvent, body: ClaimLost) -> None:
    """F14c, F26c: the shopper got the money back and owes it again, less the credit balance. F26d: fraud, our loss."""
    case = run.cases.get(body.case_id)
    if case is None or not case.open or case.payment is None:
        return
    case.open = False
    run.fraud = run.fraud or body.fraud
    names, correlation = _names(case), _correlation(case)
    if not body.fraud and (run.charged_off is not None or case.payment.recovered is not None):
        flows, key = (Flow.CLAIM_UPHELD_AFTER_CHARGE_OFF, Flow.CLAIM_UPHELD_ON_RECOVERY), case.case_id
        take_back_off_the_books(
            run, event, case.payment, case.amount, flows=flows, key=key, names=names, correlation=correlation
        )
        return
    credit = min(run.credit, case.amount)
    use_up(run, credit)
    if body.fraud:
        _take_credit(run, case.payment, case.amount, credit)
        borne = {"claim": case.amount - credit}
        run.forgiven.fraud += case.amount - credit
        run.book(Flow.FRAUD_BORNE, case.case_id, event, borne, names=names, correlation=correlation)
        split = AllocationSplit(credit=credit)
    elif run.terms.claims.due is ClaimDue.NEXT_DUE:
        split = _owe_with_next_due(run, event, case, case.payment, credit)
    else:
        matured = all(line.due_on < event.value_date for line in run.lines)
        split = take_back_amounts(run, event, case.payment, case.amount, credit, due_again=matured)
    flow = Flow.CLAIM_UPHELD if case.route is Route.DIRECT_DEBIT else Flow.CHARGEBACK_LOST
    run.book(flow, case.case_id, event, split.amounts(), names=names, correlation=correlation)


_CASH_BACK = {CashBack.WITHDRAWN: "withdrawn", CashBack.BANK: "cash", CashBack.NETTED: "netted"}


def _owe_with_next_due(
    run: RunningPlan, event: PlanEvent, case: RunningCase, payment: Payment, credit: int
) -> AllocationSplit:
    """Owe the claim with the next due, where the credit balance pays its part at once.

    What is principal bears interest from this day on.
    """
    split = AllocationSplit(credit=credit)
    _take_credit(run, payment, case.amount, credit)
    left = case.amount - credit
    payment.lowered -= min(left, payment.lowered)
    due = next_due(run, event)
    owe_more(due, credit, event.value_date)
    due.repaid += credit
    for piece in (each for component in run.terms.claims.restores for each in payment.pieces_of(component)):
        part = min(left, piece.amount - piece.owed_again)
        if part and piece.fee is not None:
            fee = Fee(f"{piece.fee.fee_id}/{case.case_id}", piece.fee.instalment_id, part)
            run.fees[fee.fee_id] = fee
            due.fees.append(fee)
        piece.owed_again += part
        split.add(piece.component, part)
        left -= part
    split.principal += left
    run.beyond_purchase += left
    owe_more(due, split.principal, event.value_date)
    due.agreed += split.principal
    due.interest += split.interest
    due.accrued += split.interest
    due.level += split.interest
    due.period.grown += split.interest
    run.interest_owed_again += split.interest
    return split


def _take_credit(run: RunningPlan, payment: Payment, amount: int, credit: int) -> None:
    run.credit -= credit
    payment.credit -= min(credit, payment.credit)
    payment.given_back += amount


def _names(case: RunningCase) -> dict[str, str | None]:
    return {"provider": case.provider}


def _correlation(case: RunningCase) -> dict[str, str]:
    """Includes the attempt, under which a charge-back's money leaves the clearing account."""
    return {"case_id": case.case_id} | ({"attempt_id": case.payment.payment_id} if case.payment else {})
