"""Act: feature tables → the store that serving reads."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from features.catalog import LAKE_FEATURES, feature_set_digest
from features.store import VectorStore
from features.vector import FeatureVector
from pipelines.lake.table import Tables, the_newest

APPLICANT = "features.applicant"
NAMES = tuple(feature.name for feature in LAKE_FEATURES)
COLUMNS = ("account_id", "as_of", "observed_until", "bank_transactions_snapshot_id", *NAMES)


@dataclass(frozen=True, slots=True)
class Published:
    """How many vectors of the current feature set serving can read, and how many of them were new or changed."""

    vectors: int
    changed: int
    feature_set_digest: str
    snapshot_id: int


def publish_features(tables: Tables, store: VectorStore) -> Published:
    """Hand every vector of the current feature set to the store; publishing again changes nothing.

    Raises MissingTable before the first build.
    """
    digest = feature_set_digest()
    snapshot = the_newest(tables, APPLICANT)
    rows = tables.read(APPLICANT, COLUMNS, snapshot_id=snapshot.snapshot_id, equal={"feature_set_digest": digest})
    changed = store.publish(_vectors(rows, digest))
    return Published(rows.num_rows, changed, digest, snapshot.snapshot_id)


def _vectors(rows: Any, digest: str) -> Iterator[FeatureVector]:
    for batch in rows.to_batches():
        for row in batch.to_pylist():
            yield FeatureVector(
                entity_id=row["account_id"],
                digest=digest,
                as_of=row["as_of"],
                observed_until=row["observed_until"],
                values={name: None if row[name] is None else float(row[name]) for name in NAMES},
                snapshot_ids={"curated.bank_transactions": row["bank_transactions_snapshot_id"]},
            )
