"""The lake features of one account at one moment, row by row in plain Python, apart from the catalogue's SQL."""

from datetime import datetime, timedelta
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
    return sorted(known, key=lambda row: (row["occurred_at"], row["sequence"], row["recorded_at"], row["event_id"]))


def features_of(history: list[Row], as_of: datetime) -> dict[str, float | None]:
    """Every lake feature by name; None where the history cannot say."""
    rows = known_at(history, as_of)
    if not rows:
        return _of_nobody()

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
    }


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


def _of_nobody() -> dict[str, float | None]:
    from features.catalog import LAKE_FEATURES

    counted = {"income_months_180d", "overdraft_events", "overdraft_days_180d", "penalty_interest_180d"}
    counted |= {"penalty_interest_ever", "events_90d", "events_ever"}
    return {feature.name: 0 if feature.name in counted else None for feature in LAKE_FEATURES}
