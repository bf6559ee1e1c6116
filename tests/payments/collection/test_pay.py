"""A shopper pays now: a part, or what settles the plan. Events come from the provider's answer alone."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from ledger.books.store import Conflict
from ledger.identity.authority import authority_file
from ledger.identity.principal import Principal
from ledger.map.flow import Flow
from ledger.money import Currency, Money
from lending.acts.look import quote_payoff
from lending.plan.plan import Plan, PlanStatus
from payments.collection.attempt import AttemptState
from payments.collection.pay import (
    AskedPayment,
    PaymentDeclined,
    PaymentNotPossible,
    PaymentPending,
    PaymentPreview,
    PaymentTaken,
    pay,
)
from payments.provider.simulated import SimulatedProvider, has_no_funds
from payments.wiring import Adapters
from tests.payments.acts import collect
from tests.payments.plans import NOON, an_open_plan, open_items, pending, posted, pounds, the_adapters

IN_FLIGHT = "rail:card:sandbox:in_flight"
CLEARING = "provider:sandbox:clearing"
ANN = Principal("ann", "servicing", NOON)
DAY_15 = NOON + timedelta(days=15)


def paying(ports: Adapters, plan: Plan, amount: Money | None, *, key: str = "k", **other: Any) -> Any:
    by, at, preview = other.get("by", ANN), other.get("at", DAY_15), other.get("preview", False)
    return pay(
        AskedPayment(plan.plan_id, key, amount, by),
        authority=authority_file(),
        asking=ports.asking,
        plans=ports.plans,
        ledger=ports.ledger,
        terms=ports.terms,
        profile=ports.profile,
        at=at,
        preview=preview,
    )


def quoted(ports: Adapters, plan: Plan) -> Money:
    found = quote_payoff(plan.plan_id, None, plans=ports.plans, ledger=ports.ledger, terms=ports.terms, at=DAY_15)
    return found.amount


def kinds(ports: Adapters, plan: Plan) -> list[str]:
    return [each.kind for each in ports.plans.histories([plan.plan_id])[plan.plan_id].events]


def test_a_part_is_captured_once_for_a_key_and_the_debt_falls_by_it(database_url: str) -> None:
    provider = SimulatedProvider()
    with the_adapters(database_url, provider) as ports:
        plan = an_open_plan(ports)
        before = quoted(ports, plan)

        first = paying(ports, plan, pounds(20_00))
        again = paying(ports, plan, pounds(20_00))

        assert (first.amount, first.new, first.status) == (pounds(20_00), True, PlanStatus.OPEN)
        assert (again.attempt_id, again.new) == (first.attempt_id, False)
        assert provider.requests == [first.attempt_id]
        assert quoted(ports, plan) == before - pounds(20_00)
        assert posted(ports, CLEARING) == 20_00
        assert (pending(ports, IN_FLIGHT), posted(ports, IN_FLIGHT)) == (0, 0)
        assert kinds(ports, plan) == ["opened", "paid"]


def test_the_quote_of_the_day_settles_the_plan_exactly_and_nothing_is_collected_afterwards(database_url: str) -> None:
    with the_adapters(database_url) as ports:
        plan = an_open_plan(ports)
        quote = quoted(ports, plan)

        answer = paying(ports, plan, None)
        last = plan.instalments[-1].due_on
        collected = collect(last, ports=ports, at=datetime.combine(last, NOON.timetz()))

        assert quote > plan.principal
        assert answer == PaymentTaken(answer.attempt_id, quote, pounds(0), PlanStatus.PAID, new=True)
        assert kinds(ports, plan) == ["opened", "paid_off"]
        assert collected.instalments_due == 0
        assert posted(ports, f"plan:{plan.plan_id}:principal") == 0
        assert pending(ports, IN_FLIGHT) == 0


def test_an_amount_equal_to_the_quote_is_the_same_as_a_payoff(database_url: str) -> None:
    with the_adapters(database_url) as ports:
        plan = an_open_plan(ports)

        answer = paying(ports, plan, quoted(ports, plan))

        assert (answer.owed, kinds(ports, plan)) == (pounds(0), ["opened", "paid_off"])


def test_a_preview_sends_and_keeps_nothing_and_is_what_is_then_posted(database_url: str) -> None:
    provider = SimulatedProvider()
    with the_adapters(database_url, provider) as ports:
        for number, amount in ((1, None), (2, pounds(20_00))):
            plan = an_open_plan(ports, number)

            preview = paying(ports, plan, amount, preview=True)
            assert isinstance(preview, PaymentPreview)
            assert kinds(ports, plan) == ["opened"]
            assert (provider.requests, pending(ports, IN_FLIGHT)) == ([], 0)

            paying(ports, plan, amount)
            kept = [ports.ledger.entry(each.journal.entry_id) for each in preview.posted]
            flows = {each.journal.flow for each in preview.posted}
            assert (Flow.EARLY_PAYOFF in flows) == (amount is None)
            assert flows
            assert [entry.journal.transfers for entry in kept if entry] == [e.journal.transfers for e in preview.posted]
            provider.requests.clear()


def test_a_refusal_releases_the_hold_and_is_the_answer_to_its_key(database_url: str) -> None:
    provider = SimulatedProvider(has_no_funds)
    with the_adapters(database_url, provider) as ports:
        plan = an_open_plan(ports)

        first, again = paying(ports, plan, None), paying(ports, plan, None)

        assert isinstance(first, PaymentDeclined)
        assert again == first
        assert len(provider.requests) == 1
        assert pending(ports, IN_FLIGHT) == 0
        attempt = ports.attempts.get(first.attempt_id)
        assert attempt is not None
        assert (attempt.state, attempt.retry_on) == (AttemptState.REJECTED, None)
        assert kinds(ports, plan) == ["opened"]


def test_a_lost_answer_is_found_by_asking_again_and_holds_the_principal_meanwhile(database_url: str) -> None:
    provider = SimulatedProvider(lose_answers=lambda _: True)
    with the_adapters(database_url, provider) as ports:
        plan = an_open_plan(ports)

        first = paying(ports, plan, None)
        held = pending(ports, IN_FLIGHT)
        explained = open_items(database_url, ports).faults
        other = paying(ports, plan, None, key="other")
        then = paying(ports, plan, None)

        assert isinstance(first, PaymentPending)
        assert (held, explained) == (plan.principal.minor, ())
        assert other.code == "in-progress"
        assert (then.new, then.owed, then.status) == (True, pounds(0), PlanStatus.PAID)
        assert len(provider.captured) == 1


def test_collection_resolves_a_payment_whose_answer_was_lost(database_url: str) -> None:
    provider = SimulatedProvider(lose_answers=lambda _: True)
    with the_adapters(database_url, provider) as ports:
        plan = an_open_plan(ports)
        paying(ports, plan, pounds(20_00))

        report = collect(DAY_15.date(), ports=ports, at=DAY_15)

        assert (report.resolved, kinds(ports, plan)) == (1, ["opened", "paid"])


def test_what_cannot_be_taken_is_refused_before_anything_is_sent(database_url: str) -> None:
    provider = SimulatedProvider()
    with the_adapters(database_url, provider) as ports:
        plan = an_open_plan(ports)
        more = quoted(ports, plan) + pounds(1)
        shop = Principal("till", "shop", NOON)

        codes = [
            paying(ports, plan, more).code,
            paying(ports, plan, Money(1_00, Currency.EUR)).code,
            paying(ports, plan, None, by=shop).code,
        ]
        assert codes == ["more-than-owed", "wrong-currency", "not-in-role"]
        assert provider.requests == []

        paying(ports, plan, None)
        assert paying(ports, plan, pounds(1), key="late") == PaymentNotPossible(
            "nothing-to-pay", f"{plan.plan_id} is paid and takes no payment"
        )


def test_a_key_used_for_another_amount_is_a_conflict(database_url: str) -> None:
    with the_adapters(database_url) as ports:
        plan = an_open_plan(ports)
        paying(ports, plan, pounds(20_00))

        with pytest.raises(Conflict):
            paying(ports, plan, pounds(20_01))
        with pytest.raises(Conflict):
            paying(ports, plan, None)
