"""The platform's facts in the demo: relay, ingest and curate them, and compare the lake with the database.

The lake is correct if it has exactly the ids of the database, and if its sums are equal to those of the tables that the
facts are about.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from data_contracts.catalog import event_contracts
from ledger.outbox.outbox import SOURCE
from pipelines.settings import Settings as LakeSettings
from terminal.database import DatabaseProcess
from tranche.demo.course import DemoPlace
from tranche.demo.lake import spark_session
from tranche.demo.stages import DemoStages
from tranche.report.summary import Facts
from tranche.report.wording import count

Row = tuple[str, Mapping[str, Any]]
"""A row of a curated table: its event type, and the columns that are compared with the database."""

_POSTED = """
FROM ledger.requests r WHERE r.act IN ('post', 'post_hold', 'reverse')
 AND NOT EXISTS (SELECT FROM ledger.refusals f WHERE f.position = r.position)
"""
_IDS = f"""
SELECT event_type, event_id FROM ledger.outbox UNION ALL SELECT 'ledger_entry.v1', 'ledger:' || r.entry_id {_POSTED}
"""  # noqa: S608 - composed of the texts above
_SUMS = """
SELECT 'repayments', coalesce(sum((body -> 'amount' ->> 'minor')::bigint), 0)::bigint FROM lending.plan_events
 WHERE kind IN ('paid', 'paid_off', 'recovered')
UNION ALL
SELECT 'open on instalments', coalesce(sum(open_principal_minor + open_interest_minor + open_fees_minor), 0)::bigint
  FROM lending.instalment_standing
UNION ALL
SELECT 'posted transfers', coalesce(sum(amount_minor), 0)::bigint FROM ledger.transfers WHERE NOT pending
"""


def facts_into_the_lake(stages: DemoStages, place: DemoPlace) -> Facts:
    """Take every fact of the platform to its curated table and compare with the database; raises StageFailed."""
    settings = LakeSettings.from_environment(place.environ)
    _relay(stages, place, settings)
    with spark_session(stages, settings) as spark:
        _take_in(stages, spark, settings)
    return _compare(stages, place, settings)


def _relay(stages: DemoStages, place: DemoPlace, settings: LakeSettings) -> None:
    with stages.stage("relay", "the platform's own facts, from outbox and journal onto the stream") as say:
        from ledger.outbox.postgres_outbox import relaying
        from pipelines.ingest.relay import relay
        from pipelines.streams.kinesis import KinesisStream, client

        stream = KinesisStream(client(settings), settings.stream, time.sleep)
        with relaying(place.database(DatabaseProcess.RELAY)) as logs:
            report = relay(logs, stream, now=_now, seconds=time.monotonic, sleep=time.sleep)
        kinds = ", ".join(f"{count(number)} {name.partition('.')[0]}" for name, number in report.published.items())
        say(f"{count(report.total)} facts, {count(round(report.total / report.seconds))} a second; {report.left} left")
        say(kinds)


def _take_in(stages: DemoStages, spark: Any, settings: LakeSettings) -> None:
    with stages.stage("facts", "the stream into Iceberg, then one row a fact") as say:
        from pipelines.curation.curate import curate
        from pipelines.ingest.ingest import ingest
        from pipelines.lake.iceberg import IcebergTables

        taken = ingest(spark, settings, now=_now, sleep=time.sleep).total
        curate(spark, IcebergTables(settings), settings)
        say(
            f"{count(taken.read)} read = {count(taken.accepted)} accepted + {count(taken.quarantined)} in quarantine "
            f"+ {count(taken.duplicates)} duplicates parked"
        )


def _compare(stages: DemoStages, place: DemoPlace, settings: LakeSettings) -> Facts:
    with stages.stage("completeness", "what the lake has of the database, id by id") as say:
        from ledger.books.postgres import connect
        from pipelines.lake.iceberg import IcebergTables

        with connect(place.database(DatabaseProcess.READER)) as connection:
            written = {(event_type, event_id) for event_type, event_id in connection.execute(_IDS)}
            sums = dict(connection.execute(_SUMS).fetchall())
        found = _in_lake(IcebergTables(settings))
        facts, differing = compare_facts(written, sums, found)
        share = 100 * facts.in_lake / facts.written if facts.written else 100
        say(f"{share:.2f} % of {count(facts.written)} facts; {count(facts.unknown)} that nobody wrote")
        say(", ".join(f"{name} {f'differ by {by:,}' if (by := differing[name]) else 'equal'}" for name in sums))
    return facts


def compare_facts(
    written: set[tuple[str, str]], sums: Mapping[str, int], found: Sequence[Row]
) -> tuple[Facts, Mapping[str, int]]:
    """Compare the ids written with the lake's rows; also returns the differences of the sums."""
    in_lake = {(event_type, row["event_id"]) for event_type, row in found}
    differing = {name: lake - sums[name] for name, lake in _sums(found).items()}
    facts = Facts(
        written=len(written),
        in_lake=len(written & in_lake),
        unknown=len(in_lake - written),
        differing_sums=sum(1 for by in differing.values() if by),
    )
    return facts, differing


def _in_lake(tables: Any) -> list[Row]:
    """Every row of the platform's curated tables, with the columns that are compared with the database."""
    rows: list[Row] = []
    for event_type, contract in event_contracts().items():
        if contract.by_name["source"].valid_values != (SOURCE,):
            continue
        assert contract.curated_table is not None, event_type
        newest = tables.newest(contract.curated_table)
        if newest is not None:
            columns = ["event_id", *(name for name in _SUMMED if name in contract.by_name)]
            table = tables.read(contract.curated_table, columns, snapshot_id=newest.snapshot_id, equal={})
            rows += ((event_type, row) for row in table.to_pylist())
    return rows


_SUMMED = ("amount_minor", "open_change_minor", "transfers")


def _sums(rows: Sequence[Row]) -> dict[str, int]:
    def of(event_type: str) -> Iterator[Mapping[str, Any]]:
        return (row for name, row in rows if name == event_type)

    transfers = (transfer for row in of("ledger_entry.v1") for transfer in json.loads(row["transfers"]))
    return {
        "repayments": sum(row["amount_minor"] for row in of("repayment_received.v1")),
        "open on instalments": sum(row["open_change_minor"] for row in of("instalment_changed.v1")),
        "posted transfers": sum(transfer["minor"] for transfer in transfers),
    }


def _now() -> datetime:
    return datetime.now(UTC)
