import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import sqlglot
from sqlglot import expressions

from features import catalog
from features.as_of import EVENT_COLUMNS, point_in_time_sql
from features.catalog import LAKE_FEATURES, LAKE_MEASURES, MODEL_FEATURES, REQUEST_FEATURES, feature, feature_set_digest
from features.reference import page

ROOT = Path(__file__).parents[2]


def test_the_model_reads_lake_features_then_request_features_each_name_once() -> None:
    assert tuple(each.name for each in LAKE_FEATURES + REQUEST_FEATURES) == MODEL_FEATURES
    assert len(set(MODEL_FEATURES)) == len(MODEL_FEATURES)
    assert len(LAKE_FEATURES) >= 25


def test_every_feature_says_what_it_means() -> None:
    for each in LAKE_FEATURES + REQUEST_FEATURES:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", each.name)
        assert len(each.meaning) > 10
        assert each.monotone in (-1, 0, 1)


def test_a_feature_is_found_by_its_name() -> None:
    assert feature("balance_low_90d").monotone == -1
    with pytest.raises(KeyError):
        feature("star_sign")


def test_the_digest_is_the_same_in_another_process() -> None:
    program = "import features.catalog as c; print(c.feature_set_digest())"
    answers = {
        subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }

    assert answers == {f"{feature_set_digest()}\n".encode()}


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"sql": "tenure + 1"},
        {"version": 2},
        {"unit": "count"},
        {"monotone": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_digest_changes_with_a_definition(change: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    before = feature_set_digest()
    changed = tuple(replace(each, **change) if each.name == "tenure_days" else each for each in LAKE_FEATURES)  # type: ignore[arg-type]
    monkeypatch.setattr(catalog, "LAKE_FEATURES", changed)

    assert feature_set_digest.__wrapped__() != before


def test_the_digest_changes_with_a_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "LAKE_MEASURES", LAKE_MEASURES | {"tenure": "MIN(days_before)"})

    assert feature_set_digest.__wrapped__() != feature_set_digest()


def test_a_new_wording_of_a_meaning_keeps_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "LAKE_FEATURES", tuple(replace(each, meaning="reworded") for each in LAKE_FEATURES))

    assert feature_set_digest.__wrapped__() == feature_set_digest()


def test_measures_read_bank_transactions_and_features_read_measures_and_nothing_else() -> None:
    """So no undated standing order, district figure, sex or age can reach a feature."""
    for sql in LAKE_MEASURES.values():
        assert _columns(sql) <= {*EVENT_COLUMNS, "days_before"}
    for each in LAKE_FEATURES:
        assert _columns(each.sql) <= set(LAKE_MEASURES), each.name
    for each in REQUEST_FEATURES:
        asked = {"amount_minor", "duration_months", "instalment_minor"}
        assert _columns(each.sql) <= asked | {each.name for each in LAKE_FEATURES}, each.name


def test_every_measure_is_used_by_a_feature() -> None:
    used = set().union(*(_columns(each.sql) for each in LAKE_FEATURES))

    assert used == set(LAKE_MEASURES)


def test_the_join_groups_once_and_scans_the_events_once() -> None:
    query = sqlglot.parse_one(point_in_time_sql("moments", "events"), read="spark")

    assert sum(table.name == "events" for table in query.find_all(expressions.Table)) == 1
    assert len(list(query.find_all(expressions.Group))) == 1


def test_importing_the_catalogue_imports_no_engine() -> None:
    program = (
        "import sys, features.catalog, features.as_of, features.basket\n"
        "print(sorted({'pyspark', 'duckdb', 'pandas', 'numpy', 'pyiceberg', 'psycopg'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_the_reference_page_is_the_catalogue() -> None:
    assert (ROOT / "docs/reference/features.md").read_text() == page(), (
        "tranche features page > docs/reference/features.md"
    )


def _columns(sql: str) -> set[str]:
    return {column.name for column in sqlglot.parse_one(sql, read="spark").find_all(expressions.Column)}
