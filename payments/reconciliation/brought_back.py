"""Act: payments of ours that the bank brings back: a merchant's payout is owed again, and so is a shopper's refund."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from ledger.books.store import Ledger
from lending.servicing.log import PlanLog
from lending.servicing.record_events import KeptLedger, TermsOf
from payments.break_class import BreakClass
from payments.collection.opening import must_hold
from payments.expectation import Expectations, Expected, Leg, brought_back_key
from payments.files.line import FileLine
from payments.files.payout_file import Payout
from payments.merchants.payouts import Payouts
from payments.rail_profile import Profile
from payments.reconciliation.bookings import payout_returned
from payments.reconciliation.consequences import Consequences, a_break, repaired, seen_on
from payments.reconciliation.matching import Matched, Rule
from payments.refunds.pay_refunds import take_back
from payments.refunds.refund_payment import RefundPayment
from payments.refunds.refund_payments import RefundPayments


@dataclass(frozen=True, slots=True)
class BroughtBack:
    """A line of the statement and the payment of ours that it brings back."""

    line: FileLine
    payment: Payout | RefundPayment

    @property
    def reason(self) -> str:
        """The bank's code, which follows the payment's own reference."""
        return self.line.detail.partition(" ")[2]


def brought_back(lines: Iterable[FileLine], *, payouts: Payouts, refunds: RefundPayments) -> list[BroughtBack]:
    """The lines that bring back a payment of ours whole; whose any other money is, is for a person to say."""
    prefix = brought_back_key("")
    by_reference = {line.key.removeprefix(prefix): line for line in lines if line.key and line.key.startswith(prefix)}
    payments: dict[str, Payout | RefundPayment] = {
        **payouts.get_all(by_reference),
        **refunds.get_all(list(by_reference)),
    }
    return [
        BroughtBack(by_reference[reference], payment)
        for reference, payment in sorted(payments.items())
        if by_reference[reference].amount == payment.amount
    ]


def owe_again(
    found: Sequence[BroughtBack],
    day: date,
    result: Consequences,
    *,
    payouts: Payouts,
    refunds: RefundPayments,
    plans: PlanLog,
    ledger: KeptLedger,
    expectations: Expectations,
    terms: TermsOf,
    profile: Profile,
) -> None:
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
        expectations.expect([expected])
        if isinstance(each.payment, Payout):
            name = each.payment.payout_id
            entry_id = _payout_owed_again(each, each.payment, payouts=payouts, ledger=ledger, profile=profile)
        else:
            name = each.payment.payment_id
            entry_id = take_back(
                each.payment,
                line,
                each.reason,
                refunds=refunds,
                plans=plans,
                ledger=ledger,
                terms=terms,
                profile=profile,
            )
        result.matches.append(Matched(line.to_match(), expected.to_match(), Rule.ID))
        reason = f"{name} was brought back by the bank: {each.reason}; it is owed again"
        broken = a_break(line, BreakClass.RETURNED, reason, profile, expectation_id=expected.key)
        result.breaks.append(repaired(broken, day, entry_id))


def _payout_owed_again(
    found: BroughtBack, payout: Payout, *, payouts: Payouts, ledger: Ledger, profile: Profile
) -> str:
    line = found.line
    payouts.keep_return(payout.payout_id, line.line_id, found.reason, line.booked_on)
    bank = line.bank_account or profile.merchant_bank
    journals = payout_returned(payout, seen_on(line.booked_on), bank=bank, line_id=line.line_id)
    for journal, outcome in zip(journals, ledger.post_all(journals), strict=True):
        must_hold(outcome, journal.entry_id)
    return journals[-1].entry_id
