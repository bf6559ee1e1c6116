"""Credit limits: how far below zero an account with a floor may fall, and the reasons to refuse a limit."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ledger.account import Balance
from ledger.map.flows import money_map
from ledger.money import Money
from terminal.fault import Fault


class LimitFault(Fault):
    """Raised for an invalid credit limit, or one without a setter, reason or time zone."""


class LimitCode(StrEnum):
    """Why a limit is refused for an account."""

    NO_FLOOR = "no_floor"  # an account without a floor has no limit to set
    NEVER_USED = "never_used"  # an account is opened by its first entry
    IN_USE = "in_use"  # it is further below zero than the limit allows, holds included


@dataclass(frozen=True, slots=True)
class LimitSet:
    """The account has this limit from now on."""

    account: str
    limit: Money


@dataclass(frozen=True, slots=True)
class LimitAlreadySet:
    """The account had this limit; nothing changed."""

    account: str
    limit: Money


@dataclass(frozen=True, slots=True)
class LimitRefused:
    """Nothing changed; `least` is the smallest limit that the account can have now, None if it can have none."""

    account: str
    code: LimitCode
    detail: str
    least: Money | None = None


LimitAnswer = LimitSet | LimitAlreadySet | LimitRefused


def stated(limit: Money, by: str, reason: str, at: datetime) -> None:
    """Check that a limit is not negative and that its setter, reason and time zone are given; raises LimitFault."""
    if limit.minor < 0:
        raise LimitFault(f"limit {limit}: a credit limit is zero or more")
    if not by or by != by.strip():
        raise LimitFault(f"by {by!r}: name who sets the limit, without blanks around it")
    if not reason.strip():
        raise LimitFault("reason: say why the limit is set")
    if at.tzinfo is None:
        raise LimitFault(f"at {at.isoformat()}: the time needs its zone")


def decide_limit(account: str, limit: Money, *, present: Money, balance: Balance | None) -> LimitAnswer:
    """Accept or refuse a limit for an account; `balance` is None before its first entry. Raises NotOnTheMap."""
    kind = money_map().account_type(account)
    if not kind.floor:
        return LimitRefused(account, LimitCode.NO_FLOOR, f"{kind.pattern} has no floor on the chart")
    if balance is None:
        return LimitRefused(account, LimitCode.NEVER_USED, f"nothing was written to it in {limit.currency} yet")
    used = Money(max(0, -balance.free_minor(kind.normal)), limit.currency)
    if limit.minor < used.minor:
        detail = f"it is {used} below zero, holds included, so its limit must be at least {used}"
        return LimitRefused(account, LimitCode.IN_USE, detail, used)
    return LimitAlreadySet(account, limit) if limit == present else LimitSet(account, limit)
