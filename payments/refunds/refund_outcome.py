"""Books what became of a refund's payment: the answer of the provider, a row of its file, or a line of the bank."""

from datetime import datetime, timedelta

from lending.plan.when import When
from lending.servicing.log import PlanLog
from lending.servicing.record_events import KeptLedger, TermsOf, first_open_day
from payments.bookings import post_when_open, when_open
from payments.collection.opening import must_hold
from payments.expectation import Expectations, Expected, Leg
from payments.expectation_key import RefundKey
from payments.files.line import FileLine
from payments.ids import RefundPaymentId
from payments.plan_events import record_on_plan
from payments.provider.charge import ChargeRefused, ChargeResult, Succeeded, Unknown
from payments.rail_profile import RailProfile
from payments.refunds.bookings import refund_failed, refund_paid
from payments.refunds.events import refund_arrived, refund_came_back
from payments.refunds.refund_payment import (
    RefundPayment,
    RefundPaymentEvent,
    RefundPaymentState,
)
from payments.refunds.refund_payments import RefundPayments


def apply_refund_outcome(
    payment: RefundPayment,
    answer: ChargeResult,
    at: datetime,
    *,
    refunds: RefundPayments,
    plans: PlanLog,
    ledger: KeptLedger,
    expectations: Expectations,
    terms: TermsOf,
    profile: RailProfile,
) -> RefundPaymentState:
    """Apply the provider's answer, inside the caller's database transaction."""
    now = refunds.get(payment.payment_id, lock=True)
    assert now is not None, f"{payment.payment_id} was sent and is not kept"
    if now.state not in (RefundPaymentState.SUBMITTING, RefundPaymentState.UNKNOWN):
        return now.state
    raw = answer.raw or repr(answer)
    message_id = refunds.keep_message("in", type(answer).__name__.lower(), payment.payment_id, raw, at)
    match answer:
        case Succeeded(provider_reference=reference, amount=amount) if amount == payment.amount:
            refunds.move(
                payment.payment_id, RefundPaymentEvent.CONFIRMED, at=at, cause=reference, message_id=message_id
            )
            plan = plans.histories([payment.plan_id])[payment.plan_id].plan
            when = When.moment(at, terms(plan).days.zone)
            _confirm(payment, when, plans=plans, ledger=ledger, terms=terms, profile=profile)
            expectations.expect([_line_expected(payment, profile)])
            return RefundPaymentState.PAID
        case ChargeRefused(code=code):
            refunds.move(payment.payment_id, RefundPaymentEvent.REFUSED, at=at, cause=code.value, message_id=message_id)
            voided = ledger.void_hold(payment.hold_id, at=at, reason=f"refused: {code}")
            must_hold(voided, payment.payment_id)
            return RefundPaymentState.REFUSED
        case Succeeded() | Unknown():
            if now.state is RefundPaymentState.SUBMITTING:
                cause = answer.detail if isinstance(answer, Unknown) else f"paid {answer.amount}"
                refunds.move(
                    payment.payment_id, RefundPaymentEvent.NO_ANSWER, at=at, cause=cause, message_id=message_id
                )
            return RefundPaymentState.UNKNOWN


def confirm_by_file(
    payment_id: RefundPaymentId,
    line: FileLine,
    at: datetime,
    *,
    refunds: RefundPayments,
    plans: PlanLog,
    ledger: KeptLedger,
    expectations: Expectations,
    terms: TermsOf,
    profile: RailProfile,
) -> None:
    """Confirm a payment without an outcome that the provider's file shows; the file is authoritative."""
    payment = refunds.get(payment_id, lock=True)
    if payment is not None and payment.state in (RefundPaymentState.SUBMITTING, RefundPaymentState.UNKNOWN):
        apply_refund_outcome(
            payment,
            Succeeded(payment_id, line.line_id, line.amount, line.booked_on, f"line {line.line_id}"),
            at,
            refunds=refunds,
            plans=plans,
            ledger=ledger,
            expectations=expectations,
            terms=terms,
            profile=profile,
        )


def confirm_by_line(
    payment_id: RefundPaymentId,
    line_id: str,
    when: When,
    *,
    refunds: RefundPayments,
    plans: PlanLog,
    ledger: KeptLedger,
    terms: TermsOf,
    profile: RailProfile,
) -> None:
    """Confirm a refund that the bank statement shows."""
    payment = refunds.get(payment_id, lock=True)
    assert payment is not None, f"{payment_id} was expected on the statement and is not kept"
    if payment.state is RefundPaymentState.SUBMITTING:
        refunds.move(payment_id, RefundPaymentEvent.CONFIRMED, at=when.recorded_at, cause=line_id)
        _confirm(payment, when, line_id=line_id, plans=plans, ledger=ledger, terms=terms, profile=profile)


def take_back_refund(
    payment: RefundPayment,
    line: FileLine,
    reason: str,
    *,
    refunds: RefundPayments,
    plans: PlanLog,
    ledger: KeptLedger,
    terms: TermsOf,
    profile: RailProfile,
) -> str:
    """F24f: a refund that the bank returns to us is owed again; returns the id of the journal entry."""
    when = When.day(line.booked_on)
    refunds.move(
        payment.payment_id, RefundPaymentEvent.BROUGHT_BACK, at=when.recorded_at, cause=f"{line.line_id}: {reason}"
    )
    journal = refund_failed(payment, when, provider=profile.card.provider, bank=profile.push_bank, line_id=line.line_id)
    (posted,) = post_when_open([journal], ledger, first_open_day(ledger))
    must_hold(posted, journal.entry_id)
    record_on_plan([refund_came_back(payment, when)], plans=plans, ledger=ledger, terms=terms)
    return journal.entry_id


def _confirm(
    payment: RefundPayment,
    when: When,
    *,
    plans: PlanLog,
    ledger: KeptLedger,
    terms: TermsOf,
    profile: RailProfile,
    line_id: str | None = None,
) -> None:
    """F24: book that the refund reached the shopper, also on the plan, so that a claim can no longer withhold it."""
    names = {"provider": profile.card.provider, "bank": profile.push_bank}
    journal = when_open(refund_paid(payment, when, line_id=line_id, **names), first_open_day(ledger))
    must_hold(ledger.post_hold(payment.hold_id, journal), journal.entry_id)
    record_on_plan([refund_arrived(payment, when)], plans=plans, ledger=ledger, terms=terms)


def _line_expected(payment: RefundPayment, profile: RailProfile) -> Expected:
    """The expectation that the provider's file shows the refund."""
    return Expected(
        key=RefundKey(payment.payment_id),
        leg=Leg.LEDGER_PROVIDER,
        amount=payment.amount,
        expected_on=payment.requested_on,
        due_by=payment.requested_on + timedelta(days=profile.line_days),
        created_by=payment.payment_id,
        plan_id=payment.plan_id,
    )
