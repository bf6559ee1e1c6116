"""Reads the terms of a contract from its document."""

from __future__ import annotations

from data_contracts.column_reader import custom, entry_named
from data_contracts.document import Place
from data_contracts.terms import AllowedUse, Consumer, ContractTerms, Jurisdiction, LegalBasis, Span, SpanUnit, Use

_MOST_PERCENT = 100


def read_contract_terms(top: Place) -> ContractTerms | None:
    """The terms, or None with the faults noted if a required entry is missing."""
    retention = _span(entry_named(top["slaProperties"], "retention"))
    legal_basis = custom(top, "legalBasis").one_of(LegalBasis)
    allowed_use = [_allowed_use(entry) for entry in custom(top, "allowedUse").entries()]
    consumers = [_consumer(entry) for entry in custom(top, "consumers").entries()]
    _judge_names([each.jurisdiction if each else None for each in allowed_use], custom(top, "allowedUse"))
    _judge_names([each.name for each in consumers], custom(top, "consumers"))
    limit = custom(top, "rejectedShareLimit")
    if retention is None or legal_basis is None:
        return None
    return ContractTerms(
        retention=retention,
        legal_basis=legal_basis,
        allowed_use=tuple(each for each in allowed_use if each),
        consumers=tuple(consumers),
        subject=custom(top, "subjectColumn").text_if_any(),
        frequency=_feed(top, "frequency"),
        latency=_feed(top, "latency"),
        rejected_share_limit=None if limit.is_missing else _percent(limit),
    )


def _feed(top: Place, name: str) -> Span | None:
    place = entry_named(top["slaProperties"], name)
    return None if place.is_missing else _span(place)


def _span(place: Place) -> Span | None:
    if place.is_missing:
        place.fault("missing")
        return None
    value, unit = place["value"].whole(), place["unit"].one_of(SpanUnit)
    if value == 0:
        place["value"].fault("0 is no length of time")
    return None if not value or unit is None else Span(value, unit)


def _allowed_use(entry: Place) -> AllowedUse | None:
    jurisdiction = entry.mapping()["jurisdiction"].one_of(Jurisdiction)
    uses = [use for each in entry["uses"].entries() if (use := each.one_of(Use))]
    return None if jurisdiction is None else AllowedUse(jurisdiction, tuple(uses))


def _consumer(entry: Place) -> Consumer:
    return Consumer(entry.mapping()["name"].text(), entry["toleratesNewValues"].truth())


def _percent(place: Place) -> int | None:
    value = place.whole()
    if value is not None and value > _MOST_PERCENT:
        place.fault(f"{value} is no percentage")
    return value


def _judge_names(names: list[str] | list[Jurisdiction | None], place: Place) -> None:
    for name in sorted({name for name in names if name and names.count(name) > 1}):  # type: ignore[arg-type]
        place.fault(f"{name} stands twice")
