"""Compare what a scenario expects with what the engine shows, cell by cell."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from tests.scenarios.fineract_e2e.observed import Observed, Row, Transaction
from tests.scenarios.fineract_e2e.reader import day_of, units_of
from tests.scenarios.fineract_e2e.story import Check, CheckKind


@dataclass(frozen=True, slots=True)
class Cell:
    """One compared value: amounts in minor units, the rest as text. `balance`: whether it says what is still owed."""

    where: str
    column: str
    theirs: str
    ours: str
    balance: bool = False

    @property
    def equal(self) -> bool:
        return self.theirs == self.ours


def cells_of(check: Check, seen: Observed) -> Iterator[Cell]:
    """The cells of one check, equal or not."""
    return _CELLS[check.kind](f"{check.as_of} {check.kind}", check, seen)


GRACE_DAYS = 3  # the peer's products call a loan delinquent after these days past due
_RANGES = (1, 4, 31, 61, 91, 121, 151, 181, 241)


def _delinquent_since(seen: Observed) -> str:
    if seen.late_since is None or seen.days_late <= GRACE_DAYS:
        return ""
    return str(seen.late_since + timedelta(days=GRACE_DAYS))


def _by_range(seen: Observed) -> Counter[str]:
    """The amounts of late instalments by the peer's ranges of days, each named after the day before it begins."""
    amounts: Counter[str] = Counter()
    for days, amount in seen.late:
        begins = max((first for first in _RANGES if first <= days), default=0)
        if begins:
            amounts[f"RANGE_{max(1, begins - 1)}"] += amount
    return amounts


def _status(where: str, check: Check, seen: Observed) -> Iterator[Cell]:
    yield Cell(where, "Status", check.expected, seen.status, balance=True)


def _outstanding(where: str, check: Check, seen: Observed) -> Iterator[Cell]:
    yield Cell(where, "Outstanding", str(units_of(check.expected)), str(seen.outstanding), balance=True)


def _overpaid(where: str, check: Check, seen: Observed) -> Iterator[Cell]:
    yield Cell(where, "Overpaid", str(units_of(check.expected)), str(seen.overpaid), balance=True)


def _all_met(where: str, check: Check, seen: Observed) -> Iterator[Cell]:
    yield Cell(where, "Outstanding", "0", str(sum(row.outstanding for row in seen.rows)), balance=True)


def _overdue(where: str, check: Check, seen: Observed) -> Iterator[Cell]:
    ours = sum(row.outstanding for row in seen.rows if row.due_on < check.as_of)
    yield Cell(where, "Overdue", str(units_of(check.expected)), str(ours), balance=True)


def _last_payment(where: str, check: Check, seen: Observed) -> Iterator[Cell]:
    paid = [each for each in seen.transactions if each.name in {"Repayment", "Down Payment"}]
    latest = max(paid, key=lambda each: each.on, default=None)
    yield Cell(where, "Last payment", str(units_of(check.expected)), "" if latest is None else str(latest.amount))


def _days_past_due(where: str, check: Check, seen: Observed) -> Iterator[Cell]:
    since = seen.late_since
    days = 0 if since is None else (check.as_of - since).days
    for row in check.rows:
        yield Cell(where, "Days past due", row.get("pastDueDays", ""), str(days))
        if row.get("delinquentDays"):
            yield Cell(where, "Delinquent days", row["delinquentDays"], str(max(0, seen.days_late - GRACE_DAYS)))


def _late_instalments(where: str, check: Check, seen: Observed) -> Iterator[Cell]:
    told = {row["Range"]: units_of(row["Amount"]) for row in check.rows}
    late = _by_range(seen) if seen.days_late > GRACE_DAYS else {}
    yield Cell(where, "Late by range", str(sorted(told.items())), str(sorted(late.items())))


def _pauses(where: str, check: Check, seen: Observed) -> Iterator[Cell]:
    """The pauses, told one by one or by what began and ended them."""
    told: list[list[date]] = []
    for row in check.rows:
        first = day_of(row.get("startDate") or row["pausePeriodStart"])
        if row.get("action") == "RESUME":
            told = [[starts, first if starts <= first < ends else ends] for starts, ends in told]
        else:
            told.append([first, day_of(row.get("endDate") or row["pausePeriodEnd"])])
    ours = sorted(f"{starts} {ends}" for starts, ends in seen.pauses)
    yield Cell(where, "Pauses", str(sorted(f"{starts} {ends}" for starts, ends in told)), str(ours))


def _delinquent(where: str, check: Check, seen: Observed) -> Iterator[Cell]:
    yield Cell(where, "Delinquent since", check.expected, _delinquent_since(seen))


