"""The catalogue as a Feast repository over the Parquet files of a feature table, for a bank that runs Feast.

Feast has neither knowledge time nor our limits of age, so the files hold vectors that were computed with both; Feast
joins on the moment of the vector.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from features.feature import Feature

_STORE = """\
project: tranche
registry: registry.db
provider: local
offline_store:
  type: file
online_store:
  type: sqlite
  path: online_store.db
entity_key_serialization_version: 3
"""

_DEFINITIONS = '''\
"""Features of {entity}s. Written by `tranche features feast` from feature set {digest}; do not edit."""

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.types import Float64

{entity} = Entity(name="{entity}", join_keys=["{key}"], value_type=ValueType.STRING)

{entity}_vectors = FileSource(
    name="{entity}_vectors",
    path={path},
    timestamp_field="as_of",
)

{entity}_features = FeatureView(
    name="{entity}_features",
    entities=[{entity}],
    ttl=timedelta(0),
    schema=[
{fields}
    ],
    source={entity}_vectors,
    tags={{"feature_set_digest": "{digest}"}},
)

{entity}_service = FeatureService(name="{entity}_{short}", features=[{entity}_features])
'''


@dataclass(frozen=True, slots=True)
class FeastExport:
    """Where the repository is, and how many features it defines."""

    folder: Path
    features: int


def export_feast(
    out: Path, *, entity: str, key: str, digest: str, features: Sequence[Feature], vectors: str
) -> FeastExport:
    """Write a Feast repository into the folder; `vectors` is the path of the Parquet files of the feature table."""
    out.mkdir(parents=True, exist_ok=True)
    fields = "\n".join(
        f"        Field(name={_text(each.name)}, dtype=Float64, description={_text(each.meaning)}, "
        f"tags={{{_text('group')}: {_text(each.group)}, {_text('unit')}: {_text(each.unit)}}}),"
        for each in features
    )
    definitions = _DEFINITIONS.format(
        entity=entity, key=key, digest=digest, short=digest[:12], path=_text(vectors), fields=fields
    )
    (out / "feature_store.yaml").write_text(_STORE, encoding="utf-8")
    (out / "definitions.py").write_text(definitions, encoding="utf-8")
    return FeastExport(out, len(features))


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
