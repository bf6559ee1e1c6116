"""For each rule over a whole table: a table that keeps it and one that breaks it, made from a valid sample.

For some rules the tables can be derived from the rule itself; for any other rule they are in the file of
samples: `"tables": {"both_directions_occur": {"passing": [{…}, …], "failing": [{…}]}}`, each row a change of the first
valid record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data_contracts.contract import AggregateRule
from data_contracts.samples import Record, Samples

Rows = Sequence[Record]


@dataclass(frozen=True, slots=True)
class TableSample:
    """The rows of a table that keeps a rule, and of a table that breaks it."""

    passing: Rows
    failing: Rows


def table_sample(rule: AggregateRule, samples: Samples) -> TableSample | None:
    """The two tables of the rule; None if neither the rule nor the file of samples gives them."""
    changes = samples.tables.get(rule.name) or _following_from(rule)
    if changes is None:
        return None
    rows = {kind: [samples.valid[0] | change for change in changes.get(kind, [])] for kind in ("passing", "failing")}
    return TableSample(rows["passing"], rows["failing"])


def _following_from(rule: AggregateRule) -> dict[str, list[Record]] | None:
    arguments = dict(rule.arguments)
    match rule.expectation:
        case "expect_table_row_count_to_be_between":
            least, most = arguments.get("min_value"), arguments.get("max_value")
            enough = least if isinstance(least, int) else most
            wrong = least - 1 if isinstance(least, int) else _more(most)
            return {"passing": _rows(enough), "failing": _rows(wrong)}
        case "expect_column_values_to_be_unique" | "expect_compound_columns_to_be_unique":
            return {"passing": _rows(1), "failing": _rows(2)}
        case "expect_column_values_to_not_be_null":
            return {"passing": _rows(1), "failing": [{str(arguments["column"]): None}]}
    return None


def _more(most: object) -> int:
    assert isinstance(most, int), most
    return most + 1


def _rows(count: object) -> list[Record]:
    assert isinstance(count, int), count
    return [{} for _ in range(count)]
