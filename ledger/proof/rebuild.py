"""Act: make every projection again from the journal, and say what differed."""

from dataclasses import dataclass

from ledger.proof.projection import PROJECTIONS, Difference, Projections


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """Every row that was put right."""

    differences: tuple[Difference, ...]


def rebuild(projections: Projections) -> Rebuilt:
    """Put right what differs, in the caller's database transaction; a second run finds nothing."""
    found: list[Difference] = []
    for projection in PROJECTIONS:
        differing = list(projections.differences(projection))
        if differing:
            projections.replace(projection)
            found += differing
    return Rebuilt(tuple(found))
