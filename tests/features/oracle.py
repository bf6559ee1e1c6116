"""The bank features of one account at one moment, row by row in plain Python, apart from the catalogue's SQL."""

from datetime import UTC, datetime, timedelta
from math import fsum, isclose, sqrt
from typing import Any

Row = dict[str, Any]
OBLIGATIONS = {"household", "rent", "insurance", "loan_instalment", "leasing", "instalment"}


def known_at(history: list[Row], as_of: datetime) -> list[Row]:
    """One row for each event, in the order things happened, as far as they were known."""
    first: dict[str, Row] = {}
    for row in sorted(history, key=lambda each: each["recorded_at"]):
        first.setdefault(row["event_id"], row)
    known = [row for row in first.values() if row["occurred_at"] < as_of and row["recorded_at"] <= as_of]
    return sorted(
        known, key=lambda row: (row["occurred_at"], row.get("sequence", 0), row["recorded_at"], row["event_id"])
    )


def features_of(history: list[Row], as_of: datetime) -> dict[str, float | None]:
    """Every feature of the bank's data by name; None where the history cannot say."""
    rows = known_at(history, as_of)
    if not rows:
        return dict.fromkeys(_features(_ONE_ROW, _ONE_ROW[0]["occurred_at"] + timedelta(days=1))) | dict.fromkeys(
            NOTHING_COUNTED, 0
        )
    return _features(rows, as_of)


def _features(rows: list[Row], as_of: datetime) -> dict[str, float | None]:

    def ago(row: Row) -> timedelta:
        return as_of - row["occurred_at"]

    def last(days: int, rows: list[Row] = rows, before: int = 0) -> list[Row]:
        return [row for row in rows if timedelta(days=before) < ago(row) <= timedelta(days=days)]

    def money(chosen: list[Row]) -> int:
        return sum(row["amount_minor"] for row in chosen)

    tenure = (as_of - rows[0]["occurred_at"]) / timedelta(days=1)
    months_seen = min(max(tenure / 30, 1.0), 6.0)
    incomes = [row for row in rows if row["direction"] == "credit" and row["purpose"] != "interest"]
    debits = [row for row in rows if row["direction"] == "debit"]
    obligations = [row for row in debits if row["purpose"] in OBLIGATIONS]
    by_month = [money(last(30 * n, incomes, 30 * (n - 1))) for n in range(1, 7)]
    income, spending = sum(by_month), money(last(180, debits))
    recent, before = sum(by_month[:3]), sum(by_month[3:])
    balances = _balances(rows, as_of)
    overdrawn = [row for row in rows if row["balance_after_minor"] is not None and row["balance_after_minor"] < 0]
    penalties = [row for row in rows if row["purpose"] == "penalty_interest"]

    def spent(**kind: set[str]) -> int:
        return money([row for row in last(180, debits) if all(row[name] in values for name, values in kind.items())])

    return {
        "income_mean_180d": income / months_seen,
        "income_variation_180d": _variation(by_month, tenure),
        "income_months_180d": sum(month > 0 for month in by_month),
        "income_by_transfer_180d": _ratio(
            money([row for row in last(180, incomes) if row["operation"] == "transfer_in"]), income
        ),
        "income_trend_90d": _ratio(recent - before, recent + before),
        **balances,
        "overdraft_events": len(overdrawn),
        "overdraft_days_180d": len({row["occurred_at"].date() for row in last(180, overdrawn)}),
        "penalty_interest_180d": len(last(180, penalties)),
        "penalty_interest_ever": len(penalties),
        "spending_mean_180d": spending / months_seen,
        "spending_to_income_180d": _ratio(spending, income),
        "net_flow_mean_90d": (
            money([row for row in last(90) if row["direction"] == "credit"]) - money(last(90, debits))
        )
        / 3,
        "cash_share_180d": _ratio(spent(operation={"cash_out"}), spending),
        "card_share_180d": _ratio(spent(operation={"card"}), spending),
        "household_mean_180d": spent(purpose={"household", "rent"}) / months_seen,
        "insurance_mean_180d": spent(purpose={"insurance"}) / months_seen,
        "obligations_mean_180d": money(last(180, obligations)) / months_seen,
        "obligations_to_income_180d": _ratio(money(last(180, obligations)), income),
        "credit_obligations_mean_180d": spent(purpose={"loan_instalment", "leasing", "instalment"}) / months_seen,
        "tenure_days": tenure,
        "data_age_days": (as_of - rows[-1]["occurred_at"]) / timedelta(days=1),
        "events_90d": len(last(90)),
        "events_ever": len(rows),
        **_behaviour(rows, as_of, months_seen),
        **_cash_flow(rows, as_of, months_seen),
    }


