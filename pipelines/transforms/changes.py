"""Which rows of a curated table are added or changed by new rows of its raw table."""

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - the name everyone knows them by

from data_contracts.contract import Contract
from pipelines.transforms.conform import conform


@dataclass(frozen=True, slots=True)
class CuratedChanges:
    """`added` has ids that the curated table lacks; `changed` has new rows for ids that it has, None without any.

    `days` are the event days of all of them, including those that a changed row leaves. Columns: those of `conform`;
    day.
    """

    added: DataFrame
    changed: DataFrame | None
    days: DataFrame


def curated_changes(
    gained: DataFrame, everything: DataFrame, standing: DataFrame, contract: Contract
) -> CuratedChanges:
    """Compare the new raw rows with the curated table.

    `gained` are the new raw rows, `everything` is the raw table with them, `standing` the curated table. Ingest parks a
    repeated id, so nearly always all rows are added. When an id does come again, the whole raw table decides which of
    its rows was known first, so the order of arrival never matters.

    Columns: those of the raw table; `standing` those of the curated one → see Changes.
    """
    fresh = conform(gained, contract)
    known = standing.join(fresh.select("event_id"), on="event_id", how="left_semi").select(*fresh.columns)
    if known.isEmpty():
        return CuratedChanges(fresh, None, _days(fresh))
    ids = known.select("event_id").distinct()
    added = fresh.join(ids, on="event_id", how="left_anti")
    changed = conform(everything.join(ids, on="event_id", how="left_semi"), contract).exceptAll(known)
    if changed.isEmpty():
        return CuratedChanges(added, None, _days(added))
    left = known.join(changed.select("event_id"), on="event_id", how="left_semi")
    return CuratedChanges(added, changed, _days(added).union(_days(changed)).union(_days(left)))


def _days(rows: DataFrame) -> DataFrame:
    """The event day of each row. Columns: occurred_at → day."""
    return rows.select(F.to_date("occurred_at").alias("day"))
