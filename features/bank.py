"""The bank transactions of an account, and the measures over them.

Money stays in integer minor units until a feature divides. A sum over an account without transactions is null, because
nothing is known about it; a sum over one with transactions but none of the kind is 0.
"""

from features.measure import Measure
from features.source import FeatureSource

MONTH = 30  # days; months of equal length keep sums of different moments comparable
MONTHS = 6
HALF_YEAR = MONTH * MONTHS

CREDIT, SPENDING = "direction = 'credit'", "direction = 'debit'"
INCOME = "direction = 'credit' AND purpose <> 'interest'"
# Obligations are measured from executed transfers: a standing order is undated and may be the loan applied for.
OBLIGATION = (
    "direction = 'debit' AND purpose IN ('household', 'rent', 'insurance', 'loan_instalment', 'leasing', 'instalment')"
)
CREDIT_OBLIGATION = "direction = 'debit' AND purpose IN ('loan_instalment', 'leasing', 'instalment')"
BELOW_ZERO = "balance_after_minor < 0"
PENALTY = "purpose = 'penalty_interest'"


def _paid(where: str, within: int, beyond: int = 0) -> Measure:
    """Minor units booked under the condition in the days `(beyond, within]`."""
    return Measure("sum", "amount_minor", where, within, beyond)


def _paid_for(purpose: str, within: int = HALF_YEAR) -> Measure:
    return _paid(f"{SPENDING} AND purpose = '{purpose}'", within)


def _balance(aggregate: str, within: int | None = None, beyond: int = 0) -> Measure:
    """An aggregate of the balances after each booking."""
    return Measure(aggregate, "balance_after_minor", "", within, beyond)  # type: ignore[arg-type]


MEASURES: dict[str, Measure] = {
    "tenure": Measure("days_since_first"),
    "data_age": Measure("days_since_last"),
    "events": Measure("count"),
    "events_90d": Measure("count", within=90),
    **{f"income_month_{n}": _paid(INCOME, n * MONTH, (n - 1) * MONTH) for n in range(1, MONTHS + 1)},
    "income_by_transfer": _paid(f"{INCOME} AND operation = 'transfer_in'", HALF_YEAR),
    "spending_90d": _paid(SPENDING, 90),
    "spending_180d": _paid(SPENDING, HALF_YEAR),
    "credits_90d": _paid(CREDIT, 90),
    "cash_180d": _paid(f"{SPENDING} AND operation = 'cash_out'", HALF_YEAR),
    "card_180d": _paid(f"{SPENDING} AND operation = 'card'", HALF_YEAR),
    "household_180d": _paid(f"{SPENDING} AND purpose IN ('household', 'rent')", HALF_YEAR),
    "insurance_180d": _paid_for("insurance"),
    "obligations_180d": _paid(OBLIGATION, HALF_YEAR),
    "credit_obligations_180d": _paid(CREDIT_OBLIGATION, HALF_YEAR),
    "balance_last": _balance("last"),
    **{f"balance_standing_{days}d": _balance("last", beyond=days) for days in (30, 90, 180)},
    **{f"balance_low_{days}d": _balance("min", days) for days in (30, 90, 180)},
    "balance_low_ever": _balance("min"),
    **{f"balance_sum_{days}d": _balance("sum", days) for days in (90, 180)},
    **{
        f"balance_count_{days}d": Measure("count", where="balance_after_minor IS NOT NULL", within=days)
        for days in (90, 180)
    },
    "balance_deviation_180d": _balance("deviation", HALF_YEAR),
    "overdraft_events": Measure("count", where=BELOW_ZERO),
    "overdraft_days_180d": Measure("distinct_days", where=BELOW_ZERO, within=HALF_YEAR),
    "penalty_interest": Measure("count", where=PENALTY),
    "penalty_interest_180d": Measure("count", where=PENALTY, within=HALF_YEAR),
    # More measures, read by the features of cash_flow.py.
    "balance_high_180d": _balance("max", HALF_YEAR),
    "active_days_90d": Measure("distinct_days", within=90),
    "overdraft_days_30d": Measure("distinct_days", where=BELOW_ZERO, within=30),
    "since_overdraft": Measure("days_since_last", where=BELOW_ZERO),
    "fees_180d": _paid_for("statement_fee"),
    "largest_debit_90d": Measure("max", "amount_minor", SPENDING, 90),
    "largest_income_180d": Measure("max", "amount_minor", INCOME, HALF_YEAR),
    "since_income": Measure("days_since_last", where=INCOME),
    "incomes_90d": Measure("count", where=INCOME, within=90),
    "salary_180d": _paid(f"{CREDIT} AND purpose = 'salary'", HALF_YEAR),
    "pension_180d": _paid(f"{CREDIT} AND purpose = 'pension'", HALF_YEAR),
    **{f"spending_month_{n}": _paid(SPENDING, n * MONTH, (n - 1) * MONTH) for n in (1, 2, 3)},
    "groceries_180d": _paid_for("groceries"),
    "rent_180d": _paid_for("rent"),
    "transfers_180d": _paid(f"{SPENDING} AND operation = 'transfer_out'", HALF_YEAR),
    "cash_withdrawals_90d": Measure("count", where=f"{SPENDING} AND operation = 'cash_out'", within=90),
    "debits_90d": Measure("count", where=SPENDING, within=90),
    "obligations_90d": _paid(OBLIGATION, 90),
    "credit_payments_180d": Measure("count", where=CREDIT_OBLIGATION, within=HALF_YEAR),
}

BANK_TRANSACTIONS = FeatureSource(
    name="bank_transactions",
    table="curated.bank_transactions",
    key="account_id",
    columns={
        "direction": "string",
        "amount_minor": "bigint",
        "balance_after_minor": "bigint",
        "operation": "string",
        "purpose": "string",
    },
    measures=MEASURES,
    complete=False,
    by_days=True,
)

# A sum over 180 days is divided by the months in which the account was seen, at least one, so that a young account
# does not look like a poor one.
MONTHS_SEEN = f"(GREATEST({MONTH}, LEAST({HALF_YEAR}, tenure)) / CAST({MONTH} AS DOUBLE))"
INCOMES = [f"income_month_{n}" for n in range(1, MONTHS + 1)]
INCOME_180D = f"({' + '.join(INCOMES)})"
INCOME_90D = "(income_month_1 + income_month_2 + income_month_3)"
INCOME_BEFORE = "(income_month_4 + income_month_5 + income_month_6)"


def monthly(measure: str) -> str:
    """A sum over 180 days, for each month seen."""
    return f"{measure} / {MONTHS_SEEN}"


def ratio(part: str, whole: str) -> str:
    """A quotient; null where the divisor is zero."""
    return f"CAST({part} AS DOUBLE) / NULLIF({whole}, 0)"
