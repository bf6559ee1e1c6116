"""Credit limits: how far below zero an account with a floor may fall, and what speaks against one."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ledger.account import Balance
from ledger.map.flows import money_map
from ledger.money import Money
from terminal.fault import Fault


class LimitFault(Fault):
    """Raised when what is asked for is no credit limit."""


class LimitCode(StrEnum):
    """Why an account is not given a limit."""

    NO_FLOOR = "no_floor"  # the account may fall as far as it will
    NEVER_USED = "never_used"  # an account is opened by its first entry
    IN_USE = "in_use"  # it has fallen further than that, counting holds


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
    """Nothing changed; `least` is the smallest limit that the account can have now, if it can have any."""

    account: str
    code: LimitCode
    detail: str
    least: Money | None = None


LimitAnswer = LimitSet | LimitAlreadySet | LimitRefused


def stated(limit: Money, by: str, reason: str, at: datetime) -> None:
    """Refuse what nobody could have meant; raises LimitFault."""
    if limit.minor < 0:
        raise LimitFault(f"limit {limit}: a credit limit is zero or more")
    if not by or by != by.strip():
        raise LimitFault(f"by {by!r}: name who sets the limit, without blanks around it")
    if not reason.strip():
        raise LimitFault("reason: say why the limit is set")
    if at.tzinfo is None:
        raise LimitFault(f"at {at.isoformat()}: the time needs its zone")


def decide_limit(account: str, limit: Money, *, present: Money, balance: Balance | None) -> LimitAnswer:
    """Judge a limit by how the account stands; `balance` is None before its first entry. Raises NotOnTheMap."""
    kind = money_map().account_type(account)
    if not kind.floor:
        return LimitRefused(account, LimitCode.NO_FLOOR, f"{kind.pattern} has no floor on the chart")
    if balance is None:
        return LimitRefused(account, LimitCode.NEVER_USED, f"nothing was written to it in {limit.currency} yet")
    used = Money(max(0, -balance.free_minor(kind.normal)), limit.currency)
    if limit.minor < used.minor:
        detail = f"it is {used} below zero, holds counted, so its limit is {used} at least"
        return LimitRefused(account, LimitCode.IN_USE, detail, used)
    return LimitAlreadySet(account, limit) if limit == present else LimitSet(account, limit)
