"""Act: payments of ours that the bank returns to us: the merchant's payout or the shopper's refund is owed again."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from lending.servicing.log import PlanLog
from lending.servicing.record_events import KeptLedger, TermsOf, first_open_day
from payments.bookings import post_when_open
from payments.break_class import BreakClass
from payments.collection.opening import must_hold
from payments.expectation import Expected, Leg
from payments.expectation_key import BroughtBackKey, ExpectationKey
from payments.files.bank_statement import reason_of_return
from payments.files.line import FileLine
from payments.files.payout_file import Payout
from payments.ids import PayoutId, RefundPaymentId
from payments.line_key import LineKind
from payments.merchants.payouts import Payouts
from payments.rail_profile import RailProfile
from payments.reconciliation.bookings import payout_returned
from payments.reconciliation.bookings_from_matches import Consequences, a_break, repaired, seen_on
from payments.reconciliation.matching import Matched, MatchRule
from payments.refunds.refund_outcome import take_back_refund
from payments.refunds.refund_payment import RefundPayment, Way
from payments.refunds.refund_payments import RefundPayments


@dataclass(frozen=True, slots=True)
class BroughtBack:
    """A line of the statement, and the payment of ours that it returns to us."""

    line: FileLine
    payment: Payout | RefundPayment

    @property
    def reference(self) -> str:
        return _reference(self.payment)

    @property
    def reason(self) -> str:
        """The bank's reason code, which follows the payment's own reference."""
        return reason_of_return(self.line.detail)

    @property
    def expected(self) -> Expected:
        """The expectation of the return, which is created and met by the same line."""
        return Expected(
            key=BroughtBackKey(self.reference),
            leg=Leg.PROVIDER_BANK,
            amount=self.line.amount,
            expected_on=self.line.booked_on,
            due_by=self.line.reported_on,
            created_by=self.line.line_id,
        )


def brought_back(
    lines: Iterable[FileLine], met: Container[ExpectationKey], *, payouts: Payouts, refunds: RefundPayments
) -> list[BroughtBack]:
    """The lines that return a payment of our bank in full, each payment once. Any other line is left to a person.

    `met` holds the keys that earlier runs closed: a payment that came back before cannot come back again.
    """
    by_reference: dict[str, FileLine] = {}
    for line in sorted(lines, key=lambda line: line.to_match().order()):
        if isinstance(line.key, BroughtBackKey) and line.kind is LineKind.CREDIT and line.key not in met:
            by_reference.setdefault(line.key.reference, line)
    payments: list[Payout | RefundPayment] = [
        *payouts.get_all(PayoutId(reference) for reference in by_reference).values(),
        *(each for each in refunds.get_all(list(map(RefundPaymentId, by_reference))).values() if each.way is Way.BANK),
    ]
    found = [BroughtBack(by_reference[_reference(payment)], payment) for payment in payments]
    return sorted((each for each in found if each.line.amount == each.payment.amount), key=lambda each: each.reference)


def _reference(payment: Payout | RefundPayment) -> str:
    """The reference with which the payment was sent."""
    return payment.payout_id if isinstance(payment, Payout) else payment.payment_id


def owe_again(
    found: Sequence[BroughtBack],
    day: date,
    result: Consequences,
    *,
    payouts: Payouts,
    refunds: RefundPayments,
    plans: PlanLog,
    ledger: KeptLedger,
    terms: TermsOf,
    profile: RailProfile,
) -> None:
    """Book F07c (a payout) or F24f (a refund) for each returned payment; a later run sends it again.

    What each line shows is expected already.
    """
    for each in found:
        line, expected = each.line, each.expected
        if isinstance(each.payment, Payout):
            entry_id = _payout_owed_again(each, each.payment, payouts=payouts, ledger=ledger, profile=profile)
        else:
            entry_id = take_back_refund(
                each.payment,
                line,
                each.reason,
                refunds=refunds,
                plans=plans,
                ledger=ledger,
                terms=terms,
                profile=profile,
            )
        result.matches.append(Matched(line.to_match(), expected.to_match(), MatchRule.ID))
        reason = f"{each.reference} was brought back by the bank: {each.reason}; it is owed again"
        broken = a_break(line, BreakClass.RETURNED, reason, profile, expected=expected.key)
        result.breaks.append(repaired(broken, day, entry_id))


def _payout_owed_again(
    found: BroughtBack, payout: Payout, *, payouts: Payouts, ledger: KeptLedger, profile: RailProfile
) -> str:
    line = found.line
    payouts.keep_return(PayoutId(payout.payout_id), line.line_id, found.reason, line.booked_on)
    bank = line.bank_account or profile.merchant_bank
    journals = payout_returned(payout, seen_on(line.booked_on), bank=bank, line_id=line.line_id)
    for journal, outcome in zip(journals, post_when_open(journals, ledger, first_open_day(ledger)), strict=True):
        must_hold(outcome, journal.entry_id)
    return journals[-1].entry_id
