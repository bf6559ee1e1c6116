"""Reading the stream again from its beginning restores no erased subject, in no table and in no byte of the lake."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from data_contracts.catalog import contract, event_contracts
from features.memory import MemoryVectors
from pipelines.erasures.erasures import ErasedSubjects, ErasureEntry, ErasureState, pseudonym
from pipelines.erasures.iceberg_erasures import IcebergErasures
from pipelines.ingest import contract_type, rejects, validation
from pipelines.ingest.batch import BatchWriter
from pipelines.ingest.erased_subjects import ERASED, NOT_ERASED, blanked
from pipelines.ingest.redrive import Outcome, Wanted, _Redrive, redrive
from pipelines.lake import raw
from pipelines.lake.iceberg import spark_name
from pipelines.lake.iceberg_upkeep import IcebergUpkeep
from pipelines.settings import Settings
from pipelines.upkeep.erase import EraseReport, ErasureRequest, erase
from terminal.environment import SettingFault
from tests.data_contracts.samples import valid_record
from tests.pipelines.two_shoppers import ACCOUNTS, MINE, NEEDLES, OTHERS, Killed, KilledAfter, TwoShoppers

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 2, tzinfo=UTC)
KEY = "a key that the lake does not hold"
_DDL = "shard STRING, generation INT, position LONG, sequence STRING, until LONG, payload STRING, fault STRING"
TABLES = ("raw.accounts", "raw.plans", "raw.ledger_entries", raw.QUARANTINE, raw.DUPLICATES)


def said_of(shopper: str) -> list[str]:
    """What the stream has of a shopper: whole, doubled, broken, by another's name, cut off and of no known type."""
    mark = "canary" if shopper == MINE else "other"
    account, plan = ACCOUNTS[shopper][0], f"plan-{mark}"
    own = {"account_id": account, "shopper_id": shopper}
    opened = _event("account", f"event-{mark}-a", **own)
    strange = {"event_type": "mood.v1", "body": {"account_id": account}, "recorded_at": "2026-01-01T00:00:00Z"}
    return [
        opened,
        opened,
        _event("account", f"event-{mark}-broken", **own, currency="GB"),
        _event("plan_opened", f"event-{mark}-p", **own, plan_id=plan, order_id=f"order-{mark}"),
        _event(
            "ledger_entry", f"event-{mark}-l1", plan_id=plan, order_id=None, transfers=_moved(f"plan:{plan}:fee_rcv")
        ),
        _event(
            "ledger_entry",
            f"event-{mark}-l2",
            plan_id=None,
            order_id=None,
            transfers=_moved(f"shopper:{shopper}:credit_balance"),
        ),
        opened[:-20],
        json.dumps(strange),
    ]


def _event(name: str, event_id: str, **changes: object) -> str:
    return json.dumps(valid_record(contract(name)) | {"event_id": event_id} | changes)


def _moved(account: str) -> str:
    return json.dumps([{"debit": account, "credit": "unclaimed:property", "minor": 1, "currency": "GBP"}])


class Stream:
    """Batches as the stream would give them, without the stream."""

    def __init__(self, spark: Any, settings: Settings) -> None:
        self.spark, self.settings = spark, settings
        self.batches = 0

    def take(self, payloads: list[str], settings: Settings | None = None) -> None:
        self.batches += 1
        rows = [
            ("shard-0", 0, at, f"{self.batches:03}{at:05}", self.batches, payload, _fault(payload))
            for at, payload in enumerate(payloads, start=1)
        ]
        writer = BatchWriter(settings or self.settings, 1, lambda: NOW)
        writer.write(self.spark.createDataFrame(rows, _DDL), 0)

    def rows(self, table: str) -> list[Any]:
        found: list[Any] = self.spark.table(spark_name(self.settings, table)).collect()
        return found

    def counted(self) -> dict[str, int]:
        return {table: len(self.rows(table)) for table in TABLES}


def _fault(payload: str) -> str | None:
    return None if payload.endswith("}") else "not JSON"


@pytest.fixture(scope="module")
def stream(spark: Any, lake_environment: Mapping[str, str]) -> Stream:
    settings = Settings.from_environment({**lake_environment, "TRANCHE_ERASURE_KEY": KEY})
    for statement in raw.create_statements(settings, set()):
        spark.sql(statement)
    return Stream(spark, settings)


def erased(stream: Stream, record: IcebergErasures) -> EraseReport:
    """Erase the shopper, at a moment by which all that was taken is committed."""
    later = datetime.now(UTC) + timedelta(hours=1)
    upkeep, request = IcebergUpkeep(stream.settings), ErasureRequest(MINE, "case-1", KEY)
    return erase(upkeep, MemoryVectors(), record, request, now=later, holds={}, orphans_older_than=timedelta())