def _behaviour(rows: list[Row], as_of: datetime, months_seen: float) -> dict[str, float | None]:
    half_year = [
        row["balance_after_minor"] for row in _within(180, rows, as_of) if row["balance_after_minor"] is not None
    ]
    overdrawn = [row for row in rows if row["balance_after_minor"] is not None and row["balance_after_minor"] < 0]
    paid_out = [row for row in _within(90, rows, as_of) if row["direction"] == "debit"]
    fees = [row for row in _debits(180, rows, as_of) if row["purpose"] == "statement_fee"]
    return {
        "balance_high_180d": max(half_year, default=None),
        "balance_range_180d": max(half_year) - min(half_year) if half_year else None,
        "active_days_90d": _days(_within(90, rows, as_of)),
        "overdraft_days_30d": _days(_within(30, overdrawn, as_of)),
        "days_since_overdraft": _since(overdrawn, as_of),
        "fees_mean_180d": _sum(fees) / months_seen,
        "debit_mean_90d": _ratio(_sum(paid_out), len(paid_out)),
        "largest_debit_90d": max((row["amount_minor"] for row in paid_out), default=None),
        "cash_withdrawals_90d": sum(row["operation"] == "cash_out" for row in paid_out),
    }


def _cash_flow(rows: list[Row], as_of: datetime, months_seen: float) -> dict[str, float | None]:
    incomes = [row for row in rows if row["direction"] == "credit" and row["purpose"] != "interest"]
    half_year = _within(180, incomes, as_of)
    income, income_90d = _sum(half_year), _sum(_within(90, incomes, as_of))
    received = [row for row in _within(180, rows, as_of) if row["direction"] == "credit"]
    salary = _sum([row for row in received if row["purpose"] == "salary"])
    pension = _sum([row for row in received if row["purpose"] == "pension"])
    spent, spent_90d = _sum(_debits(180, rows, as_of)), _sum(_debits(90, rows, as_of))
    owed, owed_90d = (
        _sum([row for row in _debits(days, rows, as_of) if row["purpose"] in OBLIGATIONS]) for days in (180, 90)
    )
    months = [
        _sum([row for row in incomes if days - 30 < _age(row, as_of) <= days])
        - _sum([row for row in rows if row["direction"] == "debit" and days - 30 < _age(row, as_of) <= days])
        for days in (30, 60, 90)
    ]
    stated = [row["balance_after_minor"] for row in rows if row["balance_after_minor"] is not None]

    def spent_on(*purposes: str) -> list[Row]:
        return [row for row in _debits(180, rows, as_of) if row["purpose"] in purposes]

    groceries, rent, insurance = (_sum(spent_on(purpose)) for purpose in ("groceries", "rent", "insurance"))
    credit = spent_on("loan_instalment", "leasing", "instalment")
    return {
        "income_mean_90d": income_90d / 3,
        "incomes_90d": len(_within(90, incomes, as_of)),
        "days_since_income": _since(incomes, as_of),
        "income_concentration_180d": _ratio(max((row["amount_minor"] for row in half_year), default=0), income),
        "salary_mean_180d": salary / months_seen,
        "salary_share_180d": _ratio(salary, income),
        "pension_share_180d": _ratio(pension, income),
        "free_cash_mean_180d": (income - owed) / months_seen,
        "free_cash_mean_90d": (income_90d - owed_90d) / 3,
        "free_cash_to_income_180d": _ratio(income - owed, income),
        "net_flow_lowest_month_90d": min(months),
        "balance_to_spending": _ratio(stated[-1] * 3, spent_90d) if stated else None,
        "spending_last_30d": _sum(_debits(30, rows, as_of)),
        "spending_trend_90d": _ratio(spent_90d - (spent - spent_90d), spent),
        "groceries_mean_180d": groceries / months_seen,
        "groceries_share_180d": _ratio(groceries, spent),
        "transfer_share_180d": _ratio(
            _sum([row for row in _debits(180, rows, as_of) if row["operation"] == "transfer_out"]), spent
        ),
        "rent_mean_180d": rent / months_seen,
        "rent_to_income_180d": _ratio(rent, income),
        "obligations_trend_90d": _ratio(owed_90d - (owed - owed_90d), owed),
        "credit_payments_180d": len(credit),
        "credit_to_income_180d": _ratio(_sum(credit), income),
        "insurance_to_income_180d": _ratio(insurance, income),
    }


