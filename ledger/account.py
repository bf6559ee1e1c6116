"""Account types of the chart, and the balance of one account as four counters."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from ledger.money import Currency, Money

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
NAME_LENGTH = 120
NAME_LETTER = r"[^:{}\s]"  # a colon separates the parts of an account's name, so no part may hold one
NAME = f"{NAME_LETTER}{{1,{NAME_LENGTH}}}"


class Side(StrEnum):
    """The two sides of a transfer."""

    DEBIT = "debit"
    CREDIT = "credit"


class AccountKind(StrEnum):
    """The kinds of account in the chart: the five of a balance sheet and income statement, and memorandum."""

    ASSET = "asset"
    LIABILITY = "liability"
    INCOME = "income"
    EXPENSE = "expense"
    EQUITY = "equity"
    MEMORANDUM = "memorandum"


@dataclass(frozen=True)
class AccountType:
    """A line of the chart of accounts, such as `plan:{plan}:principal`: the rules for every account of that form.

    `code` is the number in the general ledger. `normal` is the side on which the account grows. `floor`: the balance on
    the normal side may not fall below zero, holds included. `pending_only`: the posted balance is zero after every
    journal. `group`: a correlation key; the transfers that share its value must sum to zero on this account within
    `sla_days`, and `owner` resolves those that do not.
    """

    pattern: str
    code: str
    title: str
    kind: AccountKind
    normal: Side
    floor: bool = False
    pending_only: bool = False
    group: str | None = None
    owner: str | None = None
    sla_days: int | None = None

    @cached_property
    def _form(self) -> re.Pattern[str]:
        fixed = _PLACEHOLDER.split(self.pattern)[::2]  # odd places are the placeholders' names
        return re.compile(NAME.join(re.escape(part) for part in fixed))

    def matches(self, account: str) -> bool:
        """Whether this line of the chart covers the account with this full name."""
        return self._form.fullmatch(account) is not None


@dataclass(frozen=True, slots=True)
class Balance:
    """The four counters of one account in minor units, never negative. Pending amounts are held, not yet posted."""

    currency: Currency
    debits_posted: int = 0
    credits_posted: int = 0
    debits_pending: int = 0
    credits_pending: int = 0

    def posted(self, normal: Side) -> Money:
        """The posted balance, positive on the account's normal side."""
        net = self.debits_posted - self.credits_posted
        return Money(net if normal is Side.DEBIT else -net, self.currency)

    def free(self, normal: Side) -> Money:
        """The posted balance less every open hold that would reduce it, positive on the account's normal side."""
        return Money(self.free_minor(normal), self.currency)

    def free_minor(self, normal: Side) -> int:
        """`free` in minor units as a plain integer, which may exceed the range of `Money`."""
        if normal is Side.DEBIT:
            return self.debits_posted - self.credits_posted - self.credits_pending
        return self.credits_posted - self.debits_posted - self.debits_pending

    @property
    def empty(self) -> bool:
        return not (self.debits_posted or self.credits_posted or self.debits_pending or self.credits_pending)
