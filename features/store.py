"""VectorStore and Publications: the vectors that serving reads, and the versions in which they are published."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from features.batch import OtherFeatures, VectorBatch
from features.publication import KEEP, Handed, Kind, Publication, Sources
from features.vector import FeatureVector

__all__ = ["OtherFeatures", "Publications", "VectorStore"]


class VectorStore(Protocol):
    """Keeps vectors for serving. A vector of another feature set than the one asked for is never handed out."""

    def publish(self, vectors: Iterable[FeatureVector]) -> int:
        """Add these vectors to the active version; return how many were new or changed. Again, they change nothing.

        Raises OtherFeatures, and keeps none of them, when a vector's names are not those first kept for its digest.
        """

    def latest(self, entity_id: str, digest: str, as_of: datetime) -> FeatureVector | None:
        """The newest vector of that feature set at or before the moment; None when there is none."""

    def latest_all(self, asked: Sequence[tuple[str, str]], as_of: datetime) -> list[FeatureVector | None]:
        """The same for several pairs of entity and digest in one read, in their order."""

    def forget(self, entity_ids: Collection[str]) -> int:
        """Delete every vector of these entities, in all versions; return how many went."""


class Publications(Protocol):
    """The versions of each feature set. Readers see the active one whole; no method lets them see parts of two."""

    def hand_over(self, batch: VectorBatch, kind: Kind, sources: Sources) -> Handed:
        """Make a version of what the active one holds and these vectors, and activate it.

        Vectors that are as they were are not written again; without any other, there is no new version, and only the
        watermark moves. A refresh that follows the lake less far than the active version is left out: see `Handed`.
        Raises OtherFeatures like `VectorStore.publish`, and UnfitValue.
        """

    def publications(self, digest: str | None = None) -> list[Publication]:
        """All versions, newest first; of one feature set when it is named."""

    def active(self, digest: str) -> Publication | None:
        """The version that readers see; None before the first one."""

    def roll_back(self, digest: str, to: int | None = None) -> Publication:
        """Activate version `to`, or the one before the newest whole version that the active one builds on.

        Raises NoSuchVersion.
        """

    def prune(self, digest: str, keep: int = KEEP) -> int:
        """Forget versions older than the `keep` newest whole ones; return how many rows nobody sees any more went.

        The active version and the one that a roll-back would activate always stay.
        """
