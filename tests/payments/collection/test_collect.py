import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.account import Side
from ledger.money import Currency, Money
from lending.plan.event import Body, ChargedOff, Disputed, Forbearance, Frozen, PlanEvent
from lending.terms.product import Product
from payments.collection.attempt import AttemptEvent, AttemptState, IllegalMove, Planned
from payments.ids import AttemptId
from payments.provider.charge import ChargeRefusalCode, ChargeRefused, ChargeRequest, ChargeResult, Succeeded, Unknown
from payments.provider.simulated import SimulatedProvider, has_no_funds, pays
from payments.wiring import Adapters
from terminal.clock import NotYetBegun
from tests.payments.acts import collect, record_on_plan
from tests.payments.plans import AFTER_THE_DUES, an_open_plan, first_due, pending, posted, pounds, rows, the_adapters

IN_FLIGHT = "rail:card:sandbox:in_flight"
CLEARING = "provider:sandbox:clearing"


def test_nothing_is_collected_the_day_before_an_instalment_is_due(database_url: str) -> None:
    provider = SimulatedProvider()
    with the_adapters(database_url, provider) as ports:
        plan = an_open_plan(ports)

        report = collect(first_due(plan) - timedelta(days=1), ports=ports, at=AFTER_THE_DUES)

    assert report.instalments_due == 0
    assert provider.requests == []


def test_a_day_that_has_not_begun_is_not_collected(database_url: str) -> None:
    with the_adapters(database_url) as ports:
        due = first_due(an_open_plan(ports))

        with pytest.raises(NotYetBegun, match=f"{due} has not begun"):
            collect(due, ports=ports, at=datetime.combine(due - timedelta(days=1), time(23, 59), UTC))


def test_a_due_instalment_is_captured_once_and_its_debt_falls(database_url: str) -> None:
    provider = SimulatedProvider()
    with the_adapters(database_url, provider) as ports:
        plan = an_open_plan(ports)
        instalment = plan.instalments[0]

        first = collect(instalment.due_on, ports=ports, at=AFTER_THE_DUES)
        again = collect(instalment.due_on, ports=ports, at=AFTER_THE_DUES)

        assert (first.instalments_due, first.captured, first.captured_minor) == (1, 1, {"GBP": instalment.amount.minor})
        assert (again.instalments_due, again.claimed) == (0, 0)
        assert provider.captured == [f"{instalment.instalment_id}#1"]
        assert posted(ports, CLEARING) == instalment.amount.minor
        assert posted(ports, f"plan:{plan.plan_id}:principal") == plan.principal.minor - instalment.principal.minor
        assert posted(ports, f"plan:{plan.plan_id}:interest_rcv") == 0
        assert pending(ports, IN_FLIGHT) == 0
        assert posted(ports, IN_FLIGHT) == 0


def test_the_merchant_discount_is_earned_with_the_principal_and_exactly_by_the_end(database_url: str) -> None:
    with the_adapters(database_url) as ports:
        plan = an_open_plan(ports, minor=100_01)

        earned = []
        for instalment in plan.instalments:
            collect(instalment.due_on, ports=ports, at=AFTER_THE_DUES)
            earned.append(posted(ports, "inc:discount", Side.CREDIT))

        assert earned == sorted(earned)
        assert earned[-1] == plan.merchant_discount.minor > 0
        assert posted(ports, f"plan:{plan.plan_id}:deferred_discount", Side.CREDIT) == 0


def test_a_refusal_for_funds_releases_the_hold_and_is_tried_again_after_the_gap_and_then_no_more(
    database_url: str,
) -> None:
    provider = SimulatedProvider(has_no_funds)
    with the_adapters(database_url, provider) as ports:
        plan = an_open_plan(ports)
        due = first_due(plan)

        report = collect(due, ports=ports, at=AFTER_THE_DUES)
        assert (report.refused, report.needs_person) == (1, 0)
        assert pending(ports, IN_FLIGHT) == 0
        assert posted(ports, f"plan:{plan.plan_id}:principal") == plan.principal.minor
        assert collect(due + timedelta(days=2), ports=ports, at=AFTER_THE_DUES).claimed == 0
        assert collect(due + timedelta(days=3), ports=ports, at=AFTER_THE_DUES).refused == 1
        later = collect(due + timedelta(days=20), ports=ports, at=AFTER_THE_DUES)

    assert (later.claimed, later.waiting) == (0, 1)
    assert provider.requests == [f"{plan.instalments[0].instalment_id}#1", f"{plan.instalments[0].instalment_id}#2"]


