"""Find the rows of the lake that are about one shopper: their own, their accounts', and those of related records.

A table with a shopper or account column is searched by that column. A table without one (a settlement line has only an
attempt id) is searched by the ids found in the shopper's own rows. A ledger entry may identify the shopper only in its
account names, so these are parsed; for quarantined events, the payload is parsed.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from data_contracts.catalog import event_contracts
from pipelines.lake.iceberg_upkeep import IcebergUpkeep, UpkeepTable
from pipelines.lake.raw import DUPLICATES, QUARANTINE, SOURCE_REJECTS
from pipelines.lake.rows import RowSelection

SUBJECT = ("shopper_id", "account_id")
# Ids that belong to one shopper, and that may appear in rows without the shopper's id.
LINKS = (
    "application_id",
    "loan_id",
    "order_id",
    "decision_id",
    "plan_id",
    "instalment_id",
    "attempt_id",
    "payment_id",
    "refund_id",
    "event_id",
)
ACCOUNTS = ("raw.accounts", "curated.accounts")
PAYLOADS = (QUARANTINE, DUPLICATES, SOURCE_REJECTS)
# The transfers of a ledger entry are JSON text; the names of their accounts contain the id of the shopper or plan.
TRANSFERS = "transfers"
IN_TRANSFERS = {"shopper_id": '"shopper:([^:"]+):', "plan_id": '"plan:([^:"]+):'}

Values = Mapping[str, frozenset[str]]
Names = dict[str, set[str]]


@dataclass(frozen=True, slots=True)
class Subject:
    """A shopper, and by column every id that identifies them."""

    shopper_id: str
    names: Values

    @property
    def accounts(self) -> frozenset[str]:
        """The shopper's accounts."""
        return self.names["account_id"]


def find_subject(upkeep: IcebergUpkeep, shopper_id: str) -> Subject:
    """Find the shopper's accounts and all related ids, in every snapshot that a branch or tag names."""
    names: Names = {"shopper_id": {shopper_id}, "account_id": set()}
    tables = [upkeep.table(name) for name in upkeep.names()]
    for table in tables:
        if table.name in ACCOUNTS:
            _gather(table, {"shopper_id": names["shopper_id"]}, ("account_id",), names)
    for table in tables:
        known = {column: names[column] for column in SUBJECT if column in table.columns}
        if known and table.name not in ACCOUNTS:
            _gather(table, known, LINKS, names)
    return Subject(shopper_id, {column: frozenset(values) for column, values in names.items()})


def _gather(table: UpkeepTable, known: Mapping[str, set[str]], wanted: Iterable[str], names: Names) -> None:
    rows = RowSelection(any_of={column: frozenset(values) for column, values in known.items()})
    for snapshot_id in {ref.snapshot_id for ref in table.refs}:
        columns = [column for column in wanted if column in table.columns_at(snapshot_id)]
        for row in table.read(rows, columns, snapshot_id) if columns else ():
            for column, value in row.items():
                if value is not None:
                    names.setdefault(column, set()).add(str(value))


def leads(columns: Collection[str]) -> tuple[str, ...]:
    """The columns by which a table is searched for a subject: its subject column, or else columns of related ids.

    >>> leads(("event_id", "order_id", "account_id")), leads(("event_id", "order_id")), leads(("event_id", "country"))
    (('account_id',), ('order_id',), ())
    """
    own = tuple(column for column in SUBJECT if column in columns)
    # `event_id` is not used to find an accepted event, because the event also has a subject column.
    return own or tuple(column for column in LINKS if column in columns and column != "event_id")


@cache
def links_of_events() -> tuple[str, ...]:
    """The columns that link events without a subject column to a subject."""
    asked = {column for contract in event_contracts().values() for column in leads(contract.by_name)}
    return tuple(sorted(asked - {*SUBJECT}))


def kind(column: str) -> str:
    """The kind of a column's ids, as written in the erasure record.

    >>> kind("account_id")
    'account'
    """
    return column.removesuffix("_id")


def can_hold(table: UpkeepTable) -> bool:
    """Whether the table can hold data of a shopper."""
    return table.name in PAYLOADS or bool(leads(table.columns)) or TRANSFERS in table.columns


