"""The local runtime's AWS: Kinesis, S3, Glue and KMS of MiniStack, on loopback, with its data on disk."""

import signal
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config

from tranche import process
from tranche.fault import RuntimeFault
from tranche.process import Running

REGION = "eu-west-1"
SHARDS = 4
START_SECONDS = 30.0
# It writes streams, tables and keys to disk when it is asked to stop, so it is given time.
STOP_SECONDS = 30.0
PORT_TRIES = 5


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a crash may lose: streams with their number of shards, and the names of keys."""

    streams: dict[str, int]
    keys: tuple[str, ...]


class LocalAws:
    """One folder of data and the server on it."""

    def __init__(self, folder: Path, region: str = REGION) -> None:
        self.folder = folder
        self.region = region

    def start(self, remembered_port: int | None) -> tuple[Running, int]:
        """Start it on the remembered port, or on a free one; `RuntimeFault` when it does not answer."""
        for name in ("state", "s3", "tmp"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        port = remembered_port if remembered_port and _is_free(remembered_port) else free_port()
        for _ in range(PORT_TRIES):
            running = process.start(
                "ministack", [], environ=self._environ(port), log=self.folder / "log", cwd=self.folder
            )
            address = f"http://127.0.0.1:{port}"
            process.wait_until(lambda r=running, a=address: not r.is_alive or answers(a), seconds=START_SECONDS)
            if running.is_alive and answers(address):
                return running, port
            running.stop(signal.SIGKILL, 5)
            port = free_port()  # another program took the port between the look and the start
        raise RuntimeFault(f"the local AWS endpoint does not start; see {self.folder / 'log'}")

    def stop(self, running: Running) -> None:
        """End it, giving it time to save what it holds in memory."""
        running.stop(signal.SIGTERM, STOP_SECONDS)

    def client(self, service: str, endpoint: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=endpoint,
            region_name=self.region,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106  # the local endpoint asks for some word, not for a secret
            config=Config(
                connect_timeout=5, retries={"total_max_attempts": 3}, s3={"addressing_style": "path"}, proxies={}
            ),
        )

    def provide(self, endpoint: str, *, bucket: str, streams: dict[str, int], databases: tuple[str, ...]) -> list[str]:
        """Make the bucket, the streams and the Glue databases where they are missing; the streams that were made."""
        s3 = self.client("s3", endpoint)
        if bucket not in {each["Name"] for each in s3.list_buckets()["Buckets"]}:
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": self.region})
        glue = self.client("glue", endpoint)
        present = {each["Name"] for page in _pages(glue, "get_databases") for each in page["DatabaseList"]}
        for name in databases:
            if name not in present:
                glue.create_database(DatabaseInput={"Name": name})
        kinesis = self.client("kinesis", endpoint)
        made = []
        for name, shards in streams.items():
            if name not in kinesis.list_streams()["StreamNames"]:
                kinesis.create_stream(StreamName=name, ShardCount=shards)
                kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
                made.append(name)
        return made

    def provide_keys(self, endpoint: str, aliases: tuple[str, ...]) -> list[str]:
        """Make a key under each of the names that has none; those that were made."""
        kms = self.client("kms", endpoint)
        present = {each["AliasName"] for each in kms.list_aliases()["Aliases"]}
        made = [alias for alias in aliases if alias not in present]
        for alias in made:
            kms.create_alias(AliasName=alias, TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
        return made

    def inventory(self, endpoint: str) -> Inventory:
        """What is there now, to be remembered for the case of a crash."""
        kinesis = self.client("kinesis", endpoint)
        streams = {}
        for name in kinesis.list_streams()["StreamNames"]:
            streams[name] = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"][
                "OpenShardCount"
            ]
        aliases = self.client("kms", endpoint).list_aliases()["Aliases"]
        own = tuple(sorted(each["AliasName"] for each in aliases if not each["AliasName"].startswith("alias/aws/")))
        return Inventory(streams, own)

    def _environ(self, port: int) -> dict[str, str]:
        return {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "MINISTACK_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self.folder / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self.folder / "s3"),
            "TMPDIR": str(self.folder / "tmp"),
            "LOG_LEVEL": "WARNING",
            # It tidies containers of its own when it finds Docker; none of ours are there.
            "DOCKER_HOST": "unix:///nonexistent",
        }


def answers(endpoint: str) -> bool:
    """Whether the server at this address says that it is ready."""
    try:
        with httpx.Client(trust_env=False, timeout=2.0) as http:
            return http.get(f"{endpoint}/_ministack/health").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def free_port() -> int:
    """A port of the loopback address on which nobody listens now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _pages(client: Any, operation: str) -> Any:
    return client.get_paginator(operation).paginate()
