"""Repair the local Glue catalogue after a crash: register each Iceberg table again from its newest metadata file.

The local endpoint writes objects at once, but saves its list of tables only at a clean stop. AWS does not have this
problem, so the repair is part of the local runtime only.
"""

import re
from typing import Any

from pyiceberg.exceptions import NoSuchTableError

from pipelines.lake.iceberg import catalog
from pipelines.settings import Settings

# The local endpoint accepts any value; this is not a secret.
CREDENTIALS = {
    f"{service}.{name}": "test" for service in ("glue", "s3") for name in ("access-key-id", "secret-access-key")
}

# …/warehouse/raw.db/accounts/metadata/00003-<uuid>.metadata.json
_METADATA = re.compile(r"^(?P<location>.*/(?P<database>[^/]+)\.db/(?P<table>[^/]+))/metadata/(?P<version>\d+)-[^/]*$")


def register_again(s3: Any, settings: Settings) -> list[str]:
    """Point the catalogue at the newest metadata of each table in the bucket; returns the tables that were repaired."""
    lake = catalog(settings, **CREDENTIALS)
    mended = []
    for name, location in sorted(_newest(s3, settings.lake_bucket).items()):
        database, _, _ = name.partition(".")
        lake.create_namespace_if_not_exists(database)
        try:
            if lake.load_table(name).metadata_location == location:
                continue
            lake.drop_table(name)
        except NoSuchTableError:
            pass
        lake.register_table(name, location)
        mended.append(name)
    return mended


def _newest(s3: Any, bucket: str) -> dict[str, str]:
    """`database.table` → address of the newest metadata file; within the same second, the higher version counts."""
    newest: dict[str, tuple[Any, int, str]] = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="warehouse/"):
        for each in page.get("Contents", []):
            found = _METADATA.match(each["Key"])
            if not found or not each["Key"].endswith(".metadata.json"):
                continue
            candidate = (each["LastModified"], int(found["version"]), f"s3://{bucket}/{each['Key']}")
            name = f"{found['database']}.{found['table']}"
            newest[name] = max(newest.get(name, candidate), candidate)
    return {name: location for name, (_, _, location) in newest.items()}
