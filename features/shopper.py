"""What a shopper's bank history says: income, balances, overdraft, spending, obligations, habits.

Two steps, one scan: a measure aggregates the bank transactions that were known at the moment in question, a feature is
arithmetic over measures. A measure sees these columns, all of them null for an account without any bank transaction:
`direction, amount_minor, balance_after_minor, operation, purpose, occurred_at, recorded_at, sequence, event_id` and
`days_before`, the days from the booking to the moment (a double above zero, so that the moment itself is outside).

Money stays in integer minor units until a feature divides. A sum over an account without transactions is null, because
nothing is known about it; a sum over one with transactions but none of the kind is 0.
"""

from features.feature import Feature

MONTH = 30  # days; months of equal length keep sums of different moments comparable
MONTHS = 6

INCOME = "direction = 'credit' AND purpose <> 'interest'"
SPENDING = "direction = 'debit'"
# Obligations count as they were executed. A standing order itself is undated and may be the very loan applied for.
OBLIGATION = (
    "direction = 'debit' AND purpose IN ('household', 'rent', 'insurance', 'loan_instalment', 'leasing', 'instalment')"
)
CREDIT_OBLIGATION = "direction = 'debit' AND purpose IN ('loan_instalment', 'leasing', 'instalment')"

# The producer's own sequence settles the order within one instant; a later word on the same booking wins.
LATEST = "struct(occurred_at, sequence, recorded_at, event_id)"


def total(condition: str, newer_than: int, older_than: int = 0) -> str:
    """Minor units booked under the condition in the days `(older_than, newer_than]` before the moment."""
    window = f"days_before > {older_than} AND days_before <= {newer_than}"
    return f"SUM(amount_minor * CASE WHEN {condition} AND {window} THEN 1 ELSE 0 END)"


def times(condition: str, within: int | None = None) -> str:
    """How many bank transactions met the condition; 0 for an account without any."""
    window = "" if within is None else f" AND days_before <= {within}"
    return f"COUNT(CASE WHEN {condition}{window} THEN 1 END)"


def balance_standing(days: int) -> str:
    """The balance with which the account entered the last `days` days."""
    filtered = f"balance_after_minor IS NOT NULL AND days_before > {days}"
    return f"MAX_BY(balance_after_minor, {LATEST}) FILTER (WHERE {filtered})"


def balance(aggregate: str, newer_than: int, older_than: int = 0) -> str:
    """An aggregate of the balances that bookings left behind in the days `(older_than, newer_than]`."""
    window = f"days_before > {older_than} AND days_before <= {newer_than}"
    return f"{aggregate}(CASE WHEN {window} THEN balance_after_minor END)"


MEASURES: dict[str, str] = {
    "tenure": "MAX(days_before)",
    "data_age": "MIN(days_before)",
    "events": "COUNT(days_before)",
    "events_90d": times("direction IS NOT NULL", 90),
    **{f"income_month_{n}": total(INCOME, n * MONTH, (n - 1) * MONTH) for n in range(1, MONTHS + 1)},
    "income_by_transfer": total(f"{INCOME} AND operation = 'transfer_in'", 180),
    "spending_90d": total(SPENDING, 90),
    "spending_180d": total(SPENDING, 180),
    "credits_90d": total("direction = 'credit'", 90),
    "cash_180d": total(f"{SPENDING} AND operation = 'cash_out'", 180),
    "card_180d": total(f"{SPENDING} AND operation = 'card'", 180),
    "household_180d": total(f"{SPENDING} AND purpose IN ('household', 'rent')", 180),
    "insurance_180d": total(f"{SPENDING} AND purpose = 'insurance'", 180),
    "obligations_180d": total(OBLIGATION, 180),
    "credit_obligations_180d": total(CREDIT_OBLIGATION, 180),
    "balance_last": f"MAX_BY(balance_after_minor, {LATEST}) FILTER (WHERE balance_after_minor IS NOT NULL)",
    **{f"balance_standing_{days}d": balance_standing(days) for days in (30, 90, 180)},
    **{f"balance_low_{days}d": balance("MIN", days) for days in (30, 90, 180)},
    "balance_low_ever": "MIN(balance_after_minor)",
    **{f"balance_sum_{days}d": balance("SUM", days) for days in (90, 180)},
    **{f"balance_count_{days}d": balance("COUNT", days) for days in (90, 180)},
    "balance_deviation_180d": balance("STDDEV_POP", 180),
    "overdraft_events": times("balance_after_minor < 0"),
    "overdraft_days_180d": (
        "COUNT(DISTINCT CASE WHEN balance_after_minor < 0 AND days_before <= 180 THEN CAST(occurred_at AS DATE) END)"
    ),
    "penalty_interest": times("purpose = 'penalty_interest'"),
    "penalty_interest_180d": times("purpose = 'penalty_interest'", 180),
}


