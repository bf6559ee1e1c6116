"""The journals that payments post by themselves, without a plan event: the flow of the money map and its amounts."""

from collections.abc import Mapping

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
