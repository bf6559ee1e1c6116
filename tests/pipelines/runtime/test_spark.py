"""A session on the private runtime: Iceberg on Glue and S3, read back without a JVM."""

from collections.abc import Mapping
from typing import Any

import pytest

from pipelines.lake import iceberg
from pipelines.runtime.spark import configuration
from pipelines.settings import Settings


@pytest.mark.parametrize(
    ("master", "stays_here", "hands_on_keys"),
    [("local[2]", True, False), ("spark://127.0.0.1:7077", True, True), ("spark://10.0.0.5:7077", False, True)],
)
def test_a_master_elsewhere_reaches_the_driver_and_its_executors_may_write(
    master: str, stays_here: bool, hands_on_keys: bool
) -> None:
    settings = Settings.from_environment({"TRANCHE_AWS_ENDPOINT": "", "TRANCHE_SPARK_MASTER": master})
    keys = {"AWS_ACCESS_KEY_ID": "mine", "AWS_SECRET_ACCESS_KEY": "hidden", "HOME": "nobody's business"}

    told = configuration(settings, [], keys)

    assert (told.get("spark.driver.bindAddress") == told.get("spark.driver.host") == "127.0.0.1") is stays_here
    assert (told.get("spark.executorEnv.AWS_SECRET_ACCESS_KEY") == "hidden") is hands_on_keys
    assert ("spark.executorEnv.PYTHONPATH" in told) is hands_on_keys
    assert "spark.executorEnv.HOME" not in told


@pytest.mark.slow
def test_what_spark_writes_to_the_lake_is_read_without_a_jvm(spark: Any, lake_environment: Mapping[str, str]) -> None:
    settings = Settings.from_environment(lake_environment)
    name = iceberg.spark_name(settings, "raw.things")
    spark.sql(f"create table {name} (id bigint, at timestamp) using iceberg")
    spark.sql(f"insert into {name} values (1, timestamp '1996-01-01 00:00:00'), (2, null)")

    rows = iceberg.catalog(settings).load_table(iceberg.table_name(settings, "raw.things")).scan().to_arrow()

    assert sorted(rows["id"].to_pylist()) == [1, 2]
    assert rows["at"].to_pylist()[0].isoformat() == "1996-01-01T00:00:00+00:00"


@pytest.mark.slow
def test_the_session_works_in_utc_and_listens_on_loopback_alone(spark: Any) -> None:
    assert spark.conf.get("spark.sql.session.timeZone") == "UTC"
    assert spark.conf.get("spark.driver.bindAddress") == "127.0.0.1"
