"""The general ledger of a period: opening balance, movements and closing balance of each line of the chart."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Protocol

from ledger.account import AccountType
from ledger.map.flows import money_map
from ledger.money import Currency, Money
from terminal.fault import Fault

COLUMNS = (
    "period_from", "period_to", "code", "account", "title", "kind", "currency", "opening", "debits", "credits",
    "closing",
)  # fmt: skip


class ReportPeriodFault(Fault, ValueError):
    """Raised for a period that ends before it begins."""


@dataclass(frozen=True, slots=True)
class Movement:
    """The debits and credits of one day on a line of the chart, summed over its accounts."""

    pattern: str
    currency: Currency
    value_date: date
    debits: int
    credits: int


class Movements(Protocol):
    """Reads the books by line of the chart and day."""

    def movements(self, *, through: date) -> Iterable[Movement]:
        """Every posted movement valued up to a day, summed by line, currency and day."""


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """A line of the chart in one period and currency. Balances are debits less credits and sum to zero."""

    first: date
    last: date
    kind: AccountType
    opening: Money
    debits: Money
    credits: Money

    @property
    def closing(self) -> Money:
        return self.opening + self.debits - self.credits


@dataclass(frozen=True, slots=True)
class GeneralLedger:
    """The lines of each period, by code and currency; lines without any balance or movement are left out."""

    lines: tuple[LedgerLine, ...]

    def totals(self) -> Mapping[tuple[date, Currency], tuple[Money, Money, Money]]:
        """The sums of debits, credits and closing balances, by the period's last day and currency."""
        found: dict[tuple[date, Currency], tuple[Money, Money, Money]] = {}
        for line in self.lines:
            currency = line.opening.currency
            none = Money.zero(currency)
            debits, credits_, closing = found.get((line.last, currency), (none, none, none))
            found[line.last, currency] = (debits + line.debits, credits_ + line.credits, closing + line.closing)
        return found

    @property
    def balanced(self) -> bool:
        """Whether debits equal credits and the balances sum to zero, in each period and currency."""
        return all(debits == credits_ and closing.minor == 0 for debits, credits_, closing in self.totals().values())


def months(first: date, last: date) -> tuple[tuple[date, date], ...]:
    """The calendar months of a range of days, the first and last cut to the range. Raises PeriodFault.

    >>> [(str(one), str(other)) for one, other in months(date(2026, 1, 15), date(2026, 3, 10))]
    [('2026-01-15', '2026-01-31'), ('2026-02-01', '2026-02-28'), ('2026-03-01', '2026-03-10')]
    """
    if last < first:
        raise ReportPeriodFault(f"a period from {first} to {last} ends before it begins")
    found = []
    while first <= last:
        following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        end = min(last, following - timedelta(days=1))
        found.append((first, end))
        first = following
    return tuple(found)


def general_ledger(books: Movements, periods: Sequence[tuple[date, date]]) -> GeneralLedger:
    """The general ledger of consecutive periods."""
    kinds = {kind.pattern: kind for kind in money_map().chart}
    by_line: dict[tuple[str, Currency], list[Movement]] = {}
    for movement in books.movements(through=periods[-1][1]):
        by_line.setdefault((movement.pattern, movement.currency), []).append(movement)
    lines = []
    for first, last in periods:
        for (pattern, currency), moved in by_line.items():
            before = [each for each in moved if each.value_date < first]
            inside = [each for each in moved if first <= each.value_date <= last]
            opening = Money(sum(each.debits - each.credits for each in before), currency)
            if not inside and opening.minor == 0:
                continue
            debits = Money(sum(each.debits for each in inside), currency)
            credits_ = Money(sum(each.credits for each in inside), currency)
            lines.append(LedgerLine(first, last, kinds[pattern], opening, debits, credits_))
    return GeneralLedger(tuple(sorted(lines, key=lambda line: (line.first, line.opening.currency, line.kind.code))))


def write_general_ledger(path: Path, ledger: GeneralLedger) -> None:
    """Write the lines as CSV; amounts are decimals, debit balances positive."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_row(line) for line in ledger.lines)


def _row(line: LedgerLine) -> Iterator[str]:
    yield line.first.isoformat()
    yield line.last.isoformat()
    yield line.kind.code
    yield line.kind.pattern
    yield line.kind.title
    yield line.kind.kind.value
    yield line.opening.currency.value
    for amount in (line.opening, line.debits, line.credits, line.closing):
        yield amount.decimal
