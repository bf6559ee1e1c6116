"""Collects the instalments of a day: held (F12a), charged, and repaid (F12b, F05)."""

from datetime import date

from ledger.books.store import Act, Request
from lending.servicing.record_events import KeptLedger, TermsOf
from lending.servicing.store import OpenInstalment, Plans
from payments.collection.attempt import Planned, attempt_id_of
from payments.collection.bookings import Components, attempt_claimed
from payments.collection.events import collected
from payments.collection.outcome import collection_of
from payments.plan_events import record_on_plan
from simulation.retail.evening import ask, evening
from simulation.retail.provider_account import ProviderAccount


def collect_dues(day: date, provider: ProviderAccount, *, plans: Plans, ledger: KeptLedger, terms: TermsOf) -> None:
    """Collect the instalments due, less refunds."""
    when = evening(day)
    due = plans.collectable(day)
    attempts = [_attempt(each, provider.name, day) for each in due]
    claims = [
        attempt_claimed(
            collection_of(each.plan, attempt, provider.rail),
            Components(attempt.principal, attempt.interest, attempt.fees),
            when,
        )
        for each, attempt in zip(due, attempts, strict=True)
    ]
    ask(ledger, [Request(Act.HOLD, claim) for claim in claims])
    events = [collected(provider.charge(attempt), provider.rail, when) for attempt in attempts]
    record_on_plan(events, plans=plans, ledger=ledger, terms=terms)


def _attempt(due: OpenInstalment, provider: str, day: date) -> Planned:
    return Planned(
        attempt_id=attempt_id_of(due.instalment.instalment_id, 1),
        instalment_id=due.instalment.instalment_id,
        number=1,
        plan_id=due.plan.plan_id,
        shopper_id=due.plan.account_id,
        account_id=due.plan.account_id,
        provider=provider,
        fees=due.open_fees,
        interest=due.open_interest,
        principal=due.open_principal - due.disputed,
        due_on=due.instalment.due_on,
        requested_on=day,
    )
