"""Credits on our bank's statement that a shopper sent for a plan of theirs, by the plan that their reference names."""

import re
from collections.abc import Container, Iterable

from lending.acts.with_merchant import principal_in_flight
from lending.plan.event import Paid, PaymentChannel, PlanEvent
from lending.plan.plan import Plan
from lending.servicing.record_events import KeptLedger, TermsOf, first_open_day
from lending.servicing.store import Plans
from payments.bookings import post_when_open
from payments.collection.opening import must_hold
from payments.expectation import Expectations, Expected, Leg
from payments.expectation_key import ExpectationKey, TransferKey
from payments.files.line import FileLine
from payments.line_key import LineKey, LineKind
from payments.plan_events import event_of, paid_event_id, record_on_plan
from payments.rail_profile import RailProfile
from payments.reconciliation.bookings import unidentified_credit
from payments.reconciliation.bookings_from_matches import Consequences, seen_on
from payments.reconciliation.matching import Matched, MatchRule

_TOKEN = re.compile(r"[0-9a-z][0-9a-z._-]*", re.ASCII)


def plans_named(reference: str) -> frozenset[str]:
    """The words of a reference that may be ids of plans; the id of an instalment is that of its plan, and a number.

    >>> sorted(plans_named("Sofa P-D-1/2, thanks"))
    ['2', 'p-d-1', 'sofa', 'thanks']
    """
    return frozenset(word.rstrip("._-") for word in _TOKEN.findall(reference.lower()))


def transfers_of_shoppers(
    lines: Iterable[FileLine], expected: Container[ExpectationKey], plans: Plans
) -> dict[LineKey, Plan]:
    """The plan of each credit that names one plan and nothing that we expect. Several plans, and another currency, are
    for a person.
    """
    unknown = [line for line in lines if line.kind is LineKind.CREDIT and line.detail and line.key not in expected]
    words = {line.line_key: plans_named(line.detail) for line in unknown}
    known = plans.get_all({word for found in words.values() for word in found})
    named = {line.line_key: [known[word] for word in sorted(words[line.line_key]) if word in known] for line in unknown}
    return {
        line.line_key: named[line.line_key][0]
        for line in unknown
        if len(named[line.line_key]) == 1 and named[line.line_key][0].currency is line.amount.currency
    }


def take_transfers(
    lines: Iterable[FileLine],
    named: dict[LineKey, Plan],
    on_suspense: Container[LineKey],
    *,
    plans: Plans,
    ledger: KeptLedger,
    expectations: Expectations,
    terms: TermsOf,
    profile: RailProfile,
) -> Consequences:
    """F36a and F36b for each: the money is taken as it came, for what is owed first, and the rest is credit."""
    result = Consequences()
    for line in sorted((line for line in lines if line.line_key in named), key=lambda line: str(line.line_key)):
        plan, when = named[line.line_key], seen_on(line.booked_on)
        if line.line_key not in on_suspense:
            seen = unidentified_credit(line.line_id, line.bank_account or profile.push_bank, line.amount, when)
            (posted,) = post_when_open([seen], ledger, first_open_day(ledger))
            must_hold(posted, seen.entry_id)
            result.journals.append(seen)
        record_on_plan([_paid(line, plan, ledger)], plans=plans, ledger=ledger, terms=terms)
        expected = Expected(
            key=TransferKey(line.payment_id),
            leg=Leg.LEDGER_BANK,
            amount=line.amount,
            expected_on=line.booked_on,
            due_by=line.reported_on,
            created_by=line.line_id,
            plan_id=plan.plan_id,
        )
        expectations.expect([expected])
        result.matches.append(Matched(line.to_match(), expected.to_match(), MatchRule.ID))
    return result


def _paid(line: FileLine, plan: Plan, ledger: KeptLedger) -> PlanEvent:
    """The payment of a plan; while an attempt asks for its principal, it is credit that waits for the outcome."""
    body = Paid(
        line.amount,
        PaymentChannel.TRANSFER,
        line.line_id,
        in_flight=principal_in_flight(plan, ledger),
        taking=None if line.taking == 1 else line.taking,
    )
    return event_of(paid_event_id(line.payment_id), plan.plan_id, str(line.line_key), seen_on(line.booked_on), body)
