"""The objects in the lake's bucket, whether or not a table references them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import boto3

from pipelines.settings import Settings
from terminal.fault import Fault

_ONE_CALL = 1_000


@dataclass(frozen=True, slots=True)
class Stored:
    """One object; `path` is its full address, as tables write it."""

    path: str
    bytes: int
    modified_at: datetime


class DeletionRefused(Fault):
    """Raised when the store refuses to delete objects; names the first one."""


class Objects:
    """The objects under addresses like `s3://bucket/folder`."""

    def __init__(self, settings: Settings) -> None:
        self._client: Any = boto3.client("s3", endpoint_url=settings.aws_endpoint, region_name=settings.aws_region)

    def under(self, folder: str) -> Iterator[Stored]:
        """Every object of the folder and below it."""
        address = urlsplit(folder)
        prefix = address.path.strip("/") + "/"
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=address.netloc, Prefix=prefix)
        for page in pages:
            for entry in page.get("Contents", []):
                path = f"s3://{address.netloc}/{entry['Key']}"
                yield Stored(path, entry["Size"], entry["LastModified"].astimezone(UTC))

    def read(self, path: str) -> bytes:
        """An object's bytes."""
        address = urlsplit(path)
        found = self._client.get_object(Bucket=address.netloc, Key=address.path.lstrip("/"))
        body: bytes = found["Body"].read()
        return body

    def delete(self, paths: Iterable[str]) -> None:
        """Delete objects; missing ones are ignored. In a versioned bucket the older versions remain."""
        whole = sorted(paths)
        for some in (whole[at : at + _ONE_CALL] for at in range(0, len(whole), _ONE_CALL)):
            bucket = urlsplit(some[0]).netloc
            keys = [{"Key": urlsplit(path).path.lstrip("/")} for path in some]
            answer = self._client.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
            if errors := answer.get("Errors"):
                raise DeletionRefused(f"{bucket}/{errors[0]['Key']} cannot be deleted: {errors[0].get('Message')}")

    def keeps_versions(self, bucket: str) -> bool:
        """Whether the bucket is versioned, so that deleted objects remain as older versions."""
        status: str | None = self._client.get_bucket_versioning(Bucket=bucket).get("Status")
        return status is not None
