from typing import Any

import duckdb
import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st

from features.basket import REQUEST, request_features, requested_instalment
from tests.features.oracle import differences

AMOUNTS = st.integers(min_value=1, max_value=10**9)
LAKE_NAMES = (
    "income_mean_180d", "obligations_mean_180d", "balance_low_90d", "balance_mean_180d", "open_minor",
    "order_mean_365d", "largest_order_365d", "free_cash_mean_180d", "due_30d_minor", "income_mean_90d",
)  # fmt: skip
LAKE = st.fixed_dictionaries(
    {name: st.none() | st.just(0.0) | st.floats(min_value=-(10**9), max_value=10**9) for name in LAKE_NAMES}
)


@given(amount=AMOUNTS, months=st.integers(1, 60), instalment=AMOUNTS, lake=LAKE)
def test_request_features_are_what_their_formulas_say(
    amount: int, months: int, instalment: int, lake: dict[str, float | None]
) -> None:
    asked = {"amount_minor": amount, "duration_months": months, "instalment_minor": instalment}

    computed = request_features(**asked, lake=lake)

    assert differences(computed, _by_formula(asked | lake)) == {}


def test_request_features_come_in_the_catalogues_order() -> None:
    assert tuple(request_features(amount_minor=1, duration_months=1, instalment_minor=1, lake={})) == tuple(
        feature.name for feature in REQUEST
    )


def test_what_the_history_cannot_say_stays_unknown() -> None:
    asked = request_features(amount_minor=300_00, duration_months=3, instalment_minor=100_00, lake={})

    assert asked["amount_minor"] == 300_00.0
    assert asked["instalment_to_income"] is None
    assert asked["lowest_balance_to_instalment"] is None
    assert asked["income_left_minor"] is None


def test_nobody_without_income_divides_by_it() -> None:
    asked = request_features(
        amount_minor=1,
        duration_months=1,
        instalment_minor=1,
        lake={"income_mean_180d": 0.0, "obligations_mean_180d": 0.0},
    )

    assert (asked["amount_to_income"], asked["income_left_minor"]) == (None, -1.0)


@pytest.mark.parametrize(
    ("amount", "product", "months", "instalment"),
    [
        (9_999, "monthly", 3, 3_333),
        (10_000, "monthly", 3, 3_334),
        (1, "monthly", 12, 1),
        (10_000, "pay_in_3", 2, 3_334),
    ],
)
def test_the_requested_instalment_covers_the_amount(amount: int, product: str, months: int, instalment: int) -> None:
    assert requested_instalment(amount, product, months) == instalment


_ENGINE = duckdb.connect()


def _by_formula(values: dict[str, Any]) -> dict[str, float | None]:
    columns = ", ".join(f"CAST(${name} AS DOUBLE) AS {name}" for name in values)
    formulas = ", ".join(f"{feature.sql} AS {feature.name}" for feature in REQUEST)
    (query,) = sqlglot.transpile(f"SELECT {formulas} FROM asked", read="spark", write="duckdb")
    result = _ENGINE.execute(f"WITH asked AS (SELECT {columns}) {query}", values).fetchone()
    assert result is not None
    return dict(zip((feature.name for feature in REQUEST), result, strict=True))
