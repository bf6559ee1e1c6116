"""Act: compare every projection with the journal, and replace the rows that differ if somebody accepts that."""

from dataclasses import dataclass

from ledger.proof.accepted import AcceptedDifference, AcceptedDifferences
from ledger.proof.projection import PROJECTIONS, Difference, Projections


@dataclass(frozen=True, slots=True)
class RebuiltProjections:
    """Every row that differed; they were replaced if that was accepted."""

    differences: tuple[Difference, ...]


def rebuild_projections(projections: Projections, accepted: AcceptedDifferences | None = None) -> RebuiltProjections:
    """Find the rows that differ from the journal; with `accepted`, keep them there as they were and replace them.

    Idempotent, within the caller's database transaction. Projections that follow from others are compared with these
    as they are stored, so that a first run without `accepted` may not name what one with it replaces.
    """
    found: list[Difference] = []
    for projection in PROJECTIONS:
        differing = list(projections.differences(projection))
        if differing and accepted is not None:
            accepted.keep([_kept(each) for each in differing])
            projections.replace(projection)
        found += differing
    return RebuiltProjections(tuple(found))


def _kept(difference: Difference) -> AcceptedDifference:
    table = f"ledger.{difference.projection.table}"
    return AcceptedDifference(table, difference.where, difference.says, difference.should)
