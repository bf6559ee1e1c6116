"""The simulated provider and bank in one process with the acts, for tests of what their files lead to."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from ledger.money import Currency, Money
from lending.plan.when import When
from payments import bookings
from payments.collection.collect import CollectReport
from payments.collection.opening import must_hold
from payments.files.inbox import unseen
from payments.files.line import ParsedFile
from payments.merchants.pay_merchants import PayMerchantsReport
from payments.provider.charge import (
    ChargeRefusalCode,
    ChargeRefused,
    ChargeRequest,
    ChargeResult,
    EnquiryResult,
    NotKnown,
    RefundRequest,
    Succeeded,
    Unknown,
)
from payments.reconciliation.reconcile import ReconcileReport
from payments.wiring import Adapters
from simulation.bank import SimulatedBank, open_bank
from simulation.day_end import StatementForm, end_day
from simulation.provider import Charge, ProviderBook, ProviderOrder, ProviderRefund, RefundOrder, open_provider
from tests.payments.acts import collect, pay_merchants, reconcile

CLEARING = "provider:sandbox:clearing"
CAPITAL = Money(10_000_00, Currency.GBP)


def read_whole(parsed: ParsedFile) -> ParsedFile:
    """Every line of a file that is read as it is asked for."""
    return replace(parsed, lines=tuple(parsed.lines))


class InProcess:
    """The provider's book behind the port that collection knows."""

    name = "sandbox"

    def __init__(self, book: ProviderBook) -> None:
        self.book = book

    def charge(self, request: ChargeRequest) -> ChargeResult:
        order = ProviderOrder(
            request.attempt_id, request.amount.minor, request.amount.currency.value, request.shopper_id,
            request.instalment_id, request.requested_on,
        )  # fmt: skip
        charge, lost = self.book.charge(order)
        return Unknown(request.attempt_id, "the answer was lost") if lost else said(charge)

    def enquire(self, attempt_id: str) -> EnquiryResult:
        charge = self.book.find(attempt_id)
        return NotKnown(attempt_id) if charge is None else said(charge)

    def refund(self, request: RefundRequest) -> ChargeResult:
        order = RefundOrder(
            request.payment_id, request.amount.minor, request.amount.currency.value, request.shopper_id,
            request.requested_on,
        )  # fmt: skip
        return paid_back(self.book.refund(order))

    def enquire_refund(self, payment_id: str) -> EnquiryResult:
        refund = self.book.find_refund(payment_id)
        return NotKnown(payment_id) if refund is None else paid_back(refund)


def paid_back(refund: ProviderRefund) -> ChargeResult:
    order = refund.order
    if refund.code is not None:
        return ChargeRefused(order.key, ChargeRefusalCode.ACCOUNT_CLOSED, refund.code)
    amount = Money(order.amount_minor, Currency(order.currency))
    return Succeeded(order.key, refund.reference, amount, order.requested_on)


def said(charge: Charge) -> ChargeResult:
    order = charge.order
    if charge.status == "declined":
        return ChargeRefused(order.key, ChargeRefusalCode.INSUFFICIENT_FUNDS, charge.code or "")
    amount = Money(order.amount_minor, Currency(order.currency))
    return Succeeded(order.key, charge.reference, amount, order.requested_on)


@dataclass
class Outside:
    """A provider and a bank with their folders."""

    folder: Path
    behaviour: Mapping[str, tuple[str, int]]
    seed: int = 7
    form: StatementForm = StatementForm.CSV
    book: ProviderBook = field(init=False)
    bank: SimulatedBank = field(init=False)

    def __post_init__(self) -> None:
        self.book = open_provider(self.folder, self.seed, self.behaviour)
        self.bank = open_bank(self.folder)
        self.bank.open_with("GBP", CAPITAL.minor)
        self.inbox.mkdir(exist_ok=True)

    @property
    def inbox(self) -> Path:
        return self.folder / "inbox"

    @property
    def outbox(self) -> Path:
        return self.folder / "outbox"

    @property
    def provider(self) -> InProcess:
        return InProcess(self.book)

    def end(self, day: date) -> list[Path]:
        report = end_day(day, self.book, self.bank, self.inbox, self.outbox, form=self.form, faulty=True)
        assert report.refused_files == ()
        return [self.inbox / name for name in report.files]


def pay_capital_in(ports: Adapters, on: date) -> None:
    journal = bookings.capital_paid_in("start", "main", CAPITAL, When.day(on))
    with ports.transaction():
        must_hold(ports.ledger.post(journal), journal.entry_id)


def at(day: date, hour: int = 18) -> datetime:
    return datetime.combine(day, time(hour), UTC)


def collected(ports: Adapters, day: date) -> CollectReport:
    return collect(day, ports=ports, at=at(day))


def merchants_paid(ports: Adapters, outside: Outside, day: date) -> PayMerchantsReport:
    return pay_merchants(day, ports=ports, outbox=outside.outbox, at=at(day, 19))


def reconciled(ports: Adapters, files: list[Path], day: date, *, loudly: bool = True) -> ReconcileReport:
    return reconcile(files, ports=ports, at=at(day, 23), as_of=day, refuse_loudly=loudly)


def inbox_reconciled(ports: Adapters, outside: Outside, day: date) -> ReconcileReport:
    files = unseen(outside.inbox, ports.reconciliation.names_taken(), day)
    return reconciled(ports, files, day, loudly=False)


def evening(ports: Adapters, outside: Outside, day: date) -> ReconcileReport:
    """Collect, let the outside world end its day, reconcile."""
    collected(ports, day)
    outside.end(day)
    return inbox_reconciled(ports, outside, day)


def days(first: date, count: int) -> list[date]:
    return [first + timedelta(days=number) for number in range(count)]
