"""Act: settle with merchants: book the payout to each of them, and write the payout file for the bank."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

from ledger.books.store import TOO_LITTLE, Ledger, Refused
from lending.plan.when import When
from lending.terms.merchant_terms import AllMerchantTerms
from payments.collection.opening import must_hold
from payments.expectation import Expectations, Expected, Leg
from payments.expectation_key import DebitKey
from payments.files.payout_file import write_payouts
from payments.merchants.payouts import Payouts
from payments.merchants.settlement import Settlement, settle
from payments.transaction import Transaction

TRIES = 3


class _RefundedMeanwhile(Exception):
    """Raised when a refund has reduced a merchant's account below the payout about to be booked."""


@dataclass(frozen=True, slots=True)
class PayMerchantsReport:
    """The result of one run: all `payouts` of the day, the `new` ones among them, and the `file`, if one was written.

    Amounts that were netted or kept in reserve are not counted.
    """

    on: date
    file: str | None
    payouts: int
    new: int
    paid_minor: Mapping[str, int]


def pay_merchants(
    on: date,
    *,
    payouts: Payouts,
    ledger: Ledger,
    expectations: Expectations,
    merchants: AllMerchantTerms,
    payout_days: int,
    transaction: Transaction,
    outbox: Path,
    at: datetime,
) -> PayMerchantsReport:
    """Pay every merchant whose settlement day it is, at most once a day. Idempotent for a day.

    Sales after the day's payout wait for the next one. The file is written after the commit, from what was committed,
    so that the next run completes a run that was killed in between. The bank statement must show a payout within
    `payout_days`.
    """
    for attempt in range(1, TRIES + 1):
        try:
            with transaction():
                settled = _settle_all(on, at, payouts=payouts, ledger=ledger, merchants=merchants)
                sends = [each for each in settled if each.payout.amount.minor]
                expectations.expect(_debit_expected(each, payout_days) for each in sends)
            break
        except _RefundedMeanwhile:
            if attempt == TRIES:
                raise
    sent = [payout for payout in payouts.of_day(on) if payout.amount.minor]
    file = outbox / f"payouts-{on.isoformat()}.csv"
    if sent:
        write_payouts(file, sent)
    paid: dict[str, int] = {}
    for payout in sent:
        paid[payout.amount.currency.value] = paid.get(payout.amount.currency.value, 0) + payout.amount.minor
    return PayMerchantsReport(on, file.name if sent else None, len(sent), len(sends), dict(sorted(paid.items())))


def _settle_all(
    on: date, at: datetime, *, payouts: Payouts, ledger: Ledger, merchants: AllMerchantTerms
) -> list[Settlement]:
    """Book and store the payouts of a day, in the caller's database transaction."""
    payouts.lock()
    when = When.day(on, recorded_at=at)
    settled: list[Settlement] = []
    for books in payouts.unsettled(on):
        terms_on = partial(merchants.on, books.merchant_id)
        found = settle(books, terms_on, on, when) if terms_on(on).pays_on(on, books.currency) else None
        settled += [] if found is None else [found]
    journals = [journal for each in settled for journal in each.journals]
    for journal, outcome in zip(journals, ledger.post_all(journals), strict=True):
        if isinstance(outcome, Refused) and {each.code for each in outcome.reasons} <= TOO_LITTLE:
            raise _RefundedMeanwhile(journal.entry_id)
        must_hold(outcome, journal.entry_id)
    payouts.keep(settled)
    return settled


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
