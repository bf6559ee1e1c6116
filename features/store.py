"""VectorStore: the vectors that serving reads, one record per account, feature set and moment."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Protocol

from features.vector import FeatureVector


class OtherFeatures(Exception):
    """A vector's values are not those of the feature set whose digest it carries."""

    def __init__(self, entity_id: str, digest: str, missing: set[str], unknown: set[str]) -> None:
        self.entity_id = entity_id
        differences = [f"lacks {', '.join(sorted(missing))}"] if missing else []
        differences += [f"has unknown {', '.join(sorted(unknown))}"] if unknown else []
        super().__init__(f"vector of {entity_id} under feature set {digest[:12]} {' and '.join(differences)}")

    @property
    def user_message(self) -> str:
        return str(self)


class VectorStore(Protocol):
    """Keeps vectors for serving. A vector of another feature set than the one asked for is never handed out."""

    def publish(self, vectors: Iterable[FeatureVector]) -> int:
        """Keep these vectors; return how many were new or changed. The same vectors again change nothing.

        Raises OtherFeatures, and keeps none of them, when a vector's names are not those first kept for its digest.
        """

    def latest(self, entity_id: str, digest: str, as_of: datetime) -> FeatureVector | None:
        """The newest vector of that feature set at or before the moment; None when there is none."""

    def forget(self, entity_ids: Collection[str]) -> int:
        """Drop every vector of these accounts, of every feature set and moment; how many there were."""
