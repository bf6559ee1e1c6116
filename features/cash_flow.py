"""Features of a bank history that the model does not read: how the account is run, and what is left for repayment.

The ability to repay must be recent, so these become stale: after 60 days without a booking they are null.
"""

from features.bank import INCOME_90D, INCOME_180D, monthly, ratio
from features.feature import EVERY_USE, JURISDICTIONS, Feature

LIMIT = 60
# A pension may be public assistance, and Regulation B does not allow such income to be treated differently.
_NOT_IN_US_DECISIONS = dict.fromkeys(JURISDICTIONS, EVERY_USE) | {"US": frozenset({"reporting"})}
_NET_OF_MONTH = [f"income_month_{n} - spending_month_{n}" for n in (1, 2, 3)]

BEHAVIOUR: tuple[Feature, ...] = (
    Feature("balance_high_180d", "bank behaviour", "Highest balance that a booking of 180 days left behind", "minor",
            "balance_high_180d", stale_after=LIMIT),
    Feature("balance_range_180d", "bank behaviour", "Highest less lowest balance left behind in 180 days", "minor",
            "balance_high_180d - balance_low_180d", stale_after=LIMIT),
    Feature("active_days_90d", "bank behaviour", "Days of the last 90 with a booking", "days", "active_days_90d"),
    Feature("overdraft_days_30d", "bank behaviour", "Days of the last 30 on which a booking left it below zero", "days",
            "overdraft_days_30d", 1, stale_after=LIMIT),
    Feature("days_since_overdraft", "bank behaviour", "Days since a booking last left it below zero", "days",
            "since_overdraft", -1),
    Feature("fees_mean_180d", "bank behaviour", "Statement fees, per month", "minor", monthly("fees_180d"),
            stale_after=LIMIT),
    Feature("debit_mean_90d", "bank behaviour", "Mean size of what was paid out in 90 days", "minor",
            ratio("spending_90d", "debits_90d"), stale_after=LIMIT),
    Feature("largest_debit_90d", "bank behaviour", "Largest single amount paid out in 90 days", "minor",
            "largest_debit_90d", stale_after=LIMIT),
    Feature("cash_withdrawals_90d", "bank behaviour", "Withdrawals of cash in 90 days", "count",
            "cash_withdrawals_90d", stale_after=LIMIT),
)  # fmt: skip

AFFORDABILITY: tuple[Feature, ...] = (
    Feature("income_mean_90d", "affordability", "Income per month over the last 90 days", "minor",
            f"{INCOME_90D} / CAST(3 AS DOUBLE)", -1, stale_after=LIMIT),
    Feature("incomes_90d", "affordability", "How often income arrived in 90 days", "count", "incomes_90d",
            stale_after=LIMIT),
    Feature("days_since_income", "affordability", "Days since income last arrived", "days", "since_income", 1,
            stale_after=LIMIT),
    Feature("income_concentration_180d", "affordability", "Share of the income of 180 days that came at once", "ratio",
            ratio("largest_income_180d", INCOME_180D), stale_after=LIMIT),
    Feature("salary_mean_180d", "affordability", "Salary, per month", "minor", monthly("salary_180d"), -1,
            stale_after=LIMIT),
    Feature("salary_share_180d", "affordability", "Share of the income that is salary", "ratio",
            ratio("salary_180d", INCOME_180D), stale_after=LIMIT),
    Feature("pension_share_180d", "affordability", "Share of the income that is a pension", "ratio",
            ratio("pension_180d", INCOME_180D), stale_after=LIMIT, allowed=_NOT_IN_US_DECISIONS),
    Feature("free_cash_mean_180d", "affordability", "Income less obligations, per month", "minor",
            monthly(f"({INCOME_180D} - obligations_180d)"), -1, stale_after=LIMIT),
    Feature("free_cash_mean_90d", "affordability", "Income less obligations, per month of the last 90 days", "minor",
            f"({INCOME_90D} - obligations_90d) / CAST(3 AS DOUBLE)", -1, stale_after=LIMIT),
    Feature("free_cash_to_income_180d", "affordability", "Share of the income that obligations leave over", "ratio",
            ratio(f"{INCOME_180D} - obligations_180d", INCOME_180D), -1, stale_after=LIMIT),
    Feature("net_flow_lowest_month_90d", "affordability", "Credits less debits in the worst month of three", "minor",
            f"LEAST({', '.join(_NET_OF_MONTH)})", -1, stale_after=LIMIT),
    Feature("balance_to_spending", "affordability", "Months of present spending that the last balance would pay",
            "ratio", ratio("balance_last * 3", "spending_90d"), -1, stale_after=LIMIT),
)  # fmt: skip

SPENDING: tuple[Feature, ...] = (
    Feature("spending_last_30d", "spending habits", "Everything paid out in the last 30 days", "minor",
            "spending_month_1", stale_after=LIMIT),
    Feature("spending_trend_90d", "spending habits", "Paid out in 90 days against the 90 before, from -1 to 1", "ratio",
            ratio("2 * spending_90d - spending_180d", "spending_180d"), stale_after=LIMIT),
    Feature("groceries_mean_180d", "spending habits", "Groceries, per month", "minor", monthly("groceries_180d"),
            stale_after=LIMIT),
    Feature("groceries_share_180d", "spending habits", "Share of what was paid out that bought groceries", "ratio",
            ratio("groceries_180d", "spending_180d"), stale_after=LIMIT),
    Feature("transfer_share_180d", "spending habits", "Share of what was paid out that went by transfer", "ratio",
            ratio("transfers_180d", "spending_180d"), stale_after=LIMIT),
)  # fmt: skip

OBLIGATIONS: tuple[Feature, ...] = (
    Feature("rent_mean_180d", "present obligations", "Rent, per month", "minor", monthly("rent_180d"),
            stale_after=LIMIT),
    Feature("rent_to_income_180d", "present obligations", "Share of the income that rent takes", "ratio",
            ratio("rent_180d", INCOME_180D), 1, stale_after=LIMIT),
    Feature("obligations_trend_90d", "present obligations", "Obligations of 90 days against the 90 before, -1 to 1",
            "ratio", ratio("2 * obligations_90d - obligations_180d", "obligations_180d"), 1, stale_after=LIMIT),
    Feature("credit_payments_180d", "present obligations", "Loan, leasing and instalment payments made", "count",
            "credit_payments_180d", stale_after=LIMIT),
    Feature("credit_to_income_180d", "present obligations", "Share of the income that credit payments take", "ratio",
            ratio("credit_obligations_180d", INCOME_180D), 1, stale_after=LIMIT),
    Feature("insurance_to_income_180d", "present obligations", "Share of the income that insurance takes", "ratio",
            ratio("insurance_180d", INCOME_180D), stale_after=LIMIT),
)  # fmt: skip

FEATURES = BEHAVIOUR + AFFORDABILITY + SPENDING + OBLIGATIONS
