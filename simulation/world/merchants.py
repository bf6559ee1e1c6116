"""Where the seeded world shops: the same few merchants in every world, there before anybody borrows."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Merchant:
    """A shop, and what it deals in as an ISO 18245 code."""

    merchant_id: str
    category_code: str
    onboarded_on: date


MERCHANTS = (
    Merchant("m-lantern", "5712", date(2023, 2, 1)),  # furniture
    Merchant("m-harbour", "5732", date(2023, 5, 15)),  # electronics
    Merchant("m-orchard", "5651", date(2023, 9, 4)),  # clothing
    Merchant("m-quarry", "5200", date(2024, 1, 8)),  # home supply
)
