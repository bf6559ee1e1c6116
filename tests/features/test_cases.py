"""Each feature by hand: a history and the value that follows from it, in cases.toml."""

import tomllib
from datetime import UTC, datetime, timedelta
from math import isclose
from pathlib import Path
from typing import Any

import pytest

from features.basket import request_features
from features.catalog import APPLICANT, FEATURE_SETS, MERCHANT
from tests.features.engine import computed

CASES: dict[str, list[dict[str, Any]]] = tomllib.loads(Path(__file__).with_name("cases.toml").read_text("utf-8"))
NOW = datetime(2026, 7, 1, tzinfo=UTC)
KINDS = {
    "salary": {"direction": "credit", "operation": "transfer_in", "purpose": "salary", "amount_minor": 2000_00,
               "balance_after_minor": 2500_00},
    "rent": {"direction": "debit", "operation": "transfer_out", "purpose": "rent", "amount_minor": 600_00,
             "balance_after_minor": 1900_00},
}  # fmt: skip


@pytest.mark.parametrize("case", CASES["case"], ids=lambda case: case["name"])
def test_a_history_gives(case: dict[str, Any]) -> None:
    of = FEATURE_SETS[case.get("of", "applicant")]
    told = {
        source: [_event(source, place, row) for place, row in enumerate(rows)]
        for source, rows in case.get("told", {}).items()
    }

    (row,) = computed([("a", NOW)], told, of)

    assert {name: row[name] for name in case["gives"]} == {
        name: None if value == "null" else pytest.approx(value, rel=1e-12) if isinstance(value, float) else value
        for name, value in case["gives"].items()
    }


def test_an_order_gives() -> None:
    for case in CASES["order"]:
        asked = request_features(**case["asks"], lake={name: float(value) for name, value in case["lake"].items()})

        assert set(asked) == set(case["gives"])
        assert all(isclose(asked[name] or 0.0, value) for name, value in case["gives"].items()), case["name"]


def test_every_feature_has_a_case() -> None:
    given = {name for case in CASES["case"] for name, value in case["gives"].items() if value != "null"}
    asked = {name for case in CASES["order"] for name in case["gives"]}

    assert {each.name for of in (APPLICANT, MERCHANT) for each in of.lake} - given == set()
    assert {each.name for each in APPLICANT.request} - asked == set()


def _event(source: str, place: int, row: dict[str, Any]) -> dict[str, Any]:
    """One event of source, with what the case does not say."""
    occurred_at = NOW - timedelta(days=row["ago"])
    told = {name: value for name, value in row.items() if name not in {"ago", "due_in", "kind"}}
    return {
        "event_id": f"{source}:{place}",
        "account_id": "a",
        "shopper_id": "a",
        "merchant_id": "a",
        "occurred_at": occurred_at,
        "recorded_at": occurred_at + timedelta(minutes=1),
        "sequence": place,
        "status": "open",
        "days_past_due": 0,
        "due_on": (NOW + timedelta(days=row.get("due_in", 0))).date(),
        **KINDS.get(row.get("kind", ""), {}),
        **told,
    }
