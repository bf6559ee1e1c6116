"""Act: a day's shoppers come to the checkout: their history reaches the lake, then each asks for a decision."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import httpx

from ledger.books.store import Books, Ledger
from ledger.money import Currency, Money
from lending.plan.when import When
from payments import bookings
from payments.collection.opening import must_hold
from payments.rail_profile import load_profile
from simulation import checkout
from simulation.fresh_shoppers import fresh_shoppers, write_source
from simulation.outside import Outside
from simulation.take_in import TakenIn, take_in

CAPITAL = Money(25_000_000, Currency.GBP)
_OWNERS = "seeded-world"
"""Who pays the capital in; the demo's world does so under the same name, so no world is given it twice."""


@dataclass(frozen=True, slots=True)
class Shopping:
    """What the shoppers of one day came to."""

    day: date
    folder: Path
    shoppers: int
    taken_in: TakenIn
    shopped: checkout.ShoppedReport

    def lines(self, longest_list: int) -> Iterator[str]:
        """What a person reads of it."""
        taken, shopped = self.taken_in, self.shopped
        yield (
            f"{self.shoppers:,} shoppers of {self.day}: {taken.published:,} events of their history published, "
            f"{taken.accepted:,} new in the lake, {taken.vectors:,} vectors new"
        )
        yield f"decisions  {', '.join(f'{number:,} {outcome}' for outcome, number in _most(shopped.outcomes))}"
        for reason, number in _most(shopped.reasons)[:longest_list]:
            yield f"  {number:>6,}  {reason}"
        financed = ", ".join(str(Money(minor, Currency(name))) for name, minor in shopped.financed_minor.items())
        yield (
            f"offers     {shopped.accepted:,} accepted: {len(shopped.plans):,} plans opened, {financed or 'nothing'} "
            f"financed; {shopped.declined_payments:,} first payments declined, {shopped.unknown_payments:,} unknown"
        )
        for due, number in sorted(shopped.due.items())[:longest_list]:
            yield f"  due {due}  {number:,} instalments"


def shop(
    seed: int,
    count: int,
    *,
    now: datetime,
    folder: Path,
    api: httpx.Client,
    world: Outside,
    say: Callable[[str], None],
) -> Shopping:
    """Make `count` shoppers of this day and let them shop. Equal arguments on the same day change nothing more.

    `folder` receives their history as canonical events. Raises ApiFault, OutsideFault or NothingPublished when a part
    of the platform is not there, before anything is written where that can be known.
    """
    checkout.wait_until_ready(api)
    buyers = fresh_shoppers(seed, now.date(), count)
    source = write_source(buyers, folder / f"{now.date()}-{seed}")
    world.know(buyer.repayment.as_row() for buyer in buyers)
    taken = take_in(source, as_of=now, say=say)
    say("asking for decisions")
    baskets = [basket for buyer in buyers for basket in buyer.checkouts]
    return Shopping(now.date(), source, len(buyers), taken, checkout.place_orders(api, baskets))


def pay_in_capital(ledger: Ledger, books: Books, world: Outside, now: datetime) -> bool:
    """The owners' money, once in a world's life (F49), and the bank account that holds it; False when it was there."""
    journal = bookings.capital_paid_in(_OWNERS, load_profile().card.bank, CAPITAL, When.day(now.date()))
    if not world.open_account(CAPITAL) or books.entry(journal.entry_id) is not None:
        return False
    must_hold(ledger.post(journal), journal.entry_id)
    return True


def _most(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """The most frequent first."""
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))