def _age(row: Row, as_of: datetime) -> float:
    return (as_of - row["occurred_at"]) / timedelta(days=1)


def _within(days: int, rows: list[Row], as_of: datetime) -> list[Row]:
    return [row for row in rows if as_of - row["occurred_at"] <= timedelta(days=days)]


def _debits(days: int, rows: list[Row], as_of: datetime) -> list[Row]:
    return [row for row in _within(days, rows, as_of) if row["direction"] == "debit"]


def _sum(rows: list[Row]) -> int:
    return sum(row["amount_minor"] for row in rows)


def _days(rows: list[Row]) -> int:
    return len({row["occurred_at"].date() for row in rows})


def _since(rows: list[Row], as_of: datetime) -> float | None:
    """Days since the newest of rows that come in the order of time."""
    return _age(rows[-1], as_of) if rows else None


def differences(computed: Row, expected: dict[str, float | None]) -> dict[str, tuple[Any, Any]]:
    """The features that are not equal, with both values; a null equals only a null."""
    return {
        name: (computed[name], value)
        for name, value in expected.items()
        if (computed[name] is None) != (value is None)
        or (value is not None and not isclose(computed[name], value, rel_tol=1e-9, abs_tol=1e-6))
    }


def _balances(rows: list[Row], as_of: datetime) -> dict[str, float | None]:
    stated = [row for row in rows if row["balance_after_minor"] is not None]
    if not stated:
        names = ["last", "mean_90d", "mean_180d", "low_30d", "low_90d", "low_180d", "low_ever", "trend_90d"]
        return {f"balance_{name}": None for name in [*names, "deviation_180d"]}
    at_last = stated[-1]["balance_after_minor"]

    def after_bookings(days: int) -> list[int]:
        return [r["balance_after_minor"] for r in stated if as_of - r["occurred_at"] <= timedelta(days=days)]

    def mean(days: int) -> float:
        seen = after_bookings(days)
        return sum(seen) / len(seen) if seen else float(at_last)

    def low(days: int) -> int:
        older = [r["balance_after_minor"] for r in stated if as_of - r["occurred_at"] > timedelta(days=days)]
        return min(after_bookings(days) + older[-1:])

    half_year = after_bookings(180)
    centre = sum(half_year) / len(half_year) if half_year else 0.0
    return {
        "balance_last": at_last,
        "balance_mean_90d": mean(90),
        "balance_mean_180d": mean(180),
        **{f"balance_low_{days}d": low(days) for days in (30, 90, 180)},
        "balance_low_ever": min(row["balance_after_minor"] for row in stated),
        "balance_trend_90d": mean(90) - mean(180),
        "balance_deviation_180d": (
            sqrt(fsum((each - centre) ** 2 for each in half_year) / len(half_year)) if half_year else None
        ),
    }


def _variation(by_month: list[int], tenure: float) -> float | None:
    whole = by_month[: int(min(6, tenure // 30))]
    if len(whole) < 2 or sum(whole) == 0:
        return None
    mean = sum(whole) / len(whole)
    return sqrt(sum((month - mean) ** 2 for month in whole) / len(whole)) / mean


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


# What is 0 and not unknown where nothing at all is known.
NOTHING_COUNTED = {
    "income_months_180d", "overdraft_events", "overdraft_days_180d", "penalty_interest_180d", "penalty_interest_ever",
    "events_90d", "events_ever", "active_days_90d", "overdraft_days_30d", "cash_withdrawals_90d", "incomes_90d",
    "credit_payments_180d",
}  # fmt: skip
_ONE_ROW: list[Row] = [
    {"occurred_at": datetime(1995, 1, 1, tzinfo=UTC), "direction": "credit", "amount_minor": 1,
     "balance_after_minor": 1, "operation": "cash_in", "purpose": "other"}
]  # fmt: skip
