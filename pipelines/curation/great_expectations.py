"""Great Expectations as the judge of whole frames; rows were separated long before it looks.

What it costs is the Spark jobs that it starts, three or four for each rule: so a frame that fits into memory is better
handed in as a pandas one, and what was found is only asked of rules that do not hold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a frame holds to one rule, and what was found where it does not."""

    rule: str
    meaning: str
    holds: bool
    found: str


def verdicts(frame: Any, suite: Mapping[str, Any]) -> tuple[Verdict, ...]:
    """A verdict on each expectation of the suite, in its order; the frame is one of pandas or of Spark.

    A rule that cannot be judged at all, such as one of a column that the frame lacks, does not hold.
    """
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = {"globally": False}
    if isinstance(frame, pd.DataFrame):
        lake = context.data_sources.add_pandas(name="lake")
    else:
        lake = context.data_sources.add_spark(name="lake", persist=False)
    whole = lake.add_dataframe_asset(name=suite["name"]).add_batch_definition_whole_dataframe("whole")
    expectations = suite["expectations"]
    results = _results(context, whole, frame, expectations, "BOOLEAN_ONLY")
    broken = [each for each in expectations if not results[each["meta"]["rule"]].success]
    if broken:
        results |= _results(context, whole, frame, broken, "BASIC")
    return tuple(_verdict(each["meta"], results[each["meta"]["rule"]]) for each in expectations)


def _results(
    context: Any, whole: Any, frame: Any, expectations: Sequence[Mapping[str, Any]], result_format: str
) -> dict[str, Any]:
    """Each rule's result, told in as many words as the format has."""
    import great_expectations as gx
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    judged = [ExpectationConfiguration(**each).to_domain_obj() for each in expectations]
    rules = context.suites.add(gx.ExpectationSuite(name=result_format, expectations=judged))
    validation = gx.ValidationDefinition(name=result_format, data=whole, suite=rules)
    outcome = context.validation_definitions.add(validation).run(
        batch_parameters={"dataframe": frame}, result_format=result_format
    )
    return {result.expectation_config.meta["rule"]: result for result in outcome.results}


def _verdict(meta: Mapping[str, str], result: Any) -> Verdict:
    holds = bool(result.success)
    return Verdict(meta["rule"], meta["meaning"], holds, "" if holds else _found(result))


def _found(result: Any) -> str:
    """What Great Expectations saw, in the fewest words: a figure, missing values, or how many rows were against it."""
    seen = result.result
    if "observed_value" in seen and seen["observed_value"] is not None:
        return str(seen["observed_value"])
    if seen.get("partial_missing_list"):
        return f"no {', '.join(map(str, seen['partial_missing_list']))}"
    if "unexpected_count" in seen:
        return f"{seen['unexpected_count']:,} of {seen.get('element_count', 0):,} rows against it"
    told = [str(each.get("exception_message")) for each in _exceptions(result.exception_info)]
    return f"that it could not be judged ({'; '.join(told)})"


def _exceptions(info: Any) -> list[Mapping[str, Any]]:
    """One exception is told as itself, several by the name of what failed."""
    raised = [info] if "raised_exception" in info else list(info.values())
    return [each for each in raised if each.get("raised_exception")]