def test_the_stream_from_its_beginning_brings_nobody_back_who_was_erased(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, everything = TwoShoppers(stream.settings), [*said_of(MINE), *said_of(OTHERS)]
    stream.take(everything, replace(stream.settings, erasure_key=""))  # no key is asked for: nobody was erased yet
    first, planted = stream.counted(), set(lake.found())

    # An erasure that was killed has made its request; from here on a redrive brings nothing of the subject.
    with pytest.raises(Killed):
        erased(stream, KilledAfter(stream.settings, 1))
    with monkeypatch.context() as patch:
        let_gb_be_a_currency(patch)
        redriven = redrive(stream.spark, stream.settings, Wanted("ada", "GB is a currency"), now=NOW)
    assert redriven.event_types["account.v1"] == Outcome(2, 1, 0, 1, 0)

    report = erased(stream, IcebergErasures(stream.settings))
    left = stream.counted()
    # As many of one type as would stop a batch, were they their producer's fault.
    monkeypatch.setattr(rejects, "FEWEST_RECORDS", 1)
    monkeypatch.setattr(rejects, "limits", lambda: {"account.v1": 40})
    with pytest.raises(SettingFault, match="TRANCHE_ERASURE_KEY"):
        stream.take(everything, replace(stream.settings, erasure_key=""))
    with pytest.raises(SettingFault, match="is another key than the one under which subjects stand in"):
        stream.take(everything, replace(stream.settings, erasure_key="another key"))
    stream.take(everything)

    assert planted == {"shopper-canary", "acct-canary", "event-canary", "plan-canary"} < set(NEEDLES)
    assert report.state is ErasureState.VERIFIED
    assert first == {"raw.accounts": 2, "raw.plans": 2, "raw.ledger_entries": 4, raw.QUARANTINE: 6, raw.DUPLICATES: 2}
    assert left == {"raw.accounts": 2, "raw.plans": 1, "raw.ledger_entries": 2, raw.QUARANTINE: 3, raw.DUPLICATES: 1}
    assert lake.found() == {}
    batch = [row for row in stream.rows(raw.BATCHES) if row.until == stream.batches]
    told = {row.event_type: (row.rows_in, row.accepted, row.quarantined, row.duplicates) for row in batch}
    assert told == {
        "account.v1": (6, 0, 4, 2),
        "ledger_entry.v1": (4, 0, 2, 2),
        "plan_opened.v1": (2, 0, 1, 1),
        "unknown": (4, 0, 4, 0),
    }
    emptied = [row for row in stream.rows(raw.QUARANTINE) if row.rule == ERASED]
    assert len(emptied) == len(said_of(MINE))
    assert {(row.event_id, row.value, row.payload) for row in emptied} == {(None, None, "")}
    assert stream.counted() == {**left, raw.QUARANTINE: 3 + 3 + 8, raw.DUPLICATES: 1 + 5}


def test_what_was_emptied_is_not_tried_again(stream: Stream) -> None:
    """Runs behind the erasure."""
    tried = _Redrive(stream.spark, stream.settings, lambda _: None).candidates(Wanted("ada", "all", parked=True))

    assert tried.where("payload = ''").count() == 0
    assert tried.count() == len([row for row in stream.rows(raw.QUARANTINE) if row.state != "redriven"]) - 8


def test_who_comes_back_is_a_new_customer(spark: Any) -> None:
    """What was recorded behind the request is theirs to give; what does not say when may be from before."""
    asked = datetime(2026, 3, 2, tzinfo=UTC)
    who = ErasedSubjects([ErasureEntry("case-1", pseudonym(KEY, "account", "808"), ErasureState.REQUESTED, asked)], KEY)
    moments = ["2026-03-02T00:00:00Z", "2026-03-02T00:00:00.000001Z", None]
    payloads = [_event("account", f"a-{moment}", account_id="808", recorded_at=moment) for moment in moments]
    payloads += [json.dumps({"account_id": 808, "recorded_at": moment}) for moment in moments]
    coded = base64.b64encode(b'{"account_id": "808" \xff').decode()
    payloads += [f"base64:{coded}", '{"account_id": "8080"}', "base64:no", ""]
    rows = [("shard-0", 0, at, str(at), 1, payload, _fault(payload)) for at, payload in enumerate(payloads)]
    records = contract_type.with_contract_type(spark.createDataFrame(rows, _DDL))

    types = ("account.v1", contract_type.UNKNOWN_TYPE)
    frames, counts = blanked({name: validation.validated(records, name) for name in types}, who)

    gone = {row.position for frame in frames.values() for row in frame.where(f"NOT {NOT_ERASED}").collect()}
    assert gone == {0, 2, 3, 5, 6}
    assert counts == {"account.v1": 2, contract_type.UNKNOWN_TYPE: 3}


def let_gb_be_a_currency(patch: pytest.MonkeyPatch) -> None:
    account = contract("account")
    wider = [
        replace(column, valid_values=(*column.valid_values, "GB")) if column.name == "currency" else column
        for column in account.columns
    ]
    now = {**event_contracts(), account.event_type: replace(account, columns=tuple(wider))}
    for module in (contract_type, validation, raw):
        patch.setattr(module, "event_contracts", lambda: now)