def order(table: UpkeepTable) -> int:
    """The sort key for the order in which tables are processed.

    Tables whose rows lead to rows of other tables come last, so that an interrupted erasure can find the rest.
    """
    if table.name in ACCOUNTS:
        return 3
    return sum(column in table.columns for column in SUBJECT) if table.name not in PAYLOADS else 0


def rows_of(table: UpkeepTable, subject: Subject, snapshot_id: int) -> RowSelection:
    """The subject's rows at a snapshot of the table."""
    if table.name in PAYLOADS:
        return RowSelection(any_of={"payload": frozenset(_payloads(table, subject, snapshot_id))})
    asked = {column: subject.names.get(column, frozenset()) for column in leads(table.columns)}
    return RowSelection(any_of=asked | entries_of(table, subject, snapshot_id))


def entries_of(table: UpkeepTable, subject: Subject, snapshot_id: int) -> dict[str, frozenset[str]]:
    """The texts of transfers, as stored in the table, that involve an account of the subject or of their plans."""
    if TRANSFERS not in table.columns_at(snapshot_id):
        return {}
    written = {row[TRANSFERS] or "" for row in table.read(RowSelection(), (TRANSFERS,), snapshot_id)}
    return {TRANSFERS: frozenset(text for text in written if _moves(text, subject))}


def _moves(transfers: str, subject: Subject) -> bool:
    """Whether the name of one of the accounts contains the id of the subject or of their plan.

    >>> mine = Subject("7", {"shopper_id": frozenset({"7"})})
    >>> [_moves(f'["shopper:{who}:credit_balance"]', mine) for who in (7, 77)]
    [True, False]
    """
    return any(
        name in subject.names.get(column, ())
        for column, pattern in IN_TRANSFERS.items()
        for name in re.findall(pattern, transfers)
    )


def _payloads(table: UpkeepTable, subject: Subject, snapshot_id: int) -> Iterator[str]:
    loosely = table.name == SOURCE_REJECTS
    for row in table.read(RowSelection(), ("payload",), snapshot_id):
        payload = row["payload"]
        if payload is not None and mentions(payload, subject, loosely=loosely):
            yield payload


def mentions(payload: str, subject: Subject, *, loosely: bool = False) -> bool:
    """Whether a raw payload is about the subject: a field or a ledger account name contains one of their ids.

    Text that is not valid JSON is searched for such fields. A row of a source file has no field names; with `loosely`,
    any value equal to the shopper's or an account's id counts.

    >>> mine = Subject("7", {"shopper_id": frozenset({"7"}), "account_id": frozenset({"808"})})
    >>> mentions('{"account_id": 808, "amount_minor": "7"}', mine), mentions('{"amount_minor": 808}', mine)
    (True, False)
    >>> mentions('{"account_id": "808", "cut', mine), mentions('{"account_id": "8080", "cut', mine)
    (True, False)
    >>> mentions('"1";"808";"930101"', mine), mentions('"1";"808";"930101"', mine, loosely=True)
    (False, True)
    """
    text = _decoded(payload)
    try:
        found = json.loads(text)
    except ValueError:
        named = {(field, value.strip()) for field, value in _FIELD.findall(text)}
        values = {value.strip(' "') for value in re.split(r"[;,\t]", text)}
    else:
        named = set(_named(found))
        values = {value for _, value in named}
    by_name = any(value in subject.names.get(field, ()) for field, value in named) or _moves(text, subject)
    return by_name or (loosely and any(value in subject.names[column] for column in SUBJECT for value in values))


_FIELD = re.compile(rf'"({"|".join((*SUBJECT, *LINKS))})"\s*:\s*"?([^",}}\s]+)[",}}\s]')


def _named(found: Any, field: str = "") -> Iterator[tuple[str, str]]:
    """Each value of a JSON document, with the name of its field."""
    if isinstance(found, dict):
        for name, value in found.items():
            yield from _named(value, name)
    elif isinstance(found, list):
        for value in found:
            yield from _named(value, field)
    elif found is not None:
        yield field, str(found)


def _decoded(payload: str) -> str:
    if not payload.startswith("base64:"):
        return payload
    try:
        return base64.b64decode(payload.removeprefix("base64:")).decode("utf-8", errors="replace")
    except binascii.Error:
        return payload
