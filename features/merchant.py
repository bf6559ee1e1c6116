"""Features of a merchant's sales and refunds: a vector of its own, read together with the applicant's."""

from functools import partial

from features.bank import ratio
from features.feature import Feature as _Feature
from features.measure import Measure
from features.source import FeatureSource

Feature = partial(_Feature, entity="merchant", group="merchant")

SALES = FeatureSource(
    name="sales",
    table="curated.orders",
    key="merchant_id",
    columns={"amount_minor": "bigint"},
    currency="currency",
    measures={
        "sales": Measure("count"),
        **{f"sales_{days}d": Measure("count", within=days) for days in (1, 30, 180)},
        **{f"sold_{days}d": Measure("sum", "amount_minor", within=days) for days in (30, 180)},
        "sold_before_30d": Measure("sum", "amount_minor", within=60, beyond=30),
        "largest_sale_180d": Measure("max", "amount_minor", within=180),
        "sale_deviation_180d": Measure("deviation", "amount_minor", within=180),
        "sale_days_30d": Measure("distinct_days", within=30),
        "since_first_sale": Measure("days_since_first"),
        "since_last_sale": Measure("days_since_last"),
    },
)

TAKEN_BACK = FeatureSource(
    name="taken_back",
    table="curated.order_refunds",
    key="merchant_id",
    columns={"amount_minor": "bigint"},
    currency="currency",
    measures={
        "taken_back_30d": Measure("count", within=30),
        "taken_back_180d": Measure("count", within=180),
        "paid_back_180d": Measure("sum", "amount_minor", within=180),
    },
)

FEATURES: tuple[_Feature, ...] = (
    Feature(name="merchant_orders_1d", meaning="Orders of the last day", unit="count", sql="sales_1d"),
    Feature(name="merchant_orders_30d", meaning="Orders of the last 30 days", unit="count", sql="sales_30d"),
    Feature(name="merchant_orders_ever", meaning="Orders ever", unit="count", sql="sales", monotone=-1),
    Feature(name="merchant_sold_30d", meaning="Value sold in the last 30 days", unit="minor", sql="sold_30d"),
    Feature(name="merchant_sold_trend_30d", meaning="Value of 30 days against the 30 before, from -1 to 1",
            unit="ratio", sql=ratio("sold_30d - sold_before_30d", "(sold_30d + sold_before_30d)")),
    Feature(name="merchant_order_mean_180d", meaning="Mean value of the orders of 180 days", unit="minor",
            sql=ratio("sold_180d", "sales_180d")),
    Feature(name="merchant_order_deviation_180d", meaning="Standard deviation of the orders of 180 days",
            unit="minor", sql="sale_deviation_180d"),
    Feature(name="merchant_largest_order_180d", meaning="Largest order of 180 days", unit="minor",
            sql="largest_sale_180d"),
    Feature(name="merchant_order_days_30d", meaning="Days of the last 30 with an order", unit="days",
            sql="sale_days_30d"),
    Feature(name="merchant_tenure_days", meaning="Days since the first order", unit="days", sql="since_first_sale",
            monotone=-1),
    Feature(name="merchant_days_since_order", meaning="Days since the last order", unit="days", sql="since_last_sale"),
    Feature(name="merchant_refunds_30d", meaning="Refunds of the last 30 days", unit="count", sql="taken_back_30d",
            monotone=1),
    Feature(name="merchant_refund_share_180d", meaning="Share of the orders of 180 days that were refunded",
            unit="ratio", sql=ratio("taken_back_180d", "sales_180d"), monotone=1),
    Feature(name="merchant_refunded_value_share_180d", meaning="Share of the value of 180 days that was refunded",
            unit="ratio", sql=ratio("paid_back_180d", "sold_180d"), monotone=1),
)  # fmt: skip
