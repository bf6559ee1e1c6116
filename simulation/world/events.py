"""The world's facts as canonical events: one dictionary per event, with keys in a fixed order."""

from datetime import datetime, timedelta

from simulation.world.account_life import BankTransaction
from simulation.world.borrowing import PastLoan, Wish
from simulation.world.merchants import Merchant
from simulation.world.period import at, feed_time, iso
from simulation.world.shopper import Shopper

SOURCE = "seeded"
CURRENCY = "GBP"
COUNTRY = "GB"
Event = dict[str, object]


def _head(event_id: str, event_type: str, occurred_at: datetime, recorded_at: datetime) -> Event:
    return {
        "event_id": event_id,
        "event_type": event_type,
        "source": SOURCE,
        "occurred_at": iso(occurred_at),
        "recorded_at": iso(recorded_at),
    }


def bank_transaction_event(row: BankTransaction) -> Event:
    head = _head(row.event_id, "bank_transaction.v1", at(row.booked_on, row.second), feed_time(row.booked_on))
    return head | {
        "account_id": row.account_id,
        "booked_on": row.booked_on.isoformat(),
        "sequence": row.sequence,
        "direction": row.direction,
        "amount_minor": row.amount_minor,
        "currency": CURRENCY,
        "balance_after_minor": row.balance_after_minor,
        "operation": row.operation,
        "purpose": row.purpose,
        "counterparty_bank": row.counterparty_bank,
        "counterparty_account": row.counterparty_account,
        "reference": row.reference,
    }


def shopper(person: Shopper) -> Event:
    """The shopper's event, recorded at the same moment as the account's and before it."""
    seen_at = at(person.observed_from, 0)
    return _head(f"seeded:shopper:{person.shopper_id}", "shopper.v1", seen_at, seen_at) | {
        "shopper_id": person.shopper_id,
        "country": COUNTRY,
        "known_since": person.observed_from.isoformat(),
    }


def merchant(shop: Merchant) -> Event:
    onboarded_at = at(shop.onboarded_on, 0)
    return _head(f"seeded:merchant:{shop.merchant_id}", "merchant.v1", onboarded_at, onboarded_at) | {
        "merchant_id": shop.merchant_id,
        "country": COUNTRY,
        "category_code": shop.category_code,
        "onboarded_on": shop.onboarded_on.isoformat(),
    }


def account_event(shopper: Shopper) -> Event:
    """The account's event, recorded on the first day that the shopper shares the account."""
    seen_at = at(shopper.observed_from, 0)
    return _head(f"seeded:account:{shopper.account_id}", "account.v1", seen_at, seen_at) | {
        "account_id": shopper.account_id,
        "shopper_id": shopper.shopper_id,
        "opened_on": shopper.opened_on.isoformat(),
        "statement_frequency": "monthly",
        "currency": CURRENCY,
    }


def credit_application(wish: Wish) -> Event:
    head = _head(f"{wish.application_id}:applied", "credit_application.v1", wish.applied_at, wish.applied_at)
    return head | {
        "application_id": wish.application_id,
        "shopper_id": wish.shopper_id,
        "account_id": wish.account_id,
        "merchant_id": wish.merchant_id,
        "applied_at": iso(wish.applied_at),
        "amount_minor": wish.amount_minor,
        "currency": CURRENCY,
        "product": "monthly",
        "duration_months": wish.duration_months,
        "channel": wish.channel,
    }


def granted_loan(loan: PastLoan) -> Event:
    granted_at = loan.wish.applied_at + timedelta(minutes=1)
    return _head(f"seeded:loan:{loan.loan_id}", "granted_loan.v1", granted_at, granted_at) | {
        "loan_id": loan.loan_id,
        "application_id": loan.wish.application_id,
        "account_id": loan.wish.account_id,
        "granted_on": loan.granted_on.isoformat(),
        "amount_minor": loan.wish.amount_minor,
        "duration_months": loan.wish.duration_months,
        "instalment_minor": loan.wish.instalment_minor,
        "currency": CURRENCY,
    }


def loan_outcome(loan: PastLoan) -> Event:
    ended_at = at(loan.ended_on, 0)
    return _head(f"seeded:outcome:{loan.loan_id}", "loan_outcome.v1", ended_at, ended_at) | {
        "account_id": loan.wish.account_id,
        "loan_id": loan.loan_id,
        "status": loan.status,
    }
