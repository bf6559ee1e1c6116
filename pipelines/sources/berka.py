"""The Berka data set (PKDD'99, Czech bank accounts 1993-1998) as canonical events.

The data has days only, so an event occurs at the beginning of its day and is known at the end of it. The files
`district`, `card` and `client` must exist and be valid, but their content is not used, to leave out where people live
and when they were born; owners of accounts appear by their client number. The order of bank transactions within a day
is not in the data (neither the order of the file nor the ids fit the balances), so `sequence` is the id, which is equal
in every copy of a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from pipelines.sources import berka_rows as rows
from pipelines.sources.berka_tables import SOURCE, RowRefused, TableReader, find_table_file
from pipelines.sources.source import CanonicalEvent, SourceReading

CURRENCY = "CZK"
COUNTRY = "CZ"
_UNUSED = ("client", "district", "card")


@dataclass(frozen=True, slots=True)
class Berka:
    """The source: the tables in a folder."""

    folder: Path

    @property
    def name(self) -> str:
        return SOURCE

    def read(self) -> SourceReading:
        """Read and check all tables; see `Source.read`."""
        reader = TableReader(find_table_file(self.folder))
        for table in _UNUSED:
            reader.check(table)
        owners = _owners(reader)
        accounts = reader.rows("account", lambda fields: _owned(rows.berka_account(fields), owners))
        instalments = _instalments(reader, accounts)
        loans = reader.rows("loan", lambda fields: _payable(rows.loan(fields), accounts, instalments))
        movements = reader.rows("trans", lambda fields: _known(rows.berka_transaction(fields), accounts))
        facts = _Facts(accounts, owners, loans, instalments, movements)
        return SourceReading(tuple(reader.rejects), facts.count, facts.events())


def _owners(reader: TableReader) -> dict[int, int]:
    """The owner's client number of each account."""
    owners: dict[int, int] = {}

    def parse(fields: list[str]) -> rows.Disposition:
        row = rows.disposition(fields)
        if row.role == "OWNER" and owners.setdefault(row.account_id, row.client_id) != row.client_id:
            raise RowRefused(f"account {row.account_id} already has the owner {owners[row.account_id]}")
        return row

    reader.rows("disp", parse)
    return owners


def _instalments(reader: TableReader, accounts: dict[int, rows.Account]) -> dict[int, list[int]]:
    """For each account, the monthly amounts of its standing orders for a loan, in minor units."""
    instalments: dict[int, list[int]] = {}
    orders = reader.rows("order", lambda fields: _known(rows.standing_order(fields), accounts))
    for order in orders.values():
        if order.purpose == "loan_instalment":
            instalments.setdefault(order.account_id, []).append(order.amount_minor)
    return instalments


def _owned(account: rows.Account, owners: dict[int, int]) -> rows.Account:
    if account.id not in owners:
        raise RowRefused(f"account {account.id} has no owner in disp")
    return account


def _known(row: Any, accounts: dict[int, rows.Account]) -> Any:
    if row.account_id not in accounts:
        raise RowRefused(f"unknown account {row.account_id}")
    return row


def _payable(
    loan: rows.BerkaLoan, accounts: dict[int, rows.Account], instalments: dict[int, list[int]]
) -> rows.BerkaLoan:
    _known(loan, accounts)
    orders = instalments.get(loan.account_id, [])
    if len(orders) != 1:
        raise RowRefused(f"account {loan.account_id} has {len(orders)} standing orders UVER, needed one")
    return loan


