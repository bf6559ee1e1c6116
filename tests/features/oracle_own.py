"""The features of our own tables, and what is withheld for its age: row by row in plain Python, apart from the SQL.

`Told` is everything that sources told of one applicant or merchant, by the source's name.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import sqrt

from tests.features import oracle
from tests.features.oracle import Row, known_at

Told = Mapping[str, list[Row]]
Values = dict[str, float | None]

# Written out once more, so that a limit which changes in the catalogue is noticed here.
STALE_AFTER_60 = {
    "balance_high_180d", "balance_range_180d", "overdraft_days_30d", "fees_mean_180d", "debit_mean_90d",
    "largest_debit_90d", "cash_withdrawals_90d", "income_mean_90d", "incomes_90d", "days_since_income",
    "income_concentration_180d", "salary_mean_180d", "salary_share_180d", "pension_share_180d", "free_cash_mean_180d",
    "free_cash_mean_90d", "free_cash_to_income_180d", "net_flow_lowest_month_90d", "balance_to_spending",
    "spending_last_30d", "spending_trend_90d", "groceries_mean_180d", "groceries_share_180d", "transfer_share_180d",
    "rent_mean_180d", "rent_to_income_180d", "obligations_trend_90d", "credit_payments_180d", "credit_to_income_180d",
    "insurance_to_income_180d", "open_to_income_90d", "due_to_income_90d",
}  # fmt: skip


def applicant(told: Told, as_of: datetime) -> tuple[Values, set[str]]:
    """Every lake feature of an applicant, and the names of those withheld."""
    known = {name: known_at(rows, as_of) for name, rows in told.items()}
    bank = told.get("bank_transactions", [])
    values = oracle.features_of(bank, as_of)
    values |= _velocity(known, as_of) | _repayment(known, as_of) | _exposure(known, as_of)
    seen = known_at(bank, as_of)
    stale = STALE_AFTER_60 if seen and as_of - seen[-1]["occurred_at"] > timedelta(days=60) else set()
    return values | dict.fromkeys(stale), set(stale)


def merchant(told: Told, as_of: datetime) -> Values:
    """Every feature of a merchant."""
    sales, back = known_at(told.get("sales", []), as_of), known_at(told.get("taken_back", []), as_of)
    half_year, month = _last(sales, 180, as_of), _sum(_last(sales, 30, as_of))
    before = _sum(_last(sales, 60, as_of)) - month
    amounts = [row["amount_minor"] for row in half_year]
    mean = sum(amounts) / len(amounts) if amounts else 0.0
    returned = _last(back, 180, as_of)
    return {
        "merchant_orders_1d": len(_last(sales, 1, as_of)),
        "merchant_orders_30d": len(_last(sales, 30, as_of)),
        "merchant_orders_ever": len(sales),
        "merchant_sold_30d": month,
        "merchant_sold_trend_30d": _ratio(month - before, month + before),
        "merchant_order_mean_180d": _ratio(sum(amounts), len(amounts)),
        "merchant_order_deviation_180d": (
            sqrt(sum((each - mean) ** 2 for each in amounts) / len(amounts)) if amounts else None
        ),
        "merchant_largest_order_180d": max(amounts, default=None),
        "merchant_order_days_30d": len({row["occurred_at"].date() for row in _last(sales, 30, as_of)}),
        "merchant_tenure_days": _age(sales[0], as_of) if sales else None,
        "merchant_days_since_order": _since(sales, as_of),
        "merchant_refunds_30d": len(_last(back, 30, as_of)),
        "merchant_refund_share_180d": _ratio(len(returned), len(amounts)),
        "merchant_refunded_value_share_180d": _ratio(_sum(returned), sum(amounts)),
    }


def _velocity(known: Told, as_of: datetime) -> Values:
    applied, orders, refunds = (known.get(name, []) for name in ("applications", "orders", "refunds"))
    year = _last(orders, 365, as_of)
    return {
        **{f"applications_{days}d": len(_last(applied, days, as_of)) for days in (1, 7, 30, 365)},
        "applied_minor_30d": _sum(_last(applied, 30, as_of)),
        "days_since_application": _since(_last(applied, 365, as_of), as_of),
        **{f"orders_{days}d": len(_last(orders, days, as_of)) for days in (1, 7, 30, 365)},
        **{f"ordered_minor_{days}d": _sum(_last(orders, days, as_of)) for days in (7, 30)},
        "order_days_30d": len({row["occurred_at"].date() for row in _last(orders, 30, as_of)}),
        "order_mean_365d": _ratio(_sum(year), len(year)),
        "largest_order_365d": max((row["amount_minor"] for row in year), default=None),
        "last_order_minor": year[-1]["amount_minor"] if year else None,
        "days_since_order": _since(year, as_of),
        "refunds_90d": len(_last(refunds, 90, as_of)),
        "refund_share_365d": _ratio(_sum(_last(refunds, 365, as_of)), _sum(year)),
    }


def _repayment(known: Told, as_of: datetime) -> Values:
    plans, changes, attempts, repaid = (
        known.get(name, []) for name in ("plans", "instalments", "attempts", "repayments")
    )
    settled = [row for row in changes if row["status"] == "settled"]
    year = _last(settled, 365, as_of)
    late = [row for row in changes if _late_days(row) > 0]
    failed = [row for row in attempts if row["move"] in {"refused", "returned", "claim_lost"}]
    collected = [row for row in attempts if row["move"] == "cash_seen"]
    failed_180d = len(_last(failed, 180, as_of))
    return {
        "plans_ever": len(plans),
        "plans_365d": len(_last(plans, 365, as_of)),
        "days_since_first_plan": _age(plans[0], as_of) if plans else None,
        "largest_plan_minor": max((row["principal_minor"] for row in plans), default=None),
        "instalments_settled": len(settled),
        "in_time_share_365d": _ratio(sum(_late_days(row) <= 0 for row in year), len(year)),
        "settled_late_365d": sum(_late_days(row) > 0 for row in year),
        "arrears_worst_180d": max((_late_days(row) for row in _last(changes, 180, as_of)), default=None),
        "arrears_worst_ever": max((_late_days(row) for row in changes), default=None),
        "days_since_late": _since(late, as_of),
        "failed_attempts_30d": len(_last(failed, 30, as_of)),
        "failed_attempts_180d": failed_180d,
        "failed_share_180d": _ratio(failed_180d, failed_180d + len(_last(collected, 180, as_of))),
        "days_since_failed_attempt": _since(_last(failed, 365, as_of), as_of),
        "repayments_90d": len(_last(repaid, 90, as_of)),
        "repaid_minor_90d": _sum(_last(repaid, 90, as_of)),
        "repaid_to_lent_365d": _ratio(_sum(_last(repaid, 365, as_of)), _lent(plans, as_of)),
        "days_since_repayment": _since(_last(repaid, 365, as_of), as_of),
    }


def _late_days(change: Row) -> int:
    """How late an instalment was when it changed: what is open by the fact's own count, what was settled by its day."""
    settled = (change["occurred_at"].date() - change["due_on"]).days if change["status"] == "settled" else 0
    return max(int(change["days_past_due"]), settled)


