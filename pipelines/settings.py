"""Where the stream, the lake and Spark are: read once at the entry point, handed down from there."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from terminal.environment import SettingFault, optional, required_url

CHECKOUT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Settings:
    """Addresses and names of everything the pipelines touch.

    `aws_endpoint` None is AWS itself; `kinesis_endpoint` is the same one unless it is set. `lake_prefix` stands in
    front of each Glue database's name, so that several lakes share one catalogue. One batch of the stream holds about
    `batch_records` at most. `java` is `found` (the machine's own 17 or 21, else the wheel's) or `wheel`.
    """

    aws_endpoint: str | None
    aws_region: str
    lake_bucket: str
    lake_prefix: str
    stream: str
    kinesis_endpoint: str | None
    batch_records: int
    spark_master: str
    jvm_dir: Path
    var: Path
    java: str
    erasure_key: str = ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the variables; `SettingFault` names the first one that is missing or malformed."""
        environ = os.environ if environ is None else environ
        endpoint = required_url(
            environ, "TRANCHE_AWS_ENDPOINT", "http://127.0.0.1:4566", ("http", "https"), may_be_empty=True
        )
        var = Path(optional(environ, "TRANCHE_VAR", str(CHECKOUT / "var")))
        batch_records = optional(environ, "TRANCHE_STREAM_BATCH_RECORDS", "500000")
        if not (batch_records.isdecimal() and int(batch_records)):
            raise SettingFault("TRANCHE_STREAM_BATCH_RECORDS", f"is {batch_records!r}, not a number above 0", "500000")
        java = optional(environ, "TRANCHE_JAVA", "found")
        if java not in ("found", "wheel"):
            raise SettingFault("TRANCHE_JAVA", f"is {java!r}, not found or wheel", "wheel")
        return cls(
            aws_endpoint=endpoint or None,
            aws_region=optional(environ, "TRANCHE_AWS_REGION", "eu-west-1"),
            lake_bucket=optional(environ, "TRANCHE_LAKE_BUCKET", "tranche-lake"),
            lake_prefix=optional(environ, "TRANCHE_LAKE_PREFIX", ""),
            stream=optional(environ, "TRANCHE_STREAM", "tranche-events"),
            kinesis_endpoint=_kinesis_endpoint(environ) or endpoint or None,
            batch_records=int(batch_records),
            spark_master=optional(environ, "TRANCHE_SPARK_MASTER", "local[2]"),
            jvm_dir=Path(optional(environ, "TRANCHE_JVM_DIR", str(var / "jvm"))),
            var=var,
            java=java,
            erasure_key=optional(environ, "TRANCHE_ERASURE_KEY", ""),
        )

    @property
    def required_erasure_key(self) -> str:
        """The key of the pseudonyms in the record of erasures; `SettingFault` where none is set."""
        if not self.erasure_key:
            raise SettingFault("TRANCHE_ERASURE_KEY", "is not set", "what `openssl rand -hex 32` prints")
        return self.erasure_key

    @property
    def warehouse(self) -> str:
        """The lake's root in the object store."""
        return f"s3://{self.lake_bucket}/warehouse"

    def journal(self, source: str) -> Path:
        """Where publishing a source notes each event that it puts."""
        return self.var / "journals" / f"{source}.jsonl"


def _kinesis_endpoint(environ: Mapping[str, str]) -> str:
    if not optional(environ, "TRANCHE_KINESIS_ENDPOINT", ""):
        return ""
    return required_url(environ, "TRANCHE_KINESIS_ENDPOINT", "http://127.0.0.1:4568", ("http", "https"))
