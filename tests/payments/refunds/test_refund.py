"""A merchant takes back goods: from what we owe it, or, once it was paid, from what it owes us."""

import threading
from datetime import date, timedelta
from pathlib import Path

import pytest

from ledger.account import Side
from ledger.books.store import Conflict
from lending.plan.refusal import PlanRefusalCode
from lending.terms.product import Product
from payments.provider.simulated import SimulatedProvider, has_no_funds, pays
from payments.refunds.refund import NoSuchPlan, RefundAnswer, RefundRefused, RefundTaken
from payments.wiring import Adapters
from tests.payments.acts import collect, pay_refunds, refund
from tests.payments.outside import Outside, at, collected, merchants_paid
from tests.payments.plans import NOON, an_open_plan, first_due, posted, pounds, the_adapters

PAYABLE, RECEIVABLE = "merchant:m-1:payable", "merchant:m-1:receivable"


def taken_back(
    ports: Adapters, plan_id: str, minor: int, refund_id: str = "r-1", day: date | None = None
) -> RefundAnswer:
    when = NOON + timedelta(hours=1) if day is None else at(day, 20)
    return refund(plan_id, refund_id, pounds(minor), ports=ports, at=when)


def test_before_the_merchant_is_paid_a_refund_lowers_what_we_owe_it(database_url: str) -> None:
    with the_adapters(database_url) as ports:
        plan = an_open_plan(ports, minor=90_00)
        owed = posted(ports, PAYABLE, Side.CREDIT)

        answer = taken_back(ports, plan.plan_id, 30_00)

        assert isinstance(answer, RefundTaken)
        assert (answer.new, answer.to_shopper, answer.refundable_rest) == (True, pounds(0), pounds(60_00))
        assert posted(ports, PAYABLE, Side.CREDIT) == owed - 28_50
        assert posted(ports, f"plan:{plan.plan_id}:principal") == 60_00


def test_after_the_merchant_was_paid_it_owes_us_and_its_next_payout_is_short_of_it(
    database_url: str, tmp_path: Path
) -> None:
    outside = Outside(tmp_path, {})
    with the_adapters(database_url, outside.provider) as ports:
        plan = an_open_plan(ports, minor=90_00)
        merchants_paid(ports, outside, plan.opened_on)

        taken_back(ports, plan.plan_id, 30_00, day=plan.opened_on)

        assert (posted(ports, PAYABLE, Side.CREDIT), posted(ports, RECEIVABLE)) == (0, 28_50)
        an_open_plan(ports, 2, minor=90_00)
        next_day = plan.opened_on + timedelta(days=1)
        assert merchants_paid(ports, outside, next_day).paid_minor == {"GBP": 85_50 - 28_50}
        assert posted(ports, RECEIVABLE) == 0


def test_what_was_paid_of_the_goods_goes_back_to_the_shopper(database_url: str, tmp_path: Path) -> None:
    with the_adapters(database_url) as ports:
        plan = an_open_plan(ports, minor=90_00)
        due = first_due(plan)
        collected(ports, due)

        answer = taken_back(ports, plan.plan_id, 90_00, day=due)

        assert isinstance(answer, RefundTaken)
        assert answer.refundable_rest == pounds(0)
        assert answer.to_shopper.minor == posted(ports, "shopper:s-1:refund_payable", Side.CREDIT) > 0
        assert posted(ports, f"plan:{plan.plan_id}:principal") == 0
        report = pay_refunds(due, ports=ports, outbox=tmp_path, at=at(due, 23))
        assert report.paid_minor == {"GBP": answer.to_shopper.minor}
        last = ports.plans.histories([plan.plan_id])[plan.plan_id].events[-1]
        midnight_in_london = due + timedelta(days=1)
        assert (last.kind, last.value_date) == ("refund_paid", midnight_in_london)


def test_the_same_refund_again_changes_nothing_and_with_another_amount_it_is_a_conflict(database_url: str) -> None:
    with the_adapters(database_url) as ports:
        plan = an_open_plan(ports, minor=90_00)
        taken_back(ports, plan.plan_id, 30_00)
        before = ports.ledger.trial_balance()

        again = taken_back(ports, plan.plan_id, 30_00)

        assert isinstance(again, RefundTaken)
        assert not again.new
        assert ports.ledger.trial_balance() == before
        with pytest.raises(Conflict, match="another amount"):
            taken_back(ports, plan.plan_id, 31_00)


def test_two_refunds_racing_both_stand_within_the_purchase_else_the_rest_is_named(database_url: str) -> None:
    with the_adapters(database_url) as ports:
        plan = an_open_plan(ports, minor=90_00)
    answers: list[RefundAnswer] = []
    started = threading.Barrier(2)

    def run(refund_id: str) -> None:
        with the_adapters(database_url) as own:
            started.wait()
            answers.append(taken_back(own, plan.plan_id, 60_00, refund_id))

    threads = [threading.Thread(target=run, args=(refund_id,)) for refund_id in ("r-1", "r-2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    (refused,) = [answer for answer in answers if isinstance(answer, RefundRefused)]
    (reason,) = refused.reasons
    assert reason.code is PlanRefusalCode.BEYOND_THE_PURCHASE
    assert "30.00 GBP" in reason.detail
    with the_adapters(database_url) as ports:
        assert posted(ports, f"plan:{plan.plan_id}:principal") == 30_00


def test_there_is_nothing_to_refund_of_a_plan_that_is_not_there(database_url: str) -> None:
    with the_adapters(database_url) as ports:
        assert taken_back(ports, "p-x", 1_00) == NoSuchPlan("p-x")


@pytest.mark.parametrize("captured", [True, False], ids=["the money came", "the money did not come"])
def test_a_refund_while_a_collection_is_under_way_waits_for_its_outcome(captured: bool, database_url: str) -> None:
    provider = SimulatedProvider(pays if captured else has_no_funds, lose_answers=lambda _: True)
    with the_adapters(database_url, provider) as ports:
        plan = an_open_plan(ports, minor=90_00, product=Product.PAY_IN_30_DAYS, months=1)
        due = first_due(plan)
        collected(ports, due)  # the answer is lost: the amount stays held
        (attempt,) = ports.attempts.unresolved()

        answer = taken_back(ports, plan.plan_id, 90_00, day=due)

        assert isinstance(answer, RefundTaken)
        held = attempt.planned.principal.minor
        assert posted(ports, "shopper:s-1:credit_balance", Side.CREDIT) == held
        assert posted(ports, f"plan:{plan.plan_id}:principal") == held
        collect(due, ports=ports, at=at(due, 23) + timedelta(minutes=5))
        assert posted(ports, f"plan:{plan.plan_id}:principal") == 0
        assert posted(ports, "shopper:s-1:credit_balance", Side.CREDIT) == 0
        assert (posted(ports, "shopper:s-1:refund_payable", Side.CREDIT) >= held) is captured
        assert ports.ledger.open_holds() == ()
