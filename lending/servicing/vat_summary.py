"""The value added tax on merchant discounts: by month and rate what was sold, given back, and is owed to the state."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ledger.account import Side
from ledger.books.account_entries import AccountEntries, moved
from ledger.map.flow import Flow
from ledger.money import Currency, Money
from lending.plan.plan import Plan
from lending.schedule.table_file import write_table
from lending.terms.merchant_terms import merchant_terms_on

TAX = "tax:payable"
PAID = Flow.TAX_PAID
COLUMNS = (
    "period_from", "period_to", "currency", "rate_percent", "discount", "vat", "vat_given_back", "vat_net", "vat_paid",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class VatLine:
    """A month, currency and rate; the rate is in basis points, None for what no purchase explains.

    `discount` is what the tax was on, less what was given back; `paid` went to the state.
    """

    first: date
    last: date
    rate_basis_points: int | None
    discount: Money
    charged: Money
    given_back: Money
    paid: Money

    @property
    def net(self) -> Money:
        return self.charged - self.given_back


def vat_summary(
    books: AccountEntries,
    periods: Sequence[tuple[date, date]],
    *,
    plans: Callable[[Iterable[str]], Mapping[str, Plan]],
    rate_of: Callable[[Plan], int],
) -> tuple[VatLine, ...]:
    """The lines of periods, by currency and rate. Over a period, net less paid is what `tax:payable` has grown by."""
    entries = books.entries_on([TAX])
    known = plans({entry.journal.correlation.get("plan_id", "") for entry in entries})
    sums: dict[tuple[date, date, Currency, int], list[int]] = {}
    for entry in entries:
        journal = entry.journal
        period = next((each for each in periods if each[0] <= journal.value_date <= each[1]), None)
        if period is None:
            continue
        plan = known.get(journal.correlation.get("plan_id", ""))
        rate = _UNEXPLAINED if plan is None else rate_of(plan)
        for currency in {transfer.amount.currency for transfer in journal.transfers}:
            tax = moved(entry, currency, Side.CREDIT, TAX.__eq__)
            discount, charged, given_back, paid = sums.setdefault((*period, currency, rate), [0, 0, 0, 0])
            if journal.flow == PAID:
                paid -= tax
            else:
                discount += moved(entry, currency, Side.CREDIT, _is_discount)
                charged, given_back = charged + max(tax, 0), given_back + max(-tax, 0)
            sums[*period, currency, rate] = [discount, charged, given_back, paid]
    return tuple(
        VatLine(first, last, None if rate == _UNEXPLAINED else rate, *(Money(each, currency) for each in amounts))
        for (first, last, currency, rate), amounts in sorted(sums.items())
        if any(amounts)
    )


def agreed_rate(plan: Plan) -> int:
    """The rate of the merchant's terms on the day of the purchase, in basis points; zero without a merchant."""
    return 0 if plan.merchant_id is None else merchant_terms_on(plan.merchant_id, plan.opened_on).vat_basis_points


def write_vat_summary(path: Path, lines: Iterable[VatLine]) -> None:
    """Write the lines as CSV, amounts as decimals, the rate in percent. Raises TableFault."""
    write_table(path, COLUMNS, (dict(zip(COLUMNS, _cells(line), strict=True)) for line in lines))


def _cells(line: VatLine) -> Iterator[str]:
    yield line.first.isoformat()
    yield line.last.isoformat()
    yield line.net.currency.value
    yield _percent(line.rate_basis_points)
    for amount in (line.discount, line.charged, line.given_back, line.net, line.paid):
        yield amount.decimal


_UNEXPLAINED = -1


def _percent(basis_points: int | None) -> str:
    return "" if basis_points is None else f"{basis_points // 100}.{basis_points % 100:02}"


def _is_discount(account: str) -> bool:
    return account == "inc:discount" or account.endswith(":deferred_discount")
