"""The catalogue as a page for readers: every feature, what it means and which way it may move a decision."""

from itertools import groupby

from features.catalog import LAKE_FEATURES, LAKE_MEASURES, REQUEST_FEATURES, feature_set_digest
from features.feature import Feature

_DIRECTION = {-1: "lower", 0: "either way", 1: "higher"}

_OPENING = """# Features

Written by `tranche features page`; a test holds it equal to the catalogue. Feature set `{digest}`.

{lake} features come from the bank transactions that had occurred before the moment of the decision and were recorded
by then; {request} come from the order itself. Amounts are in minor units of the account's currency, a month is 30 days,
and what cannot be known is null, never a default. The last column says how the default probability may move when the
value grows. Sex, age, the undated table of standing orders and district figures of later years reach none of them.
"""


def page() -> str:
    """The reference page as Markdown."""
    parts = [_OPENING.format(digest=feature_set_digest()[:12], lake=len(LAKE_FEATURES), request=len(REQUEST_FEATURES))]
    for group, features in groupby(LAKE_FEATURES + REQUEST_FEATURES, key=lambda feature: feature.group):
        parts.append(_section(group, list(features)))
    parts.append(_measures())
    return "\n".join(parts)


def _section(group: str, features: list[Feature]) -> str:
    rows = [
        f"| `{each.name}` | {each.meaning} | {each.unit} | {each.version} | {_DIRECTION[each.monotone]} |"
        for each in features
    ]
    head = ["| feature | meaning | unit | version | default probability |", "|---|---|---|---|---|"]
    return "\n".join([f"## {group.capitalize()}", "", *head, *rows, ""])


def _measures() -> str:
    rows = [f"| `{name}` | `{sql}` |" for name, sql in LAKE_MEASURES.items()]
    head = ["## Measures", "", "What the features are arithmetic over: one aggregate each, all from one scan.", ""]
    return "\n".join([*head, "| measure | Spark SQL |", "|---|---|", *rows, ""])
