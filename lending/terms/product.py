"""The ways of repaying that a shopper can choose."""

from enum import StrEnum


class Product(StrEnum):
    """A way of repaying."""

    MONTHLY = "monthly"
    PAY_IN_3 = "pay_in_3"
    PAY_IN_4 = "pay_in_4"
    PAY_IN_30_DAYS = "pay_in_30_days"


# Months from the order to the last payment, rounded up, for products whose terms fix it.
FIXED_MONTHS = {
    Product.PAY_IN_3: 2,  # today, +30 and +60 days
    Product.PAY_IN_4: 2,  # today, +14, +28 and +42 days
    Product.PAY_IN_30_DAYS: 1,
}
