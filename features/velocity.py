"""How often a shopper applies and buys: credit applications, orders and returns.

These tables are our own and complete: an event that is not in them did not happen, so without events a count is 0.
"""

from features.bank import ratio
from features.feature import Feature
from features.measure import Measure
from features.source import FeatureSource

APPLICATIONS = FeatureSource(
    name="applications",
    table="curated.credit_applications",
    key="shopper_id",
    columns={"amount_minor": "bigint"},
    currency="currency",
    sequenced=False,
    measures={
        **{f"applications_{days}d": Measure("count", within=days) for days in (1, 7, 30, 365)},
        "applied_30d": Measure("sum", "amount_minor", within=30),
        "since_application": Measure("days_since_last", within=365),
    },
)

ORDERS = FeatureSource(
    name="orders",
    table="curated.orders",
    key="shopper_id",
    columns={"amount_minor": "bigint"},
    currency="currency",
    measures={
        **{f"orders_{days}d": Measure("count", within=days) for days in (1, 7, 30, 365)},
        **{f"ordered_{days}d": Measure("sum", "amount_minor", within=days) for days in (7, 30, 365)},
        "largest_order_365d": Measure("max", "amount_minor", within=365),
        "last_order": Measure("last", "amount_minor", within=365),
        "order_days_30d": Measure("distinct_days", within=30),
        "since_order": Measure("days_since_last", within=365),
    },
)

REFUNDS = FeatureSource(
    name="refunds",
    table="curated.order_refunds",
    key="shopper_id",
    columns={"amount_minor": "bigint"},
    currency="currency",
    measures={
        "refunds_90d": Measure("count", within=90),
        "refunded_365d": Measure("sum", "amount_minor", within=365),
    },
)

FEATURES: tuple[Feature, ...] = (
    Feature("applications_1d", "velocity", "Credit applications of the last day", "count", "applications_1d", 1),
    Feature("applications_7d", "velocity", "Credit applications of the last 7 days", "count", "applications_7d", 1),
    Feature("applications_30d", "velocity", "Credit applications of the last 30 days", "count", "applications_30d", 1),
    Feature("applications_365d", "velocity", "Credit applications of the last year", "count", "applications_365d"),
    Feature("applied_minor_30d", "velocity", "Credit applied for in the last 30 days", "minor", "applied_30d", 1),
    Feature("days_since_application", "velocity", "Days since the last application, if within a year", "days",
            "since_application", -1),
    Feature("orders_1d", "velocity", "Orders of the last day", "count", "orders_1d", 1),
    Feature("orders_7d", "velocity", "Orders of the last 7 days", "count", "orders_7d", 1),
    Feature("orders_30d", "velocity", "Orders of the last 30 days", "count", "orders_30d"),
    Feature("orders_365d", "velocity", "Orders of the last year", "count", "orders_365d"),
    Feature("ordered_minor_7d", "velocity", "Value ordered in the last 7 days", "minor", "ordered_7d", 1),
    Feature("ordered_minor_30d", "velocity", "Value ordered in the last 30 days", "minor", "ordered_30d"),
    Feature("order_days_30d", "velocity", "Days of the last 30 with an order", "days", "order_days_30d"),
    Feature("order_mean_365d", "velocity", "Mean value of the orders of a year", "minor",
            ratio("ordered_365d", "orders_365d")),
    Feature("largest_order_365d", "velocity", "Largest order of a year", "minor", "largest_order_365d"),
    Feature("last_order_minor", "velocity", "Value of the last order, if within a year", "minor", "last_order"),
    Feature("days_since_order", "velocity", "Days since the last order, if within a year", "days", "since_order"),
    Feature("refunds_90d", "velocity", "Refunds of the last 90 days", "count", "refunds_90d"),
    Feature("refund_share_365d", "velocity", "Share of the value ordered in a year that was refunded", "ratio",
            ratio("refunded_365d", "ordered_365d")),
)  # fmt: skip
