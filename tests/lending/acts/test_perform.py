"""Acts of people: each decision is recorded with who and why, once, and some only when a second person agrees."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from ledger.books.store import Conflict
from ledger.identity.authority import authority_file
from ledger.identity.principal import Principal
from lending.acts.act import ACTS, NOT_BY_HAND, Effect, why_not_by_hand
from lending.acts.arguments import ArgumentFault
from lending.acts.log import AskedAct, Withdrawal
from lending.acts.perform import (
    PROPOSAL_LASTS,
    ActDone,
    ActPorts,
    ActProposed,
    ActRefused,
    NotAllowed,
    UnknownAct,
    UnknownActProposal,
    approve_act,
    perform,
)
from lending.acts.postgres_acts import PostgresActs, settled_entries
from lending.acts.preview import preview_act
from lending.acts.withdraw import ActWithdrawn, withdraw_act
from lending.plan.event import KINDS, Frozen
from lending.plan.refusal import PlanRefusalCode
from lending.proof.rebuild_standings import rebuild_standings
from lending.servicing.postgres import PostgresPlans
from lending.servicing.record_events import UnknownPlan
from payments.break_desk.desk_act import DESK_ACTS
from payments.collection.pay import PAY
from payments.merchants.ship import SHIP
from tests.lending.acts.cases import OTHER, PLAN, a_case
from tests.lending.acts.counter import (
    ANN,
    BOB,
    CAROL,
    EVE,
    Connection,
    Counter,
    as_application,
    asked_of,
    counter_over,
    noon,
)
from tests.lending.plans import a_plan, pounds
from tests.lending.servicing.servicing import Desk, a_payment, an_event, day, opened


@pytest.fixture
def counter(connection: Connection) -> Iterator[Counter]:
    at = counter_over(connection)
    with as_application(connection):
        yield at


def test_every_kind_of_event_has_an_act_or_a_sentence_on_who_records_it() -> None:
    by_act = [event_kind_of(act) for act in ACTS]

    assert sorted([*by_act, *NOT_BY_HAND]) == sorted(KINDS)
    assert len(by_act) == 25


def event_kind_of(act: str) -> str:
    return next(kind for kind, body in KINDS.items() if body is ACTS[act].event)


@pytest.mark.parametrize("act", ACTS)
def test_an_act_is_recorded_with_who_and_why(counter: Counter, act: str) -> None:
    plan, asked = a_case(counter, act)
    before = counter.desk.balances()

    done = _done(counter, asked, act)

    history = counter.desk.plans.histories([plan.plan_id])[plan.plan_id]
    event = history.events[-1]
    assert (event.kind, event.event_id) == (event_kind_of(act), f"act:{done.act.act_id}")
    assert event.cause == done.act.act_id
    kept = PostgresActs(counter.connection).done(event.cause)
    assert kept == done.act
    assert kept.asked.reason == "the shopper called"
    assert (kept.approved_by is None) is (ACTS[act].effect is Effect.NEITHER)
    others = [OTHER] if act == "apply-credit" else []
    assert counter.desk.balances() == counter.desk.folded(plan, *others)
    if done.act.posted:
        assert counter.desk.balances() != before


@pytest.mark.parametrize("act", ACTS)
def test_a_preview_posts_nothing_and_equals_what_is_posted_then(counter: Counter, act: str) -> None:
    plan, asked = a_case(counter, act)
    everything = "SELECT (SELECT count(*) FROM ledger.transfers), (SELECT count(*) FROM lending.plan_events)"
    before = counter.connection.execute(everything).fetchone()

    shown = preview_act(asked, _first(act), counter.ports)

    assert counter.connection.execute(everything).fetchone() == before
    assert shown.refused == ()
    assert bool(shown.second_person) is (ACTS[act].effect is not Effect.NEITHER)
    done = _done(counter, asked, act)
    assert [each.journal.entry_id for each in shown.posted] == list(done.act.posted)
    assert shown.reversed == done.act.reversed
    for entry in shown.posted:
        posted = counter.desk.ledger.entry(entry.journal.entry_id)
        assert posted is not None
        assert posted.journal.transfers == entry.journal.transfers
    standing = counter.desk.standing(plan)
    assert shown.after.outstanding == standing.principal
    assert [each.due_on for each in shown.after.instalments] == [each.due_on for each in standing.instalments]


def test_a_preview_under_a_key_that_was_used_shows_that_nothing_would_change(counter: Counter) -> None:
    counter.desk.open(PLAN)
    asked = asked_of(PLAN, "refund", {"amount_minor": 10_00})
    counter.do(asked)

    shown = preview_act(asked, ANN, counter.ports)

    assert shown.known
    assert (shown.posted, shown.refused, shown.before) == ((), (), shown.after)
    assert not preview_act(replace(asked, key="k-2"), ANN, counter.ports).known
    with pytest.raises(Conflict, match="reason"):
        preview_act(replace(asked, reason="another"), ANN, counter.ports)


@pytest.mark.parametrize("kind", NOT_BY_HAND)
def test_what_says_that_money_moved_is_refused_by_hand_with_who_records_it(counter: Counter, kind: str) -> None:
    plan = a_plan("90.00")
    counter.desk.open(plan)

    with pytest.raises(UnknownAct) as refused:
        counter.perform(asked_of(plan, kind, {"amount_minor": 10_00}))

    assert refused.value.user_message == why_not_by_hand(kind)
    assert f"{kind} is not recorded by hand" in refused.value.user_message
    assert "records it" in refused.value.user_message


def test_the_same_key_is_one_act_and_another_content_under_it_names_the_field(counter: Counter) -> None:
    plan = a_plan("90.00")
    other = a_plan("60.00", plan_id="p-d-2", decision_id="d-2", order_id="o-2")
    counter.desk.open(plan, other)
    asked = asked_of(plan, "refund", {"amount_minor": 10_00})
    first = counter.perform(asked)
    assert isinstance(first, ActDone)

    again = counter.perform(asked, days=9)

    assert again == ActDone(first.act, new=False)
    for changed, field in (
        (replace(asked, reason="another reason"), "reason"),
        (replace(asked, tree={**asked.tree, "amount_minor": 11_00}), "amount_minor"),
        (replace(asked, plan_id=other.plan_id), "plan_id"),
        (replace(asked, day=day(4)), "day"),
        (replace(asked, act="goodwill"), "act"),
    ):
        with pytest.raises(Conflict, match=field):
            counter.perform(changed)
    assert counter.desk.standing(plan).version == 2
    elsewhere = counter.perform(asked, BOB)  # the key of another principal is another key
    assert isinstance(elsewhere, ActDone)
    assert elsewhere.new


def test_the_same_key_of_a_proposal_is_one_proposal(counter: Counter) -> None:
    plan = a_plan("90.00")
    counter.desk.open(plan)
    asked = asked_of(plan, "goodwill", {"amount_minor": 10_00})
    first = counter.perform(asked)
    assert isinstance(first, ActProposed)

    assert counter.perform(asked) == replace(first, new=False)
    with pytest.raises(Conflict, match="amount_minor"):
        counter.perform(replace(asked, tree={**asked.tree, "amount_minor": 12_00}))

    done = counter.approve(first.proposal.proposal_id)
    assert isinstance(done, ActDone)
    assert counter.perform(asked) == replace(done, new=False)
    assert counter.approve(first.proposal.proposal_id) == replace(done, new=False)


def test_what_the_plan_refuses_leaves_no_act_and_no_proposal(counter: Counter) -> None:
    plan = a_plan("90.00")
    counter.desk.open(plan)

    refund = counter.perform(asked_of(plan, "refund", {"amount_minor": 90_01}))
    waiver = counter.perform(asked_of(plan, "waive-fee", {"fee_id": "f-9"}))

    assert isinstance(refund, ActRefused)
    assert [each.code for each in refund.reasons] == [PlanRefusalCode.BEYOND_THE_PURCHASE]
    assert isinstance(waiver, ActRefused)
    assert [each.code for each in waiver.reasons] == [PlanRefusalCode.UNKNOWN_FEE]
    assert _counted(counter.connection) == (0, 0, 0)
    assert isinstance(counter.perform(asked_of(plan, "refund", {"amount_minor": 90_00})), ActDone)


@pytest.mark.parametrize(
    ("act", "tree", "field"),
    [
        ("goodwill", {}, "amount_minor"),
        ("goodwill", {"amount_minor": 1, "currency": "GBP", "amount": 1}, "amount"),
        ("goodwill", {"amount_minor": 1.5, "currency": "GBP"}, "amount_minor"),
        ("goodwill", {"amount_minor": True, "currency": "GBP"}, "amount_minor"),
        ("goodwill", {"amount_minor": 1, "currency": "XXX"}, "currency"),
        ("goodwill", {"amount_minor": 10**12 + 1, "currency": "GBP"}, "amount_minor"),
        ("freeze", {"currency": "GBP"}, "currency"),
        ("holiday", {"starts": "2026-02-01", "ends": "tomorrow"}, "ends"),
        ("holiday", {"starts": "20260201", "ends": "2026-03-01"}, "starts"),
        ("charge-fee", {"amount_minor": 1, "currency": "GBP", "kind": "other"}, "kind"),
        ("charge-off", {"fraud": "yes"}, "fraud"),
        ("reschedule", {"dues": [], "currency": "GBP"}, "dues"),
        (
            "reschedule",
            {"dues": [{"due_on": "2026-02-01", "principal_minor": 1, "x": 1}], "currency": "GBP"},
            "dues/0/x",
        ),
        ("settle-dispute", {"case_id": " ", "winner": "shopper"}, "case_id"),
        ("settle-dispute", {"case_id": "c 1", "winner": "shopper"}, "case_id"),
        ("settle-dispute", {"case_id": "c" * 101, "winner": "shopper"}, "case_id"),
        ("apply-credit", {"amount_minor": 1, "currency": "GBP", "to_plan_id": "p-d-1"}, "to_plan_id"),
    ],
)
def test_a_wrong_argument_is_named(counter: Counter, act: str, tree: dict[str, Any], field: str) -> None:
    plan = a_plan("90.00")
    counter.desk.open(plan)

    with pytest.raises(ArgumentFault) as fault:
        counter.perform(AskedAct(plan.plan_id, act, tree, "why", "k-1"))

    assert fault.value.name == field


def test_an_act_does_not_count_from_a_day_that_is_yet_to_come(counter: Counter) -> None:
    plan = a_plan("90.00")
    counter.desk.open(plan)

    with pytest.raises(ArgumentFault, match="value_date"):
        counter.perform(asked_of(plan, "refund", {"amount_minor": 10_00}, day=day(6)), days=5)
    today = counter.perform(asked_of(plan, "refund", {"amount_minor": 10_00}, day=day(5)), days=5)

    assert isinstance(today, ActDone)
    assert today.act.value_date == day(5)


@pytest.mark.parametrize(
    ("reason", "key"), [("", "k"), ("  ", "k"), ("x" * 501, "k"), ("why", "a b"), ("why", ""), ("why", "k" * 61)]
)
def test_an_act_has_a_reason_and_a_key(counter: Counter, reason: str, key: str) -> None:
    plan = a_plan("90.00")
    counter.desk.open(plan)

    with pytest.raises(ArgumentFault, match=r"^(reason|key)"):
        counter.perform(asked_of(plan, "freeze", key=key, reason=reason))


def test_an_act_on_no_plan_says_so(counter: Counter) -> None:
    with pytest.raises(UnknownPlan, match="p-nothing"):
        counter.perform(AskedAct("p-nothing", "freeze", {}, "why", "k-1"))
    with pytest.raises(UnknownActProposal, match=r"ann\.k-9"):
        counter.approve("ann.k-9")


def test_a_role_does_what_the_authority_file_gives_it(counter: Counter) -> None:
    plan = a_plan("90.00")
    counter.desk.open(plan)

    refund = counter.perform(asked_of(plan, "refund", {"amount_minor": 10_00}), EVE)
    stranger = counter.perform(asked_of(plan, "freeze"), replace(EVE, role="unknown-role"))
    freeze = counter.perform(asked_of(plan, "freeze"), EVE)

    assert refund == NotAllowed("not-in-role", "the role agent of eve may not refund")
    assert isinstance(stranger, NotAllowed)
    assert isinstance(freeze, ActDone)


@pytest.mark.parametrize(("minor", "alone"), [(2_500_00, True), (2_500_01, False)])
def test_an_amount_beyond_the_limit_needs_a_second_person(counter: Counter, minor: int, alone: bool) -> None:
    plan = a_plan("5000.00", months=6)
    counter.desk.open(plan)

    answer = counter.perform(asked_of(plan, "refund", {"amount_minor": minor}))

    assert isinstance(answer, ActDone) is alone
    if isinstance(answer, ActProposed):
        assert answer.proposal.because == (
            "2500.01 GBP is beyond the role servicing, which has a limit of 2500.00 GBP",
        )
        assert counter.desk.standing(plan).version == 1
        assert isinstance(counter.approve(answer.proposal.proposal_id), ActDone)
        assert counter.desk.standing(plan).version == 2


def test_the_second_person_is_another_principal_with_the_authority(counter: Counter) -> None:
    plan = a_plan("90.00")
    counter.desk.open(plan)
    proposed = counter.perform(asked_of(plan, "goodwill", {"amount_minor": 10_00}), BOB)
    assert isinstance(proposed, ActProposed)
    proposal_id = proposed.proposal.proposal_id

    assert counter.approve(proposal_id, BOB) == NotAllowed(
        "same-person", "bob proposed it, so another principal has to approve it"
    )
    assert counter.approve(proposal_id, EVE) == NotAllowed(
        "not-in-role", "the role agent may not approve goodwill of 10.00 GBP"
    )
    assert counter.desk.standing(plan).version == 1
    done = counter.approve(proposal_id, ANN)
    assert isinstance(done, ActDone)
    assert (done.act.principal_id, done.act.approved_by) == ("bob", "ann")


def test_a_proposal_expires_and_the_database_holds_that(counter: Counter) -> None:
    plan = a_plan("90.00")
    counter.desk.open(plan)
    proposed = counter.perform(asked_of(plan, "goodwill", {"amount_minor": 10_00}))
    assert isinstance(proposed, ActProposed)
    expired = counter.at + PROPOSAL_LASTS
    acts = PostgresActs(counter.connection)

    answer = approve_act(proposed.proposal.proposal_id, BOB, counter.at_time(expired))

    assert isinstance(answer, NotAllowed)
    assert answer.code == "proposal-expired"
    assert acts.open_proposals(expired) == []
    assert acts.open_proposals(expired - timedelta(seconds=1)) == [proposed.proposal]
    with (
        pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="has expired"),
        counter.desk.plans.savepoint(),
    ):
        acts.approve(proposed.proposal, by="bob", at=expired)
    with pytest.raises(psycopg.errors.CheckViolation, match="two_people"), counter.desk.plans.savepoint():
        acts.approve(proposed.proposal, by="ann", at=counter.at)


def test_a_proposal_is_withdrawn_by_its_proposer_alone_and_nobody_approves_it_then(counter: Counter) -> None:
    plan = a_plan("90.00")
    counter.desk.open(plan)
    asked = asked_of(plan, "goodwill", {"amount_minor": 10_00})
    proposed = counter.perform(asked)
    assert isinstance(proposed, ActProposed)
    proposal_id = proposed.proposal.proposal_id

    other = withdraw_act(proposal_id, "no", BOB, counter.ports)
    first = withdraw_act(proposal_id, "a wrong plan", ANN, counter.ports)
    again = withdraw_act(proposal_id, "a wrong plan", ANN, counter.ports)

    assert isinstance(other, NotAllowed)
    assert other.code == "not-proposer"
    assert isinstance(first, ActWithdrawn)
    assert isinstance(again, ActWithdrawn)
    assert (first.new, again.new, again.proposal) == (True, False, first.proposal)
    assert first.proposal.withdrawal == Withdrawal("ann", counter.at, "a wrong plan")
    approved, asked_again = counter.approve(proposal_id), counter.perform(asked)
    assert [each.code for each in (approved, asked_again) if isinstance(each, NotAllowed)] == ["proposal-withdrawn"] * 2
    assert PostgresActs(counter.connection).open_proposals(counter.at) == []
    assert isinstance(counter.perform(replace(asked, key="k-2")), ActProposed)
    assert counter.desk.standing(plan).version == 1


def test_what_is_approved_is_not_withdrawn_and_what_is_unknown_neither(counter: Counter) -> None:
    plan = a_plan("90.00")
    counter.desk.open(plan)
    done = counter.do(asked_of(plan, "goodwill", {"amount_minor": 10_00}))

    late = withdraw_act(done.act.act_id, "too late", ANN, counter.ports)

    assert isinstance(late, NotAllowed)
    assert late.code == "proposal-approved"
    with pytest.raises(UnknownActProposal):
        withdraw_act("ann.nothing", "x", ANN, counter.ports)
    with pytest.raises(ArgumentFault, match="reason"):
        withdraw_act(done.act.act_id, " ", ANN, counter.ports)


def test_the_database_holds_who_withdraws_and_that_nothing_is_both_withdrawn_and_approved(counter: Counter) -> None:
    plan = a_plan("90.00")
    counter.desk.open(plan)
    acts, savepoint = PostgresActs(counter.connection), counter.desk.plans.savepoint
    proposals = [counter.perform(asked_of(plan, "goodwill", {"amount_minor": 1_00}, key=key)) for key in ("a", "b")]
    first, second = (each.proposal for each in proposals if isinstance(each, ActProposed))

    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="proposer_only"), savepoint():
        acts.withdraw(first, Withdrawal("bob", counter.at, "x"))
    assert acts.withdraw(first, Withdrawal("ann", counter.at, "x"))
    assert not acts.withdraw(first, Withdrawal("ann", counter.at, "x"))
    with pytest.raises(psycopg.errors.IntegrityError, match="is withdrawn"), savepoint():
        acts.approve(first, by="bob", at=counter.at)
    assert acts.approve(second, by="bob", at=counter.at)
    with pytest.raises(psycopg.errors.IntegrityError, match="is approved"), savepoint():
        acts.withdraw(second, Withdrawal("ann", counter.at, "x"))


def test_a_withdrawal_and_an_approval_at_once_are_one_of_both(connection: Connection, database_url: str) -> None:
    counter = counter_over(connection)
    plan = a_plan("90.00")
    counter.desk.open(plan)
    proposed = counter.perform(asked_of(plan, "goodwill", {"amount_minor": 10_00}))
    assert isinstance(proposed, ActProposed)
    connection.commit()
    proposal_id, start = proposed.proposal.proposal_id, threading.Barrier(2)

    def ends(withdraws: bool) -> object:
        with psycopg.connect(database_url) as own:
            start.wait(timeout=30)
            ports = _ports(own, counter)
            return withdraw_act(proposal_id, "x", ANN, ports) if withdraws else approve_act(proposal_id, BOB, ports)

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(ends, (True, False)))

    ended = sorted(type(each).__name__ for each in answers)
    assert ended in (
        ["ActDone", "NotAllowed"],
        ["ActWithdrawn", "NotAllowed"],
    )


def test_a_merchants_principal_acts_on_its_own_plans_alone(counter: Counter) -> None:
    plan = a_plan("90.00")
    counter.desk.open(plan)
    own, other = (replace(ANN, merchant_id=each) for each in (plan.merchant_id, "another"))
    asked = asked_of(plan, "freeze")

    with pytest.raises(UnknownPlan):
        counter.perform(asked, other)
    assert isinstance(counter.perform(asked, own), ActDone)


def test_the_database_refuses_what_forgives_money_without_a_second_person(counter: Counter) -> None:
    plan = a_plan("90.00")
    counter.desk.open(plan)
    done = counter.perform(asked_of(plan, "freeze"))
    assert isinstance(done, ActDone)
    acts = PostgresActs(counter.connection)

    for name, act in ACTS.items():
        alone = replace(done.act, act_id=f"ann.{name}", asked=replace(done.act.asked, act=name, key=name))
        if act.effect is Effect.NEITHER:
            assert acts.keep_act(alone, proposal_id=None)
            continue
        with pytest.raises(psycopg.errors.CheckViolation, match="second_person"), counter.desk.plans.savepoint():
            acts.keep_act(alone, proposal_id=None)


def test_acts_are_only_ever_added_to(counter: Counter) -> None:
    plan = a_plan("90.00")
    counter.desk.open(plan)
    counter.do(asked_of(plan, "goodwill", {"amount_minor": 10_00}))

    for change in (
        "UPDATE lending.acts SET reason = 'another'",
        "DELETE FROM lending.act_approvals",
        "DELETE FROM lending.act_withdrawals",
        "DELETE FROM lending.act_proposals",
        "INSERT INTO ledger.principals (principal_id, role, added_at) VALUES ('mallory', 'owner', now())",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), counter.desk.plans.savepoint():
            counter.connection.execute(change)


def test_an_event_in_the_name_of_an_act_that_is_not_kept_is_refused_at_the_end(connection: Connection) -> None:
    plan = a_plan("90.00")
    desk = Desk.over(connection)
    desk.plans.open(plan)
    desk.take(opened(plan))
    desk.take(replace(an_event(plan, "act:ann.k-9", day(1), Frozen("why")), cause="ann.k-9"))

    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="names no act that is kept"):
        connection.commit()


def test_a_refused_approval_leaves_the_proposal_open(counter: Counter) -> None:
    plan = a_plan("90.00")
    counter.desk.open(plan)
    fee = asked_of(plan, "charge-fee", {"amount_minor": 5_00, "kind": "return", "fee_id": "f-1"}, key="fee")
    counter.do(fee)
    one = counter.perform(asked_of(plan, "waive-fee", {"fee_id": "f-1"}, key="one"))
    other = counter.perform(asked_of(plan, "waive-fee", {"fee_id": "f-1"}, key="other"))
    assert isinstance(one, ActProposed)
    assert isinstance(other, ActProposed)
    assert isinstance(counter.approve(one.proposal.proposal_id), ActDone)

    refused = counter.approve(other.proposal.proposal_id)

    assert isinstance(refused, ActRefused)
    assert [each.code for each in refused.reasons] == [PlanRefusalCode.BEYOND_THE_FEE]
    assert PostgresActs(counter.connection).open_proposals(counter.at) == [other.proposal]


def test_an_id_that_something_of_another_plan_has_is_refused_as_taken(counter: Counter) -> None:
    counter.desk.open(PLAN, OTHER)
    dispute = {"amount_minor": 10_00, "case_id": "c-1"}
    counter.do(asked_of(PLAN, "dispute", dispute))

    refused = counter.perform(asked_of(OTHER, "dispute", dispute, key="k-2"))

    assert isinstance(refused, ActRefused)
    assert [each.code for each in refused.reasons] == [PlanRefusalCode.ID_TAKEN]
    assert isinstance(counter.perform(asked_of(OTHER, "dispute", {**dispute, "case_id": "c-2"}, key="k-2")), ActDone)


@pytest.mark.parametrize(("due_on", "taken"), [("2026-01-14", False), ("2026-01-15", True)])
def test_no_new_due_is_before_the_day_from_which_it_counts(counter: Counter, due_on: str, taken: bool) -> None:
    counter.desk.open(PLAN)
    asked = asked_of(PLAN, "reschedule", {"dues": [{"due_on": due_on, "principal_minor": 90_00}]})

    if taken:
        assert isinstance(counter.perform(asked), ActProposed)
    else:
        with pytest.raises(ArgumentFault, match="no new due is before 2026-01-15"):
            counter.perform(asked)


def test_a_freeze_that_ends_on_its_own_day_is_stored_as_its_events_make_it(counter: Counter) -> None:
    counter.desk.open(PLAN)
    counter.do(asked_of(PLAN, "freeze", key="one"))
    counter.do(asked_of(PLAN, "unfreeze", key="other"))

    assert isinstance(counter.desk.plans, PostgresPlans)
    rebuilt = rebuild_standings(counter.desk.plans, terms=lambda _: counter.desk.terms, commit=lambda: None)

    assert rebuilt.differed == ()


def test_credit_pays_another_plan_or_nothing_happens_on_either(counter: Counter) -> None:
    plan = a_plan("90.00")
    other = a_plan("60.00", plan_id="p-d-2", decision_id="d-2", order_id="o-2")
    counter.desk.open(plan)
    counter.desk.plans.open(other)  # agreed, not captured: it takes no payment
    counter.desk.take(a_payment(plan, "x-1", day(1), "100.00"))
    asked = asked_of(plan, "apply-credit", {"amount_minor": 10_00, "to_plan_id": other.plan_id})

    refused = counter.perform(asked)

    assert isinstance(refused, ActRefused)
    assert counter.desk.standing(plan).credit_balance == pounds("10.00")
    counter.desk.take(opened(other))
    done = counter.perform(asked)
    assert isinstance(done, ActDone)
    assert done.act.events == ("act:ann.k-1", "act:ann.k-1/paid")
    assert counter.desk.standing(plan).credit_balance == pounds("0.00")
    assert counter.desk.standing(other).principal == pounds("57.00")  # 7.00 of it paid a late fee


def test_a_refund_after_the_merchant_was_paid_is_the_merchants_debt(counter: Counter) -> None:
    plan = a_plan("90.00")
    counter.desk.open(plan)

    def merchant_owes(settled: bool) -> list[str]:
        ports = replace(counter.ports, settled=lambda _: settled)
        shown = preview_act(asked_of(plan, "refund", {"amount_minor": 10_00}), ANN, ports)
        return sorted(
            {each.debit for entry in shown.posted for each in entry.journal.transfers if "merchant" in each.debit}
        )

    assert merchant_owes(settled=False) == ["merchant:m-1:payable"]
    assert merchant_owes(settled=True) == ["merchant:m-1:receivable"]
    assert not settled_entries(counter.connection)("F02:m-1/o-1/1")


def test_two_approvals_at_once_do_it_once(connection: Connection, database_url: str) -> None:
    counter = counter_over(connection)
    plan = a_plan("90.00")
    counter.desk.open(plan)
    proposed = counter.perform(asked_of(plan, "goodwill", {"amount_minor": 10_00}))
    assert isinstance(proposed, ActProposed)
    connection.commit()
    start = threading.Barrier(2)

    def approve(by: Any) -> ActDone | ActRefused | NotAllowed:
        with psycopg.connect(database_url) as own:
            ports = _ports(own, counter)
            start.wait(timeout=30)
            return approve_act(proposed.proposal.proposal_id, by, ports)

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(approve, (BOB, CAROL)))

    assert sorted(isinstance(each, ActDone) and each.new for each in answers) == [False, True]
    assert all(isinstance(each, ActDone) for each in answers)
    assert counter.desk.standing(plan).principal == pounds("80.00")
    assert counter.desk.standing(plan).version == 2
    assert _counted(connection) == (1, 1, 1)


def test_one_key_at_once_is_one_act(connection: Connection, database_url: str) -> None:
    counter = counter_over(connection)
    plan = a_plan("90.00")
    counter.desk.open(plan)
    connection.commit()
    asked = asked_of(plan, "refund", {"amount_minor": 10_00})
    start = threading.Barrier(2)

    def do(_: int) -> object:
        with psycopg.connect(database_url) as own:
            start.wait(timeout=30)
            return perform(asked, ANN, _ports(own, counter))

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(do, range(2)))

    assert sorted(isinstance(each, ActDone) and each.new for each in answers) == [False, True]
    assert counter.desk.standing(plan).principal == pounds("80.00")


def test_every_role_and_act_of_the_authority_file_exists() -> None:
    on_breaks = {act.grant for act in DESK_ACTS.values()}
    for role in authority_file().roles.values():
        assert (role.does.acts | role.approves.acts) - {*ACTS, *on_breaks, PAY, SHIP, "review-order", "*"} == set(), (
            role.name
        )


def _first(act: str) -> Principal:
    """Who may do or propose the act: losses are for credit risk."""
    return CAROL if act in ("charge-off", "write-off") else ANN


def _done(counter: Counter, asked: AskedAct, act: str) -> ActDone:
    return counter.do(asked, _first(act))


def _ports(connection: Connection, counter: Counter) -> ActPorts:
    return replace(counter, connection=connection, desk=Desk.over(connection)).at_time(noon(5))


def _counted(connection: Connection) -> tuple[int, ...]:
    row = connection.execute(
        "SELECT (SELECT count(*) FROM lending.acts), (SELECT count(*) FROM lending.act_proposals), "
        "(SELECT count(*) FROM lending.act_approvals)"
    ).fetchone()
    assert row is not None
    return tuple(row)
