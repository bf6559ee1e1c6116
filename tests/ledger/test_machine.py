"""Random requests in random order: the model, the books in memory and those in PostgreSQL give the same answers.

After every step entries and all balances sum to zero, limits and holds add up, versions have no gap, a reversal nets
its original once and backdating changes nothing known earlier. `make soak` runs it for longer.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from ledger.books.credit_limit import LimitAlreadySet, LimitRefused, LimitSet
from ledger.books.memory import MemoryLedger
from ledger.books.postgres import PostgresLedger
from ledger.books.store import (
    Act,
    AlreadyRecorded,
    AlreadyVoided,
    Asked,
    Conflict,
    Recorded,
    Refused,
    Request,
    Reversal,
    UnknownEntry,
    UnknownHold,
    Void,
    Voided,
)
from ledger.journal import Journal
from ledger.money import Currency, Money
from tests.ledger.builders import DAY, NOON, a_journal
from tests.ledger.model import FIELDS, Ask, Differs, Model, Unknown
from tests.soak import examples

EXAMPLES = examples(usual=40, soaked=240)
STEPS = 50

amounts = st.sampled_from([1, 5_00, 25_00, 30_00, 75_00, 95_00, 100_00])
plans = st.sampled_from(["p-1", "p-2"])
keys = st.sampled_from(["a", "b", "c", "d", "e"])
hours = st.sampled_from([0, 1, 2])


def pounds(minor: int) -> Money:
    return Money(minor, Currency.GBP)


def a_flow(flow: str, key: str, plan: str, hour: int = 0, **units: int) -> Journal:
    return a_journal(
        flow,
        key,
        names={"plan": plan},
        amounts={name: pounds(minor) for name, minor in units.items()},
        correlation={"plan_id": plan, "attempt_id": key},
        recorded_at=NOON + timedelta(hours=hour),
    )


class Books(RuleBasedStateMachine):
    """Every request goes to all three; their answers are compared in the words of the model."""

    connection: ClassVar[psycopg.Connection[Any]]
    taken: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.memory = MemoryLedger()
        self.postgres = PostgresLedger(self.connection)
        self.versions: dict[int, int] = {}

    def teardown(self) -> None:
        self.connection.rollback()

    def take(self, asked: Asked, ask: Ask) -> None:
        Books.taken += 1
        expected = _answer(lambda: self.model.ask(ask))
        assert self._preview(asked) == expected
        for ledger in (self.memory, self.postgres):
            assert _answer(lambda ledger=ledger: _word(ledger.post_batch([asked])[0])) == expected  # type: ignore[misc]

    def _preview(self, asked: Asked) -> object:
        """A dry run gives the answer that posting will give, refusals included, and leaves nothing behind."""
        return _answer(lambda: _word(self.postgres.preview([asked])[0]))

    def post(self, journal: Journal) -> None:
        self.take(Request(Act.POST, journal), Ask("post", journal.entry_id, journal))

    @rule(key=keys, plan=plans, payable=amounts, discount=st.sampled_from([0, 5_00]), down=st.sampled_from([0, 25_00]))
    def purchase(self, key: str, plan: str, payable: int, discount: int, down: int) -> None:
        self.post(a_flow("F02", key, plan, payable=payable, discount=discount, down_payment=down))

    @rule(key=keys, plan=plans, principal=amounts)
    def down_payment(self, key: str, plan: str, principal: int) -> None:
        self.post(a_flow("F03", key, plan, principal=principal))

    @rule(key=keys, plan=plans, interest=amounts)
    def accrual(self, key: str, plan: str, interest: int) -> None:
        self.post(a_flow("F17", key, plan, interest=interest))

    @rule(key=keys, plan=plans, payout=amounts)
    def payout(self, key: str, plan: str, payout: int) -> None:
        self.post(a_flow("F07a", key, plan, payout=payout))

    @rule(key=keys, plan=plans, cash=amounts)
    def credit(self, key: str, plan: str, cash: int) -> None:
        self.post(a_flow("F36a", key, plan, cash=cash))

    @rule(key=keys, plan=plans, principal=amounts, interest=st.sampled_from([0, 1, 5_00]), ends=st.booleans())
    def claim(self, key: str, plan: str, principal: int, interest: int, *, ends: bool) -> None:
        journal = a_flow("F12a", key, plan, principal=principal, interest=interest)
        expires_at = NOON + timedelta(hours=1) if ends else None
        asked = Request(Act.HOLD, journal, expires_at=expires_at)
        self.take(asked, Ask("hold", journal.entry_id, journal, expires_at=expires_at))

    @rule(key=keys, part=st.sampled_from(["", "/2"]), plan=plans, principal=amounts, hour=hours, posts=keys)
    def paid(self, key: str, part: str, plan: str, principal: int, *, hour: int, posts: str) -> None:
        journal = a_flow("F12b", f"{key}{part}", plan, hour, principal=principal)
        hold_id = f"F12a:{posts}"
        ask = Ask("post_hold", journal.entry_id, journal, refers=hold_id)
        self.take(Request(Act.POST_HOLD, journal, hold_id=hold_id), ask)

    @precondition(lambda self: any(each.pending for each in self.model.written.values()))
    @rule(data=st.data(), share=st.sampled_from([1, 2]), hour=hours)
    def paid_as_held(self, data: st.DataObject, share: int, hour: int) -> None:
        """The likely case: the hold is posted as it was placed, or half of it."""
        holds = sorted(key for key, each in self.model.written.items() if each.pending)
        hold_id = data.draw(st.sampled_from(holds))
        held = self.model.written[hold_id].ask.journal
        assert held is not None
        units = {each.credit.rpartition(":")[2]: each.amount.minor // share for each in held.transfers}
        named = {"principal": units.get("principal", 0), "interest": units.get("interest_rcv", 0)}
        if any(named.values()):
            plan = str(held.correlation["plan_id"])
            journal = a_flow("F12b", f"{hold_id[5:]}/{share}", plan, hour, **named)
            ask = Ask("post_hold", journal.entry_id, journal, refers=hold_id)
            self.take(Request(Act.POST_HOLD, journal, hold_id=hold_id), ask)

    @rule(key=keys)
    def declined(self, key: str) -> None:
        void = Void(f"F12a:{key}", NOON, "declined")
        self.take(void, Ask("void", void.entry_id, refers=void.hold_id, at=NOON))

    @rule(data=st.data())
    def reverse(self, data: st.DataObject) -> None:
        of = data.draw(st.sampled_from([*sorted(self.model.written), "F02:never"]))
        reversal = Reversal(of, DAY, NOON, NOON, "misapplied")
        self.take(reversal, Ask("reverse", reversal.entry_id, refers=of, at=NOON))

    @rule(
        account=st.sampled_from(["merchant:m-1:payable", "plan:p-1:principal", "plan:p-2:principal", "bank:main"]),
        limit=st.sampled_from([0, 5_00, 30_00, 100_00]),
    )
    def credit_limit(self, account: str, limit: int) -> None:
        Books.taken += 1
        expected = self.model.limit(account, "GBP", limit)
        for ledger in (self.memory, self.postgres):
            found = ledger.set_credit_limit(account, pounds(limit), by="ann", reason="agreed", at=NOON)
            assert _limited(found) == expected
            assert ledger.credit_limit(account, Currency.GBP).minor == self.model.limits.get((account, "GBP"), 0)

    @invariant()
    def the_counters_are_those_of_the_model(self) -> None:
        expected = {key: each for key, each in self.model.balances().items() if any(each)}
        for ledger in (self.memory, self.postgres):
            found = {
                (account, str(currency)): tuple(getattr(each, name) for name in FIELDS)
                for (account, currency), each in ledger.balances().items()
            }
            assert {key: each for key, each in found.items() if any(each)} == expected

    @invariant()
    def debits_equal_credits(self) -> None:
        counters = list(self.model.balances().values())
        assert sum(each[0] for each in counters) == sum(each[1] for each in counters)
        assert sum(each[2] for each in counters) == sum(each[3] for each in counters)

    @invariant()
    def what_is_left_of_holds_adds_up(self) -> None:
        remaining = {key: self.model.remaining(key) for key, each in self.model.written.items() if each.pending}
        for ledger in (self.memory, self.postgres):
            found = {hold.hold_id: [left.minor for left in hold.remaining] for hold in ledger.open_holds()}
            assert found == {hold_id: left for hold_id, left in remaining.items() if any(left)}

    @invariant()
    def versions_rise_without_gaps(self) -> None:
        gaps = self.connection.execute(
            """
            SELECT account_id, version, count(v), coalesce(min(v), 1), coalesce(max(v), 0), count(DISTINCT v)
              FROM ledger.balances b
              LEFT JOIN (SELECT debit AS account_id, debit_version AS v FROM ledger.transfers
                          UNION ALL SELECT credit, credit_version FROM ledger.transfers) s USING (account_id)
             GROUP BY account_id, version
            """
        ).fetchall()
        for account, version, written, first, last, distinct in gaps:
            assert (written, first, last, distinct) == (version, 1, version, version)
            assert version >= self.versions.get(account, 0)
            self.versions[account] = version


def _limited(answer: object) -> object:
    match answer:
        case LimitSet():
            return "set"
        case LimitAlreadySet():
            return "again set"
        case LimitRefused(code=code, least=least):
            return str(code), None if least is None else least.minor
    raise AssertionError(answer)


def _word(answer: object) -> object:
    match answer:
        case Recorded():
            return "recorded"
        case Voided():
            return "voided"
        case AlreadyRecorded():
            return "again recorded"
        case AlreadyVoided():
            return "again voided"
        case Refused(reasons=reasons):
            return frozenset(str(each.code) for each in reasons)
    raise AssertionError(answer)


def _answer(act: Callable[[], object]) -> object:
    try:
        return act()
    except (Conflict, Differs):
        return "conflict"
    except (UnknownEntry, UnknownHold, Unknown):
        return "unknown"


@pytest.mark.slow
def test_three_ledgers_answer_alike(connection: psycopg.Connection[Any]) -> None:
    Books.connection = connection
    run_state_machine_as_test(
        Books,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

    assert Books.taken >= 40 * EXAMPLES
