"""Great Expectations says of every sample what the contract's own predicates say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from data_contracts.catalog import contracts
from data_contracts.contract import ColumnType, Contract
from data_contracts.expectations import TYPED, row_suite, suite
from data_contracts.quarantine import text_of, typed, violations_of
from data_contracts.samples import Samples, read_samples
from data_contracts.table_samples import table_sample
from tests.data_contracts.feature_sets import a_feature_set
from tests.data_contracts.samples import samples_of

pytestmark = pytest.mark.slow  # Great Expectations takes its time for each rule, and there are hundreds

Verdicts = dict[str, set[int]]


@pytest.fixture(scope="module")
def context() -> Any:
    import great_expectations as gx  # seconds, which every run would pay that only collects this module

    found = gx.get_context(mode="ephemeral")
    found.enable_analytics(enable=False)
    found.variables.progress_bars = {"globally": False}
    return found


def judged(context: Any, frame: pd.DataFrame, rules: dict[str, Any]) -> Verdicts:
    """The rows that break each rule of a suite; a rule that could not be judged fails the test."""
    import great_expectations as gx

    source = context.data_sources.add_pandas(name=rules["name"])
    whole = source.add_dataframe_asset(name="samples").add_batch_definition_whole_dataframe("whole")
    expectations = [_expectation(each) for each in rules["expectations"]]
    of_suite = context.suites.add(gx.ExpectationSuite(name=rules["name"], expectations=expectations))
    validation = gx.ValidationDefinition(name=rules["name"], data=whole, suite=of_suite)
    outcome = context.validation_definitions.add(validation).run(
        batch_parameters={"dataframe": frame}, result_format="COMPLETE"
    )
    found: Verdicts = {}
    for result in outcome.results:
        rule = result.expectation_config.meta["rule"]
        assert "unexpected_index_list" in result.result, (rule, result.exception_info)
        found[rule] = set(result.result["unexpected_index_list"])
    return found


def _expectation(told: dict[str, Any]) -> Any:
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    return ExpectationConfiguration(**told).to_domain_obj()


def texts_and_values(found: Contract, records: list[dict[str, Any]]) -> pd.DataFrame:
    """Each column as its texts and as its typed values."""
    columns: dict[str, pd.Series] = {}
    for column in found.columns:
        texts = [text_of(record.get(column.name)) for record in records]
        values = [None if text is None else typed(column.type, text) for text in texts]
        columns[column.name] = pd.Series(texts, dtype=object)
        is_moment = column.type is ColumnType.TIMESTAMP
        columns[f"{column.name}{TYPED}"] = pd.Series(
            pd.to_datetime(values, utc=True) if is_moment else pd.Series(values, dtype=object)
        )
    return pd.DataFrame(columns)


def assert_one_verdict(context: Any, found: Contract, samples: Samples) -> None:
    records = [*samples.valid, *(samples.broken(rule.name) for rule in found.row_rules)]

    verdicts = judged(context, texts_and_values(found, records), row_suite(found))

    ours: Verdicts = {rule.name: set() for rule in found.row_rules}
    for row, record in enumerate(records):
        for violation in violations_of(found, record):
            ours[violation.rule].add(row)
    assert verdicts == ours
    assert all(ours.values())


@pytest.mark.parametrize("found", contracts().values(), ids=lambda found: found.name)
def test_two_judges_agree_on_every_sample_of_every_contract(context: Any, found: Contract) -> None:
    assert_one_verdict(context, found, samples_of(found))


def test_two_judges_agree_on_a_feature_set(context: Any, tmp_path: Path) -> None:
    found = a_feature_set(tmp_path)

    assert_one_verdict(context, found, read_samples("made_up", tmp_path))


@pytest.mark.parametrize("found", contracts().values(), ids=lambda found: found.name)
def test_every_rule_of_a_whole_table_keeps_its_passing_table_and_catches_its_failing_one(
    context: Any, found: Contract
) -> None:
    for rule, each in zip(found.aggregate_rules, suite(found)["expectations"], strict=True):
        sample = table_sample(rule, samples_of(found))
        assert sample is not None, rule.name
        verdicts = [
            holds(context, typed_frame(found, rows), f"{found.name} {rule.name} {kind}", each)
            for kind, rows in (("passing", sample.passing), ("failing", sample.failing))
        ]
        assert verdicts == [True, False], rule.name


def typed_frame(found: Contract, records: Sequence[dict[str, Any]]) -> pd.DataFrame:
    frame = texts_and_values(found, list(records))
    return pd.DataFrame({column.name: frame[f"{column.name}{TYPED}"] for column in found.columns})


def holds(context: Any, frame: pd.DataFrame, name: str, expectation: dict[str, Any]) -> bool:
    whole = context.data_sources.add_pandas(name=name).add_dataframe_asset(name="table")
    batch = whole.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
    return bool(batch.validate(_expectation(expectation)).success)


@pytest.mark.parametrize("found", contracts().values(), ids=lambda found: found.name)
def test_every_rule_of_a_whole_table_is_an_expectation_there_is(found: Contract) -> None:
    for each in suite(found)["expectations"]:
        assert _expectation(each).expectation_type == each["type"]
