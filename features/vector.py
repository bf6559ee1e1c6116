"""FeatureVector: what was known of one shopper's account at one moment, ready for a decision to read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class FeatureVector:
    """The lake features of one account as of one moment.

    `observed_until` is when the newest bank transaction behind it occurred (None: there was none), so `as_of` less
    `observed_until` is the age of the data. `snapshot_ids` name the table versions it was computed from.
    """

    entity_id: str
    digest: str
    as_of: datetime
    observed_until: datetime | None
    values: Mapping[str, float | None]
    snapshot_ids: Mapping[str, int]
