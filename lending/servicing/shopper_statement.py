"""A shopper's statement: charges, payments and refunds of each plan, entry by entry, with the balance owed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ledger.account import Side
from ledger.books.account_entries import AccountEntries, moved, standing_only
from ledger.books.store import Entry
from ledger.map.flows import money_map
from ledger.money import Money
from lending.plan.plan import Plan
from lending.schedule.table_file import write_table
from terminal.fault import Fault

COLUMNS = (
    "plan_id", "value_date", "what", "entry_id", "currency", "principal", "interest", "fees", "change", "owed",
)  # fmt: skip


class NoSuchPlans(Fault, LookupError):
    """Raised when a statement is asked for of a shopper or plan that we do not know."""

    @property
    def user_message(self) -> str:
        return f"there is no plan of {self.args[0]}"


@dataclass(frozen=True, slots=True)
class ShopperStatementLine:
    """The change that one entry made to the debt of a plan; charges are positive, payments and refunds negative."""

    value_date: date
    what: str
    entry_id: str
    principal: Money
    interest: Money
    fees: Money
    owed: Money

    @property
    def change(self) -> Money:
        return self.principal + self.interest + self.fees


@dataclass(frozen=True, slots=True)
class PlanStatement:
    """The entries of a plan up to a day. Reversed entries are left out together with their reversals."""

    plan: Plan
    as_of: date
    lines: tuple[ShopperStatementLine, ...]

    @property
    def owed(self) -> Money:
        """The balance owed after the last line."""
        return self.lines[-1].owed if self.lines else Money.zero(self.plan.currency)


def plan_statements(plans: Sequence[Plan], books: AccountEntries, as_of: date) -> tuple[PlanStatement, ...]:
    """The statements of plans, in the order in which they were opened."""
    of = {plan.plan_id: _accounts(plan) for plan in plans}
    entries = standing_only(books.entries_on([account for accounts in of.values() for account in accounts.values()]))
    ordered = sorted(entries, key=lambda entry: entry.journal.value_date)  # stable: then as recorded
    known = [entry for entry in ordered if entry.journal.value_date <= as_of]
    return tuple(
        PlanStatement(plan, as_of, tuple(_lines(plan, of[plan.plan_id], known)))
        for plan in sorted(plans, key=lambda plan: (plan.opened_on, plan.plan_id))
    )


def write_statements(path: Path, statements: Sequence[PlanStatement]) -> None:
    """Write the lines as CSV, amounts as decimals. Raises TableFault."""
    lines = ((statement.plan, line) for statement in statements for line in statement.lines)
    write_table(path, COLUMNS, (dict(zip(COLUMNS, _row(plan, line), strict=True)) for plan, line in lines))


def _accounts(plan: Plan) -> Mapping[str, str]:
    return {name: f"plan:{plan.plan_id}:{name}" for name in ("principal", "interest_rcv", "fee_rcv")}


def _lines(plan: Plan, accounts: Mapping[str, str], entries: Sequence[Entry]) -> Iterator[ShopperStatementLine]:
    owed = Money.zero(plan.currency)
    for entry in entries:
        principal, interest, fees = (
            Money(moved(entry, plan.currency, Side.DEBIT, accounts[name].__eq__), plan.currency)
            for name in ("principal", "interest_rcv", "fee_rcv")
        )
        if principal.minor or interest.minor or fees.minor:
            owed += principal + interest + fees
            journal = entry.journal
            title = money_map().flow(journal.flow).title
            yield ShopperStatementLine(journal.value_date, title, journal.entry_id, principal, interest, fees, owed)


def _row(plan: Plan, line: ShopperStatementLine) -> Iterator[str]:
    yield plan.plan_id
    yield line.value_date.isoformat()
    yield line.what
    yield line.entry_id
    yield plan.currency.value
    for amount in (line.principal, line.interest, line.fees, line.change, line.owed):
        yield amount.decimal
