"""One shopper is gone from every byte of the lake and from the vectors; the other's rows are as they were."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection

from features.postgres import PostgresVectors
from features.vector import FeatureVector
from pipelines.erasures.erasures import ErasedSubjects, ErasureState, pseudonym
from pipelines.erasures.iceberg_erasures import IcebergErasures, IcebergHolds
from pipelines.settings import Settings
from pipelines.streams.iceberg import STOPS, UNTIL, batches_of, committed
from pipelines.upkeep.erase import BatchUnfinished, EraseReport, ErasureRequest, erase
from terminal.environment import SettingFault
from tests.command_line import acts_of
from tests.pipelines.two_shoppers import (
    ACCOUNTS,
    MINE,
    NEEDLES,
    NO_STOPS,
    OTHERS,
    TAG,
    Killed,
    KilledAfter,
    TwoShoppers,
)

main = acts_of("pipelines")

pytestmark = pytest.mark.slow

KEY = "a key that the lake does not hold"
CASE = "case-1"
NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def lake(lake_environment: Mapping[str, str]) -> TwoShoppers:
    filled = TwoShoppers(Settings.from_environment(lake_environment))
    filled.fill()
    return filled


def erased(
    lake: TwoShoppers, store: Any, record: IcebergErasures, *, holds: Mapping[str, str] | None = None, **changes: Any
) -> EraseReport:
    request = ErasureRequest(MINE, changes.pop("case_id", CASE), changes.pop("key", KEY))
    later = datetime.now(UTC) + timedelta(hours=1)
    options: dict[str, Any] = {"now": later, "holds": holds or {}, "orphans_older_than": timedelta()}
    return erase(lake.upkeep, store, record, request, **{**options, **changes})


def a_vector(account_id: str) -> FeatureVector:
    return FeatureVector(account_id, "d1", NOW, NOW - timedelta(days=1), {"balance_last": 1.0}, {})


def rows_in_postgres(connection: Connection[Any]) -> str:
    """Every row of every table of the schema as text."""
    tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'features'").fetchall()
    return str([connection.execute(f'SELECT t::text FROM features."{name}" t').fetchall() for (name,) in tables])


def test_a_held_shopper_and_an_unfinished_batch_stop_an_erasure(lake: TwoShoppers, connection: Connection[Any]) -> None:
    store, record, holds = PostgresVectors(connection), IcebergErasures(lake.settings), IcebergHolds(lake.settings)
    objects = len(lake.objects())

    assert holds.put("court-9", MINE, NOW)
    assert not holds.put("court-9", MINE, NOW)
    report = erased(lake, store, record, holds=holds.standing())
    assert (report.state, report.held_by) == (ErasureState.HELD, "court-9")
    assert holds.release("court-9", MINE)
    assert not holds.release("court-9", MINE)

    table = lake.table("raw.bank_transactions")
    lake.write("raw.bank_transactions", [], table.schema().as_arrow(), {UNTIL: "2"})
    with pytest.raises(BatchUnfinished, match="batch 2 of the stream is unfinished; run `tranche pipelines ingest`"):
        erased(lake, store, record, holds=holds.standing())
    lake.write(
        "raw.batches", [{"until": 2}], lake.table("raw.batches").schema().as_arrow(), {UNTIL: "2", STOPS: NO_STOPS}
    )
    assert len(lake.objects()) > objects
    assert {line.state for line in record.lines()} == {ErasureState.HELD}


def test_an_erased_shopper_is_in_no_byte_of_the_lake_and_in_no_vector(
    lake: TwoShoppers, connection: Connection[Any]
) -> None:
    settings, store = lake.settings, PostgresVectors(connection)
    store.publish([a_vector(account) for accounts in ACCOUNTS.values() for account in accounts])
    before, planted = lake.contents(), lake.found()
    tagged = lake.named_by_tag()
    stray = f"{lake.table('raw.accounts').location()}/data/at-work.parquet".removeprefix("s3://").split("/", 1)
    lake.upkeep.objects._client.put_object(Bucket=stray[0], Key=stray[1], Body=b"of a commit at work")

    for writes in (1, 2, 5):  # behind the request, behind an announcement, and between two of them
        with pytest.raises(Killed):
            erased(lake, store, KilledAfter(settings, writes))
    waiting = erased(lake, store, IcebergErasures(settings), orphans_older_than=timedelta(days=1))
    report = erased(lake, store, IcebergErasures(settings))

    assert set(planted) == set(NEEDLES)
    assert {"parquet", "avro"} <= set.union(*planted.values())
    assert lake.found() == {}
    # The shopper is found nowhere, but a file that no snapshot reaches may be of a commit at work.
    assert (waiting.state, waiting.left) == (ErasureState.REMOVED, ())
    assert waiting.young_files >= 1
    assert (report.state, report.left, report.young_files) == (ErasureState.VERIFIED, (), 0)
    assert {name: digest for name, digest in lake.contents().items() if name in before} == before
    in_postgres = rows_in_postgres(connection)
    assert "acct-canary" not in in_postgres
    assert ACCOUNTS[OTHERS][0] in in_postgres
    moves = {
        (line.table, line.snapshot_before): line.snapshot_after
        for line in IcebergErasures(settings).lines()
        if line.state is ErasureState.REMOVED and line.ref == TAG
    }
    assert {name: moves[name, snapshot_id] for name, snapshot_id in tagged.items()} == lake.named_by_tag()


def test_ingest_still_knows_its_batches_and_the_record_names_nobody_and_refuses(
    lake: TwoShoppers, connection: Connection[Any]
) -> None:
    """Runs behind the erasure."""
    newest = committed(lake.lake, lake.settings)
    assert newest is not None
    assert newest.until == 2
    assert batches_of(lake.lake, lake.settings, "raw.accounts") == {1}
    assert batches_of(lake.lake, lake.settings, "raw.bank_transactions") == {2}

    lines = IcebergErasures(lake.settings).lines()
    asked = {line.subject for line in lines if line.state is ErasureState.REQUESTED}
    # The plan too, because a ledger entry need not contain the shopper's id.
    hanging = pseudonym(KEY, "plan", "plan-canary")
    assert asked == {
        pseudonym(KEY, "shopper", MINE),
        *(pseudonym(KEY, "account", each) for each in ACCOUNTS[MINE]),
        hanging,
    }
    refused = ErasedSubjects(lines, KEY)
    moment = max(line.at for line in lines if line.state is ErasureState.REQUESTED)
    account = ACCOUNTS[MINE][0]
    assert refused.until("account", [account, ACCOUNTS[OTHERS][0]]) == {account: moment}
    assert refused.until("shopper", [MINE, OTHERS]) == {MINE: moment}
    with pytest.raises(
        SettingFault, match="TRANCHE_ERASURE_KEY is another key than the one under which subjects stand"
    ):
        ErasedSubjects(lines, "another key")
    with pytest.raises(SettingFault, match="TRANCHE_ERASURE_KEY is another key"):
        erased(lake, PostgresVectors(connection), IcebergErasures(lake.settings), key="another key")


def test_the_command_finds_nothing_a_second_time(
    lake: TwoShoppers,
    lake_environment: Mapping[str, str],
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in {**lake_environment, "TRANCHE_DATABASE_URL": database_url, "TRANCHE_ERASURE_KEY": KEY}.items():
        monkeypatch.setenv(name, value)
    erase_again = ["erase", "--shopper", MINE, "--case", CASE, "--orphans-older-than", "0s"]

    assert main([*erase_again, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["state"], sum(told["rows"].values())) == ("verified", 0)

    assert main(["hold", "--shopper", MINE, "--case", "court-9"]) == 0
    assert main(erase_again) == 1
    assert main(["release", "--shopper", MINE, "--case", "court-9"]) == 0
    assert "case court-9 holds the shopper; nothing was done" in capsys.readouterr().out
