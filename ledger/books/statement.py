"""Reports of the books: the trial balance, an account's statement, and the groups that are not yet zero."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from ledger.account import Side
from ledger.journal import Journal
from ledger.map.flows import money_map
from ledger.map.money_map import Clearing
from ledger.money import Currency, Money
from ledger.transfer import Transfer


@dataclass(frozen=True, slots=True)
class TrialBalanceLine:
    """An account's posted balance, on the side on which it is positive."""

    account: str
    side: Side
    amount: Money


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """Every account with a posted balance; per currency the debit balances equal the credit balances."""

    as_of: date | None
    lines: tuple[TrialBalanceLine, ...]

    def totals(self) -> Mapping[Currency, tuple[Money, Money]]:
        """The sum of the debit balances and of the credit balances, per currency."""
        result: dict[Currency, tuple[Money, Money]] = {}
        for line in self.lines:
            currency = line.amount.currency
            debits, credits_ = result.get(currency, (Money.zero(currency), Money.zero(currency)))
            if line.side is Side.DEBIT:
                debits += line.amount
            else:
                credits_ += line.amount
            result[currency] = (debits, credits_)
        return dict(sorted(result.items()))

    @property
    def balanced(self) -> bool:
        return all(debits == credits_ for debits, credits_ in self.totals().values())


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One posted transfer from an account's view: the other account, its side, the amount, and the balance after it."""

    value_date: date
    entry_id: str
    flow: str
    other: str
    side: Side
    amount: Money
    balance: Money


@dataclass(frozen=True, slots=True)
class OpenGroup:
    """A clearing account's transfers of one business id that do not sum to zero.

    `key` is the correlation key of the account's line on the chart and `value` the id (empty when a journal lacks it);
    `posted` and `pending` are debits less credits; `since` is the value date on which the group last left zero.
    """

    account: str
    key: str
    value: str
    posted: Money
    pending: Money
    since: date

    def age_days(self, as_of: date) -> int:
        return (as_of - self.since).days

    @property
    def owner(self) -> str:
        """Who resolves a group that does not return to zero, from the chart."""
        return self._clearing.owner

    def overdue(self, as_of: date) -> bool:
        """Whether the group is older than the chart's `sla_days`."""
        return self.age_days(as_of) > self._clearing.sla_days

    @property
    def _clearing(self) -> Clearing:
        return money_map().clearing[money_map().account_type(self.account).pattern]


@dataclass(frozen=True, slots=True)
class Posted:
    """A posted transfer with its value date and the entry it belongs to."""

    value_date: date
    entry_id: str
    flow: str
    transfer: Transfer


def trial_balance_lines(nets: Mapping[tuple[str, Currency], int]) -> tuple[TrialBalanceLine, ...]:
    """The lines of a trial balance, from debits less credits of each account, ordered by currency and account."""
    return tuple(
        TrialBalanceLine(account, Side.DEBIT if net > 0 else Side.CREDIT, Money(abs(net), currency))
        for (account, currency), net in sorted(nets.items(), key=lambda item: (item[0][1], item[0][0]))
        if net
    )


def statement_lines(account: str, currency: Currency, posted: Iterable[Posted]) -> tuple[StatementLine, ...]:
    """An account's statement from posted transfers in the order of recording."""
    normal = money_map().account_type(account).normal
    balance = Money.zero(currency)
    lines = []
    for each in sorted(posted, key=lambda posted: posted.value_date):  # stable, so the order of recording breaks ties
        transfer = each.transfer
        if account not in (transfer.debit, transfer.credit) or transfer.amount.currency != currency:
            continue
        side = Side.DEBIT if transfer.debit == account else Side.CREDIT
        balance += transfer.amount if side is normal else -transfer.amount
        other = transfer.credit if side is Side.DEBIT else transfer.debit
        lines.append(StatementLine(each.value_date, each.entry_id, each.flow, other, side, transfer.amount, balance))
    return tuple(lines)


def group_totals(moved: Iterable[tuple[Journal, Transfer, int, int]]) -> tuple[OpenGroup, ...]:
    """The groups that are not zero, from transfers with the minor units of each that are posted and pending."""
    groups: dict[tuple[str, Currency, str, str], dict[date, tuple[int, int]]] = {}
    for journal, transfer, posted, pending in moved:
        for account, sign in ((transfer.debit, 1), (transfer.credit, -1)):
            key = money_map().account_type(account).group
            if key is None or not (posted or pending):
                continue
            days = groups.setdefault((account, transfer.amount.currency, key, journal.correlation.get(key, "")), {})
            one, other = days.get(journal.value_date, (0, 0))
            days[journal.value_date] = (one + sign * posted, other + sign * pending)
    found = [
        OpenGroup(account, key, value, Money(posted, currency), Money(pending, currency), since)
        for (account, currency, key, value), days in groups.items()
        for posted, pending, since in _left(days)
    ]
    return tuple(sorted(found, key=lambda group: (group.since, group.account, group.value)))


def _left(days: Mapping[date, tuple[int, int]]) -> Iterator[tuple[int, int, date]]:
    """Posted and pending balance at the end, and the day since which they are not zero; nothing for a group at zero."""
    posted = pending = 0
    since: date | None = None
    for day, (one, other) in sorted(days.items()):
        posted, pending = posted + one, pending + other
        since = (since or day) if posted or pending else None
    if since is not None:
        yield posted, pending, since
