"""A lake of two shoppers in every kind of table, written without Spark, and a search through every byte of it."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.avro.file import AvroFile
from pyiceberg.transforms import BucketTransform

from data_contracts.catalog import contract
from data_contracts.contract import ColumnType
from pipelines.erasures.erasures import ErasureEntry
from pipelines.erasures.iceberg_erasures import IcebergErasures
from pipelines.lake.iceberg import catalog, namespace, table_name
from pipelines.lake.iceberg_upkeep import IcebergUpkeep
from pipelines.settings import Settings
from pipelines.streams.iceberg import STOPS, UNTIL
from tests.pipelines.lake.lake import an_event

MINE, OTHERS = "shopper-canary-7", "shopper-8"
# Two accounts of one, so that what is found through one of them is not all.
ACCOUNTS = {MINE: ("acct-canary-808", "acct-canary-809"), OTHERS: ("acct-810",)}
TAG = "train_0123"
TAGGED = ("curated.granted_loans", "features.applicant")
# Each kind of table once: by account, by shopper and account, by account in many files, and what a tag names.
TABLES = {
    "account": ("raw.accounts", "curated.accounts"),
    "bank_transaction": ("raw.bank_transactions", "curated.bank_transactions"),
    "credit_application": ("raw.credit_applications",),
    "granted_loan": ("curated.granted_loans",),
}
CANARY_AMOUNT = 987_654_321
NOON = datetime(1996, 1, 1, 12, tzinfo=UTC)

_ARROW = {
    ColumnType.STRING: pa.string(),
    ColumnType.INTEGER: pa.int64(),
    ColumnType.DATE: pa.date32(),
    ColumnType.TIMESTAMP: pa.timestamp("us", tz="UTC"),
}
_SET_ASIDE = pa.schema(
    [
        ("event_id", pa.string()),
        ("payload", pa.string()),
        ("kinesis_sequence", pa.string()),
        ("first_seen", pa.timestamp("us", tz="UTC")),
    ]
)
NEEDLES = ("shopper-canary", "acct-canary", "event-canary", "plan-canary", str(CANARY_AMOUNT))


def events_of(shopper_id: str, occurred_at: datetime = NOON) -> dict[str, list[dict[str, Any]]]:
    """One shopper's rows of each contract: an account each, three movements, an application and a loan."""
    mark = "canary" if shopper_id == MINE else "other"
    times = {"occurred_at": occurred_at, "recorded_at": occurred_at}
    rows: dict[str, list[dict[str, Any]]] = {}
    for number, account in enumerate(ACCOUNTS[shopper_id]):
        place = f"event-{mark}-{number}"
        owed = {"shopper_id": shopper_id, "application_id": f"application-{mark}-{number}"}
        loan = {"application_id": owed["application_id"], "loan_id": f"loan-{mark}-{number}"}
        amount = CANARY_AMOUNT if shopper_id == MINE else 100_00
        made = {
            "account": [an_event("account", f"{place}-a", account, shopper_id=shopper_id, **times)],
            "bank_transaction": [
                an_event("bank_transaction", f"{place}-t{n}", account, amount_minor=amount, reference=mark, **times)
                for n in range(3)
            ],
            "credit_application": [an_event("credit_application", f"{place}-c", account, **owed, **times)],
            "granted_loan": [an_event("granted_loan", f"{place}-l", account, **loan, **times)],
        }
        for name, of_name in made.items():
            rows.setdefault(name, []).extend(of_name)
    return rows


class Killed(Exception):
    """The act ended here."""


class KilledAfter(IcebergErasures):
    """A record whose writer dies behind the given write."""

    def __init__(self, settings: Settings, writes: int) -> None:
        super().__init__(settings)
        self._left = writes

    def write(self, lines: Iterable[ErasureEntry]) -> None:
        super().write(lines)
        self._left -= 1
        if self._left == 0:
            raise Killed


