"""Which flow of the money map each event of collection and reconciliation is, with its amounts and correlation."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from ledger import flows
from ledger.journal import Journal
from ledger.money import Money
from payments.attempt import Planned
from payments.payout_file import MerchantPayout


@dataclass(frozen=True, slots=True)
class Rail:
    """The names that fill the accounts of one rail: its own, the provider's, and the bank account it pays into."""

    rail: str
    provider: str
    bank: str


def start_of(day: date) -> datetime:
    """When something known by its day alone is said to have happened."""
    return datetime.combine(day, time(), UTC)


def end_of(day: date) -> datetime:
    """When a day's file can first be known: the midnight after it."""
    return start_of(day + timedelta(days=1))


def claimed(planned: Planned, rail: Rail, at: datetime) -> Journal:
    """F12a: the amount is reserved before anything is sent."""
    return flows.journal(
        "F12a",
        key=planned.attempt_id,
        value_date=planned.requested_on,
        occurred_at=at,
        recorded_at=at,
        correlation=_of_attempt(planned),
        amounts={"principal": planned.principal, "interest": planned.interest},
        names={"plan": planned.plan_id, "rail": rail.rail, "provider": rail.provider},
    )


def presumed_paid(planned: Planned, rail: Rail, captured_on: date, at: datetime) -> Journal:
    """F12b: the provider confirmed the capture; the debt falls here."""
    return flows.journal(
        "F12b",
        key=planned.attempt_id,
        value_date=captured_on,
        occurred_at=start_of(captured_on),
        recorded_at=at,
        correlation=_of_attempt(planned),
        amounts={"principal": planned.principal, "interest": planned.interest},
        names={"plan": planned.plan_id, "rail": rail.rail, "provider": rail.provider},
    )


def returned(planned: Planned, rail: Rail, line_id: str, returned_on: date) -> Journal:
    """F13b: a captured payment was taken back; the components that it had paid are owed again."""
    return flows.journal(
        "F13b",
        key=line_id,
        value_date=returned_on,
        occurred_at=start_of(returned_on),
        recorded_at=end_of(returned_on),
        correlation=_of_attempt(planned) | {"return": line_id},
        amounts={"principal": planned.principal, "interest": planned.interest},
        names={
            "plan": planned.plan_id,
            "shopper": planned.shopper_id,
            "rail": rail.rail,
            "provider": rail.provider,
        },
    )


def return_netted(planned: Planned, rail: Rail, line_id: str, returned_on: date, payout_id: str) -> Journal:
    """F13d: the provider nets a return in a payout, so its cash leg goes against clearing."""
    return flows.journal(
        "F13d",
        key=line_id,
        value_date=returned_on,
        occurred_at=start_of(returned_on),
        recorded_at=end_of(returned_on),
        correlation=_of_attempt(planned) | {"return": line_id, "payout": payout_id},
        amounts={"netted": planned.amount},
        names={"rail": rail.rail, "provider": rail.provider, "bank": rail.bank},
    )


def payout_credited(payout_id: str, cash: Money, fee: Money, rail: Rail, *, line_id: str, booked_on: date) -> Journal:
    """F35a: the provider's payout is in the bank, less its fee."""
    return flows.journal(
        "F35a",
        key=payout_id,
        value_date=booked_on,
        occurred_at=start_of(booked_on),
        recorded_at=end_of(booked_on),
        correlation={"payout": payout_id, "line": line_id},
        amounts={"cash": cash, "fee": fee},
        names={"bank": rail.bank, "provider": rail.provider},
    )


def unidentified(line_id: str, amount: Money, bank: str, booked_on: date) -> Journal:
    """F36a: money came in; whose it is, is not known yet."""
    return flows.journal(
        "F36a",
        key=line_id,
        value_date=booked_on,
        occurred_at=start_of(booked_on),
        recorded_at=end_of(booked_on),
        correlation={"line": line_id},
        amounts={"cash": amount},
        names={"bank": bank},
    )


def identified(line_id: str, parts: Mapping[str, Money], bank: str, booked_on: date, due: Mapping[str, str]) -> Journal:
    """F36b: it repays this instalment; `parts` are its principal and interest, `due` names plan and instalment."""
    return flows.journal(
        "F36b",
        key=line_id,
        value_date=booked_on,
        occurred_at=start_of(booked_on),
        recorded_at=end_of(booked_on),
        correlation={"line": line_id, **due},
        amounts=parts,
        names={"plan": due["plan"], "bank": bank},
    )


def payout_approved(payout: MerchantPayout, at: datetime) -> Journal:
    """F07a: what a merchant is owed is sent on its way."""
    return flows.journal(
        "F07a",
        key=payout.payout_id,
        value_date=payout.requested_on,
        occurred_at=start_of(payout.requested_on),
        recorded_at=at,
        correlation={"payout": payout.payout_id, "merchant": payout.merchant_id},
        amounts={"payout": payout.amount},
        names={"merchant": payout.merchant_id},
    )


def payout_confirmed(payout: MerchantPayout, bank: str, line_id: str, booked_on: date) -> Journal:
    """F07b: the bank shows the debit."""
    return flows.journal(
        "F07b",
        key=payout.payout_id,
        value_date=booked_on,
        occurred_at=start_of(booked_on),
        recorded_at=end_of(booked_on),
        correlation={"payout": payout.payout_id, "merchant": payout.merchant_id, "line": line_id},
        amounts={"payout": payout.amount},
        names={"merchant": payout.merchant_id, "bank": bank},
    )


def _of_attempt(planned: Planned) -> dict[str, str]:
    return {"plan": planned.plan_id, "instalment": planned.instalment_id, "attempt": planned.attempt_id}
