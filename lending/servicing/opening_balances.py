"""Act: take over balances of another system (F48): plans with open dues, claims of merchants, credit of shoppers.

The file is imported as a whole or not at all. A balance is identified by its source and id. Importing it again changes
nothing; a balance with other content is an error that names the line.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from pathlib import Path

from ledger.account import Side
from ledger.books.account_entries import moved
from ledger.books.store import Conflict, Recorded, Refused
from ledger.journal import Journal
from ledger.map.flow import Flow
from ledger.map.flows import journal
from ledger.money import AmountFault, Currency, Money
from lending.plan.event import Opened, PlanEvent
from lending.plan.plan import Instalment, InstalmentId, Origin, Plan, PlanFault, PlanId
from lending.schedule.table_file import TableRow, read_whole_table
from lending.servicing.record_events import EventRecorded, EventRefused, KeptLedger, TermsOf, record_events
from lending.servicing.store import Plans
from lending.terms.products import NoSuchProduct, product_of, servicing_terms
from lending.terms.terms_file import TermsFileFault
from terminal.clock import NotYetBegun, must_have_begun

FLOW = Flow.PLAN_TAKEN_OVER
OPENING = "equity:opening"
COLUMNS = ("source", "as_of", "kind", "id", "currency", "amount", "interest", "due_on")
"""`id`: of the plan, merchant or shopper. Plans also have account_id, shopper_id, merchant_id, order_id, terms."""


class BalanceKind(StrEnum):
    """The kind of balance in a row."""

    DUE = "due"  # one open due of a plan: `amount` is its principal
    PAYABLE = "payable"  # what is owed to a merchant
    CREDIT = "credit"  # what a shopper has overpaid


@dataclass(frozen=True, slots=True)
class TakenOver:
    """The numbers of new and known balances, and what the new ones moved on `equity:opening`."""

    taken: int
    known: int
    opening: Mapping[Currency, Money]


def import_opening_balances(file: Path, *, plans: Plans, ledger: KeptLedger, terms: TermsOf, at: datetime) -> TakenOver:
    """Take over every balance of the file. Raises TableFault, which names file, line and column."""
    dues: dict[str, list[TableRow]] = {}
    others: dict[str, tuple[TableRow, Journal]] = {}
    for row in read_whole_table(file, COLUMNS).rows:
        kind = _kind(row)
        _begun(row, at)
        key = f"{_filled(row, 'source')}-{_filled(row, 'id')}"
        if kind is BalanceKind.DUE:
            dues.setdefault(key, []).append(row)
        elif others.setdefault(f"{kind}/{key}", (row, _journal(row, kind, key, at)))[0] is not row:
            raise row.fault("id", f"a second {kind} of {key} in one file")
    agreed = {plan_id: _plan(plan_id, rows) for plan_id, rows in dues.items()}
    taken = _take_plans(agreed, dues, plans, ledger, terms, at) + _post(list(others.values()), ledger)
    opening: dict[Currency, Money] = {}
    for entry_id in taken:
        entry = ledger.entry(entry_id)
        assert entry is not None, "it was written just now"
        for currency in {transfer.amount.currency for transfer in entry.journal.transfers}:
            credit = Money(moved(entry, currency, Side.CREDIT, OPENING.__eq__), currency)
            opening[currency] = opening.get(currency, Money.zero(currency)) + credit
    return TakenOver(len(taken), len(agreed) + len(others) - len(taken), opening)


def _take_plans(  # noqa: PLR0917 - the one call above
    agreed: Mapping[str, Plan],
    dues: Mapping[str, Sequence[TableRow]],
    plans: Plans,
    ledger: KeptLedger,
    terms: TermsOf,
    at: datetime,
) -> list[str]:
    """Open the plans and record their opening balances; returns the ids of new entries."""
    events = [_opened(plan, at) for plan in agreed.values()]
    plan_of_event = {event.event_id: event.plan_id for event in events}
    try:
        plans.open_all(list(agreed.values()))
        answers = record_events(events, plans=plans, ledger=ledger, terms=terms)
    except Conflict as conflict:
        row = dues[plan_of_event.get(conflict.entry_id, conflict.entry_id)][0]
        raise row.fault("id", f"{conflict.entry_id} was taken over with another {conflict.field}") from conflict
    for event, answer in zip(events, answers, strict=True):
        if isinstance(answer, EventRefused):
            raise dues[event.plan_id][0].fault("id", "; ".join(map(str, answer.reasons)))
    return [entry_id for answer in answers if isinstance(answer, EventRecorded) for entry_id in answer.posted]


def _opened(plan: Plan, at: datetime) -> PlanEvent:
    day, body = plan.opened_on, Opened(plan.principal)
    return PlanEvent(f"opened:{plan.plan_id}", plan.plan_id, day, _start(day), at, plan.order_id, body)


def _post(others: Sequence[tuple[TableRow, Journal]], ledger: KeptLedger) -> list[str]:
    taken = []
    for row, written in others:
        try:
            outcome = ledger.post(written)
        except Conflict as conflict:
            raise row.fault("id", f"{conflict.entry_id} was taken over with another {conflict.field}") from conflict
        if isinstance(outcome, Refused):
            raise row.fault("amount", outcome.reasons[0].detail)
        if isinstance(outcome, Recorded):
            taken.append(outcome.entry_id)
    return taken


def _plan(plan_id: str, rows: Sequence[TableRow]) -> Plan:
    """The plan of these open dues; its other columns must be equal in each of its rows."""
    first = rows[0]
    for row in rows:
        for column in (*_ALIKE, *_OPTIONAL):
            if row.get(column) != first.get(column):
                raise row.fault(column, f"is not what line {first.line} says of {plan_id}")
    currency, version = _currency(first), _filled(first, "terms")
    try:
        product = product_of(version)
        servicing_terms(version, currency)
    except (NoSuchProduct, TermsFileFault) as error:
        raise first.fault("terms", str(error)) from error
    found = sorted(((_day(row, "due_on"), row) for row in rows), key=lambda each: each[0])
    instalments = tuple(
        Instalment(
            InstalmentId(f"{plan_id}/{number}"), number, due_on, _amount(row, "amount"), _amount(row, "interest")
        )
        for number, (due_on, row) in enumerate(found, start=1)
    )
    try:
        return Plan(
            plan_id=PlanId(plan_id),
            shopper_id=first.get("shopper_id") or None,
            account_id=_filled(first, "account_id"),
            merchant_id=first.get("merchant_id") or None,
            order_id=_filled(first, "order_id"),
            decision_id=None,
            origin=Origin.IMPORTED,
            product=product,
            opened_on=_day(first, "as_of"),
            principal=Money.total((each.principal for each in instalments), currency),
            merchant_discount=Money.zero(currency),
            annual_rate_basis_points=0,
            terms_version=version,
            instalments=instalments,
            taken_from={"source": first["source"]},
        )
    except PlanFault as error:
        raise first.fault("amount", str(error)) from error


def _journal(row: TableRow, kind: BalanceKind, key: str, at: datetime) -> Journal:
    day, amount, owner = _day(row, "as_of"), _amount(row, "amount"), row["id"]
    if amount.minor <= 0:
        raise row.fault("amount", f"{amount} is not more than zero")
    name, of = ("payable", "merchant") if kind is BalanceKind.PAYABLE else ("credit_balance", "shopper")
    return journal(
        FLOW,
        key=f"{kind}/{key}",
        value_date=day,
        occurred_at=_start(day),
        recorded_at=at,
        correlation={f"{of}_id": owner},
        amounts={name: amount},
        names={of: owner},
    )


def _kind(row: TableRow) -> BalanceKind:
    try:
        return BalanceKind(row["kind"])
    except ValueError:
        raise row.fault("kind", f"{row['kind']!r} is none of {', '.join(BalanceKind)}") from None


def _filled(row: TableRow, column: str) -> str:
    value = row.get(column)
    if not value:
        raise row.fault(column, "is empty")
    if _NAME.fullmatch(value) is None:
        raise row.fault(column, f"{value!r} has a colon, a brace or a space, or is too long")
    return value


def _currency(row: TableRow) -> Currency:
    currency = Currency.of(row["currency"])
    if currency is None:
        raise row.fault("currency", f"{row['currency']!r} is not a currency we know")
    return currency


def _amount(row: TableRow, column: str) -> Money:
    try:
        amount = Money.parse(row.get(column, "0"), _currency(row))
    except AmountFault as error:
        raise row.fault(column, str(error)) from error
    if amount.minor < 0:
        raise row.fault(column, f"{amount} is less than zero")
    return amount


def _day(row: TableRow, column: str) -> date:
    try:
        return date.fromisoformat(row[column])
    except ValueError:
        raise row.fault(column, f"{row[column]!r} is not a day such as 2026-01-31") from None


def _begun(row: TableRow, at: datetime) -> None:
    try:
        must_have_begun(_day(row, "as_of"), at)
    except NotYetBegun as error:
        raise row.fault("as_of", str(error)) from error


def _start(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


_ALIKE = ("as_of", "currency")
_OPTIONAL = ("account_id", "shopper_id", "merchant_id", "order_id", "terms")
_NAME = re.compile(r"[^:{}\s]{1,120}")