class TwoShoppers:
    """The lake and what a test does to it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.lake = catalog(settings)
        self.upkeep = IcebergUpkeep(settings)
        for layer in ("raw", "curated", "features"):
            self.lake.create_namespace_if_not_exists(namespace(settings, layer))

    def fill(self, occurred_at: datetime = NOON) -> None:
        """Every table in two commits, what training reads under a tag, and more rows and a column after that."""
        for shopper in (MINE, OTHERS):
            for name, rows in events_of(shopper, occurred_at).items():
                schema = pa.schema([(column.name, _ARROW[column.type]) for column in contract(name).columns])
                for table in TABLES[name]:
                    is_raw = table.startswith("raw.")
                    self.write(table, rows, schema, {UNTIL: "1"} if is_raw else {"tranche.raw-snapshot-id": "1"})
            self.write("features.applicant", _vectors(shopper, occurred_at), _VECTORS, {"tranche.build": "{}"})
            self._fill_beside(shopper, occurred_at)
        self.write("raw.batches", [{"until": 1}], pa.schema([("until", pa.int64())]), {UNTIL: "1", STOPS: NO_STOPS})
        for name in TAGGED:
            table = self.table(name)
            table.manage_snapshots().create_tag(table.current_snapshot().snapshot_id, TAG).commit()
        for name in ("bank_transaction", "granted_loan"):
            later = [row | {"event_id": f"{row['event_id']}-later"} for row in events_of(MINE, occurred_at)[name]]
            table = self.table(TABLES[name][-1])
            with table.update_schema() as change:
                change.add_column("came_later", table.schema().find_type("event_id"))
            self.write(TABLES[name][-1], later, table.schema().as_arrow(), {})

    def _fill_beside(self, shopper: str, occurred_at: datetime) -> None:
        mark = "canary" if shopper == MINE else "other"
        plan = {"plan_id": f"plan-{mark}", "shopper_id": shopper}
        self.write("raw.plans", [plan], pa.schema([("plan_id", pa.string()), ("shopper_id", pa.string())]), {})
        entries = [
            {"plan_id": f"plan-{mark}", "transfers": _moved(f"plan:plan-{mark}:principal")},
            {"plan_id": None, "transfers": _moved(f"shopper:{shopper}:credit_balance")},
        ]
        self.write("raw.ledger_entries", entries, pa.schema([("plan_id", pa.string()), ("transfers", pa.string())]), {})
        account = ACCOUNTS[shopper][0]
        event = {"event_type": "account.v1", "occurred_at": occurred_at.isoformat(), "account_id": account}
        payloads = [json.dumps(event), json.dumps(event)[:-20], f'{{"account_id": "{account}", "currency": "G']
        for name in ("raw.quarantine", "raw.duplicates"):
            self.write(name, [_set_aside(payload, occurred_at) for payload in payloads], _SET_ASIDE, {UNTIL: "1"})
        self.write("raw.source_rejects", [_set_aside(f'"12";"{account}";"x"', occurred_at)], _SET_ASIDE, {})

    def write(self, name: str, rows: Iterable[Mapping[str, Any]], schema: pa.Schema, notes: Mapping[str, str]) -> None:
        """Append rows in one commit with these notes."""
        known = {field.name for field in schema}
        arrow = pa.Table.from_pylist([{key: row[key] for key in row if key in known} for row in rows], schema=schema)
        table = self.lake.create_table_if_not_exists(table_name(self.settings, name), schema=schema)
        if name == "curated.bank_transactions" and not table.metadata.snapshots:
            with table.update_spec() as change:
                change.add_field("account_id", BucketTransform(8), "account")
        self.table(name).append(arrow, snapshot_properties=dict(notes))

    def table(self, name: str) -> Any:
        return self.lake.load_table(table_name(self.settings, name))

    def named_by_tag(self) -> dict[str, int]:
        """The snapshot of each table that training read."""
        return {name: self.table(name).metadata.refs[TAG].snapshot_id for name in TAGGED}

    def names(self) -> list[str]:
        return self.upkeep.names()

    def contents(self) -> dict[str, str]:
        """A digest of the other shopper's rows, of each table and of each tag's snapshot."""
        found = {}
        for name in self.names():
            if name == "raw.erasures":
                continue
            table = self.table(name)
            for ref, named in table.metadata.refs.items():
                rows = table.scan(snapshot_id=named.snapshot_id).to_arrow().to_pylist()
                # What is written anew has the columns of today, empty where they are younger than the row.
                told = (str(sorted(item for item in row.items() if item[1] is not None)) for row in rows)
                others = sorted(text for text in told if not _names_me(text))
                found[f"{name}@{ref}"] = sha256("\n".join(others).encode()).hexdigest()
        return found

    def found(self) -> dict[str, set[str]]:
        """Where in the store any needle is: for each needle the kinds of files; every object of the lake is opened."""
        where: dict[str, set[str]] = {}
        self._io = self.table("raw.batches").io
        for path in self.objects():
            for text in self._texts(path):
                for needle in NEEDLES:
                    if needle in text:
                        where.setdefault(needle, set()).add(path.rsplit(".", 1)[-1])
        return where

    def objects(self) -> list[str]:
        """Every object under the tables of this lake."""
        prefix = f"/{self.settings.lake_prefix}"
        return [each.path for each in self.upkeep.objects.under(self.settings.warehouse) if prefix in each.path]

    def _texts(self, path: str) -> Iterator[str]:
        content = self.upkeep.objects.read(path)
        yield content.decode("utf-8", errors="replace")
        if path.endswith(".parquet"):
            file = pq.ParquetFile(BytesIO(content))
            yield from (str(row) for row in file.read().to_pylist())
            yield str(file.metadata.to_dict())
        elif path.endswith(".avro"):
            with AvroFile(self._io.new_input(path)) as records:
                yield from (" ".join(_leaves(record)) for record in records)


def _leaves(value: Any) -> Iterator[str]:
    """Everything in a record of a manifest as text; a number's bytes also as the number."""
    if isinstance(value, bytes):
        yield value.decode("utf-8", errors="replace")
        if len(value) == 8:
            yield str(struct.unpack("<q", value)[0])
    elif isinstance(value, dict):
        for each in value.items():
            yield from _leaves(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _leaves(each)
    elif hasattr(value, "_data"):
        yield from _leaves(list(value._data))
    elif value is not None:
        yield str(value)


_VECTORS = pa.schema(
    [("account_id", pa.string()), ("as_of", pa.timestamp("us", tz="UTC")), ("balance_last", pa.int64())]
)
NO_STOPS = '{"created_ms": 1, "shards": {}}'


def _vectors(shopper: str, as_of: datetime) -> list[dict[str, Any]]:
    amount = CANARY_AMOUNT if shopper == MINE else 1
    return [{"account_id": account, "as_of": as_of, "balance_last": amount} for account in ACCOUNTS[shopper]]


def _moved(account: str) -> str:
    """The transfers of a ledger entry, as the books write them."""
    return json.dumps([{"debit": account, "credit": "unclaimed:property", "minor": 1, "currency": "GBP"}])


def _set_aside(payload: str, first_seen: datetime) -> dict[str, Any]:
    return {"event_id": None, "payload": payload, "kinesis_sequence": "1", "first_seen": first_seen}


def _names_me(row: str) -> bool:
    return any(needle in row for needle in NEEDLES)
