"""Publication: one version of one feature set's vectors, and the faults of choosing a version."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from terminal.fault import Fault

Kind = Literal["whole", "refresh"]
KEEP = 3  # whole versions that pruning keeps for a roll-back


@dataclass(frozen=True, slots=True)
class Watermark:
    """The snapshot of a table up to which the vectors follow the lake; `sequence` orders a table's snapshots."""

    snapshot_id: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Publication:
    """One version: `whole` has everything that a feature table holds, `refresh` a few entities at a new moment.

    `vectors` were published and `changed` of them were new or differed from `based_on`, the version active then.
    """

    version: int
    entity: str
    digest: str
    kind: Kind
    based_on: int | None
    snapshot_ids: Mapping[str, int]
    watermark: Mapping[str, Watermark]
    vectors: int
    changed: int
    content_hash: str
    created_at: datetime
    activated_at: datetime
    active: bool


@dataclass(frozen=True, slots=True)
class Handed:
    """The result of publishing a batch of vectors.

    `version` is the active one afterwards: a new one when `changed` is not 0, else the one that was active before (None
    when there is none). `outdated` says that the store already follows the lake further, so none were published.
    """

    version: int | None
    vectors: int
    changed: int
    content_hash: str
    outdated: bool = False


@dataclass(frozen=True, slots=True)
class Sources:
    """The origin of vectors: tables of the lake with their snapshots, and how far the vectors follow each."""

    snapshot_ids: Mapping[str, int] = field(default_factory=dict)
    watermark: Mapping[str, Watermark] = field(default_factory=dict)

    def onto(self, watermark: Mapping[str, Watermark]) -> dict[str, Watermark]:
        """The watermarks of a version that adds these vectors to a base with the given watermarks."""
        both = {**watermark}
        for table, mine in self.watermark.items():
            both[table] = max(mine, both.get(table, mine), key=lambda mark: mark.sequence)
        return both

    def behind(self, watermark: Mapping[str, Watermark]) -> bool:
        """Whether the other has followed one of the tables further."""
        return any(
            table in watermark and mine.sequence < watermark[table].sequence for table, mine in self.watermark.items()
        )


def before(publications: Iterable[Publication]) -> int | None:
    """The target of a roll-back without a version: the base of the newest whole version behind the active one.

    So a bad build is taken back together with the refreshes made on top of it. None if there is no earlier version.
    """
    known = {each.version: each for each in publications}
    version = next((each.version for each in known.values() if each.active), None)
    while version is not None and version in known:
        if known[version].kind == "whole":
            return known[version].based_on
        version = known[version].based_on
    return None


def oldest_kept(publications: Iterable[Publication], keep: int) -> int | None:
    """The oldest version that pruning keeps; all later ones stay too, so that each still has its ancestors."""
    known = {each.version: each for each in publications}
    whole = sorted((each.version for each in known.values() if each.kind == "whole"), reverse=True)
    active = next((each.version for each in known.values() if each.active), None)
    if active is None or len(whole) <= keep:
        return min(known, default=None)
    return min({*whole[:keep], active, before(known.values()) or active} & known.keys())


class NoSuchVersion(Fault):
    """There is no such version to activate; the message lists the existing ones."""

    def __init__(self, wanted: str, digest: str, known: Sequence[int]) -> None:
        listed = ", ".join(map(str, known)) or "none"
        super().__init__(f"feature set {digest[:12]} has no {wanted}; its versions are {listed}")
