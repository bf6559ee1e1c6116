"""FeatureVector: the features of one entity as known at one moment, for a decision to read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class FeatureVector:
    """The lake features of one entity (an account, a merchant) as of one moment.

    `observed_until` is when the newest event behind it occurred (None: there was none); `observed` gives the same for
    each source if the feature table stores them separately. `snapshot_ids` are the table versions it was computed from.
    `version` is the publication that added it, which is not part of its content.
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
        """The age of the newest event behind the vector at the moment; None if there was none.

        For one source if it is given and stored separately, else for all sources together.
        """
        newest = self.observed.get(source, self.observed_until) if source else self.observed_until
        return None if newest is None else at - newest
