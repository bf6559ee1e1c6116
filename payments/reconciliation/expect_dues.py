"""Act: expect the dues that shoppers pay by transfers of their own: those of imported plans, and any that they name."""

from lending.plan.plan import Origin
from lending.servicing.store import Plans
from payments.expectation import Expected, Leg
from payments.expectation_key import DueKey
from payments.reconciliation.matching import month_of
from payments.reconciliation.postgres import PostgresReconciliation


def expect_dues(plans: Plans, reconciliation: PostgresReconciliation) -> None:
    """Expect every due that an open transfer could pay. A due keeps the amount with which it was first expected.

    Shoppers of imported plans send the money. Dues of a checkout are collected; they are expected of a shopper who
    sends the money all the same.
    """
    transfers = reconciliation.open_repayments()
    if not transfers:
        return
    last = max(line.booked_on for line in transfers)
    sent = {(line.account_id, line.amount) for line in transfers}
    named = {line.key for line in transfers}
    dues = [
        due
        for due in plans.due(month_of(last).last)
        if due.plan.origin is Origin.IMPORTED
        or (due.plan.account_id, due.open_amount) in sent
        or DueKey(due.instalment.instalment_id) in named
    ]
    expected_before = reconciliation.expected((DueKey(due.instalment.instalment_id) for due in dues), ())
    known = {each.key for each in expected_before}
    reconciliation.expect(
        Expected(
            key=DueKey(due.instalment.instalment_id),
            leg=Leg.LEDGER_BANK,
            amount=due.open_amount,
            expected_on=due.instalment.due_on,
            due_by=month_of(due.instalment.due_on).last,
            created_by=due.plan.plan_id,
            account_id=due.plan.account_id,
            plan_id=due.plan.plan_id,
            instalment_id=due.instalment.instalment_id,
            window=month_of(due.instalment.due_on),
        )
        for due in dues
        if DueKey(due.instalment.instalment_id) not in known
    )
