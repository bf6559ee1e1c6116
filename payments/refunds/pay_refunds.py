"""Act: pay shoppers the refunds that are owed to them, through the provider first, and by bank if that fails.

The work list comes from the books: each refund that its account still owes and for which there is no hold. As with
charges, a payment is claimed, its hold placed in the ledger and its request stored before anything is sent. An unknown
outcome is resolved by an enquiry; the payment is never sent under another key.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

from ledger.books.statement import OpenGroup
from ledger.books.store import Books, Ledger, Recorded
from lending.plan.when import When
from lending.servicing.record_events import KeptLedger, TermsOf
from lending.servicing.store import Plans
from payments.break_class import BreakClass
from payments.breaks import Breaks, break_of_unit
from payments.each_alone import reason_of
from payments.expectation import Expectations, Expected, Leg
from payments.expectation_key import DebitKey
from payments.files.payout_file import Payout
from payments.payout_batches import BatchKind, PayoutBatches, write_batches
from payments.provider.charge import ChargeResult, NotKnown, RefundRequest
from payments.provider.provider import Provider
from payments.rail_profile import RailProfile
from payments.refunds.bookings import refund_claimed
from payments.refunds.refund_outcome import apply_refund_outcome
from payments.refunds.refund_payment import (
    OVER,
    RefundPayment,
    RefundPaymentEvent,
    RefundPaymentState,
    Way,
    payment_id_of,
)
from payments.refunds.refund_payments import RefundPayments
from payments.transaction import Transaction
from terminal.clock import must_have_begun


@dataclass(frozen=True, slots=True)
class PayRefundsReport:
    """The result of one run. `owed`: refunds without a payment in progress; `by_bank`: those now ordered from the bank.

    `waiting`: those of plans with a break or an open case about a payment, which are paid out once that is settled.
    `files`: those that were written for the bank. `failed`: refunds that could not be paid or booked; each is a break
    with its reason, and the next run tries again.
    """

    on: date
    owed: int
    paid: int
    refused: int
    unknown: int
    by_bank: int
    waiting: int
    files: tuple[str, ...]
    failed: int
    paid_minor: Mapping[str, int]


class _Tally:
    def __init__(self) -> None:
        self.counts: Counter[RefundPaymentState] = Counter()
        self.paid: Counter[str] = Counter()

    def add(self, payment: RefundPayment, state: RefundPaymentState) -> None:
        self.counts[state] += 1
        if state is RefundPaymentState.PAID:
            self.paid[payment.amount.currency.value] += payment.amount.minor


class _Failures:
    """Lists refunds that could not be paid or booked as breaks, until they are; one stops no other."""

    def __init__(self, on: date, breaks: Breaks, profile: RailProfile, transaction: Transaction) -> None:
        self.seen: set[str] = set()
        self._on = on
        self._breaks = breaks
        self._profile = profile
        self._transaction = transaction

    @contextmanager
    def of(self, refund_id: str) -> Iterator[None]:
        """The work on one refund."""
        break_id = f"refund:{refund_id}"
        try:
            yield
        except Exception as error:  # noqa: BLE001  # whatever the reason: it stops no other refund
            self.seen.add(refund_id)
            reason = f"{refund_id} cannot be paid: {reason_of(error)}"
            broken = break_of_unit(break_id, BreakClass.STATUS_CONFLICT, reason, self._on, self._profile)
            with self._transaction():
                self._breaks.raise_breaks([broken])
        else:
            if refund_id not in self.seen:
                with self._transaction():
                    self._breaks.close_break(break_id, self._on, "paid")


def pay_refunds(
    on: date,
    *,
    refunds: RefundPayments,
    batches: PayoutBatches,
    plans: Plans,
    ledger: KeptLedger,
    expectations: Expectations,
    breaks: Breaks,
    provider: Provider,
    terms: TermsOf,
    settle_down: timedelta,
    profile: RailProfile,
    transaction: Transaction,
    outbox: Path,
    at: datetime,
) -> PayRefundsReport:
    """Pay every refund that is owed, each once. Refunds that the provider refuses go into the bank's file of the day.

    `settle_down`: the delay after which a payment that the provider does not know can no longer arrive there.
    Raises NotYetBegun for a day after that of `at`.
    """
    must_have_begun(on, at)
    apply = partial(
        apply_refund_outcome,
        refunds=refunds,
        plans=plans,
        ledger=ledger,
        expectations=expectations,
        terms=terms,
        profile=profile,
    )
    send = partial(_send, refunds=refunds, provider=provider, transaction=transaction, apply=apply)
    claim = partial(_claim, refunds=refunds, ledger=ledger, profile=profile)
    by_bank = partial(
        _by_bank, refunds=refunds, batches=batches, expectations=expectations, profile=profile, transaction=transaction,
        claim=claim,
    )  # fmt: skip
    blocked = partial(_blocked, breaks=breaks)
    tally = _Tally()
    failures = _Failures(on, breaks, profile, transaction)
    for unresolved in refunds.unresolved():
        with failures.of(unresolved.refund_id), refunds.guard([unresolved.payment_id]) as mine:
            if mine:
                state = _resolve(
                    unresolved,
                    at,
                    refunds=refunds,
                    provider=provider,
                    settle_down=settle_down,
                    transaction=transaction,
                    apply=apply,
                    send=send,
                    blocked=blocked,
                )
                tally.add(unresolved, state)
    owed = _owed(on, ledger)
    latest = refunds.latest([group.value for group in owed])
    sent_by_bank = waiting = 0
    for group in owed:
        with failures.of(group.value):
            payment = _next(group, latest.get(group.value), on, plans=plans, ledger=ledger)
            if payment is not None and blocked(payment):
                waiting += 1
                continue
            if payment is not None and payment.way is Way.PROVIDER:
                state = _send_new(payment, at, refunds=refunds, transaction=transaction, claim=claim, send=send)
                tally.add(payment, state)
                again = refunds.latest([payment.refund_id])[payment.refund_id]
                payment = _next(group, again, on, plans=plans, ledger=ledger)  # just refused: goes by bank
            if payment is not None:
                sent_by_bank += by_bank(payment, at)
    files = write_batches(BatchKind.REFUNDS, on, batches=batches, outbox=outbox, transaction=transaction, at=at)
    return PayRefundsReport(
        on=on,
        owed=len(owed),
        paid=tally.counts[RefundPaymentState.PAID],
        refused=tally.counts[RefundPaymentState.REFUSED],
        unknown=tally.counts[RefundPaymentState.UNKNOWN],
        by_bank=sent_by_bank,
        waiting=waiting,
        files=files,
        failed=len(failures.seen),
        paid_minor=dict(sorted(tally.paid.items())),
    )


def _owed(on: date, ledger: Books) -> list[OpenGroup]:
    """The groups of refunds that are owed in the books and have no hold."""
    return [
        group
        for group in ledger.open_groups(on)
        if group.key == "refund_id" and group.posted.minor < 0 and group.pending.minor == 0
    ]


def _next(
    group: OpenGroup, last: RefundPayment | None, on: date, *, plans: Plans, ledger: Books
) -> RefundPayment | None:
    """The next payment of a refund; None while one is in progress."""
    if last is not None and last.state not in OVER:
        return None
    number = 1 if last is None else last.number + 1
    plan_id = next(
        entry.journal.correlation["plan_id"] for entry in ledger.entries(correlation={"refund_id": group.value})
    )
    plan = plans.get(plan_id)
    assert plan is not None, f"refund {group.value} is of {plan_id}, which is not kept"
    return RefundPayment(
        payment_id=payment_id_of(group.value, number),
        refund_id=group.value,
        number=number,
        plan_id=plan.plan_id,
        shopper_id=plan.shopper_id or plan.account_id,
        account_id=plan.account_id,
        way=Way.PROVIDER if last is None else Way.BANK,
        amount=-group.posted,
        requested_on=on,
    )


def _blocked(payment: RefundPayment, *, breaks: Breaks) -> bool:
    return payment.plan_id in breaks.blocking_refunds([payment.plan_id])


_Claim = Callable[[RefundPayment, datetime], bool]
_Send = Callable[[RefundPayment, datetime], RefundPaymentState]
_Apply = Callable[[RefundPayment, ChargeResult, datetime], RefundPaymentState]


def _claim(
    payment: RefundPayment, at: datetime, *, refunds: RefundPayments, ledger: Ledger, profile: RailProfile
) -> bool:
    """F24h: claim a payment and place its hold, so that no other worker can send the refund; False if not possible."""
    if not refunds.claim(payment):
        return False
    journal = refund_claimed(payment, When.moment(at), provider=profile.card.provider, bank=profile.push_bank)
    if not isinstance(ledger.hold(journal), Recorded):
        raise _NotFree(payment.payment_id)
    return True


class _NotFree(Exception):
    """Raised when a refund has been paid or held since the run began; the claim is rolled back."""


def _send_new(
    payment: RefundPayment,
    at: datetime,
    *,
    refunds: RefundPayments,
    transaction: Transaction,
    claim: _Claim,
    send: _Send,
) -> RefundPaymentState:
    with refunds.guard([payment.payment_id]) as mine:
        if not mine:
            return RefundPaymentState.CLAIMED
        try:
            with transaction():
                if not claim(payment, at):
                    return RefundPaymentState.CLAIMED
        except _NotFree:
            return RefundPaymentState.CLAIMED
        return send(payment, at)


def _send(
    payment: RefundPayment,
    at: datetime,
    *,
    refunds: RefundPayments,
    provider: Provider,
    transaction: Transaction,
    apply: _Apply,
) -> RefundPaymentState:
    """Send a claimed payment, which the caller guards, and book the provider's answer."""
    request = RefundRequest(payment.payment_id, payment.shopper_id, payment.amount, payment.requested_on)
    with transaction():
        body = json.dumps({"key": payment.payment_id, "amount": str(payment.amount)}, sort_keys=True)
        message_id = refunds.keep_message("out", "refund", payment.payment_id, body, at)
        refunds.move(
            payment.payment_id,
            RefundPaymentEvent.REQUEST_WRITTEN,
            at=at,
            cause=payment.payment_id,
            message_id=message_id,
        )
    answer = provider.refund(request)
    with transaction():
        return apply(payment, answer, at)


