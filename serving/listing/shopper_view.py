"""What is known of a shopper: the limit and the exposure in each currency, and their plans."""

from dataclasses import dataclass
from datetime import datetime

from lending.decision.exposure import Exposure
from lending.decision.postgres import PostgresDecisions
from lending.terms.policy import Policies
from lending.terms.products import local_day
from serving.listing.listed import MOST_ROWS, Kind, ListPage, WantedRows
from serving.listing.postgres_listing import list_rows
from serving.postgres import Connection
from terminal.fault import Fault

LIMIT_FACT = "exposure_after_minor"


class NoSuchShopper(Fault, LookupError):
    """Raised when nothing is known of a shopper."""

    @property
    def user_message(self) -> str:
        return f"there is no shopper {self.args[0]}"


@dataclass(frozen=True, slots=True)
class ShopperStanding:
    """A shopper's exposure in a currency, counted for the account of their newest order, and the limit of the policy.

    `limit_minor` is None where no policy lends in this currency now.
    """

    account_id: str
    exposure: Exposure
    limit_minor: int | None

    @property
    def used_minor(self) -> int:
        return self.exposure.outstanding.minor + self.exposure.reserved.minor


@dataclass(frozen=True, slots=True)
class ShopperView:
    """A shopper with the newest of their plans; standings only for the lender itself."""

    shopper_id: str
    standings: tuple[ShopperStanding, ...]
    plans: ListPage


def shopper_view(
    connection: Connection, shopper_id: str, *, merchant_id: str | None, policies: Policies, at: datetime
) -> ShopperView | None:
    """What is known of a shopper; None when nothing is. For a merchant its own plans alone, and no exposure."""
    wanted = WantedRows(shopper_id=shopper_id, merchant_id=merchant_id)
    plans = list_rows(connection, Kind.PLANS, wanted, after=None, limit=MOST_ROWS)
    if merchant_id is not None:
        asked = list_rows(connection, Kind.DECISIONS, wanted, after=None, limit=1)
        return ShopperView(shopper_id, (), plans) if plans.rows or asked.rows else None
    decisions = PostgresDecisions(connection)
    newest = decisions.newest_of(shopper_id)
    if not newest and not plans.rows:
        return None
    standings = []
    for order in newest:
        day = local_day(order.product, order.amount.currency, at)
        policy = policies.holding(order.amount.currency, order.product, day)
        limits = [rule.threshold for rule in policy.rules if rule.fact == LIMIT_FACT] if policy else []
        exposure = decisions.exposure(order, at)
        standings.append(ShopperStanding(order.account_id, exposure, int(min(limits)) if limits else None))
    return ShopperView(shopper_id, tuple(standings), plans)