def _schedule(where: str, check: Check, seen: Observed) -> Iterator[Cell]:
    told = [row for row in check.rows if row["Nr"]]
    lent = [row for row in check.rows if not row["Nr"] and row.get("Balance of loan")]
    yield Cell(where, "Periods", str(len(told)), str(len(seen.rows)))
    yield Cell(
        where,
        "Disbursements",
        str(sorted(_lent(row) for row in lent)),
        str(sorted((str(on), minor) for on, minor in seen.disbursed)),
    )
    for place, row in enumerate(told):
        ours = seen.rows[place] if place < len(seen.rows) else None
        yield from _period(f"{where} row {row['Nr']}", row, None if ours is None else _columns(place + 1, ours))
    for place, extra in list(enumerate(seen.rows, 1))[len(told) :]:
        yield Cell(f"{where} row {place}", "Outstanding", "0", str(extra.outstanding), balance=True)


def _lent(row: Mapping[str, str]) -> tuple[str, int]:
    return str(day_of(row["Date"])), units_of(row["Balance of loan"])


def _period(where: str, row: Mapping[str, str], ours: Mapping[str, str] | None) -> Iterator[Cell]:
    for column, told in row.items():
        if column in {"Date", "Paid date"}:
            theirs = str(day_of(told)) if told else ""
        elif column in {"Nr", "Days"}:
            theirs = told
        else:
            theirs = str(units_of(told))
        yield Cell(where, column, theirs, "" if ours is None else ours[column], balance=column == "Outstanding")


def _columns(number: int, row: Row) -> Mapping[str, str]:
    return {
        "Nr": str(number),
        "Days": str(row.days),
        "Date": str(row.due_on),
        "Paid date": "" if row.met_on is None else str(row.met_on),
        "Balance of loan": str(row.balance),
        **_amounts(row.principal, row.interest, row.fees, row.penalties),
        "Due": str(row.due),
        "Paid": str(row.paid),
        "In advance": str(row.in_advance),
        "Late": str(row.late),
        "Waived": str(row.waived),
        "Outstanding": str(row.outstanding),
    }


def _amounts(principal: int, interest: int, fees: int, penalties: int) -> dict[str, str]:
    return {
        "Principal due": str(principal),
        "Interest": str(interest),
        "Fees": str(fees),
        "Penalties": str(penalties),
    }


def _totals(where: str, check: Check, seen: Observed) -> Iterator[Cell]:
    rows = [_columns(0, row) for row in seen.rows]
    for row in check.rows:
        for column, told in row.items():
            upfront = seen.paid_with_disbursement if column in {"Fees", "Due", "Paid"} else 0
            ours = str(sum(int(each[column]) for each in rows) + upfront)
            yield Cell(where, column, str(units_of(told)), ours, balance=column == "Outstanding")


_COMPARED = frozenset(
    {
        "Repayment",
        "Down Payment",
        "Merchant Issued Refund",
        "Payout Refund",
        "Goodwill Credit",
        "Interest Refund",
    }
)


def _transactions(where: str, check: Check, seen: Observed) -> Iterator[Cell]:
    """Each payment's split. A table that does not say what was reversed may list reversed transactions too."""
    told = Counter(_told(row) for row in check.rows if row["Transaction Type"] in _COMPARED and not _reverted(row))
    ours = Counter(_split(each) for each in seen.transactions if each.name in _COMPARED)
    if check.rows and "Reverted" not in check.rows[0]:
        for each in seen.reversed_transactions:
            same = next((split for split in told - ours if split[:3] == _split(each)[:3]), None)
            if same is not None:
                told[same] -= 1
    for split, times in told.items():
        for place in range(times):
            found = place < ours[split]
            rest = [other for other in ours - told if other[:2] == split[:2]]
            mine = split if found else rest[0] if rest else ()
            yield Cell(f"{where} {split[0]} {split[1]}", "Split", str(split[2:]), str(mine[2:]))
    for split, times in (ours - told).items():
        if not any(other[:2] == split[:2] for other in told - ours):
            yield Cell(f"{where} {split[0]} {split[1]}", "Split", "", f"{times} of {split[2:]}")


_SplitKey = tuple[str, str, int, int, int, int, int]


def _reverted(row: Mapping[str, str]) -> bool:
    return row.get("Reverted", "false") == "true"


def _told(row: Mapping[str, str]) -> _SplitKey:
    return (
        str(day_of(row["Transaction date"])),
        row["Transaction Type"],
        units_of(row["Amount"]),
        units_of(row["Principal"]),
        units_of(row["Interest"]),
        units_of(row["Fees"]),
        units_of(row["Penalties"]),
    )


def _split(each: Transaction) -> _SplitKey:
    return (str(each.on), each.name, each.amount, each.principal, each.interest, each.fees, each.penalties)


