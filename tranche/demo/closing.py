"""What the close of business did in a run: days closed, interest that went through its pools, charge-offs by rule."""

from dataclasses import dataclass

from ledger.books.postgres import PostgresLedger, connect
from lending.acts.charge_off_by_rule import CLOSE_OF_BUSINESS, closing_rules
from tranche.report.wording import count, money

_DAYS = "SELECT count(*) FROM lending.business_dates"
_BY_RULE = "SELECT count(*) FROM lending.acts WHERE principal_id = %s AND act = 'charge-off'"
_POOL = "pool:interest:"


@dataclass(frozen=True, slots=True)
class Closings:
    """Days closed, interest that grew in pools and what they still hold, in minor units, and charge-offs by rule."""

    days: int
    grown_minor: int
    held_minor: int
    charged_off: int


def closings_of(database_url: str, currency: str) -> Closings:
    """Read what the close of business left."""
    with connect(database_url) as connection:
        (days,) = connection.execute(_DAYS).fetchone() or (0,)
        (by_rule,) = connection.execute(_BY_RULE, (CLOSE_OF_BUSINESS,)).fetchone() or (0,)
        counters = PostgresLedger(connection).balances()
    pools = [kept for (name, of), kept in counters.items() if name.startswith(_POOL) and of.value == currency]
    grown, left = sum(pool.debits_posted for pool in pools), sum(pool.credits_posted for pool in pools)
    return Closings(days, grown, grown - left, by_rule)


def closing_note(closed: Closings, currency: str) -> str:
    """The note of the report on it."""
    return (
        f"{count(closed.days)} business days were closed: {money(closed.grown_minor, currency)} of interest grew in "
        f"pools, which hold {money(closed.held_minor, currency)} that no plan owes yet, and "
        f"{count(closed.charged_off)} plans were charged off by {closing_rules().version}."
    )