@dataclass(frozen=True, slots=True)
class _Facts:
    """All rows read, to be turned into events in the order of their days."""

    accounts: dict[int, rows.Account]
    owners: dict[int, int]
    loans: dict[int, rows.BerkaLoan]
    instalments: dict[int, list[int]]
    movements: dict[int, rows.BerkaTransaction]

    @property
    def count(self) -> int:
        return len(self.known_since) + len(self.accounts) + 3 * len(self.loans) + len(self.movements)

    @property
    def known_since(self) -> dict[int, date]:
        """The day on which each owner's first account was opened."""
        days: dict[int, date] = {}
        for account in self.accounts.values():
            owner = self.owners[account.id]
            days[owner] = min(account.opened_on, days.get(owner, account.opened_on))
        return days

    def events(self) -> Iterator[CanonicalEvent]:
        """Events by day: shoppers, accounts, bank transactions, then loans. Outcomes have no day and come last."""
        known = _by_day((day, owner, (owner, day)) for owner, day in self.known_since.items())
        opened = _by_day((account.opened_on, account.id, account) for account in self.accounts.values())
        granted = _by_day((loan.granted_on, loan.id, loan) for loan in self.loans.values())
        booked = _by_day((movement.booked_on, movement.id, movement) for movement in self.movements.values())
        # A shopper is first known on the day of an account's opening, so shoppers add no further days.
        for day in sorted({*opened, *granted, *booked}):
            yield from (_shopper(owner, day) for owner, day in known.get(day, ()))
            yield from map(self._account, opened.get(day, ()))
            yield from map(_bank_transaction, booked.get(day, ()))
            for loan in granted.get(day, ()):
                yield self._credit_application(loan)
                yield self._granted_loan(loan)
        yield from map(_loan_outcome, sorted(self.loans.values()))

    def _account(self, account: rows.Account) -> CanonicalEvent:
        body = {
            "account_id": str(account.id),
            "shopper_id": str(self.owners[account.id]),
            "opened_on": account.opened_on.isoformat(),
            "statement_frequency": account.frequency,
            "currency": CURRENCY,
        }
        return _event("account", account.id, account.opened_on, body)

    def _credit_application(self, loan: rows.BerkaLoan) -> CanonicalEvent:
        body = {
            "application_id": _application_id(loan),
            "shopper_id": str(self.owners[loan.account_id]),
            "account_id": str(loan.account_id),
            "merchant_id": None,
            "applied_at": _times(loan.granted_on)[0],
            "amount_minor": loan.amount_minor,
            "currency": CURRENCY,
            "product": "monthly",
            "duration_months": loan.duration_months,
            "channel": "branch",
        }
        return _event("credit_application", loan.id, loan.granted_on, body)

    def _granted_loan(self, loan: rows.BerkaLoan) -> CanonicalEvent:
        body = {
            "loan_id": str(loan.id),
            "application_id": _application_id(loan),
            "account_id": str(loan.account_id),
            "granted_on": loan.granted_on.isoformat(),
            "amount_minor": loan.amount_minor,
            "duration_months": loan.duration_months,
            "instalment_minor": self.instalments[loan.account_id][0],
            "currency": CURRENCY,
        }
        return _event("granted_loan", loan.id, loan.granted_on, body)


def _shopper(owner: int, known_since: date) -> CanonicalEvent:
    """The event of an account's owner: the client number, and the country, which is the same for all."""
    body = {"shopper_id": str(owner), "country": COUNTRY, "known_since": known_since.isoformat()}
    return _event("shopper", owner, known_since, body)


def _by_day(dated: Iterator[tuple[date, int, Any]]) -> dict[date, list[Any]]:
    days: dict[date, list[Any]] = {}
    for day, _, row in sorted(dated, key=lambda each: each[:2]):
        days.setdefault(day, []).append(row)
    return days


def _application_id(loan: rows.BerkaLoan) -> str:
    return f"{SOURCE}:loan:{loan.id}"


def _bank_transaction(row: rows.BerkaTransaction) -> CanonicalEvent:
    event_id = f"{SOURCE}:trans:{row.id}"
    account_id = str(row.account_id)
    occurred_at, recorded_at = _times(row.booked_on)
    body = {
        "event_id": event_id,
        "event_type": "bank_transaction.v1",
        "source": SOURCE,
        "occurred_at": occurred_at,
        "recorded_at": recorded_at,
        "account_id": account_id,
        "booked_on": occurred_at[:10],
        "sequence": row.id,
        "direction": row.direction,
        "amount_minor": row.amount_minor,
        "currency": CURRENCY,
        "balance_after_minor": row.balance_minor,
        "operation": row.operation,
        "purpose": row.purpose,
        "counterparty_bank": row.counterparty_bank,
        "counterparty_account": row.counterparty_account,
        "reference": None,
    }
    return CanonicalEvent(event_id, "bank_transaction.v1", account_id, orjson.dumps(body))


def _loan_outcome(loan: rows.BerkaLoan) -> CanonicalEvent:
    body = {"account_id": str(loan.account_id), "loan_id": str(loan.id), "status": loan.status}
    return _event("loan_outcome", loan.id, None, body)


def _event(contract: str, number: int, day: date | None, body: dict[str, Any]) -> CanonicalEvent:
    event_id = f"{SOURCE}:{contract}:{number}"
    event_type = f"{contract}.v1"
    occurred_at, recorded_at = (None, None) if day is None else _times(day)
    envelope = {
        "event_id": event_id,
        "event_type": event_type,
        "source": SOURCE,
        "occurred_at": occurred_at,
        "recorded_at": recorded_at,
    }
    key = body["shopper_id" if contract == "shopper" else "account_id"]
    return CanonicalEvent(event_id, event_type, key, orjson.dumps(envelope | body))


@lru_cache(maxsize=4096)
def _times(day: date) -> tuple[str, str]:
    """`occurred_at` and `recorded_at` of an event of that day: its beginning and its end."""
    return f"{day.isoformat()}T00:00:00Z", f"{(day + timedelta(days=1)).isoformat()}T00:00:00Z"