def _resolve(
    payment: RefundPayment,
    at: datetime,
    *,
    refunds: RefundPayments,
    provider: Provider,
    settle_down: timedelta,
    transaction: Transaction,
    apply: _Apply,
    send: _Send,
    blocked: Callable[[RefundPayment], bool],
) -> RefundPaymentState:
    """Enquire about a payment of an earlier run; one unknown to the provider is sent again under its own key."""
    if payment.state is RefundPaymentState.SUBMITTING:
        with transaction():
            refunds.move(payment.payment_id, RefundPaymentEvent.NO_ANSWER, at=at, cause="its sender left no answer")
    if payment.state is not RefundPaymentState.CLAIMED:
        said = provider.enquire_refund(payment.payment_id)
        if not isinstance(said, NotKnown):
            with transaction():
                return apply(payment, said, at)
        if payment.submitted_at is not None and at < payment.submitted_at + settle_down:
            return RefundPaymentState.UNKNOWN
        with transaction():
            refunds.move(payment.payment_id, RefundPaymentEvent.NEVER_SEEN, at=at, cause="the provider never saw it")
    if blocked(payment):
        return RefundPaymentState.CLAIMED
    return send(payment, at)


def _debit_expected(payment: RefundPayment, profile: RailProfile) -> Expected:
    """The expectation that the bank statement shows the refund."""
    return Expected(
        key=DebitKey(payment.payment_id),
        leg=Leg.PROVIDER_BANK,
        amount=payment.amount,
        expected_on=payment.requested_on,
        due_by=payment.requested_on + timedelta(days=profile.merchant_payout_days),
        created_by=payment.hold_id,
        plan_id=payment.plan_id,
    )


def _by_bank(
    payment: RefundPayment,
    at: datetime,
    *,
    refunds: RefundPayments,
    batches: PayoutBatches,
    expectations: Expectations,
    profile: RailProfile,
    transaction: Transaction,
    claim: _Claim,
) -> bool:
    """Claim a payment for the bank's file, and expect it on the bank statement."""
    try:
        with transaction():
            if not claim(payment, at):
                return False
            refunds.move(payment.payment_id, RefundPaymentEvent.REQUEST_WRITTEN, at=at, cause=payment.payment_id)
            order = Payout(payment.payment_id, payment.account_id, payment.amount, payment.requested_on)
            batches.order(BatchKind.REFUNDS, [order])
            expectations.expect([_debit_expected(payment, profile)])
    except _NotFree:
        return False
    return True
