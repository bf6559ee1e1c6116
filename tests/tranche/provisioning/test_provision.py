"""What the settings name is made where it is missing, and a second run makes nothing."""

import json
from collections.abc import Iterator, Mapping

import boto3
import psycopg
import pytest

from tests.command_line import acts_of
from tranche.fault import RuntimeFault
from tranche.provisioning import aws, provision
from tranche.provisioning.aws import AwsNames, clients, provide_aws
from tranche.provisioning.made import Made


@pytest.fixture
def new_names(runtime: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Mapping[str, str]]:
    """Settings of a lake and databases that are not there yet, on the private runtime."""
    database = runtime["TRANCHE_DATABASE_URL"]
    environment = {
        **runtime,
        "TRANCHE_DATABASE_URL": database.replace("/tranche?", "/bare_money?"),
        "TRANCHE_MLFLOW_TRACKING_URI": database.replace("/tranche?", "/bare_runs?"),
        "TRANCHE_LAKE_BUCKET": "bare-lake",
        "TRANCHE_LAKE_PREFIX": "bare_",
        "TRANCHE_STREAM": "bare-events",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    yield environment
    with psycopg.connect(database.replace("/tranche?", "/postgres?"), autocommit=True) as connection:
        for name in ("bare_money", "bare_runs"):
            connection.execute(f"drop database if exists {name} with (force)")


def test_everything_is_made_once(new_names: Mapping[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert acts_of("provision")(["--shards", "2", "--json"]) == 0
    made = [(each["kind"], each["name"]) for each in json.loads(capsys.readouterr().out)["made"]]

    assert made[:7] == [
        ("bucket", "bare-lake"),
        ("Glue database", "bare_raw"),
        ("Glue database", "bare_curated"),
        ("Glue database", "bare_features"),
        ("stream", "bare-events"),
        ("PostgreSQL database", "bare_money"),
        ("PostgreSQL database", "bare_runs"),
    ]
    assert ("tables of", "ledger/schema/001_ledger.sql") in made
    kinesis = boto3.client("kinesis", endpoint_url=new_names["TRANCHE_AWS_ENDPOINT"])
    stream = kinesis.describe_stream_summary(StreamName="bare-events")["StreamDescriptionSummary"]
    assert (stream["OpenShardCount"], stream["StreamStatus"]) == (2, "ACTIVE")

    assert acts_of("provision")([]) == 0
    assert capsys.readouterr().out == "made      nothing: all was there\n"


def test_what_was_lost_is_made_again_and_the_rest_left_alone(new_names: Mapping[str, str]) -> None:
    provision.provision()
    boto3.client("glue", endpoint_url=new_names["TRANCHE_AWS_ENDPOINT"]).delete_database(Name="bare_curated")

    assert provision.provision() == [Made("Glue database", "bare_curated")]


def test_a_bucket_of_another_account_is_said(runtime: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = runtime["TRANCHE_AWS_ENDPOINT"]
    s3 = clients("eu-west-1", endpoint, endpoint)("s3")
    answer = {"Error": {"Code": "403"}, "ResponseMetadata": {"HTTPStatusCode": 403}}

    def refused(**_: object) -> None:
        raise s3.exceptions.ClientError(answer, "HeadBucket")

    monkeypatch.setattr(s3, "head_bucket", refused)

    with pytest.raises(RuntimeFault, match=r"the bucket theirs exists but .*choose another with TRANCHE_LAKE_BUCKET"):
        provide_aws(lambda _: s3, AwsNames("eu-west-1", "theirs", {}, ()))


@pytest.mark.parametrize(
    ("region", "place"),
    [("eu-west-1", {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}), ("us-east-1", {})],
)
def test_a_bucket_is_made_in_its_region_which_one_region_does_not_want_to_be_named(
    region: str, place: Mapping[str, object], runtime: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = runtime["TRANCHE_AWS_ENDPOINT"]
    s3 = clients(region, endpoint, endpoint)("s3")
    asked: list[Mapping[str, object]] = []
    monkeypatch.setattr(s3, "create_bucket", lambda **words: asked.append(words))

    made = aws._bucket(s3, AwsNames(region, f"in-{region}", {}, ()))

    assert made == [Made("bucket", f"in-{region}")]
    assert asked == [{"Bucket": f"in-{region}", **place}]
