"""A program that does in small what the pipelines do in Spark, so that its JVM records the classes they need.

    python -m pipelines.runtime.typical_session ARCHIVE JVM_DIR JAVA

It needs no lake: its tables are in a folder that is removed at the end, and no server answers the lake's clients.
"""

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pyspark.sql.datasource import DataSource, DataSourceStreamReader, InputPartition
from pyspark.sql.types import StructType

from pipelines.runtime.spark import recorded_session
from pipelines.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

TABLE = "typical.raw.movements"
# A port of this machine on which nothing listens.
NOBODY = "http://127.0.0.1:9"


class TypicalSource(DataSource):
    """A stream of one small batch."""

    @classmethod
    def name(cls) -> str:
        return "typical"

    def schema(self) -> str:
        return "payload string"

    def streamReader(self, schema: StructType) -> "TypicalReader":  # noqa: ARG002, N802 - Spark's name and arguments
        return TypicalReader()


class TypicalReader(DataSourceStreamReader):
    """Reads the batch."""

    def initialOffset(self) -> dict[str, int]:  # noqa: N802 - Spark's name
        return {"until": 0}

    def latestOffset(self) -> dict[str, int]:  # noqa: N802 - Spark's name
        return {"until": 1}

    def partitions(self, start: dict[str, int], end: dict[str, int]) -> list[InputPartition]:  # noqa: ARG002
        return [InputPartition(0)]

    def read(self, partition: InputPartition) -> Iterator[tuple[str]]:  # noqa: ARG002
        for number in range(3):
            yield (f'{{"id": {number}, "at": "2026-01-0{number + 1}T00:00:00Z", "minor": "{number}"}}',)


def work(spark: "SparkSession", folder: Path) -> None:
    """A batch of a stream into a table, its rows judged, joined and counted, and a changed row."""
    for name, value in {
        "": "org.apache.iceberg.spark.SparkCatalog",
        ".type": "hadoop",
        ".warehouse": f"{folder}/lake",
        ".cache-enabled": "false",
    }.items():
        spark.conf.set(f"spark.sql.catalog.typical{name}", value)
    spark.sql(f"create table {TABLE} (id bigint, at timestamp, minor bigint) using iceberg partitioned by (months(at))")
    spark.dataSource.register(TypicalSource)
    stream = spark.readStream.format("typical").load().writeStream.foreachBatch(_append)
    stream.option("checkpointLocation", f"{folder}/checkpoint").trigger(availableNow=True).start().awaitTermination()

    rows = spark.table(TABLE)
    rows.createOrReplaceTempView("movements")
    spark.sql(
        "select a.id, sum(a.minor) over (partition by a.id order by a.at) total, date_trunc('day', a.at) day, b.n "
        "from movements a left join (select id, count(*) n, max(struct(at, minor)) newest from movements group by id) "
        "b on a.id = b.id where a.minor >= 0 order by a.id"
    ).toArrow()
    spark.createDataFrame(rows.toArrow()).writeTo(TABLE).option("snapshot-property.note", "1").append()
    spark.sql(f"alter table {TABLE} add column note string")
    spark.createDataFrame([(0, "seen")], "id bigint, note string").createOrReplaceTempView("changes")
    spark.sql(f"merge into {TABLE} t using changes c on t.id = c.id when matched then update set t.note = c.note")
    spark.table(f"{TABLE}.snapshots").collect()
    with suppress(Exception):  # no server answers; what counts is that the lake's clients were loaded
        spark.sql("show tables in lake.raw").collect()


def _append(batch: "DataFrame", _batch_id: int) -> None:
    text = batch.selectExpr("from_json(payload, 'id string, at string, minor string') text").persist()
    text.groupBy("text.id").count().collect()
    text.selectExpr(
        "CAST(text.id AS BIGINT) id",
        "to_timestamp(text.at) at",
        "CASE WHEN text.minor RLIKE '^[0-9]+$' THEN CAST(text.minor AS BIGINT) END minor",
    ).coalesce(1).writeTo(TABLE).append()


def main(archive: Path, jvm_dir: str, java: str) -> None:
    """Do the work in a session that records its classes; exits as Java does, when the archive is there."""
    with TemporaryDirectory(prefix="typical-") as folder:
        environment = {
            "TRANCHE_AWS_ENDPOINT": NOBODY,
            "TRANCHE_VAR": folder,
            "TRANCHE_JVM_DIR": jvm_dir,
            "TRANCHE_JAVA": java,
        }
        spark = recorded_session(Settings.from_environment(environment), archive)
        work(spark, Path(folder))
        gateway = spark.sparkContext._gateway  # noqa: SLF001 - nothing public waits for the JVM's end
        assert gateway is not None
        spark.stop()
        # Java ends when its input does, and records then.
        gateway.shutdown()
        gateway.proc.stdin.close()
        code = gateway.proc.wait()
    sys.exit(code)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
