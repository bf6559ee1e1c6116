import random
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.money import Currency, Money
from payments.break_class import BreakClass
from payments.expectation import Expectation, StatementRow, Window
from payments.expectation_key import CaptureKey, DueKey
from payments.ids import AttemptId
from payments.line_key import LineKey, LineKind
from payments.reconciliation.matching import Different, Matched, MatchRule, Unexpected, month_of
from tests.payments.reconciliation.pure_matching import match


def crowns(minor: int) -> Money:
    return Money(minor, Currency.CZK)


def repayment(line_id: str) -> LineKey:
    return LineKey(LineKind.REPAYMENT, line_id)


def capture(attempt_id: str) -> CaptureKey:
    return CaptureKey(AttemptId(attempt_id))


def a_due(
    month: int, minor: int = 4_492_00, account: str = "808", number: int = 1, *, met: bool = False
) -> Expectation:
    due_on = date(1996, month, 12)
    key = DueKey(f"berka-1/{month}.{number}")
    return Expectation(key, crowns(minor), account_id=account, window=month_of(due_on), met=met)


def a_line(day: date, minor: int = 4_492_00, account: str = "808", line_id: str = "l1") -> StatementRow:
    return StatementRow(repayment(line_id), crowns(minor), day, account_id=account)


@pytest.mark.parametrize(
    ("day", "matched"),
    [
        pytest.param(date(1996, 2, 29), False, id="the day before the due's month"),
        pytest.param(date(1996, 3, 1), True, id="its first day"),
        pytest.param(date(1996, 3, 12), True, id="the due day"),
        pytest.param(date(1996, 3, 31), True, id="its last day"),
        pytest.param(date(1996, 4, 1), False, id="the day after the due's month"),
    ],
)
def test_a_line_meets_a_due_only_in_the_dues_own_month(day: date, matched: bool) -> None:
    (outcome,) = match([a_line(day)], [a_due(3)])

    assert isinstance(outcome, Matched) is matched
    if not matched:
        assert isinstance(outcome, Unexpected)
        assert outcome.break_class is BreakClass.MISSING_INTERNAL


def test_a_line_never_takes_the_oldest_open_due() -> None:
    (outcome,) = match([a_line(date(1996, 4, 12))], [a_due(2), a_due(3), a_due(4)])

    assert isinstance(outcome, Matched)
    assert outcome.expectation == a_due(4)
    assert outcome.rule is MatchRule.ACCOUNT_AMOUNT_WINDOW


def test_another_amount_in_the_dues_month_is_e7_and_closes_nothing() -> None:
    (outcome,) = match([a_line(date(1996, 3, 12), 4_500_00)], [a_due(3)])

    assert isinstance(outcome, Different)
    assert outcome.break_class is BreakClass.AMOUNT_DIFFERS
    assert outcome.reason == "4500.00 CZK against 4492.00 CZK of due:berka-1/3.1"


def test_a_line_on_an_unknown_account_is_e4() -> None:
    (outcome,) = match([a_line(date(1996, 3, 12), account="809")], [a_due(3)])

    assert isinstance(outcome, Unexpected)
    assert outcome.break_class is BreakClass.MISSING_INTERNAL


def test_a_second_payment_of_a_due_that_was_paid_in_an_earlier_run_is_e6() -> None:
    (outcome,) = match([a_line(date(1996, 3, 13))], [a_due(3, met=True)])

    assert isinstance(outcome, Different)
    assert outcome.break_class is BreakClass.DUPLICATE_PAYMENT


def test_two_equal_lines_for_one_due_are_not_chosen_between() -> None:
    lines = [a_line(date(1996, 3, 12), line_id="l1"), a_line(date(1996, 3, 13), line_id="l2")]

    outcomes = match(lines, [a_due(3)])

    assert [outcome.break_class for outcome in outcomes if isinstance(outcome, Unexpected)] == [
        BreakClass.MANY_CANDIDATES,
        BreakClass.MANY_CANDIDATES,
    ]


def test_one_line_for_two_equal_dues_is_not_guessed() -> None:
    (outcome,) = match([a_line(date(1996, 3, 12))], [a_due(3, number=1), a_due(3, number=2)])

    assert isinstance(outcome, Unexpected)
    assert outcome.break_class is BreakClass.MANY_CANDIDATES
    assert "due:berka-1/3.1, due:berka-1/3.2" in outcome.reason


