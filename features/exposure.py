"""What a shopper owes us at the moment, compared with what the bank history shows they can afford."""

from features.bank import INCOME_90D, ratio
from features.feature import Feature

_INCOME_OF_A_MONTH = f"({INCOME_90D} / CAST(3 AS DOUBLE))"
LIMIT = 60  # features that read the bank's data become stale with it

FEATURES: tuple[Feature, ...] = (
    Feature("open_minor", "exposure", "Open on all our plans", "minor", "open_now", 1),
    Feature("open_overdue_minor", "exposure", "Open and past its due day", "minor", "open_overdue", 1),
    Feature("due_30d_minor", "exposure", "Open and due within 30 days", "minor", "open_due_30d", 1),
    Feature("overdue_share", "exposure", "Share of what is open that is past its due day", "ratio",
            ratio("open_overdue", "open_now"), 1),
    Feature("lent_minor_365d", "exposure", "Principal of the plans opened in the last year", "minor", "lent_365d"),
    Feature("open_to_income_90d", "exposure", "Open on our plans, in monthly incomes of the last 90 days", "ratio",
            ratio("open_now", _INCOME_OF_A_MONTH), 1, stale_after=LIMIT),
    Feature("due_to_income_90d", "exposure", "Share of a monthly income that falls due to us within 30 days", "ratio",
            ratio("open_due_30d", _INCOME_OF_A_MONTH), 1, stale_after=LIMIT),
)  # fmt: skip
