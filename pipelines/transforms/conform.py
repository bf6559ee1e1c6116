"""Raw rows in the form of their contract's curated table."""

import json

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - the name everyone knows them by
from pyspark.sql.types import StructType

from data_contracts.contract import Contract
from data_contracts.schemas import spark_struct
from pipelines.transforms.first_known import first_known_by_event

# Tables with the day of the event as a column of its own, for readers that select by it.
WITH_EVENT_DAY = ("bank_transaction",)


def conform(raw: DataFrame, contract: Contract) -> DataFrame:
    """The contract's columns of each event's first-known row; a column that is newer than the rows is null.

    Columns: those of the raw table → the contract's own, contract_version, and event_day for `WITH_EVENT_DAY`.
    """
    kept = first_known_by_event(raw)
    columns = [
        F.col(field.name) if field.name in raw.columns else F.lit(None).cast(field.dataType).alias(field.name)
        for field in StructType.fromJson(json.loads(spark_struct(contract)))
    ]
    rows = kept.select(*columns, "contract_version")
    return rows.withColumn("event_day", F.to_date("occurred_at")) if contract.name in WITH_EVENT_DAY else rows
