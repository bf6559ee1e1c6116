"""Check whole frames by aggregate rules with Great Expectations; single rows are validated earlier, at ingest.

Each rule takes three or four Spark jobs, so a frame that fits into memory should be passed as a pandas frame. The
details of a failure are computed in a second pass, for broken rules only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

if TYPE_CHECKING:
    from great_expectations.core.batch_definition import BatchDefinition
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult
    from great_expectations.data_context.data_context.abstract_data_context import AbstractDataContext
    from pyspark.sql import DataFrame


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a frame keeps one rule, and the finding if it does not."""

    rule: str
    meaning: str
    holds: bool
    found: str


def expectation_verdicts(frame: pd.DataFrame | DataFrame, suite: Mapping[str, Any]) -> tuple[Verdict, ...]:
    """The verdict on each expectation of the suite, in order.

    A rule that cannot be evaluated, such as one on a column that the frame lacks, counts as broken.
    """
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    batch = _whole_frame(context, frame, suite["name"])
    expectations = suite["expectations"]
    results = _results(context, batch, frame, expectations, "BOOLEAN_ONLY")
    broken = [expectation for expectation in expectations if not results[expectation["meta"]["rule"]].success]
    if broken:
        results |= _results(context, batch, frame, broken, "BASIC")
    return tuple(_verdict(expectation["meta"], results[expectation["meta"]["rule"]]) for expectation in expectations)


def _whole_frame(context: AbstractDataContext, frame: pd.DataFrame | DataFrame, name: str) -> BatchDefinition[Any]:
    """The frame as a single batch of Great Expectations."""
    if isinstance(frame, pd.DataFrame):
        pandas_asset = context.data_sources.add_pandas(name="lake").add_dataframe_asset(name=name)
        return pandas_asset.add_batch_definition_whole_dataframe("whole")
    spark_asset = context.data_sources.add_spark(name="lake", persist=False).add_dataframe_asset(name=name)
    return spark_asset.add_batch_definition_whole_dataframe("whole")


def _results(
    context: AbstractDataContext,
    batch: BatchDefinition[Any],
    frame: pd.DataFrame | DataFrame,
    expectations: Sequence[Mapping[str, Any]],
    result_format: Literal["BOOLEAN_ONLY", "BASIC"],
) -> dict[str, ExpectationValidationResult]:
    """The result of each rule by its name, with the detail that `result_format` asks for."""
    import great_expectations as gx
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    rules = [ExpectationConfiguration(**expectation).to_domain_obj() for expectation in expectations]
    suite = context.suites.add(gx.ExpectationSuite(name=result_format, expectations=rules))
    validation = gx.ValidationDefinition(name=result_format, data=batch, suite=suite)
    outcome = context.validation_definitions.add(validation).run(
        batch_parameters={"dataframe": frame}, result_format=result_format
    )
    return {_meta(result)["rule"]: result for result in outcome.results}


def _meta(result: ExpectationValidationResult) -> Mapping[str, str]:
    config = result.expectation_config
    assert config is not None, "the result of an expectation names its expectation"
    return config.meta or {}


def _verdict(meta: Mapping[str, str], result: ExpectationValidationResult) -> Verdict:
    holds = bool(result.success)
    return Verdict(meta["rule"], meta["meaning"], holds, "" if holds else _found(result))


def _found(result: ExpectationValidationResult) -> str:
    """A short finding for a broken rule: a figure, missing values, or the number of rows that break it."""
    seen = result.result
    if "observed_value" in seen and seen["observed_value"] is not None:
        return str(seen["observed_value"])
    if seen.get("partial_missing_list"):
        return f"no {', '.join(map(str, seen['partial_missing_list']))}"
    if "unexpected_count" in seen:
        return f"{seen['unexpected_count']:,} of {seen.get('element_count', 0):,} rows against it"
    messages = "; ".join(_messages(result.exception_info))
    return f"that it could not be judged ({messages})"


def _messages(info: Mapping[str, Any]) -> Iterable[str]:
    """The messages of exceptions; Great Expectations gives a single one as such, several by the name of the metric."""
    raised = [info] if "raised_exception" in info else info.values()
    return [str(exception.get("exception_message")) for exception in raised if exception.get("raised_exception")]