def _exposure(known: Told, as_of: datetime) -> Values:
    changes, bank = known.get("instalments", []), known.get("bank_transactions", [])
    today = as_of.date()

    def open_of(rows: list[Row]) -> int:
        return sum(row["open_change_minor"] for row in rows)

    overdue = open_of([row for row in changes if row["due_on"] < today])
    due = open_of([row for row in changes if today <= row["due_on"] <= today + timedelta(days=30)])
    incomes = [row for row in bank if row["direction"] == "credit" and row["purpose"] != "interest"]
    income = _sum(_last(incomes, 90, as_of)) / 3 if bank else 0.0
    return {
        "open_minor": open_of(changes),
        "open_overdue_minor": overdue,
        "due_30d_minor": due,
        "overdue_share": _ratio(overdue, open_of(changes)),
        "lent_minor_365d": _lent(known.get("plans", []), as_of),
        "open_to_income_90d": _ratio(open_of(changes), income),
        "due_to_income_90d": _ratio(due, income),
    }


def _lent(plans: list[Row], as_of: datetime) -> int:
    return sum(row["principal_minor"] for row in _last(plans, 365, as_of))


def _last(rows: list[Row], days: int, as_of: datetime) -> list[Row]:
    return [row for row in rows if as_of - row["occurred_at"] <= timedelta(days=days)]


def _sum(rows: list[Row]) -> int:
    return sum(row["amount_minor"] for row in rows)


def _age(row: Row, as_of: datetime) -> float:
    return (as_of - row["occurred_at"]) / timedelta(days=1)


def _since(rows: list[Row], as_of: datetime) -> float | None:
    return _age(rows[-1], as_of) if rows else None


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
