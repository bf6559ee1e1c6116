"""Act: settle with merchants: book the payout to each of them, and write the payout file for the bank."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

from ledger.books.store import TOO_LITTLE, Ledger, Refused
from ledger.money import Currency
from lending.plan.when import When
from lending.terms.merchant_terms import AllMerchantTerms
from payments.break_class import BreakClass
from payments.breaks import Breaks, break_of_unit
from payments.collection.opening import must_hold
from payments.each_alone import each_alone, reason_of
from payments.expectation import Expectations, Expected, Leg
from payments.expectation_key import DebitKey
from payments.merchants.payouts import Payouts
from payments.merchants.settlement import MerchantBooks, Settlement, settle
from payments.payout_batches import BatchKind, PayoutBatches, write_batches
from payments.rail_profile import RailProfile
from payments.transaction import Transaction
from terminal.clock import must_have_begun

TRIES = 3


class _RefundedMeanwhile(Exception):
    """Raised when a refund has reduced a merchant's account below the payout about to be booked."""


@dataclass(frozen=True, slots=True)
class PayMerchantsReport:
    """The result of one run: all `payouts` of the day, the `new` ones among them, and the `files` that it wrote.

    `failed`: the merchants that could not be settled; each is a break with its reason, and the next run tries again.
    Amounts that were netted or kept in reserve are not counted.
    """

    on: date
    files: tuple[str, ...]
    payouts: int
    new: int
    failed: int
    paid_minor: Mapping[str, int]


def pay_merchants(
    on: date,
    *,
    payouts: Payouts,
    batches: PayoutBatches,
    ledger: Ledger,
    expectations: Expectations,
    merchants: AllMerchantTerms,
    breaks: Breaks,
    profile: RailProfile,
    transaction: Transaction,
    outbox: Path,
    at: datetime,
) -> PayMerchantsReport:
    """Pay every merchant whose settlement day it is, at most once a day. Idempotent for a day.

    Sales after the day's payout wait for the next one. The file is written after the commit, from what was committed,
    so that the next run of any day completes a run that was killed in between. A merchant that cannot be settled stops
    no other. Raises NotYetBegun for a day after that of `at`.
    """
    must_have_begun(on, at)
    settle_some = partial(
        _settle, on=on, at=at, payouts=payouts, batches=batches, ledger=ledger, expectations=expectations,
        merchants=merchants, payout_days=profile.merchant_payout_days,
    )  # fmt: skip
    waiting: Sequence[_Unit] = [_unit(books) for books in payouts.unsettled(on)]
    settled: list[Settlement] = []
    failed: list[tuple[_Unit, Exception]] = []
    for attempt in range(1, TRIES + 1):
        found, refused = each_alone(waiting, settle_some, transaction)
        settled += [each for part in found for each in part]
        waiting = [unit for unit, error in refused if isinstance(error, _RefundedMeanwhile) and attempt < TRIES]
        failed += [(unit, error) for unit, error in refused if unit not in waiting]
    _list_failed(failed, settled, on, breaks=breaks, profile=profile, transaction=transaction)
    files = write_batches(BatchKind.PAYOUTS, on, batches=batches, outbox=outbox, transaction=transaction, at=at)
    sent = [payout for payout in payouts.of_day(on) if payout.amount.minor]
    paid: dict[str, int] = {}
    for payout in sent:
        paid[payout.amount.currency.value] = paid.get(payout.amount.currency.value, 0) + payout.amount.minor
    new = sum(1 for each in settled if each.payout.amount.minor)
    return PayMerchantsReport(on, files, len(sent), new, len(failed), dict(sorted(paid.items())))


_Unit = tuple[str, Currency]


def _unit(books: MerchantBooks) -> _Unit:
    return books.merchant_id, books.currency


def _settle(
    units: Sequence[_Unit],
    *,
    on: date,
    at: datetime,
    payouts: Payouts,
    batches: PayoutBatches,
    ledger: Ledger,
    expectations: Expectations,
    merchants: AllMerchantTerms,
    payout_days: int,
) -> list[Settlement]:
    """Book and store the payouts of a day to these merchants, in the caller's database transaction."""
    payouts.lock()
    when = When.day(on, recorded_at=at)
    settled: list[Settlement] = []
    for books in payouts.unsettled(on):
        terms_on = partial(merchants.on, books.merchant_id)
        due = _unit(books) in units and terms_on(on).pays_on(on, books.currency)
        found = settle(books, terms_on, on, when) if due else None
        settled += [] if found is None else [found]
    journals = [journal for each in settled for journal in each.journals]
    for journal, outcome in zip(journals, ledger.post_all(journals), strict=True):
        if isinstance(outcome, Refused) and {each.code for each in outcome.reasons} <= TOO_LITTLE:
            raise _RefundedMeanwhile(journal.entry_id)
        must_hold(outcome, journal.entry_id)
    payouts.keep(settled)
    sent = [each for each in settled if each.payout.amount.minor]
    batches.order(BatchKind.PAYOUTS, [each.payout for each in sent])
    expectations.expect(_debit_expected(each, payout_days) for each in sent)
    return settled


def _list_failed(
    failed: Sequence[tuple[_Unit, Exception]],
    settled: Sequence[Settlement],
    on: date,
    *,
    breaks: Breaks,
    profile: RailProfile,
    transaction: Transaction,
) -> None:
    """A break for each merchant that could not be settled, until it is."""
    with transaction():
        for each in settled:
            breaks.close_break(_break_id(each.payout.payee_id, each.payout.amount.currency), on, "settled")
        breaks.raise_breaks(
            [
                break_of_unit(
                    _break_id(merchant_id, currency),
                    BreakClass.STATUS_CONFLICT,
                    f"{merchant_id} cannot be settled in {currency}: {reason_of(error)}",
                    on,
                    profile,
                )
                for (merchant_id, currency), error in failed
            ]
        )


def _break_id(merchant_id: str, currency: Currency) -> str:
    return f"merchant:{merchant_id}:{currency}"


def _debit_expected(settled: Settlement, payout_days: int) -> Expected:
    """The expectation that the bank statement shows the payout."""
    payout = settled.payout
    return Expected(
        key=DebitKey(payout.payout_id),
        leg=Leg.PROVIDER_BANK,
        amount=payout.amount,
        expected_on=payout.requested_on,
        due_by=payout.requested_on + timedelta(days=payout_days),
        created_by=settled.journals[-1].entry_id,
    )