def _ratio(part: str, whole: str) -> str:
    return f"CAST({part} AS DOUBLE) / NULLIF({whole}, 0)"


# A sum over 180 days is shared out over the months the account was seen in, at least one, so that a young account is
# not taken for a poor one.
_MONTHS_SEEN = f"(GREATEST({MONTH}, LEAST({MONTH * MONTHS}, tenure)) / CAST({MONTH} AS DOUBLE))"
_INCOMES = [f"income_month_{n}" for n in range(1, MONTHS + 1)]
_INCOME = f"({' + '.join(_INCOMES)})"
_BALANCE_MEAN_90D = "COALESCE(CAST(balance_sum_90d AS DOUBLE) / NULLIF(balance_count_90d, 0), balance_last)"
_BALANCE_MEAN_180D = "COALESCE(CAST(balance_sum_180d AS DOUBLE) / NULLIF(balance_count_180d, 0), balance_last)"


def _monthly(measure: str) -> str:
    return f"{measure} / {_MONTHS_SEEN}"


def _income_variation() -> str:
    """Coefficient of variation over the whole months seen; those before the first booking do not count."""
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


_RECENT = "(income_month_1 + income_month_2 + income_month_3)"
_BEFORE = "(income_month_4 + income_month_5 + income_month_6)"

LAKE: tuple[Feature, ...] = (
    Feature("income_mean_180d", "income", "Income per month: credits without interest", "minor", _monthly(_INCOME), -1),
    Feature("income_variation_180d", "income", "Unevenness of income over the months seen (deviation by mean)",
            "ratio", _income_variation(), 1),
    Feature("income_months_180d", "income", "Months of the last six with any income", "months",
            " + ".join(f"CASE WHEN {month} > 0 THEN 1 ELSE 0 END" for month in _INCOMES)),
    Feature("income_by_transfer_180d", "income", "Share of income that came by transfer rather than in cash", "ratio",
            _ratio("income_by_transfer", _INCOME)),
    Feature("income_trend_90d", "income", "Income of the last 90 days against the 90 before, from -1 (all before) to 1",
            "ratio", _ratio(f"({_RECENT} - {_BEFORE})", f"({_RECENT} + {_BEFORE})")),
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
    Feature("spending_mean_180d", "spending", "Everything paid out, per month", "minor", _monthly("spending_180d")),
    Feature("spending_to_income_180d", "spending", "Paid out for each unit of income", "ratio",
            _ratio("spending_180d", _INCOME)),
    Feature("net_flow_mean_90d", "spending", "Credits less debits, per month", "minor",
            "(credits_90d - spending_90d) / CAST(3 AS DOUBLE)"),
    Feature("cash_share_180d", "spending", "Share of what was paid out that was withdrawn in cash", "ratio",
            _ratio("cash_180d", "spending_180d")),
    Feature("card_share_180d", "spending", "Share of what was paid out that was paid by card", "ratio",
            _ratio("card_180d", "spending_180d")),
    Feature("household_mean_180d", "spending", "Household bills and rent, per month", "minor",
            _monthly("household_180d")),
    Feature("insurance_mean_180d", "spending", "Insurance premiums, per month", "minor", _monthly("insurance_180d")),
    Feature("obligations_mean_180d", "obligations", "Household, rent, insurance and credit payments, per month",
            "minor", _monthly("obligations_180d")),
    Feature("obligations_to_income_180d", "obligations", "Obligations for each unit of income", "ratio",
            _ratio("obligations_180d", _INCOME)),
    Feature("credit_obligations_mean_180d", "obligations", "Loan, leasing and instalment payments, per month", "minor",
            _monthly("credit_obligations_180d"), 1),
    Feature("tenure_days", "history", "Days since the first booking seen", "days", "tenure", -1),
    Feature("data_age_days", "history", "Days since the last booking seen", "days", "data_age"),
    Feature("events_90d", "history", "Bookings in the last 90 days", "count", "events_90d"),
    Feature("events_ever", "history", "Bookings in the whole history", "count", "events"),
)  # fmt: skip
