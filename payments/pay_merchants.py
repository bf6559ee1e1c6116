"""Act: settle with merchants: what is owed to each is sent on its way (F07a), and the bank is told by a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from ledger.account import Side
from ledger.money import Money
from lending import bookings
from lending.bookings import When
from payments.line import Expected, Leg, merchant_payout_key
from payments.opening import must_hold
from payments.payout_file import MerchantPayout, write_payouts
from payments.postgres import PostgresPayouts
from payments.till import Till


@dataclass(frozen=True, slots=True)
class PayMerchantsReport:
    """What one run sent. `file` is None when nothing was owed; `payouts` are all of the day, `new` those made now."""

    on: date
    file: str | None
    payouts: int
    new: int
    paid_minor: Mapping[str, int]


def pay_merchants(on: date, *, till: Till, payouts: PostgresPayouts, outbox: Path, at: datetime) -> PayMerchantsReport:
    """Pay every merchant what is owed to it, one payout a merchant and day; the same day again sends nothing twice.

    Purchases captured after the day's payout was made wait for the next day's. The file is written after the commit
    from what was committed, so a run that was killed in between is completed by the next.
    """
    new = 0
    with till.database.transaction():
        till.database.execute("SELECT pg_advisory_xact_lock(hashtextextended('payments.pay_merchants', 0))")
        for account, owed in _payables(till):
            payout = MerchantPayout(f"mp-{on.isoformat()}-{account}-{owed.currency}", account, owed, on)
            if payouts.keep(payout):
                _book(payout, till, at)
                new += 1
    sent = payouts.of_day(on)
    file = outbox / f"payouts-{on.isoformat()}.csv"
    if sent:
        write_payouts(file, sent)
    paid: dict[str, int] = {}
    for payout in sent:
        paid[payout.amount.currency.value] = paid.get(payout.amount.currency.value, 0) + payout.amount.minor
    return PayMerchantsReport(on, file.name if sent else None, len(sent), new, dict(sorted(paid.items())))


def _payables(till: Till) -> list[tuple[str, Money]]:
    """Each merchant and what is owed to it."""
    found = []
    for line in till.ledger.trial_balance().lines:
        prefix, _, rest = line.account.partition(":")
        merchant_id, _, kind = rest.rpartition(":")
        if prefix == "merchant" and kind == "payable" and line.side is Side.CREDIT:
            found.append((merchant_id, line.amount))
    return sorted(found, key=lambda pair: (pair[0], pair[1].currency))


def _book(payout: MerchantPayout, till: Till, at: datetime) -> None:
    when = When.day(payout.requested_on, recorded_at=at)
    journal = bookings.merchant_settled(payout.merchant_id, payout.payout_id, payout.amount, when)
    must_hold(till.ledger.post(journal), journal.entry_id)
    till.expectations.expect(
        [
            Expected(
                key=merchant_payout_key(payout.payout_id),
                leg=Leg.PROVIDER_BANK,
                amount=payout.amount,
                expected_on=payout.requested_on,
                due_by=payout.requested_on + timedelta(days=till.profile.merchant_payout_days),
                created_by=journal.entry_id,
            )
        ]
    )
