"""Features of a shopper's bank history: those that the model reads, in its order.

Two steps, one scan: a measure aggregates the bank transactions that were known at the moment in question, a feature is
arithmetic over measures.
"""

from features.bank import INCOME_90D, INCOME_180D, INCOME_BEFORE, INCOMES, MONTH, MONTHS, monthly, ratio
from features.feature import Feature

_BALANCE_MEAN_90D = "COALESCE(CAST(balance_sum_90d AS DOUBLE) / NULLIF(balance_count_90d, 0), balance_last)"
_BALANCE_MEAN_180D = "COALESCE(CAST(balance_sum_180d AS DOUBLE) / NULLIF(balance_count_180d, 0), balance_last)"


def _income_variation() -> str:
    """Coefficient of variation over the whole months seen; months before the first booking do not count."""
    whole_months = f"LEAST({MONTHS}, FLOOR(tenure / {MONTH}))"
    seen = [f"CASE WHEN tenure >= {n * MONTH} THEN income_month_{n} END" for n in range(1, MONTHS + 1)]
    income = " + ".join(f"COALESCE({month}, 0)" for month in seen)
    mean = f"(({income}) / CAST({whole_months} AS DOUBLE))"
    squares = " + ".join(f"COALESCE(POWER(({month}) - {mean}, 2), 0)" for month in seen)
    return (
        f"CASE WHEN tenure >= {2 * MONTH} AND ({income}) > 0 "
        f"THEN SQRT(({squares}) / CAST({whole_months} AS DOUBLE)) / {mean} END"
    )


def _low(days: int) -> str:
    return f"LEAST(balance_low_{days}d, balance_standing_{days}d)"


LAKE: tuple[Feature, ...] = (
    Feature("income_mean_180d", "income", "Income per month: credits without interest", "minor", monthly(INCOME_180D),
            -1),
    Feature("income_variation_180d", "income", "Unevenness of income over the months seen (deviation by mean)",
            "ratio", _income_variation(), 1),
    Feature("income_months_180d", "income", "Months of the last six with any income", "months",
            " + ".join(f"CASE WHEN {month} > 0 THEN 1 ELSE 0 END" for month in INCOMES)),
    Feature("income_by_transfer_180d", "income", "Share of income that came by transfer rather than in cash", "ratio",
            ratio("income_by_transfer", INCOME_180D)),
    Feature("income_trend_90d", "income", "Income of the last 90 days against the 90 before, from -1 (all before) to 1",
            "ratio", ratio(f"({INCOME_90D} - {INCOME_BEFORE})", f"({INCOME_90D} + {INCOME_BEFORE})")),
    Feature("balance_last", "balance", "Balance after the last booking", "minor", "balance_last", -1),
    Feature("balance_mean_90d", "balance", "Mean balance after the bookings of 90 days; if none, the last balance",
            "minor", _BALANCE_MEAN_90D, -1),
    Feature("balance_mean_180d", "balance", "Mean balance after the bookings of 180 days; if none, the last balance",
            "minor", _BALANCE_MEAN_180D, -1),
    *(Feature(f"balance_low_{days}d", "balance", f"Lowest balance that stood at any time in the last {days} days",
              "minor", _low(days), -1) for days in (30, 90, 180)),
    Feature("balance_low_ever", "balance", "Lowest balance in the whole history", "minor", "balance_low_ever", -1),
    Feature("balance_trend_90d", "balance", "Mean balance of the last 90 days less that of the last 180", "minor",
            f"{_BALANCE_MEAN_90D} - {_BALANCE_MEAN_180D}"),
    Feature("balance_deviation_180d", "balance", "Standard deviation of the balances after the bookings of 180 days",
            "minor", "balance_deviation_180d"),
    Feature("overdraft_events", "overdraft", "Bookings in the whole history that left the account below zero", "count",
            "overdraft_events", 1),
    Feature("overdraft_days_180d", "overdraft", "Days on which a booking left the account below zero", "days",
            "overdraft_days_180d", 1),
    Feature("penalty_interest_180d", "overdraft", "Charges of penalty interest for a balance below zero", "count",
            "penalty_interest_180d", 1),
    Feature("penalty_interest_ever", "overdraft", "Charges of penalty interest in the whole history", "count",
            "penalty_interest", 1),
    Feature("spending_mean_180d", "spending", "Everything paid out, per month", "minor", monthly("spending_180d")),
    Feature("spending_to_income_180d", "spending", "Paid out for each unit of income", "ratio",
            ratio("spending_180d", INCOME_180D)),
    Feature("net_flow_mean_90d", "spending", "Credits less debits, per month", "minor",
            "(credits_90d - spending_90d) / CAST(3 AS DOUBLE)"),
    Feature("cash_share_180d", "spending", "Share of what was paid out that was withdrawn in cash", "ratio",
            ratio("cash_180d", "spending_180d")),
    Feature("card_share_180d", "spending", "Share of what was paid out that was paid by card", "ratio",
            ratio("card_180d", "spending_180d")),
    Feature("household_mean_180d", "spending", "Household bills and rent, per month", "minor",
            monthly("household_180d")),
    Feature("insurance_mean_180d", "spending", "Insurance premiums, per month", "minor", monthly("insurance_180d")),
    Feature("obligations_mean_180d", "obligations", "Household, rent, insurance and credit payments, per month",
            "minor", monthly("obligations_180d")),
    Feature("obligations_to_income_180d", "obligations", "Obligations for each unit of income", "ratio",
            ratio("obligations_180d", INCOME_180D)),
    Feature("credit_obligations_mean_180d", "obligations", "Loan, leasing and instalment payments, per month", "minor",
            monthly("credit_obligations_180d"), 1),
    Feature("tenure_days", "history", "Days since the first booking seen", "days", "tenure", -1),
    Feature("data_age_days", "history", "Days since the last booking seen", "days", "data_age"),
    Feature("events_90d", "history", "Bookings in the last 90 days", "count", "events_90d"),
    Feature("events_ever", "history", "Bookings in the whole history", "count", "events"),
)  # fmt: skip
