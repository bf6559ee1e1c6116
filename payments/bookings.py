"""The journals that payments post by themselves, without a plan event: the flow of the money map and its amounts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from ledger.books.store import Ledger, Outcome
from ledger.journal import Journal
from ledger.map.flow import Flow
from ledger.map.flows import journal
from ledger.money import Money
from lending.plan.when import When


def capital_paid_in(key: str, bank: str, amount: Money, when: When) -> Journal:
    """F49: the owners' money."""
    return flow_journal(Flow.CAPITAL_PAID_IN, key, when, {}, {"capital": amount}, {"bank": bank})


def flow_journal(  # noqa: PLR0917 - the one call that each booking above spells out
    flow: str,
    key: str,
    when: When,
    correlation: Mapping[str, str],
    amounts: Mapping[str, Money],
    names: Mapping[str, str],
) -> Journal:
    return journal(
        flow,
        key=key,
        value_date=when.value_date,
        occurred_at=when.occurred_at,
        recorded_at=when.recorded_at,
        correlation=correlation,
        amounts=amounts,
        names=names,
    )


def post_when_open(journals: Sequence[Journal], ledger: Ledger, first_open: date | None) -> tuple[Outcome, ...]:
    """Post journals; one whose day is closed counts from the first open day, and keeps its own day as the original."""
    return ledger.post_all([when_open(each, first_open) for each in journals])


def when_open(late: Journal, first_open: date | None) -> Journal:
    """The journal on its own day if that is open, else on the first open day; None means that no period was closed."""
    if first_open is None or late.value_date >= first_open:
        return late
    return replace(late, value_date=first_open, original_date=late.value_date)
