"""The catalogue as a page for readers: every feature, what it means and which way it may move a decision."""

from itertools import groupby

from features.as_of import measures_read
from features.catalog import APPLICANT, MERCHANT, FeatureSet, feature_set_digest
from features.feature import JURISDICTIONS, Feature
from features.measure import Measure
from features.source import FeatureSource

_DIRECTION = {-1: "lower", 0: "either way", 1: "higher"}

_OPENING = """# Features

Written by `tranche features page`; a test holds it equal to the catalogue.

An applicant's vector has {lake} features from the lake, feature set `{applicant}`; {request} more come from the order
itself. A merchant's has {merchant}, feature set `{merchants}`. An event counts when it had occurred before the moment
of the decision, the moment itself left out, and was recorded by then. Amounts are in minor units of their own
currency, and null where a window has amounts of several. A month is 30 days, and a window of n days reaches back to the
instant n days before the moment, itself included. What cannot be known is null, never a default: only of our own
tables, which are complete, nothing seen means 0. A feature with a limit is null, and named in the column `stale`, when
the newest booking is older than that. The last column says how the default probability may move when the value grows.
Sex, age, the undated table of standing orders and district figures of later years reach none of them.
"""


def catalogue_page() -> str:
    """The reference page as Markdown."""
    opening = _OPENING.format(
        applicant=feature_set_digest()[:12],
        merchants=feature_set_digest("merchant")[:12],
        lake=len(APPLICANT.lake),
        request=len(APPLICANT.request),
        merchant=len(MERCHANT.lake),
    )
    parts = [opening]
    for of in (APPLICANT, MERCHANT):
        for group, features in groupby(of.lake + of.request, key=lambda feature: feature.group):
            parts.append(_section(of, group, list(features)))
    parts.append(
        "## Measures\n\nWhat the features are arithmetic over: one aggregate each, all of a source from one scan.\n"
    )
    parts += [_measures(source) for of in (APPLICANT, MERCHANT) for source in of.sources]
    return "\n".join(parts)


def window(of: FeatureSet, feature: Feature) -> str:
    """How far back the feature looks: the longest window of its measures."""
    read = [of.measures[name].within for name in measures_read(feature.sql) if name in of.measures]
    if not read:
        return "the order"
    return "ever" if None in read else f"{max(days for days in read if days is not None)} days"


def _section(of: FeatureSet, group: str, features: list[Feature]) -> str:
    rows = [
        f"| `{each.name}` | {each.meaning}{_only_in(each)} | {each.unit} | {window(of, each)} | "
        f"{_limit(each)} | {each.owner} | {each.version} | {_DIRECTION[each.monotone]} |"
        for each in features
    ]
    head = [
        "| feature | meaning | unit | window | stale after | owner | version | default probability |",
        "|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([f"## {group.capitalize()}", "", *head, *rows, ""])


def _limit(feature: Feature) -> str:
    return "" if feature.stale_after is None else f"{feature.stale_after} days"


def _only_in(feature: Feature) -> str:
    barred = [each for each in JURISDICTIONS if not feature.may_serve("credit_decision", each)]
    return f" (no decision in {', '.join(barred)})" if barred else ""


def _measures(source: FeatureSource) -> str:
    rows = [
        f"| `{name}` | {each.aggregate} | {_code(each.value)} | {_code(each.where)} | {_days(each)} |"
        for name, each in source.measures.items()
    ]
    head = [
        f"### `{source.table}` by `{source.key}`",
        "",
        "| measure | aggregate | of | where | days |",
        "|---|---|---|---|---|",
    ]
    return "\n".join([*head, *rows, ""])


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _days(measure: Measure) -> str:
    if measure.within is None:
        return f"over {measure.beyond}" if measure.beyond else "ever"
    return f"{measure.beyond} to {measure.within}" if measure.beyond else str(measure.within)
