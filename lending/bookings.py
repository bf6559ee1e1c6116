"""Which flow of the money map each lending event is, and its amounts. Sides and accounts live only in the map."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from ledger.flows import journal
from ledger.journal import Journal
from ledger.money import Money
from lending.plan import Instalment, Plan


@dataclass(frozen=True, slots=True)
class When:
    """The day money counts from, when it happened, and when it could first be known to us."""

    value_date: date
    occurred_at: datetime
    recorded_at: datetime

    @classmethod
    def day(cls, day: date, *, recorded_at: datetime | None = None) -> "When":
        """Something of which only the day is known; its start stands for it."""
        start = datetime.combine(day, time.min, UTC)
        return cls(day, start, start if recorded_at is None else recorded_at)

    @classmethod
    def moment(cls, at: datetime) -> "When":
        """Something that happens as we record it."""
        return cls(at.astimezone(UTC).date(), at, at)


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt to collect an instalment, and the rail and provider it goes by."""

    plan: Plan
    instalment: Instalment
    attempt_id: str
    rail: str
    provider: str

    @property
    def names(self) -> Mapping[str, str]:
        return {"plan": self.plan.plan_id, "rail": self.rail, "provider": self.provider}

    def correlation(self, **others: str) -> dict[str, str]:
        return correlation_of(self.plan, instalment=self.instalment, attempt_id=self.attempt_id, **others)


@dataclass(frozen=True, slots=True)
class Components:
    """What a payment of an instalment repays."""

    principal: Money
    interest: Money
    fees: Money | None = None

    def amounts(self) -> Mapping[str, Money]:
        amounts = {"interest": self.interest, "principal": self.principal}
        return amounts if self.fees is None else {"fees": self.fees, **amounts}


def attempt_claimed(claim: Claim, repays: Components, when: When) -> Journal:
    """F12a, to be held: the amount is being asked for, and nobody else can ask for it again."""
    return _journal("F12a", claim.attempt_id, when, claim.correlation(), repays.amounts(), claim.names)


def return_debited(claim: Claim, return_id: str, amount: Money, when: When, *, bank: str, line_id: str) -> Journal:
    """F13d: the bank's statement shows the debit of a returned payment."""
    correlation = claim.correlation(return_id=return_id, line_id=line_id)
    return _journal("F13d", return_id, when, correlation, {"cash": amount}, {**claim.names, "bank": bank})


def provider_settled(
    key: str, *, provider: str, bank: str, cash: Money, fee: Money, correlation: Mapping[str, str], when: When
) -> Journal:
    """F35a: a provider pays out, net of its fee.

    `key` names the part of the payout. The attempt it pays for goes into `correlation`, so that the attempt's group on
    the clearing account returns to zero.
    """
    names = {"provider": provider, "bank": bank}
    return _journal("F35a", key, when, correlation, {"cash": cash, "fee": fee}, names)


def unidentified_credit(line_id: str, bank: str, amount: Money, when: When) -> Journal:
    """F36a: money is on the statement and nobody knows yet whose it is."""
    return _journal("F36a", line_id, when, {"line_id": line_id}, {"cash": amount}, {"bank": bank})


def capital_paid_in(key: str, bank: str, amount: Money, when: When) -> Journal:
    """F49: the owners' money."""
    return _journal("F49", key, when, {}, {"capital": amount}, {"bank": bank})


def correlation_of(plan: Plan, *, instalment: Instalment | None = None, **others: str) -> dict[str, str]:
    """The ids by which a plan's journals are found: of the order, decision and plan, and whatever comes after them."""
    ids = {"order_id": plan.order_id, "decision_id": plan.decision_id, "plan_id": plan.plan_id}
    if instalment is not None:
        ids["instalment_id"] = instalment.instalment_id
    return {key: value for key, value in (ids | others).items() if value is not None}


def _journal(  # noqa: PLR0917 - the one call that each booking above spells out
    flow: str,
    key: str,
    when: When,
    correlation: Mapping[str, str],
    amounts: Mapping[str, Money],
    names: Mapping[str, str],
) -> Journal:
    return journal(
        flow,
        key=key,
        value_date=when.value_date,
        occurred_at=when.occurred_at,
        recorded_at=when.recorded_at,
        correlation=correlation,
        amounts=amounts,
        names=names,
    )
