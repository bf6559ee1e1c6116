import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import sqlglot
from sqlglot import expressions

from data_contracts.catalog import contracts
from features.as_of import point_in_time_sql
from features.catalog import (
    APPLICANT,
    FEATURE_SETS,
    LAKE_FEATURES,
    MODEL_FEATURES,
    REQUEST_FEATURES,
    FeatureSet,
    feature,
    feature_set_digest,
)
from features.feature import JURISDICTIONS, Feature
from features.measure import Measure
from features.reference import catalogue_page

ROOT = Path(__file__).parents[2]


ROWS = [each for of in FEATURE_SETS.values() for each in of.lake + of.request]
FORBIDDEN = re.compile(r"(^|_)(sex|gender|age|born|birth|nationality|ethnic|race|religion|district|postcode)(_|$)")


def test_there_are_more_than_eighty_features_each_name_once() -> None:
    names = [each.name for each in ROWS]

    assert len(names) == len(set(names)) >= 80
    assert {each.group for each in ROWS} >= {
        "bank behaviour", "affordability", "spending", "obligations", "repayment", "merchant", "request", "velocity",
        "exposure",
    }  # fmt: skip


def test_the_models_inputs_are_the_first_32_lake_features_and_the_8_of_the_request() -> None:
    assert len(set(MODEL_FEATURES)) == len(MODEL_FEATURES) == 40
    assert tuple(each.name for each in LAKE_FEATURES[:32]) == MODEL_FEATURES[:32]
    assert set(MODEL_FEATURES[32:]) <= {each.name for each in REQUEST_FEATURES}


@pytest.mark.parametrize("each", ROWS, ids=lambda each: each.name)
def test_every_feature_says_everything_that_a_reader_must_know(each: Feature) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", each.name)
    assert len(each.meaning) > 10
    assert each.monotone in (-1, 0, 1)
    assert each.owner
    assert each.version >= 1
    assert each.entity in FEATURE_SETS
    assert each.stale_after is None or each.stale_after > 0
    assert set(each.allowed) == set(JURISDICTIONS)
    assert not FORBIDDEN.search(each.name.replace("data_age", "")), "no decision may read it"


def test_a_feature_that_a_jurisdiction_forbids_may_not_serve_there() -> None:
    pension = feature("pension_share_180d")

    assert not pension.may_serve("credit_decision", "US")
    assert pension.may_serve("credit_decision", "EU")
    assert not replace(pension, allowed={}).may_serve("credit_decision", "EU")


def test_the_model_reads_only_what_every_jurisdiction_allows() -> None:
    for name in MODEL_FEATURES:
        assert all(feature(name).may_serve("credit_decision", each) for each in JURISDICTIONS), name


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
def test_the_digest_changes_with_a_definition(change: dict[str, object]) -> None:
    changed = tuple(replace(each, **change) if each.name == "tenure_days" else each for each in LAKE_FEATURES)  # type: ignore[arg-type]

    assert replace(APPLICANT, lake=changed).digest() != feature_set_digest()


def test_the_digest_changes_with_a_measure() -> None:
    assert _with_measure(tenure=Measure("days_since_last")).digest() != feature_set_digest()


def test_a_new_wording_of_a_meaning_keeps_the_digest() -> None:
    reworded = tuple(replace(each, meaning="reworded") for each in LAKE_FEATURES)

    assert replace(APPLICANT, lake=reworded).digest() == feature_set_digest()


def test_each_entity_has_a_digest_of_its_own() -> None:
    assert len({feature_set_digest(entity) for entity in FEATURE_SETS}) == len(FEATURE_SETS)


@pytest.mark.parametrize("of", FEATURE_SETS.values(), ids=FEATURE_SETS)
def test_measures_read_their_source_and_features_read_measures_and_nothing_else(of: FeatureSet) -> None:
    """So no undated standing order, district figure, sex or age can reach a feature."""
    assert len(of.measures) == sum(len(source.measures) for source in of.sources), "a measure's name is used twice"
    for source in of.sources:
        for name, measure in source.measures.items():
            moment = set() if source.by_days else {"as_of", "occurred_at"}
            assert _columns(f"{measure.where or 'TRUE'} AND {measure.value or 'TRUE'}") <= {*source.columns, *moment}, (
                name
            )
            assert " OR " not in measure.where, "conditions are joined by AND"
    for each in of.lake:
        assert _columns(each.sql) <= set(of.measures), each.name
    for each in of.request:
        asked = {"amount_minor", "duration_months", "instalment_minor"}
        assert _columns(each.sql) <= asked | {each.name for each in of.lake}, each.name


def test_sources_read_columns_that_their_contracts_promise() -> None:
    """A table whose contract is not written yet is checked from the day it is."""
    promised = {each.curated_table: each for each in contracts().values()}
    sources = [source for of in FEATURE_SETS.values() for source in of.sources if source.table in promised]

    assert {source.table for source in sources} >= {"curated.bank_transactions", "curated.credit_applications"}
    for source in sources:
        types = {column.name: str(column.type) for column in promised[source.table].columns}
        wanted = {name: "integer" if kind == "bigint" else kind for name, kind in source.read_columns.items()}
        assert {name: types.get(name) for name in wanted} == wanted, source.table
        assert not [name for name in wanted if FORBIDDEN.search(name)]


@pytest.mark.parametrize("of", FEATURE_SETS.values(), ids=FEATURE_SETS)
def test_every_measure_is_used_by_a_feature(of: FeatureSet) -> None:
    assert set().union(*(_columns(each.sql) for each in of.lake)) == set(of.measures)


@pytest.mark.parametrize("of", FEATURE_SETS.values(), ids=FEATURE_SETS)
def test_the_join_scans_each_source_once_and_groups_its_events_once(of: FeatureSet) -> None:
    relations = {source.name: f"{source.name}_told" for source in of.sources}
    query = sqlglot.parse_one(point_in_time_sql(of, "moments", relations), read="spark")

    scans = [table.name for table in query.find_all(expressions.Table)]
    assert [scans.count(relation) for relation in relations.values()] == [1] * len(relations)
    grouped = Counter(group.parent.args["from_"].name for group in query.find_all(expressions.Group))
    steps = [f"{source.name}_{step}" for source in of.sources for step in ("known", "parts")]
    assert grouped == dict.fromkeys(steps, 1)
    assert all(join.args.get("on") for join in query.find_all(expressions.Join))


def test_importing_the_catalogue_imports_no_engine() -> None:
    program = (
        "import sys, features.catalog, features.as_of, features.basket\n"
        "print(sorted({'pyspark', 'duckdb', 'pandas', 'numpy', 'pyiceberg', 'psycopg'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_the_reference_page_is_the_catalogue() -> None:
    assert (ROOT / "docs/reference/features.md").read_text() == catalogue_page(), (
        "tranche features page > docs/reference/features.md"
    )


def _with_measure(**changed: Measure) -> FeatureSet:
    first, *others = APPLICANT.sources
    return replace(APPLICANT, sources=(replace(first, measures={**first.measures, **changed}), *others))


def _columns(sql: str) -> set[str]:
    return {column.name for column in sqlglot.parse_one(sql, read="spark").find_all(expressions.Column)}
