"""Act: rebuild every projection from the journal, and report the rows that differed."""

from dataclasses import dataclass

from ledger.proof.projection import PROJECTIONS, Difference, Projections


@dataclass(frozen=True, slots=True)
class RebuiltProjections:
    """Every row that was repaired."""

    differences: tuple[Difference, ...]


def rebuild_projections(projections: Projections) -> RebuiltProjections:
    """Repair rows that differ from the journal, in the caller's database transaction. Idempotent."""
    found: list[Difference] = []
    for projection in PROJECTIONS:
        differing = list(projections.differences(projection))
        if differing:
            projections.replace(projection)
            found += differing
    return RebuiltProjections(tuple(found))
