"""Which open item each clearing group that is not zero stands for, and the open items that no group shows."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ledger.books.statement import OpenGroup
from ledger.money import Currency, Money


class Why(StrEnum):
    """What a group waits for."""

    OUTCOME_AWAITED = "outcome_awaited"  # a charge or a refund was sent, and nobody has said how it ended
    CASH_AWAITED = "cash_awaited"  # the provider told of money that our bank's statement does not show yet
    OPEN_BREAK = "open_break"  # reconciliation lists the line for a person
    PAYOUT_SENT = "payout_sent"  # a merchant's money left with the bank's file, the statement does not show it yet
    REFUND_OWED = "refund_owed"  # the shopper has not got the money yet
    CASE_OPEN = "case_open"  # the payment or the purchase is disputed


@dataclass(frozen=True, slots=True)
class OpenItem:
    """Something that payments know to be under way, and what it leaves in a clearing group: debits less credits.

    `item_id` is the attempt, payment, payout, line or case. `posted` is None where only the books know how much.
    """

    item_id: str
    why: Why
    account: str
    value: str
    posted: Money | None
    pending: Money


@dataclass(frozen=True, slots=True)
class Explained:
    """A group that is exactly what these items leave in it."""

    group: OpenGroup
    items: tuple[OpenItem, ...]


@dataclass(frozen=True, slots=True)
class Unexplained:
    """A group that no item leaves, or not with these amounts."""

    group: OpenGroup
    items: tuple[OpenItem, ...]

    def __str__(self) -> str:
        group, known = self.group, ", ".join(each.item_id for each in self.items) or "nothing that is known to be open"
        return f"{group.account} holds {_worth(group)} of {group.key} {group.value or '(none)'}, unlike {known}"


@dataclass(frozen=True, slots=True)
class MissingGroup:
    """Items of one group that the books do not show as open."""

    items: tuple[OpenItem, ...]

    def __str__(self) -> str:
        first = self.items[0]
        known = ", ".join(f"{each.item_id} ({each.why})" for each in self.items)
        return f"{first.account} shows nothing of {first.value}, but open is {known}"


@dataclass(frozen=True, slots=True)
class OpenItems:
    """Every open group and every open item, each on one side of the comparison."""

    explained: tuple[Explained, ...]
    unexplained: tuple[Unexplained, ...]
    missing: tuple[MissingGroup, ...]

    @property
    def groups(self) -> int:
        return len(self.explained) + len(self.unexplained)

    @property
    def faults(self) -> tuple[Unexplained | MissingGroup, ...]:
        """What must not be."""
        return (*self.unexplained, *self.missing)


Key = tuple[str, str, Currency]


def compare_open_groups(groups: Sequence[OpenGroup], items: Iterable[OpenItem]) -> OpenItems:
    """Hold the groups against the items. Items of one group add up; those that add up to nothing need no group."""
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
    """What the items leave together; posted is None where one of them does not know."""
    pending = Money.total((each.pending for each in items), currency)
    known = [each.posted for each in items if each.posted is not None]
    return (Money.total(known, currency) if len(known) == len(items) else None), pending


def _worth(group: OpenGroup) -> str:
    pending = f" and {group.pending} pending" if group.pending.minor else ""
    return f"{group.posted}{pending}"
