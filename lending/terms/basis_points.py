"""Yearly rates in basis points, exact to any digit: 990 is 9.90 %, and Decimal("948.22") is 9.4822 %."""

import re
from decimal import Decimal

BasisPoints = int | Decimal

_FORM = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?", re.ASCII)


def basis_points(rate: BasisPoints | str) -> BasisPoints:
    """A rate in its plainest form: an int where it is whole. Raises ValueError for a text that is no rate.

    >>> basis_points("990"), basis_points(Decimal("990.00")), basis_points("948.22")
    (990, 990, Decimal('948.22'))
    """
    if isinstance(rate, str) and not _FORM.fullmatch(rate):
        raise ValueError(f"{rate!r} is not a rate in basis points, such as 948.22")
    exact = Decimal(rate)
    return int(exact) if exact == exact.to_integral_value() else exact.normalize()


def basis_points_tree(rate: BasisPoints) -> int | str:
    """A rate as it is stored: a number where it is whole, else its digits as text.

    >>> basis_points_tree(990), basis_points_tree(Decimal("948.22"))
    (990, '948.22')
    """
    plain = basis_points(rate)
    return plain if isinstance(plain, int) else f"{plain:f}"