def test_a_code_that_only_a_person_understands_stops_at_once(database_url: str) -> None:
    def answer(request: ChargeRequest) -> ChargeResult:
        return ChargeRefused(request.attempt_id, ChargeRefusalCode.UNRECOGNISED, "96")

    with the_adapters(database_url, SimulatedProvider(answer)) as ports:
        plan = an_open_plan(ports)

        report = collect(first_due(plan), ports=ports, at=AFTER_THE_DUES)
        later = collect(first_due(plan) + timedelta(days=10), ports=ports, at=AFTER_THE_DUES)

    assert report.needs_person == 1
    assert later.claimed == 0


def test_an_unknown_outcome_keeps_its_hold_and_the_next_run_asks_and_books_it(database_url: str) -> None:
    provider = SimulatedProvider(lose_answers=lambda _: True)
    with the_adapters(database_url, provider) as ports:
        plan = an_open_plan(ports)
        amount = plan.instalments[0].amount.minor

        first = collect(first_due(plan), ports=ports, at=AFTER_THE_DUES)
        held = pending(ports, IN_FLIGHT)
        second = collect(first_due(plan), ports=ports, at=AFTER_THE_DUES)

        assert (first.unknown, first.captured) == (1, 0)
        assert held == amount
        assert (second.resolved, second.captured, second.claimed) == (1, 1, 0)
        assert pending(ports, IN_FLIGHT) == 0
        assert posted(ports, CLEARING) == amount
    assert provider.requests == [f"{plan.instalments[0].instalment_id}#1"]


def test_an_attempt_that_the_provider_never_saw_is_sent_again_under_its_own_key_once_it_settled_down(
    database_url: str,
) -> None:
    lost = [True]
    provider = SimulatedProvider(drop_requests=lambda _: lost.pop() if lost else False)
    with the_adapters(database_url, provider) as ports:
        plan = an_open_plan(ports)

        collect(first_due(plan), ports=ports, at=AFTER_THE_DUES)
        too_soon = collect(first_due(plan), ports=ports, at=AFTER_THE_DUES + timedelta(seconds=59))
        later = collect(first_due(plan), ports=ports, at=AFTER_THE_DUES + timedelta(seconds=60))

    assert (too_soon.unknown, too_soon.resolved) == (1, 0)
    assert (later.captured, later.resolved) == (1, 1)
    assert provider.requests == [f"{plan.instalments[0].instalment_id}#1"] * 2


@pytest.mark.parametrize("other", [-1_00, 1_00], ids=["less", "more"])
def test_a_capture_of_another_amount_is_booked_as_it_is_and_a_person_decides_on_the_rest(
    database_url: str, other: int
) -> None:
    def answer(request: ChargeRequest) -> ChargeResult:
        return Succeeded(request.attempt_id, "r", request.amount + pounds(other), request.requested_on)

    with the_adapters(database_url, SimulatedProvider(answer)) as ports:
        plan = an_open_plan(ports)
        asked = plan.instalments[0].amount

        report = collect(first_due(plan), ports=ports, at=AFTER_THE_DUES)
        again = collect(first_due(plan) + timedelta(days=10), ports=ports, at=AFTER_THE_DUES)

        assert (report.captured, report.captured_minor) == (1, {"GBP": asked.minor + other})
        assert posted(ports, CLEARING) == asked.minor + other
        assert pending(ports, IN_FLIGHT) == 0
        assert again.claimed == 0
        open_now = sum(each.open_amount.minor for each in ports.plans.due(first_due(plan)))
        assert open_now == max(0, -other)
        assert rows(ports, "SELECT break_id, class, amount_minor FROM payments.breaks WHERE closed_on IS NULL") == [
            (f"captured:{plan.instalments[0].instalment_id}#1", "E7", asked.minor + other)
        ]
        assert rows(ports, "SELECT amount_minor FROM payments.expectations") == [(asked.minor + other,)]


def test_a_capture_in_another_currency_is_not_believed(database_url: str) -> None:
    def answer(request: ChargeRequest) -> ChargeResult:
        return Succeeded(request.attempt_id, "r", Money(request.amount.minor, Currency.EUR), request.requested_on)

    with the_adapters(database_url, SimulatedProvider(answer)) as ports:
        plan = an_open_plan(ports)

        report = collect(first_due(plan), ports=ports, at=AFTER_THE_DUES)

        assert (report.unknown, report.captured) == (1, 0)
        assert posted(ports, CLEARING) == 0
        assert pending(ports, IN_FLIGHT) == plan.instalments[0].amount.minor


