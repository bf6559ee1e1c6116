"""Request-time features: what the order asks for, compared with what the shopper's history can bear.

Training and serving both call `request_features`; each feature's `sql` states the same formula for readers and for the
feature-set digest, and a test holds the two equal.
"""

from collections.abc import Mapping

from features.feature import Feature

# Products whose number of payments is not their number of months.
_PAYMENTS_OF_PRODUCT = {"pay_in_3": 3, "pay_in_4": 4, "pay_in_30_days": 1}

REQUEST: tuple[Feature, ...] = (
    Feature("amount_minor", "request", "Amount asked for", "minor", "amount_minor"),
    Feature("duration_months", "request", "Months over which it is repaid", "months", "duration_months"),
    Feature("instalment_minor", "request", "Instalment of one month", "minor", "instalment_minor", 1),
    Feature("amount_to_income", "request", "Amount asked for, in monthly incomes", "ratio",
            "amount_minor / NULLIF(income_mean_180d, 0)", 1),
    Feature("instalment_to_income", "request", "Share of the monthly income that the instalment takes", "ratio",
            "instalment_minor / NULLIF(income_mean_180d, 0)", 1),
    Feature("lowest_balance_to_instalment", "request", "Instalments that the lowest balance of 90 days would pay",
            "ratio", "balance_low_90d / NULLIF(instalment_minor, 0)", -1),
    Feature("mean_balance_to_amount", "request", "Share of the amount that the mean balance of 180 days would pay",
            "ratio", "balance_mean_180d / NULLIF(amount_minor, 0)", -1),
    Feature("income_left_minor", "request", "Monthly income less obligations and the instalment", "minor",
            "income_mean_180d - obligations_mean_180d - instalment_minor", -1),
    # Not read by the model: the order compared with what is already open and with what the shopper usually buys.
    Feature("open_with_order_minor", "basket", "Open on all our plans once this order is taken", "minor",
            "open_minor + amount_minor", 1),
    Feature("amount_to_mean_order", "basket", "Amount asked for, in mean orders of a year", "ratio",
            "amount_minor / NULLIF(order_mean_365d, 0)", 1),
    Feature("amount_to_largest_order", "basket", "Amount asked for, in largest orders of a year", "ratio",
            "amount_minor / NULLIF(largest_order_365d, 0)", 1),
    Feature("instalment_to_free_cash", "basket", "Share of what obligations leave over that the instalment takes",
            "ratio", "instalment_minor / NULLIF(free_cash_mean_180d, 0)"),
    Feature("due_with_order_to_income", "basket", "Share of a month's income due to us in 30 days with this order",
            "ratio", "(due_30d_minor + instalment_minor) / NULLIF(income_mean_90d, 0)", 1),
)  # fmt: skip


def request_features(
    *, amount_minor: int, duration_months: int, instalment_minor: int, lake: Mapping[str, float | None]
) -> dict[str, float | None]:
    """The request-time features of one order, in the catalogue's order.

    `lake` holds the shopper's lake features by name; an unknown one gives an unknown result (None, never a default).

    >>> request_features(amount_minor=30_000, duration_months=3, instalment_minor=10_000,
    ...                  lake={"income_mean_180d": 40_000.0})["instalment_to_income"]
    0.25
    """
    income = lake.get("income_mean_180d")
    obligations = lake.get("obligations_mean_180d")
    open_now, due = lake.get("open_minor"), lake.get("due_30d_minor")
    return {
        "amount_minor": float(amount_minor),
        "duration_months": float(duration_months),
        "instalment_minor": float(instalment_minor),
        "amount_to_income": _ratio(amount_minor, income),
        "instalment_to_income": _ratio(instalment_minor, income),
        "lowest_balance_to_instalment": _ratio(lake.get("balance_low_90d"), instalment_minor),
        "mean_balance_to_amount": _ratio(lake.get("balance_mean_180d"), amount_minor),
        "income_left_minor": None if income is None or obligations is None else income - obligations - instalment_minor,
        "open_with_order_minor": None if open_now is None else open_now + amount_minor,
        "amount_to_mean_order": _ratio(amount_minor, lake.get("order_mean_365d")),
        "amount_to_largest_order": _ratio(amount_minor, lake.get("largest_order_365d")),
        "instalment_to_free_cash": _ratio(instalment_minor, lake.get("free_cash_mean_180d")),
        "due_with_order_to_income": None
        if due is None
        else _ratio(due + instalment_minor, lake.get("income_mean_90d")),
    }


def requested_instalment(amount_minor: int, product: str, duration_months: int) -> int:
    """The instalment that an amount implies before any terms exist: its equal share, in minor units, rounded up.

    Training uses this rather than the instalment of the granted loan, which was not known on the day.

    >>> requested_instalment(10_000, "pay_in_3", 2)
    3334
    >>> requested_instalment(10_000, "monthly", 4)
    2500
    """
    payments = _PAYMENTS_OF_PRODUCT.get(product, duration_months)
    return -(-amount_minor // payments)


def _ratio(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else part / whole
