"""Act: payments of ours that the bank brings back: a merchant's payout is owed again, and so is a shopper's refund."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from payments.break_class import BreakClass
from payments.collection.opening import must_hold
from payments.expectation import Expected, Leg, brought_back_key
from payments.files.line import FileLine
from payments.files.payout_file import Payout
from payments.reconciliation.bookings import payout_returned
from payments.reconciliation.consequences import Consequences, a_break, repaired, seen_on
from payments.reconciliation.matching import Matched, Rule
from payments.refunds.pay_refunds import take_back
from payments.refunds.refund_payment import RefundPayment
from payments.till import Till


@dataclass(frozen=True, slots=True)
class BroughtBack:
    """A line of the statement and the payment of ours that it brings back."""

    line: FileLine
    payment: Payout | RefundPayment

    @property
    def reason(self) -> str:
        """The bank's code, which follows the payment's own reference."""
        return self.line.detail.partition(" ")[2]


def brought_back(lines: Iterable[FileLine], till: Till) -> list[BroughtBack]:
    """The lines that bring back a payment of ours whole; whose any other money is, is for a person to say."""
    prefix = brought_back_key("")
    by_reference = {line.key.removeprefix(prefix): line for line in lines if line.key and line.key.startswith(prefix)}
    payments: dict[str, Payout | RefundPayment] = {
        **till.payouts.get_all(by_reference),
        **till.refunds.get_all(list(by_reference)),
    }
    return [
        BroughtBack(by_reference[reference], payment)
        for reference, payment in sorted(payments.items())
        if by_reference[reference].amount == payment.amount
    ]


def owe_again(found: Sequence[BroughtBack], till: Till, day: date, result: Consequences) -> None:
    """F07c or F24f for each, once it is known that the payment went out; a later run sends it again."""
    for each in found:
        line = each.line
        expected = Expected(
            key=str(line.key),
            leg=Leg.PROVIDER_BANK,
            amount=line.amount,
            expected_on=line.booked_on,
            due_by=line.reported_on,
            created_by=line.line_id,
        )
        till.expectations.expect([expected])
        if isinstance(each.payment, Payout):
            name, entry_id = each.payment.payout_id, _payout_owed_again(each, each.payment, till)
        else:
            name, entry_id = each.payment.payment_id, take_back(each.payment, line, each.reason, till)
        result.matches.append(Matched(line.to_match(), expected.to_match(), Rule.ID))
        reason = f"{name} was brought back by the bank: {each.reason}; it is owed again"
        broken = a_break(line, BreakClass.RETURNED, reason, till.profile, expectation_id=expected.key)
        result.breaks.append(repaired(broken, day, entry_id))


def _payout_owed_again(found: BroughtBack, payout: Payout, till: Till) -> str:
    line = found.line
    till.payouts.keep_return(payout.payout_id, line.line_id, found.reason, line.booked_on)
    bank = line.bank_account or till.profile.merchant_bank
    journals = payout_returned(payout, seen_on(line.booked_on), bank=bank, line_id=line.line_id)
    for journal, outcome in zip(journals, till.ledger.post_all(journals), strict=True):
        must_hold(outcome, journal.entry_id)
    return journals[-1].entry_id
