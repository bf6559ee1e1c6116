"""One resource of a provider's JSON file, whose values are read strictly."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from ledger.money import Currency
from payments.files.world.source_file import Spot

_SIGNED_DECIMAL = re.compile(r"(-?)([0-9]{1,18}(?:\.[0-9]{1,5})?)")


@dataclass(frozen=True, slots=True)
class JsonResource:
    """`name` says where the resource is in the file, such as `payouts[3]`; JSON keeps no line numbers."""

    spot: Spot
    name: str
    values: dict[str, Any]

    @classmethod
    def of(cls, spot: Spot, name: str, values: Any) -> "JsonResource":
        if not isinstance(values, dict):
            raise spot.fault(name, "is not an object")
        return cls(spot, name, values)

    def inner(self, field: str) -> "JsonResource":
        """An object inside this one; empty if it is not there."""
        value = self.values.get(field)
        return JsonResource.of(self.spot, self._at(field), {} if value is None else value)

    def text(self, field: str) -> str | None:
        """Text, or None where it is missing or null."""
        value = self.values.get(field)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.spot.fault(self._at(field), "is not text")
        return self.spot.text(self._at(field), value) or None

    def needed(self, field: str) -> str:
        return self.spot.needed(self._at(field), self.text(field))

    def day(self, field: str) -> date | None:
        value = self.text(field)
        return None if value is None else self.spot.day(self._at(field), value)

    def second(self, field: str) -> date | None:
        value = self.values.get(field)
        return None if value is None else self.spot.second(self._at(field), value)

    def currency(self, field: str) -> Currency:
        """A currency by its code in either case."""
        value = self.needed(field)
        known = value if value.isupper() else value.upper() if value.islower() else value
        return Currency(self.spot.currency(self._at(field), known))

    def minor(self, field: str) -> int:
        """An amount in minor units, with its sign."""
        value = self.values.get(field)
        if type(value) is not int:
            raise self.spot.fault(self._at(field), "is not a whole number of minor units")
        if abs(value) > 10**15:
            raise self.spot.fault(self._at(field), "is larger than 10^15")
        return value

    def signed_decimal(self, field: str) -> Decimal:
        """An amount written as text, such as "-45.0"."""
        match = _SIGNED_DECIMAL.fullmatch(self.needed(field))
        if match is None:
            raise self.spot.fault(self._at(field), "is not an amount such as 45.0")
        amount = self.spot.amount(self._at(field), match[2])
        return -amount if match[1] else amount

    def _at(self, field: str) -> str:
        return f"{self.name}.{field}"
