"""What the business decided about its products: read from versioned files beside this module."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.money import Money
from lending.order import Product

FOLDER = Path(__file__).with_name("products")


class ProductFault(Exception):
    """Raised when a product's file is missing or lacks a setting; names both."""

    @property
    def user_message(self) -> str:
        return str(self)


@dataclass(frozen=True, slots=True)
class ImportedProduct:
    """How loans that others granted are repaid: a due each month from the first `first_due_day` on."""

    version: str
    product: Product
    annual_rate_basis_points: int
    first_due_day: int


@dataclass(frozen=True, slots=True)
class CheckoutProduct:
    """What a purchase at a checkout earns us; 500 basis points are 5 %."""

    version: str
    merchant_discount_basis_points: int

    def merchant_discount(self, purchase: Money) -> Money:
        """The merchant's discount on a purchase, to the nearest unit, halves up."""
        return Money((purchase.minor * self.merchant_discount_basis_points + 5_000) // 10_000, purchase.currency)


def imported_product(version: str = "imported-monthly-1", folder: Path = FOLDER) -> ImportedProduct:
    """The terms of imported loans; raises ProductFault."""
    settings = _read(folder / f"{version}.toml", ("product", "annual_rate_basis_points", "first_due_day"))
    day = settings["first_due_day"]
    if type(day) is not int or not 1 <= day <= 31:
        raise ProductFault(f"{folder / version}.toml: first_due_day: {day!r} is not a day of a month")
    return ImportedProduct(version, Product(settings["product"]), settings["annual_rate_basis_points"], day)


def checkout_product(version: str = "checkout-1", folder: Path = FOLDER) -> CheckoutProduct:
    """The terms of purchases; raises ProductFault."""
    settings = _read(folder / f"{version}.toml", ("merchant_discount_basis_points",))
    points = settings["merchant_discount_basis_points"]
    if type(points) is not int or not 0 <= points <= 10_000:
        raise ProductFault(f"{folder / version}.toml: merchant_discount_basis_points: {points!r} is not 0 to 10000")
    return CheckoutProduct(version, points)


def _read(file: Path, needed: tuple[str, ...]) -> dict[str, Any]:
    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ProductFault(f"{file}: {error.strerror}") from error
    for name in ("version", *needed):
        if name not in settings:
            raise ProductFault(f"{file}: {name} is missing")
    if settings["version"] != file.stem:
        raise ProductFault(f"{file}: version is {settings['version']!r}, the file's name says {file.stem!r}")
    return settings
