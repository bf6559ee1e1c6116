"""What rows that a raw table gained mean for its curated table."""

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - the name everyone knows them by

from data_contracts.contract import Contract
from pipelines.transforms.conform import conform


@dataclass(frozen=True, slots=True)
class Changes:
    """`added` has ids that the curated table lacks; `changed` are other rows for ids that it has, None where none is.

    `days` are the event days of all of them, those that a changed row leaves included.
    """

    added: DataFrame
    changed: DataFrame | None
    days: DataFrame


def changes(gained: DataFrame, everything: DataFrame, standing: DataFrame, contract: Contract) -> Changes:
    """Compare what was gained with what stands.

    `gained` are the new raw rows, `everything` is the raw table with them, `standing` the curated table. Ingest parks a
    repeated id, so nearly always all rows are added. Where an id does come again, which of its rows was known first is
    asked of the whole raw table, so that the order of arrival never matters.
    """
    fresh = conform(gained, contract)
    known = standing.join(fresh.select("event_id"), on="event_id", how="left_semi").select(*fresh.columns)
    if known.isEmpty():
        return Changes(fresh, None, _days(fresh))
    ids = known.select("event_id").distinct()
    added = fresh.join(ids, on="event_id", how="left_anti")
    changed = conform(everything.join(ids, on="event_id", how="left_semi"), contract).exceptAll(known)
    if changed.isEmpty():
        return Changes(added, None, _days(added))
    left = known.join(changed.select("event_id"), on="event_id", how="left_semi")
    return Changes(added, changed, _days(added).union(_days(changed)).union(_days(left)))


def _days(rows: DataFrame) -> DataFrame:
    return rows.select(F.to_date("occurred_at").alias("day"))
