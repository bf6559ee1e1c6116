"""After a crash of the local Glue: each Iceberg table is registered again from its newest metadata file.

The local endpoint writes objects at once but remembers tables only at a clean stop. Real AWS has no such gap, so this
repair belongs to the local runtime alone.
"""

import re
from typing import Any

from pyiceberg.exceptions import NoSuchTableError

from pipelines.lake.iceberg import catalog
from pipelines.settings import Settings

# The local endpoint asks for some word, not for a secret.
CREDENTIALS = {
    f"{service}.{name}": "test" for service in ("glue", "s3") for name in ("access-key-id", "secret-access-key")
}

# …/warehouse/raw.db/accounts/metadata/00003-<uuid>.metadata.json
_METADATA = re.compile(r"^(?P<location>.*/(?P<database>[^/]+)\.db/(?P<table>[^/]+))/metadata/(?P<version>\d+)-[^/]*$")


def register_again(s3: Any, settings: Settings) -> list[str]:
    """Point the catalogue at the newest metadata of each table in the bucket; the tables whose entry was mended."""
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
    """`database.table` → address of the metadata file written last; a version number decides within one second."""
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
