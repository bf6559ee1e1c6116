"""Keep one row of each event."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812 - the name everyone knows them by


def first_known_by_event(events: DataFrame) -> DataFrame:
    """The row of each event that could be known first; the stream may repeat events.

    The first and not the last: another row under the same identity is no correction (a correction is an event of its
    own), and taking it would change what an earlier moment saw. Columns: those of the events.
    """
    first = Window.partitionBy("event_id").orderBy(F.asc_nulls_last("recorded_at"), F.asc("kinesis_sequence"))
    return events.withColumn("place", F.row_number().over(first)).where("place = 1").drop("place")