def test_another_currency_blocks() -> None:
    line = StatementRow(repayment("l1"), Money(4_492_00, Currency.EUR), date(1996, 3, 12), account_id="808")

    (outcome,) = match([line], [a_due(3)])

    assert isinstance(outcome, Different)
    assert outcome.break_class is BreakClass.CURRENCY_DIFFERS


def by_key(key: str, minor: int, line_id: str, currency: Currency = Currency.GBP) -> StatementRow:
    return StatementRow(repayment(line_id), Money(minor, currency), date(2026, 2, 4), key=capture(key))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([by_key("a#1", 2500, "l1")], ["matched"], id="the id, the amount and the currency agree"),
        pytest.param([by_key("a#1", 2400, "l1")], ["E7"], id="another amount under the id"),
        pytest.param([by_key("a#1", 2500, "l1", Currency.EUR)], ["E10"], id="another currency under the id"),
        pytest.param([by_key("b#1", 2500, "l1")], ["E4"], id="an id we never gave"),
        pytest.param([by_key("a#1", 2500, "l1"), by_key("a#1", 2500, "l2")], ["matched", "E6"], id="paid twice"),
    ],
)
def test_a_line_with_an_id_of_ours_is_matched_by_it_alone(lines: list[StatementRow], expected: list[str]) -> None:
    expectation = Expectation(capture("a#1"), Money(2500, Currency.GBP))

    outcomes = match(lines, [expectation])

    said = ["matched" if isinstance(outcome, Matched) else outcome.break_class.value for outcome in outcomes]
    assert said == expected


amounts = st.integers(min_value=1, max_value=3).map(lambda units: crowns(units * 100))
days = st.integers(min_value=0, max_value=75).map(lambda offset: date(1996, 1, 1) + timedelta(days=offset))
accounts = st.sampled_from(["1", "2", "3"])
ids = st.sampled_from(["a#1", "b#1", "c#1"])
keys = st.one_of(st.none(), ids.map(capture))


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[StatementRow], list[Expectation]]:
    lines = [
        StatementRow(repayment(f"l{number}"), draw(amounts), draw(days), key=draw(keys), account_id=draw(accounts))
        for number in range(draw(st.integers(0, 8)))
    ]
    dues = [
        Expectation(
            DueKey(f"p-{number}/1"),
            draw(amounts),
            account_id=draw(accounts),
            window=month_of(draw(days)),
            met=draw(st.booleans()),
        )
        for number in range(draw(st.integers(0, 6)))
    ]
    wanted = draw(st.sets(ids))
    return lines, dues + [Expectation(capture(attempt_id), draw(amounts)) for attempt_id in sorted(wanted)]


@given(worlds(), st.randoms())
def test_the_order_of_lines_and_expectations_changes_nothing(
    world: tuple[list[StatementRow], list[Expectation]], chance: random.Random
) -> None:
    lines, expectations = world
    shuffled_lines, shuffled_expectations = lines[:], expectations[:]
    chance.shuffle(shuffled_lines)
    chance.shuffle(shuffled_expectations)

    assert match(lines, expectations) == match(shuffled_lines, shuffled_expectations)


@given(worlds())
def test_matching_is_a_partition(world: tuple[list[StatementRow], list[Expectation]]) -> None:
    lines, expectations = world

    outcomes = match(lines, expectations)

    assert {outcome.line.line_key for outcome in outcomes} == {line.line_key for line in lines}
    assert len(outcomes) == len(lines)
    closed = [outcome.expectation.key for outcome in outcomes if isinstance(outcome, Matched)]
    assert len(closed) == len(set(closed))
    assert not {expectation.key for expectation in expectations if expectation.met} & set(closed)


@given(worlds())
def test_a_match_always_agrees_in_amount_and_never_leaves_the_window(
    world: tuple[list[StatementRow], list[Expectation]],
) -> None:
    for outcome in match(*world):
        if isinstance(outcome, Matched):
            assert outcome.line.amount == outcome.expectation.amount
        if isinstance(outcome, Matched) and outcome.rule is MatchRule.ACCOUNT_AMOUNT_WINDOW:
            window = outcome.expectation.window
            assert isinstance(window, Window)
            assert window.first <= outcome.line.booked_on <= window.last
            assert outcome.line.account_id == outcome.expectation.account_id