def _one_transaction(where: str, check: Check, seen: Observed) -> Iterator[Cell]:
    """One transaction of a day that a scenario tells alone."""
    on = str(day_of(check.expected))
    for row in check.rows:
        if row["Transaction Type"] in _COMPARED:
            told = _told({**row, "Transaction date": check.expected})
            ours = [_split(each) for each in seen.transactions if (str(each.on), each.name) == told[:2]]
            mine = told if told in ours else ours[0] if ours else ()
            yield Cell(f"{where} {told[1]} {on}", "Split", str(told[2:]), str(mine[2:]))


_RECEIVABLES = ("Loans Receivable", "Interest/Fee Receivable")


def _journal(where: str, check: Check, seen: Observed) -> Iterator[Cell]:
    """What the journal of a transaction tells: its amount and, where it reaches nothing but receivables, its split.

    An overpayment, a debt off the books and a reversal have accounts of their own: there the amount is compared.
    """
    name, _, day = check.expected.partition("|")
    on = day_of(day)
    debits = {row["Account name"]: units_of(row["Debit"]) for row in check.rows if row["Debit"]}
    credited = {row["Account name"]: units_of(row["Credit"]) for row in check.rows if row["Credit"]}
    undone = any(account in credited for account in debits)
    total = sum(units_of(row["Debit"]) for row in check.rows) // (2 if undone else 1)
    if name == "Disbursement":
        yield Cell(where, name, str(total), str(total if (on, total) in seen.disbursed else ""))
    elif name in _COMPARED:
        known = (*seen.transactions, *seen.reversed_transactions)
        of_day = [each for each in known if (each.on, each.name) == (on, name)]
        same = [each for each in of_day if each.amount == total]
        found = bool(same) or sum(each.amount for each in of_day) == total  # or all of the day in one table
        yield Cell(f"{where} {name} {on}", "Amount", str(total), str(total if found else ""))
        if same and credited.keys() <= set(_RECEIVABLES) and not undone:
            theirs = tuple(credited.get(account, 0) for account in _RECEIVABLES)
            splits = [(each.principal, each.interest + each.fees + each.penalties) for each in same]
            mine = theirs if theirs in splits else splits[0]
            yield Cell(f"{where} {name} {on}", "Journal", str(theirs), str(mine))


def _transaction_count(where: str, check: Check, seen: Observed) -> Iterator[Cell]:
    count, _, name = check.expected.partition("|")
    if name == "Disbursement":
        yield Cell(where, name, count, str(len(seen.disbursed)))
    elif name in _COMPARED:
        yield Cell(where, name, count, str(sum(each.name == name for each in seen.transactions)))


def _alike(where: str, check: Check, seen: Observed) -> Iterator[Cell]:
    """Instalments of whole units that are alike but for the last one, and make the whole together."""
    amounts = [row.principal for row in seen.rows]
    yield Cell(where, "Principal", str(units_of(check.expected)), str(sum(amounts)))
    yield Cell(where, "Different amounts", "1", str(len(set(amounts[:-1]))))


def _scheduled(where: str, check: Check, seen: Observed) -> Iterator[Cell]:
    """The schedule of the amount that was asked for or approved."""
    yield Cell(where, "Principal", check.expected, str(sum(row.principal for row in seen.rows)), balance=True)


def _lent_now(where: str, check: Check, seen: Observed) -> Iterator[Cell]:
    lent = {f"{on} {minor}" for on, minor in seen.disbursed}
    yield Cell(where, "Disbursed", check.expected, check.expected if check.expected in lent else "", balance=True)


_CELLS: Mapping[CheckKind, Callable[[str, Check, Observed], Iterator[Cell]]] = {
    CheckKind.SCHEDULE: _schedule,
    CheckKind.TOTALS: _totals,
    CheckKind.TRANSACTIONS: _transactions,
    CheckKind.STATUS: _status,
    CheckKind.OUTSTANDING: _outstanding,
    CheckKind.OVERPAID: _overpaid,
    CheckKind.ALL_MET: _all_met,
    CheckKind.OVERDUE: _overdue,
    CheckKind.LAST_PAYMENT: _last_payment,
    CheckKind.DAYS_PAST_DUE: _days_past_due,
    CheckKind.DELINQUENT_SINCE: _delinquent,
    CheckKind.LATE_INSTALMENTS: _late_instalments,
    CheckKind.PAUSES: _pauses,
    CheckKind.ONE_TRANSACTION: _one_transaction,
    CheckKind.JOURNAL: _journal,
    CheckKind.TRANSACTION_COUNT: _transaction_count,
    CheckKind.ALIKE: _alike,
    CheckKind.SCHEDULED: _scheduled,
    CheckKind.LENT: _lent_now,
}
