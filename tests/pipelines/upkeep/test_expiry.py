"""Which snapshots may expire, as tables of cases."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from pipelines.lake.table import ROWS_OF
from pipelines.streams.iceberg import STOPS, UNTIL
from pipelines.upkeep.expiry import NotAnAge, age, expiry

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Kept:
    snapshot_id: int
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def committed_at(self) -> datetime:
        return NOON + self.snapshot_id * HOUR


def going(
    *snapshots: Kept, named: set[int], whole_until: int | None = None, older_than: datetime = NOON + 99 * HOUR
) -> tuple[int, ...]:
    return expiry(snapshots, named, older_than=older_than, whole_until=whole_until).going


def test_what_a_branch_or_tag_names_stays_and_the_rest_goes() -> None:
    assert going(Kept(1), Kept(2), Kept(3), Kept(4), named={4, 2}) == (1, 3)


@pytest.mark.parametrize(("older_than", "gone"), [(2 * HOUR, (1,)), (2 * HOUR + timedelta(seconds=1), (1, 2))])
def test_a_snapshot_goes_when_it_is_older_than_asked(older_than: timedelta, gone: tuple[int, ...]) -> None:
    assert going(Kept(1), Kept(2), Kept(3), Kept(4), named={4}, older_than=NOON + older_than) == gone


def test_the_newest_snapshot_with_a_note_stays_behind_commits_without_one() -> None:
    built = [Kept(n, {"tranche.build": str(n)}) for n in (1, 2)]

    assert going(*built, Kept(3), Kept(4), named={4}) == (1, 3)


def test_a_compacted_snapshot_goes_once_rows_were_removed_behind_it() -> None:
    compacted = Kept(2, {ROWS_OF: "1", "tranche.contract": "shopper@1.0.0"})
    erased = Kept(3, {"tranche.contract": "shopper@1.0.0"})

    assert going(Kept(1), compacted, erased, named={3}) == (1, 2)


def test_where_the_stream_was_read_to_stays() -> None:
    batches = [Kept(n, {UNTIL: str(n), STOPS: "{}"}) for n in (1, 2)]

    assert going(*batches, Kept(3), named={3}, whole_until=2) == (1,)


def test_a_batch_that_is_not_whole_stays_and_so_does_the_whole_one_before_it() -> None:
    """Ingest asks which batches a table has besides the one at work: without an answer it would see no rows there."""
    batches = [Kept(n, {UNTIL: str(n)}) for n in (1, 2, 3, 4)]

    assert going(*batches, Kept(5), named={5}, whole_until=2) == (1,)
    assert going(*batches, Kept(5), named={5}, whole_until=None) == ()


def test_other_systems_notes_hold_nothing() -> None:
    assert going(Kept(1, {"spark.app.id": "x"}), Kept(2), named={2}) == (1,)


def test_what_stays_is_counted_by_its_reason() -> None:
    snapshots = [Kept(1, {UNTIL: "1"}), Kept(2, {UNTIL: "2"}), Kept(3), Kept(4), Kept(5)]

    found = expiry(snapshots, {3}, older_than=NOON + 5 * HOUR, whole_until=1)

    assert (found.going, found.named, found.told, found.unfinished, found.young) == ((4,), 1, 2, 0, 1)


@pytest.mark.parametrize(
    ("text", "meant"),
    [("7d", timedelta(days=7)), ("12h", 12 * HOUR), ("30m", HOUR / 2), ("0s", timedelta())],
)
def test_an_age_is_a_number_and_a_unit(text: str, meant: timedelta) -> None:
    assert age("--older-than", text) == meant


@pytest.mark.parametrize("text", ["", "7", "-1d", "7 d", "1w", "1.5d", "d"])
def test_what_is_no_age_is_refused_with_the_option_and_an_example(text: str) -> None:
    with pytest.raises(NotAnAge, match=r"--older-than is .*; for example --older-than 7d"):
        age("--older-than", text)
