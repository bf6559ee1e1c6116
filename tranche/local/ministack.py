"""The local runtime's AWS endpoint: Kinesis, S3, Glue and KMS of MiniStack, on loopback, with its data on disk."""

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tranche.local import process
from tranche.local.process import Running

REGION = "eu-west-1"
# It writes streams, tables and keys to disk when it is stopped, which takes time.
STOP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Inventory:
    """The things that a crash may lose: streams with their number of shards, and the names of keys."""

    streams: dict[str, int]
    keys: tuple[str, ...]


class LocalAws:
    """One folder of data and its server."""

    def __init__(self, folder: Path, region: str = REGION) -> None:
        self.folder = folder
        self.region = region

    def start(self, remembered_port: int | None) -> tuple[Running, int]:
        """Start it on the remembered port, or on a free one; raises RuntimeFault if it does not answer."""
        for name in ("state", "s3", "tmp"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        log = self.folder / "log"

        def launch(port: int) -> Running:
            return process.start_module("ministack", [], environ=self._environ(port), log=log, cwd=self.folder)

        return process.start_on_a_port(launch, aws_answers, remembered_port, log=log)

    def stop(self, running: Running) -> None:
        """Stop it, giving it time to save its memory."""
        running.stop(signal.SIGTERM, STOP_SECONDS)

    def client(self, service: str, endpoint: str) -> Any:
        import boto3
        from botocore.config import Config

        return boto3.client(
            service,
            endpoint_url=endpoint,
            region_name=self.region,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106  # the local endpoint accepts any value
            config=Config(
                connect_timeout=5, retries={"total_max_attempts": 3}, s3={"addressing_style": "path"}, proxies={}
            ),
        )

    def provide_keys(self, endpoint: str, aliases: tuple[str, ...]) -> list[str]:
        """Create a key for each of the names without one; returns the names created."""
        kms = self.client("kms", endpoint)
        present = {each["AliasName"] for each in kms.list_aliases()["Aliases"]}
        made = [alias for alias in aliases if alias not in present]
        for alias in made:
            kms.create_alias(AliasName=alias, TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
        return made

    def inventory(self, endpoint: str) -> Inventory:
        """The current streams and keys, to be remembered in case of a crash."""
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
            # Without this, it cleans up containers of its own if it finds Docker; we use none.
            "DOCKER_HOST": "unix:///nonexistent",
        }


def aws_answers(port: int | None) -> bool:
    """Whether the endpoint on this port answers that it is ready."""
    return process.answers(f"http://127.0.0.1:{port}/_ministack/health")