@pytest.mark.parametrize(
    "body",
    [
        Frozen("bereavement"),
        Forbearance(date(2026, 3, 3), date(2027, 3, 3)),
        Disputed("c-1", pounds(90_00)),
    ],
    ids=["frozen", "forbearance", "disputed"],
)
@pytest.mark.parametrize("lost", ["request", "sender"])
def test_what_may_have_been_sent_is_enquired_about_and_not_sent_again_once_it_is_not_owed(
    body: Body, lost: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider never saw the attempt; between the two runs its plan stopped owing the amount."""
    provider = SimulatedProvider(drop_requests=lambda _: True)
    with the_adapters(database_url, provider) as ports:
        plan = an_open_plan(ports)
        noon = datetime.combine(first_due(plan), time(12), UTC)
        if lost == "sender":
            with monkeypatch.context() as killing:
                killing.setattr(provider, "charge", _dies)
                with pytest.raises(_Killed):
                    collect(first_due(plan), ports=ports, at=noon)
        else:
            collect(first_due(plan), ports=ports, at=noon)
        when = noon + timedelta(minutes=1)
        with ports.transaction():
            record_on_plan(ports, [PlanEvent("e-1", plan.plan_id, when.date(), when, when, "test", body)])
        provider.drop_requests = lambda _: False
        sent = list(provider.requests)

        report = collect(first_due(plan), ports=ports, at=noon + timedelta(minutes=2))

        attempt = ports.attempts.get(AttemptId(f"{plan.instalments[0].instalment_id}#1"))
        assert (report.withdrawn, report.resolved, report.needs_person) == (1, 1, 0)
        assert attempt is not None
        assert attempt.state is AttemptState.CANCELLED
        assert [each for each in provider.requests if each not in sent and each.endswith("#1")] == []
        assert pending(ports, IN_FLIGHT) == 0


class _Killed(BaseException):
    """The sender's process ends here."""


def _dies(_: ChargeRequest) -> ChargeResult:
    raise _Killed


@pytest.mark.parametrize("hours", [0, 24])
def test_what_no_enquiry_tells_is_a_break_for_a_person_until_it_is_known(hours: int, database_url: str) -> None:
    """At once where the provider's words are not known; after a day where it only does not answer."""
    words = {0: "the status 'on_ice' is not known", 24: "answered 503"}

    def answer(request: ChargeRequest) -> ChargeResult:
        return Unknown(request.attempt_id, words[hours], unrecognised=not hours)

    provider = SimulatedProvider(answer)
    with the_adapters(database_url, provider) as ports:
        plan = an_open_plan(ports)
        due = first_due(plan)
        noon = datetime.combine(due, time(12), UTC)
        first = collect(due, ports=ports, at=noon)
        later = collect(due, ports=ports, at=noon + timedelta(hours=23, minutes=59))
        last = collect(due, ports=ports, at=noon + timedelta(hours=24))
        listed = rows(ports, "SELECT class, owner, reason, due_by FROM payments.breaks WHERE closed_on IS NULL")
        attempt_id = f"{plan.instalments[0].instalment_id}#1"
        provider.book[attempt_id] = Succeeded(attempt_id, "r", plan.instalments[0].amount, due)
        known = collect(due, ports=ports, at=noon + timedelta(hours=25))

        assert [each.needs_person for each in (first, later, last)] == ([1, 1, 1] if not hours else [0, 0, 1])
        reason = f"{attempt_id} has no outcome: {words[hours]}"
        assert listed == [("E12", "provider desk", reason, due + timedelta(days=1))]
        assert (known.captured, known.needs_person) == (1, 0)
        assert rows(ports, "SELECT count(*) FROM payments.breaks WHERE closed_on IS NULL") == [(0,)]


def test_a_pause_that_comes_while_a_run_is_under_way_stops_what_was_not_claimed_yet(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = SimulatedProvider()
    with the_adapters(database_url, provider) as ports:
        plan = an_open_plan(ports)
        guarding = type(ports.attempts).guard
        frozen = PlanEvent("e-1", plan.plan_id, AFTER_THE_DUES.date(), AFTER_THE_DUES, AFTER_THE_DUES, "t", Frozen("x"))

        def guard(port: object, ids: Sequence[str]) -> AbstractContextManager[list[str]]:
            if ids:
                with ports.transaction():
                    record_on_plan(ports, [frozen])
            return guarding(port, ids)  # type: ignore[arg-type]

        monkeypatch.setattr(type(ports.attempts), "guard", guard)

        report = collect(AFTER_THE_DUES.date(), ports=ports, at=AFTER_THE_DUES)

    assert (report.instalments_due > 0, report.claimed, provider.requests) == (True, 0, [])


@pytest.mark.parametrize("collectors", [2, 4])
def test_collectors_at_once_charge_each_instalment_once(database_url: str, collectors: int) -> None:
    started = threading.Barrier(collectors)

    def slow(request: ChargeRequest) -> ChargeResult:
        return pays(request)

    provider = SimulatedProvider(slow)
    with the_adapters(database_url, provider) as ports:
        plans = [an_open_plan(ports, number) for number in range(1, 61)]
    due = first_due(plans[0])
    reports = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            with the_adapters(database_url, provider) as own:
                started.wait()
                reports.append(collect(due, ports=own, at=AFTER_THE_DUES))
        except BaseException as error:  # noqa: BLE001 - told to the test
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(collectors)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert sum(report.captured for report in reports) == 60
    assert sorted(provider.requests) == sorted(f"{plan.instalments[0].instalment_id}#1" for plan in plans)
    with the_adapters(database_url, provider) as ports:
        assert posted(ports, CLEARING) == sum(plan.instalments[0].amount.minor for plan in plans)
        assert ports.ledger.trial_balance().balanced


KILLED = """
import os, signal, sys
from datetime import date
from tests.payments.plans import AFTER_THE_DUES, the_adapters
from tests.payments.acts import collect
from payments.provider.simulated import SimulatedProvider

class Dies(SimulatedProvider):
    def charge(self, request):
        if sys.argv[3] == "after":
            with open(sys.argv[4], "a") as book:
                book.write(request.attempt_id + "\\n")
        os.kill(os.getpid(), signal.SIGKILL)

with the_adapters(sys.argv[1], Dies()) as ports:
    collect(date.fromisoformat(sys.argv[2]), ports=ports, at=AFTER_THE_DUES)
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_collector_killed_between_claim_and_outcome_leads_to_one_charge(
    database_url: str, tmp_path: Path, when: str
) -> None:
    book = tmp_path / "book"
    with the_adapters(database_url) as ports:
        plan = an_open_plan(ports)
    command = [sys.executable, "-c", KILLED, database_url, first_due(plan).isoformat(), when, str(book)]
    killed = subprocess.run(command, check=False, cwd=Path(__file__).parents[3])
    assert killed.returncode == -9
    provider = SimulatedProvider()
    for attempt_id in book.read_text().splitlines() if book.exists() else []:
        amount = plan.instalments[0].amount
        provider.book[attempt_id] = Succeeded(attempt_id, "taken-before-the-kill", amount, first_due(plan))
    with the_adapters(database_url, provider) as ports:
        assert [attempt.state for attempt in ports.attempts.unresolved()] == [AttemptState.SUBMITTING]
        assert pending(ports, IN_FLIGHT) == plan.instalments[0].amount.minor

        collect(first_due(plan), ports=ports, at=AFTER_THE_DUES + timedelta(minutes=5))

        assert provider.captured == [f"{plan.instalments[0].instalment_id}#1"]
        assert provider.requests == ([] if when == "after" else [f"{plan.instalments[0].instalment_id}#1"])
        assert posted(ports, CLEARING) == plan.instalments[0].amount.minor
        assert pending(ports, IN_FLIGHT) == 0


def a_planned(number: int = 1) -> Planned:
    return Planned(
        f"p-x/1#{number}", "p-x/1", number, "p-x", "s", "a", "sandbox", pounds(0), pounds(0), pounds(5),
        date(2026, 3, 1), date(2026, 3, 1),
    )  # fmt: skip


def moved(ports: Adapters, *events: AttemptEvent, number: int = 1) -> AttemptState | None:
    state = None
    for event in events:
        state = ports.attempts.move(f"p-x/1#{number}", event, at=AFTER_THE_DUES, cause="test")
    return state


def test_the_database_has_the_move_table_of_the_code(database_url: str) -> None:
    from payments.collection.attempt import MOVES

    with the_adapters(database_url) as ports:
        stored = rows(ports, "SELECT from_state, event, to_state FROM payments.attempt_moves")

    assert sorted(stored) == sorted((state.value, event.value, to.value) for (state, event), to in MOVES.items())


def test_the_database_refuses_a_move_that_is_not_in_the_table_and_changes_nothing(database_url: str) -> None:
    with the_adapters(database_url) as ports:
        ports.attempts.plan([a_planned()])
        moved(ports, AttemptEvent.GUARD_PASSED)

        with pytest.raises(IllegalMove, match="p-x/1#1 is claimed: captured"):
            moved(ports, AttemptEvent.CAPTURED)

        kept = ports.attempts.get("p-x/1#1")
        assert kept is not None
        assert kept.state is AttemptState.CLAIMED
        assert len(rows(ports, "SELECT * FROM payments.attempt_events")) == 1


def test_the_state_of_an_attempt_cannot_be_written_by_hand(database_url: str) -> None:
    import psycopg

    with the_adapters(database_url) as ports:
        ports.attempts.plan([a_planned()])

        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only by an event"):
            ports.database.execute("UPDATE payments.attempts SET state = 'settled'")


def test_a_second_live_attempt_of_an_instalment_cannot_exist(database_url: str) -> None:
    with the_adapters(database_url) as ports:
        assert ports.attempts.plan([a_planned(1)]) == [a_planned(1)]
        assert ports.attempts.plan([a_planned(2)]) == []
        moved(ports, AttemptEvent.GUARD_PASSED, AttemptEvent.REQUEST_WRITTEN, AttemptEvent.REFUSED)

        assert ports.attempts.plan([a_planned(2)]) == [a_planned(2)]


def test_pending_in_flight_is_the_sum_of_unresolved_attempts(database_url: str) -> None:
    turn = iter([True, False, True, False])
    provider = SimulatedProvider(lose_answers=lambda _: next(turn))
    with the_adapters(database_url, provider) as ports:
        for number in range(1, 5):
            plan = an_open_plan(ports, number)

        collect(first_due(plan), ports=ports, at=AFTER_THE_DUES)

        unresolved = ports.attempts.unresolved()
        assert len(unresolved) == 2
        assert pending(ports, IN_FLIGHT) == sum(attempt.planned.amount.minor for attempt in unresolved)


@pytest.mark.parametrize(
    "body",
    [
        Frozen("insolvency"),
        Forbearance(date(2026, 3, 3), date(2027, 3, 3)),
        Disputed("c-1", pounds(90_00)),
        ChargedOff(),
    ],
    ids=["frozen", "forbearance", "disputed", "charged off"],
)
def test_what_is_paused_disputed_or_charged_off_is_never_asked_for(body: Body, database_url: str) -> None:
    provider = SimulatedProvider()
    with the_adapters(database_url, provider) as ports:
        plan = an_open_plan(ports, minor=90_00, product=Product.PAY_IN_3, months=2)
        day, when = date(2026, 3, 3), AFTER_THE_DUES + timedelta(days=1)
        event = PlanEvent("e-1", plan.plan_id, day, when, when, "test", body)
        with ports.transaction():
            record_on_plan(ports, [event])

        report = collect(plan.instalments[-1].due_on, ports=ports, at=AFTER_THE_DUES + timedelta(days=70))

        assert (report.instalments_due, provider.requests) == (0, [])


@pytest.mark.parametrize("stage", ["claiming", "booking"])
def test_one_plan_that_refuses_is_a_break_and_the_others_are_charged(
    database_url: str, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    """Whether the plan refuses before its charge is sent or after, the others are neither stopped nor charged twice."""
    provider = SimulatedProvider()
    with the_adapters(database_url, provider) as ports:
        plans = [an_open_plan(ports, number) for number in range(1, 8)]
        due, bad = first_due(plans[0]), plans[3].plan_id
        adapter, name = (type(ports.ledger), "hold") if stage == "claiming" else (type(ports.reconciliation), "expect")
        right = getattr(adapter, name)

        def refuses(port: object, *given: Any, **named: Any) -> object:
            if bad in str(given):
                raise RuntimeError("the plan is\x00broken")
            return right(port, *given, **named)

        monkeypatch.setattr(adapter, name, refuses)
        first, second = (collect(due, ports=ports, at=AFTER_THE_DUES) for _ in range(2))
        (broken,) = rows(ports, "SELECT break_id, reason FROM payments.breaks WHERE closed_on IS NULL")
        monkeypatch.undo()
        third = collect(due, ports=ports, at=AFTER_THE_DUES)

        assert (first.captured, first.failed) == (6, 1)
        assert (second.captured, second.failed) == (0, 1)
        assert broken[0] == f"attempt:{plans[3].instalments[0].instalment_id}#1"
        assert "RuntimeError: the plan is broken" in broken[1]
        assert third.captured == 1
        assert rows(ports, "SELECT count(*) FROM payments.breaks WHERE closed_on IS NULL") == [(0,)]
        assert sorted(provider.captured) == sorted(f"{plan.instalments[0].instalment_id}#1" for plan in plans)
