"""Which flow of the money map each lending event is, and its amounts. Sides and accounts live only in the map."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from ledger.flows import journal
from ledger.journal import Journal
from ledger.money import Money
from lending.plan import Instalment, Plan, PlanFault


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


def purchase_captured(plan: Plan, when: When, *, shipment: int = 1) -> Journal:
    """F02: the shopper owes the purchase, we owe the merchant what is left after the discount."""
    if plan.merchant_id is None:
        raise PlanFault(f"{plan.plan_id}: a purchase has a merchant; a cash loan has no flow here")
    payable = plan.principal - plan.merchant_discount
    amounts = {"payable": payable, "discount": plan.merchant_discount}
    names = {"plan": plan.plan_id, "merchant": plan.merchant_id}
    return _journal("F02", f"{plan.merchant_id}/{plan.order_id}/{shipment}", when, correlation_of(plan), amounts, names)


def down_payment(claim: Claim, when: When) -> Journal:
    """F03: what the shopper pays at the checkout; the instalment is due on the day itself, so it has no interest."""
    amounts = {"principal": claim.instalment.principal}
    return _journal("F03", claim.attempt_id, when, claim.correlation(), amounts, claim.names)


def discount_earned(plan: Plan, repaid_before: Money, repaid_after: Money, cause: str, when: When) -> Journal | None:
    """F05: the merchant discount is earned in proportion to the principal repaid; given back when a payment returns.

    Cumulative, so that the last payment earns exactly what is left. `cause` is the payment's or return's id; None when
    nothing changes by a whole unit.
    """
    change = earned_so_far(plan, repaid_after) - earned_so_far(plan, repaid_before)
    if change.minor == 0:
        return None
    amounts = {"earned": change} if change.minor > 0 else {"given_back": -change}
    return _journal("F05", cause, when, correlation_of(plan), amounts, {"plan": plan.plan_id})


def earned_so_far(plan: Plan, repaid: Money) -> Money:
    """The part of the merchant discount that is earned once so much principal is repaid, to the nearest unit."""
    whole = plan.principal.minor
    return Money((2 * plan.merchant_discount.minor * repaid.minor + whole) // (2 * whole), plan.currency)


def merchant_settled(merchant_id: str, payout_id: str, amount: Money, when: When) -> Journal:
    """F07a: what is owed to a merchant is on its way."""
    return _journal("F07a", payout_id, when, {"payout_id": payout_id}, {"payout": amount}, {"merchant": merchant_id})


def payout_confirmed(
    merchant_id: str, payout_id: str, amount: Money, when: When, *, bank: str, line_id: str
) -> Journal:
    """F07b: the bank's statement shows the payout."""
    names = {"merchant": merchant_id, "bank": bank}
    return _journal("F07b", payout_id, when, {"payout_id": payout_id, "line_id": line_id}, {"payout": amount}, names)


def interest_accrued(plan: Plan, instalment: Instalment, when: When) -> Journal | None:
    """F17: an instalment's interest is owed once it falls due; post it before the attempt is claimed. None without."""
    if instalment.interest.minor == 0:
        return None
    correlation = correlation_of(plan, instalment=instalment)
    amounts = {"interest": instalment.interest}
    return _journal("F17", instalment.instalment_id, when, correlation, amounts, {"plan": plan.plan_id})


def attempt_claimed(claim: Claim, repays: Components, when: When) -> Journal:
    """F12a, to be held: the amount is being asked for, and nobody else can ask for it again."""
    return _journal("F12a", claim.attempt_id, when, claim.correlation(), repays.amounts(), claim.names)


def presumed_paid(claim: Claim, repays: Components, when: When) -> Journal:
    """F12b, posts F12a: the provider owes us the money, the shopper no longer does."""
    return _journal("F12b", claim.attempt_id, when, claim.correlation(), repays.amounts(), claim.names)


def cash_seen(
    attempt_id: str, *, provider: str, bank: str, cash: Money, fee: Money, line_id: str, when: When
) -> Journal:
    """F12c: one attempt's cash is on the statement, less the provider's fee."""
    names = {"provider": provider, "bank": bank}
    correlation = {"attempt_id": attempt_id, "line_id": line_id}
    return _journal("F12c", attempt_id, when, correlation, {"cash": cash, "fee": fee}, names)


def returned(claim: Claim, return_id: str, repays: Components, when: When) -> Journal:
    """F13b: a payment came back; what it had repaid is owed again."""
    correlation = claim.correlation(return_id=return_id)
    return _journal("F13b", return_id, when, correlation, repays.amounts(), claim.names)


def return_netted(claim: Claim, return_id: str, amount: Money, when: When) -> Journal:
    """F13d: the provider keeps a returned amount out of its next payout."""
    correlation = claim.correlation(return_id=return_id)
    return _journal("F13d", return_id, when, correlation, {"netted": amount}, claim.names)


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


def identified_credit(plan: Plan, instalment: Instalment, line_id: str, repays: Components, when: When) -> Journal:
    """F36b: an unidentified credit repays an instalment; it counts from the day of the bank."""
    correlation = correlation_of(plan, instalment=instalment, line_id=line_id)
    return _journal("F36b", line_id, when, correlation, repays.amounts(), {"plan": plan.plan_id})


def taken_over(plan: Plan, when: When) -> Journal:
    """F48: a plan comes with what is still owed on it; its interest accrues later, as every plan's does."""
    amounts = {"principal": plan.principal}
    return _journal("F48", plan.plan_id, when, correlation_of(plan), amounts, {"plan": plan.plan_id})


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
