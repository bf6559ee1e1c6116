"""The AWS side of provisioning: create the lake's bucket, streams and Glue databases if they are missing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tranche.fault import RuntimeFault
from tranche.provisioning.made import Made

SHARDS = 4
STREAM_KIND = "stream"
# The only region for which S3 does not accept a location in the request to create a bucket.
_UNNAMED_REGION = "us-east-1"

Client = Callable[[str], Any]
"""A client for a service by its name, such as `s3`."""


@dataclass(frozen=True, slots=True)
class AwsNames:
    """The required bucket, `streams` with the number of shards of a new one, and Glue `databases`."""

    region: str
    bucket: str
    streams: Mapping[str, int]
    databases: tuple[str, ...]


def clients(region: str, endpoint: str | None, kinesis_endpoint: str | None) -> Client:
    """Clients with the credentials of the environment; without an endpoint, for AWS itself."""
    import boto3
    from botocore.config import Config

    style = {"addressing_style": "path"} if endpoint else {}
    config = Config(connect_timeout=5, retries={"total_max_attempts": 3}, s3=style)

    def client(service: str) -> Any:
        address = kinesis_endpoint if service == "kinesis" else endpoint
        return boto3.client(service, endpoint_url=address, region_name=region, config=config)

    return client


def provide_aws(client: Client, names: AwsNames) -> list[Made]:
    """Create what is missing, and return what was created. Idempotent; existing things are not changed."""
    return [*_bucket(client("s3"), names), *_databases(client("glue"), names), *_streams(client("kinesis"), names)]


def _bucket(s3: Any, names: AwsNames) -> list[Made]:
    try:
        s3.head_bucket(Bucket=names.bucket)
    except s3.exceptions.ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status == 403:
            raise RuntimeFault(
                f"the bucket {names.bucket} exists but these credentials may not use it: "
                "bucket names are shared by all accounts; choose another with TRANCHE_LAKE_BUCKET"
            ) from error
        if status != 404:
            raise
    else:
        return []
    place = {} if names.region == _UNNAMED_REGION else {"LocationConstraint": names.region}
    s3.create_bucket(Bucket=names.bucket, **({"CreateBucketConfiguration": place} if place else {}))
    return [Made("bucket", names.bucket)]


def _databases(glue: Any, names: AwsNames) -> list[Made]:
    made = []
    for name in names.databases:
        try:
            glue.get_database(Name=name)
        except glue.exceptions.EntityNotFoundException:
            glue.create_database(DatabaseInput={"Name": name})
            made.append(Made("Glue database", name))
    return made


def _streams(kinesis: Any, names: AwsNames) -> list[Made]:
    made = []
    for name, shards in names.streams.items():
        try:
            kinesis.describe_stream_summary(StreamName=name)
        except kinesis.exceptions.ResourceNotFoundException:
            kinesis.create_stream(StreamName=name, ShardCount=shards)
            made.append(Made(STREAM_KIND, name))
        # A stream that was just created, possibly by another process, does not take records yet.
        kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    return made
