"""How large a seeded world is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """The size of the world, and the number of faults of each kind planted among its bank transactions."""

    borrowers: int = 1_400
    buyers: int = 190
    duplicates: int = 60
    malformed: int = 42
    late: int = 40
