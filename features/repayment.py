"""How a shopper repaid our own plans: plans, instalments, attempts to collect and repayments.

Each change of an instalment is one fact, so the open amount is a sum of changes, and being settled is one fact.
"""

from features.bank import ratio
from features.feature import Feature
from features.measure import Measure
from features.source import FeatureSource

SETTLED = "status = 'settled'"
# A fact gives the days past due of the open amount; for the amount it settled, they follow from the due day.
LATE_DAYS = f"GREATEST(days_past_due, CASE WHEN {SETTLED} THEN DATEDIFF(occurred_at, due_on) ELSE 0 END)"
# The states in which a provider did not collect, and those in which it did (payments/collection/attempt.py).
FAILED = "move IN ('refused', 'returned', 'claim_lost')"
ENDED = "move IN ('refused', 'returned', 'claim_lost', 'cash_seen')"

PLANS = FeatureSource(
    name="plans",
    table="curated.plans",
    key="shopper_id",
    columns={"principal_minor": "bigint"},
    currency="currency",
    measures={
        "plans": Measure("count"),
        "plans_365d": Measure("count", within=365),
        "lent_365d": Measure("sum", "principal_minor", within=365),
        "largest_plan": Measure("max", "principal_minor"),
        "since_first_plan": Measure("days_since_first"),
    },
)

INSTALMENTS = FeatureSource(
    name="instalments",
    table="curated.instalments",
    key="shopper_id",
    columns={
        "status": "string",
        "open_change_minor": "bigint",
        "days_past_due": "bigint",
        "due_on": "date",
    },
    currency="currency",
    measures={
        "settled": Measure("count", where=SETTLED),
        "settled_365d": Measure("count", where=SETTLED, within=365),
        "settled_in_time_365d": Measure("count", where=f"{SETTLED} AND {LATE_DAYS} <= 0", within=365),
        "settled_late_365d": Measure("count", where=f"{SETTLED} AND {LATE_DAYS} > 0", within=365),
        "arrears_worst_180d": Measure("max", LATE_DAYS, within=180),
        "arrears_worst": Measure("max", LATE_DAYS),
        "since_late": Measure("days_since_last", where=f"{LATE_DAYS} > 0"),
        # Measures that exposure.py reads.
        "open_now": Measure("sum", "open_change_minor"),
        "open_overdue": Measure("sum", "open_change_minor", "DATEDIFF(as_of, due_on) > 0"),
        "open_due_30d": Measure("sum", "open_change_minor", "DATEDIFF(due_on, as_of) BETWEEN 0 AND 30"),
    },
)

ATTEMPTS = FeatureSource(
    name="attempts",
    table="curated.attempts",
    key="shopper_id",
    columns={"move": "string"},
    measures={
        "failed_30d": Measure("count", where=FAILED, within=30),
        "failed_180d": Measure("count", where=FAILED, within=180),
        "ended_180d": Measure("count", where=ENDED, within=180),
        "since_failure": Measure("days_since_last", where=FAILED, within=365),
    },
)

REPAYMENTS = FeatureSource(
    name="repayments",
    table="curated.repayments",
    key="shopper_id",
    columns={"amount_minor": "bigint"},
    currency="currency",
    measures={
        "repayments_90d": Measure("count", within=90),
        "repaid_90d": Measure("sum", "amount_minor", within=90),
        "repaid_365d": Measure("sum", "amount_minor", within=365),
        "since_repayment": Measure("days_since_last", within=365),
    },
)

FEATURES: tuple[Feature, ...] = (
    Feature("plans_ever", "repayment", "Plans ever opened with us", "count", "plans"),
    Feature("plans_365d", "repayment", "Plans opened in the last year", "count", "plans_365d"),
    Feature("days_since_first_plan", "repayment", "Days since the first plan with us", "days", "since_first_plan", -1),
    Feature("largest_plan_minor", "repayment", "Largest principal ever lent", "minor", "largest_plan"),
    Feature("instalments_settled", "repayment", "Instalments ever settled", "count", "settled", -1),
    Feature("in_time_share_365d", "repayment", "Share of the instalments settled in a year that were in time", "ratio",
            ratio("settled_in_time_365d", "settled_365d"), -1),
    Feature("settled_late_365d", "repayment", "Instalments settled late in the last year", "count",
            "settled_late_365d", 1),
    Feature("arrears_worst_180d", "repayment", "Most days past due that a change of 180 days showed", "days",
            "arrears_worst_180d", 1),
    Feature("arrears_worst_ever", "repayment", "Most days past due that any change showed", "days",
            "arrears_worst", 1),
    Feature("days_since_late", "repayment", "Days since an instalment was last seen past due", "days",
            "since_late", -1),
    Feature("failed_attempts_30d", "repayment", "Collections that failed in 30 days", "count", "failed_30d", 1),
    Feature("failed_attempts_180d", "repayment", "Collections that failed in 180 days", "count", "failed_180d", 1),
    Feature("failed_share_180d", "repayment", "Share of the collections ended in 180 days that failed", "ratio",
            ratio("failed_180d", "ended_180d"), 1),
    Feature("days_since_failed_attempt", "repayment", "Days since a collection failed, if within a year", "days",
            "since_failure", -1),
    Feature("repayments_90d", "repayment", "Repayments received in 90 days", "count", "repayments_90d"),
    Feature("repaid_minor_90d", "repayment", "Repaid in 90 days", "minor", "repaid_90d"),
    Feature("repaid_to_lent_365d", "repayment", "Repaid for each unit lent in the last year", "ratio",
            ratio("repaid_365d", "lent_365d"), -1),
    Feature("days_since_repayment", "repayment", "Days since the last repayment, if within a year", "days",
            "since_repayment"),
)  # fmt: skip
