"""FeatureVector: what was known of one entity at one moment, ready for a decision to read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class FeatureVector:
    """The lake features of one entity (an account, a merchant) as of one moment.

    `observed_until` is when the newest event behind it occurred (None: there was none); `observed` tells the same of
    each source where the feature table keeps them apart. `snapshot_ids` name the table versions it was computed from,
    `version` the publication that brought it, which is no part of what it says.
    """

    entity_id: str
    digest: str
    as_of: datetime
    observed_until: datetime | None
    values: Mapping[str, float | None]
    snapshot_ids: Mapping[str, int]
    observed: Mapping[str, datetime | None] = field(default_factory=dict)
    version: int | None = field(default=None, compare=False)

    def age(self, at: datetime, source: str | None = None) -> timedelta | None:
        """How old the newest event behind the vector is at the moment; None when nothing was ever seen.

        Of one source when it is named and kept apart, else of all sources together.
        """
        newest = self.observed.get(source, self.observed_until) if source else self.observed_until
        return None if newest is None else at - newest
