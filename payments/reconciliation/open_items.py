"""Compare clearing groups that are not zero with the open items known to payments, in both directions."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ledger.books.statement import OpenGroup
from ledger.money import Currency, Money


class Why(StrEnum):
    """Why a group is not zero yet."""

    OUTCOME_AWAITED = "outcome_awaited"  # a charge or a refund was sent, and its outcome is not known
    CASH_AWAITED = "cash_awaited"  # the provider reported money that our bank statement does not show yet
    OPEN_BREAK = "open_break"  # reconciliation lists the line for a person
    PAYOUT_SENT = "payout_sent"  # a payout is in the bank's file, and the statement does not show it yet
    POSITION_HELD = "position_held"  # one currency was bought with another, and treasury has not closed the position
    REFUND_OWED = "refund_owed"  # the shopper has not received the money yet
    CASE_OPEN = "case_open"  # the payment or the purchase is disputed


@dataclass(frozen=True, slots=True)
class OpenItem:
    """Something in progress, and the amount that it leaves in a clearing group: debits less credits.

    `item_id` is the attempt, payment, payout, line or case. `posted` is None if only the books hold the amount.
    """

    item_id: str
    why: Why
    account: str
    value: str
    posted: Money | None
    pending: Money


@dataclass(frozen=True, slots=True)
class Explained:
    """A group whose amounts equal those that its items leave in it."""

    group: OpenGroup
    items: tuple[OpenItem, ...]


@dataclass(frozen=True, slots=True)
class Unexplained:
    """A group without open items, or whose items leave other amounts in it."""

    group: OpenGroup
    items: tuple[OpenItem, ...]

    def __str__(self) -> str:
        group, known = self.group, ", ".join(each.item_id for each in self.items) or "nothing that is known to be open"
        return f"{group.account} holds {_worth(group)} of {group.key} {group.value or '(none)'}, unlike {known}"


@dataclass(frozen=True, slots=True)
class MissingGroup:
    """Open items of a group that is zero in the books."""

    items: tuple[OpenItem, ...]

    def __str__(self) -> str:
        first = self.items[0]
        known = ", ".join(f"{each.item_id} ({each.why})" for each in self.items)
        return f"{first.account} shows nothing of {first.value}, but open is {known}"


@dataclass(frozen=True, slots=True)
class OpenItems:
    """The result of the comparison: every open group and every open item appears exactly once."""

    explained: tuple[Explained, ...]
    unexplained: tuple[Unexplained, ...]
    missing: tuple[MissingGroup, ...]

    @property
    def groups(self) -> int:
        return len(self.explained) + len(self.unexplained)

    @property
    def faults(self) -> tuple[Unexplained | MissingGroup, ...]:
        """The groups and items without a counterpart, each of which is a fault."""
        return (*self.unexplained, *self.missing)


Key = tuple[str, str, Currency]


def compare_open_groups(groups: Sequence[OpenGroup], items: Iterable[OpenItem]) -> OpenItems:
    """Compare groups with items. The items of a group are added up; if their sum is zero, no group is needed."""
    known: dict[Key, list[OpenItem]] = defaultdict(list)
    for item in items:
        known[item.account, item.value, item.pending.currency].append(item)
    explained: list[Explained] = []
    unexplained: list[Unexplained] = []
    for group in groups:
        of_it = tuple(known.pop((group.account, group.value, group.posted.currency), ()))
        if _leave(group, of_it):
            explained.append(Explained(group, of_it))
        else:
            unexplained.append(Unexplained(group, of_it))
    missing = tuple(MissingGroup(tuple(of_it)) for _, of_it in sorted(known.items()) if _leave_something(of_it))
    return OpenItems(tuple(explained), tuple(unexplained), missing)


def _leave(group: OpenGroup, items: Sequence[OpenItem]) -> bool:
    posted, pending = _sums(items, group.posted.currency)
    return bool(items) and pending == group.pending and posted in (None, group.posted)


def _leave_something(items: Sequence[OpenItem]) -> bool:
    posted, pending = _sums(items, items[0].pending.currency)
    return posted is None or bool(posted.minor or pending.minor)


def _sums(items: Sequence[OpenItem], currency: Currency) -> tuple[Money | None, Money]:
    """The sums of the items as (posted, pending); posted is None if that of any item is None."""
    pending = Money.total((each.pending for each in items), currency)
    known = [each.posted for each in items if each.posted is not None]
    return (Money.total(known, currency) if len(known) == len(items) else None), pending


def _worth(group: OpenGroup) -> str:
    pending = f" and {group.pending} pending" if group.pending.minor else ""
    return f"{group.posted}{pending}"
