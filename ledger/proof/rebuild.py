"""Act: rebuild every projection from the journal, and report the rows that differed."""

from dataclasses import dataclass

from ledger.proof.projection import PROJECTIONS, Difference, Projections


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """Every row that was repaired."""

    differences: tuple[Difference, ...]


def rebuild(projections: Projections) -> Rebuilt:
    """Repair rows that differ from the journal, in the caller's database transaction. Idempotent."""
    found: list[Difference] = []
    for projection in PROJECTIONS:
        differing = list(projections.differences(projection))
        if differing:
            projections.replace(projection)
            found += differing
    return Rebuilt(tuple(found))
