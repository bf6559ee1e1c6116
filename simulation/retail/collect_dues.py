"""The instalments of a day: held (F12a), charged, and repaid (F12b, F05)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from ledger.money import Money
from ledger.store import Act, Request
from lending.bookings import Claim, Components, attempt_claimed
from lending.plan import Instalment, Plan
from lending.plan_log import PlanStanding
from simulation.retail.charges import Charge
from simulation.retail.order_book import CURRENCY
from simulation.retail.plan_events import paid
from simulation.retail.provider_account import ProviderAccount
from simulation.retail.shop import Shop, evening, in_the_evening

NOTHING = Money.zero(CURRENCY)


def collect_dues(due: Sequence[tuple[Plan, Instalment]], shop: Shop, provider: ProviderAccount, day: date) -> None:
    """Collect what refunds have left of each instalment."""
    rail = shop.till.profile.card
    standing = shop.log.standings([plan.plan_id for plan, _ in due])
    claims, charges = [], []
    for plan, instalment in due:
        left = _left(standing[plan.plan_id], instalment)
        if left.minor:
            attempt = Charge(plan, instalment, left, rail, day)
            claim = Claim(plan, instalment, attempt.attempt_id, rail.rail, rail.provider)
            held = attempt_claimed(claim, Components(left, NOTHING), in_the_evening(day))
            claims.append(Request(Act.HOLD, held))
            charges.append(replace(attempt, hold_id=held.entry_id))
    shop.ask(claims)
    shop.record([paid(provider.charge(charge), evening(day)) for charge in charges])


def _left(standing: PlanStanding, instalment: Instalment) -> Money:
    """What is open of an instalment; pay-in-3 has no interest, and one that is collected in time no fees."""
    found = (each for each in standing.instalments if each.instalment_id == instalment.instalment_id)
    return next((each.open_principal for each in found), NOTHING)
