"""The merchants of the seeded world: the same few in every world, founded before the first loan."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Merchant:
    """A merchant with its ISO 18245 category code."""

    merchant_id: str
    category_code: str
    onboarded_on: date


MERCHANTS = (
    Merchant("m-lantern", "5712", date(2023, 2, 1)),  # furniture
    Merchant("m-harbour", "5732", date(2023, 5, 15)),  # electronics
    Merchant("m-orchard", "5651", date(2023, 9, 4)),  # clothing
    Merchant("m-quarry", "5200", date(2024, 1, 8)),  # home supply
)
