"""VectorStore and Publications: the vectors that serving reads, and the versions in which they are published."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from features.batch import OtherFeatures, VectorBatch
from features.publication import KEEP, Handed, Kind, Publication, Sources
from features.vector import FeatureVector

__all__ = ["OtherFeatures", "Publications", "VectorStore"]


class VectorStore(Protocol):
    """Keeps vectors for serving. It returns only vectors of the requested feature set."""

    def publish(self, vectors: Iterable[FeatureVector]) -> int:
        """Add these vectors to the active version; return how many were new or changed. Idempotent.

        Raises OtherFeatures, and stores none, if a vector's names are not those first stored for its digest.
        """

    def latest(self, entity_id: str, digest: str, as_of: datetime) -> FeatureVector | None:
        """The newest vector of that feature set at or before the moment; None if there is none."""

    def latest_all(self, asked: Sequence[tuple[str, str]], as_of: datetime) -> list[FeatureVector | None]:
        """Like `latest`, for several pairs of entity and digest in one read, in their order."""

    def forget(self, entity_ids: Collection[str]) -> int:
        """Delete every vector of these entities, in all versions; return how many were deleted."""


class Publications(Protocol):
    """The versions of each feature set. Readers see the active version whole, never parts of two versions."""

    def hand_over(self, batch: VectorBatch, kind: Kind, sources: Sources) -> Handed:
        """Make a version with these vectors on top of the active one, and activate it.

        Unchanged vectors are not written again; if all are unchanged, there is no new version and only the watermark
        moves. A refresh that follows the lake less far than the active version is not published: see `Handed`.
        Raises OtherFeatures like `VectorStore.publish`, and UnfitValue.
        """

    def publications(self, digest: str | None = None) -> list[Publication]:
        """All versions, newest first; only those of one feature set if it is given."""

    def active(self, digest: str) -> Publication | None:
        """The version that readers see; None before the first publication."""

    def roll_back(self, digest: str, to: int | None = None) -> Publication:
        """Activate version `to`, or the one before the newest whole version that the active one builds on.

        Raises NoSuchVersion.
        """

    def prune(self, digest: str, keep: int = KEEP) -> int:
        """Remove versions older than the `keep` newest whole ones; return how many unused rows were deleted.

        The active version and the one that a roll-back would activate always stay.
        """
