from pathlib import Path

import pytest

from ledger.money import Currency, Money
from lending.order import Product
from lending.products import ProductFault, checkout_product, imported_product


def test_imported_loans_fall_due_on_the_12th() -> None:
    product = imported_product()

    assert (product.version, product.product, product.first_due_day) == ("imported-monthly-1", Product.MONTHLY, 12)


@pytest.mark.parametrize(("purchase", "discount"), [(100_00, 5_00), (9, 0), (10, 1), (29, 1), (30, 2)])
def test_the_merchant_discount_is_rounded_to_the_nearest_unit(purchase: int, discount: int) -> None:
    assert checkout_product().merchant_discount(Money(purchase, Currency.GBP)).minor == discount


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "No such file"),
        ('version = "x-1"', "merchant_discount_basis_points is missing"),
        ('version = "x-2"\nmerchant_discount_basis_points = 1', "version is 'x-2'"),
        ('version = "x-1"\nmerchant_discount_basis_points = 10001', "10001 is not 0 to 10000"),
        ('version = "x-1"\nmerchant_discount_basis_points = 0.5', "is not 0 to 10000"),
    ],
)
def test_a_broken_product_file_is_named_with_its_setting(tmp_path: Path, content: str | None, says: str) -> None:
    if content is not None:
        (tmp_path / "x-1.toml").write_text(content)

    with pytest.raises(ProductFault, match=rf"x-1\.toml: .*{says}"):
        checkout_product("x-1", tmp_path)


def test_a_due_day_that_no_month_has_is_refused(tmp_path: Path) -> None:
    terms = 'version = "x-1"\nproduct = "monthly"\nannual_rate_basis_points = 0\nfirst_due_day = 32'
    (tmp_path / "x-1.toml").write_text(terms)

    with pytest.raises(ProductFault, match="first_due_day: 32"):
        imported_product("x-1", tmp_path)
