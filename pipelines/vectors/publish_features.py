"""Act: publish a feature table as a new version of the vectors that serving reads."""

import json
from dataclasses import dataclass

from features.publication import KEEP, Sources, Watermark
from features.store import Publications
from pipelines.lake.changes import TableChanges
from pipelines.lake.table import Snapshot, Tables, the_newest
from pipelines.vectors.published_vectors import PublishedVectors, published_vectors


@dataclass(frozen=True, slots=True)
class Published:
    """The number of vectors of one feature set, and how many of them were new or changed.

    `version` is what serving reads now; `pruned` is the number of rows of older versions that were deleted.
    """

    vectors: int
    changed: int
    feature_set_digest: str
    snapshot_id: int
    entity: str
    version: int | None
    content_hash: str
    pruned: int


def publish_features(
    tables: Tables,
    store: Publications,
    *,
    served: PublishedVectors | None = None,
    lake: TableChanges | None = None,
    keep: int = KEEP,
) -> Published:
    """Store every vector of one feature set (the applicant's by default) as a new version and activate it.

    Publishing the same vectors again makes no new version. With `lake`, the version stores the watermarks of its build,
    from which the next refresh begins. Raises MissingTable before the first build.
    """
    served = served or published_vectors()["applicant"]
    snapshot = the_newest(tables, served.table)
    equal = {"feature_set_digest": served.digest}
    rows = tables.read(served.table, served.columns, snapshot_id=snapshot.snapshot_id, equal=equal)
    followed = {} if lake is None else _followed(lake, served, snapshot)
    sources = Sources({served.table: snapshot.snapshot_id}, followed)
    handed = store.hand_over(served.batch(rows), "whole", sources)
    return Published(
        vectors=handed.vectors,
        changed=handed.changed,
        feature_set_digest=served.digest,
        snapshot_id=snapshot.snapshot_id,
        entity=served.entity,
        version=handed.version,
        content_hash=handed.content_hash,
        pruned=store.prune(served.digest, keep) if handed.changed else 0,
    )


def _followed(lake: TableChanges, served: PublishedVectors, snapshot: Snapshot) -> dict[str, Watermark]:
    """The watermarks of the sources from which the snapshot was built; empty unless it has all entities."""
    build = json.loads(snapshot.summary.get("tranche.build", "{}"))
    inputs = build.get("inputs", {})
    if not build.get("as_of"):
        return {}
    marks = {
        source.table: lake.mark(source.table, int(inputs[source.table]))
        for source in served.sources
        if source.table in inputs
    }
    return {table: mark for table, mark in marks.items() if mark is not None}
