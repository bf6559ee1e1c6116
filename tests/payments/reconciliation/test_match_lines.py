"""The SQL of matching says of every line what the pure matcher says, to the word of the reason."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.money import Currency, Money
from payments.expectation import Expectation, Expected, Leg, StatementRow
from payments.expectation_key import CaptureKey, DueKey, ExpectationKey
from payments.files.control_file import FileContent
from payments.files.line import FileLine
from payments.ids import AttemptId
from payments.line_key import LineKey, LineKind
from payments.reconciliation.matching import Matched, MatchRule, Outcome, month_of, outcome_of
from payments.reconciliation.postgres import PostgresReconciliation
from tests.payments.reconciliation.pure_matching import match

DAY = date(1996, 1, 1)
FILE = FileContent(Path("a.csv"), b"a")

amounts = st.builds(Money, st.sampled_from([100, 200]), st.sampled_from([Currency.CZK, Currency.CZK, Currency.EUR]))
days = st.sampled_from([DAY, date(1996, 1, 20), date(1996, 2, 3)])
accounts = st.sampled_from(["1", "1", "2"])
captures = st.sampled_from(["a#1", "b#1", "é#1"]).map(lambda text: CaptureKey(AttemptId(text)))
dues = st.integers(0, 3).map(lambda number: DueKey(f"p-{number}/1"))  # type: ignore[arg-type]
NOW = CaptureKey(AttemptId("now#1"))
keys = st.one_of(st.none(), st.none(), captures, dues, st.just(NOW))
names = st.sampled_from(["L-1", "l1", "l2", "l:3", "ß4", "Z5", "a6", "_7"])


@st.composite
def lines_of(draw: st.DrawFn) -> list[FileLine]:
    return [
        FileLine(
            name,
            LineKind.REPAYMENT,
            draw(amounts),
            draw(days),
            DAY,
            key=draw(keys),
            account_id=draw(st.none() | accounts),
        )
        for name in draw(st.sets(names))
    ]


@st.composite
def expectations_of(draw: st.DrawFn) -> list[Expectation]:
    by_key: dict[ExpectationKey, Expectation] = {
        key: Expectation(
            key,
            draw(amounts),
            account_id=draw(accounts) if isinstance(key, DueKey) else None,
            window=month_of(draw(days)) if isinstance(key, DueKey) else None,
            met=draw(st.booleans()),
        )
        for key in draw(st.sets(st.one_of(captures, dues)))
    }
    return list(by_key.values())


def stored(line: FileLine, reconciliation: PostgresReconciliation) -> None:
    received = reconciliation.receive_lines([line])
    reconciliation.add_received(FILE.digest, received.rows)


def expected_as(each: Expectation) -> Expected:
    return Expected(
        each.key, Leg.LEDGER_BANK, each.amount, DAY, DAY, "a world", account_id=each.account_id, window=each.window
    )


def in_sql(
    lines: list[FileLine], expectations: list[Expectation], met_now: list[Expectation], kept: PostgresReconciliation
) -> list[Outcome]:
    """What the database says of a world; what was met before is met by a line of an earlier day."""
    kept.take_file(FILE, "repayment_lines", len(lines), datetime(1996, 4, 1, tzinfo=UTC))
    kept.expect(map(expected_as, [*expectations, *met_now]))
    for number, each in enumerate(each for each in expectations if each.met):
        before = StatementRow(LineKey(LineKind.CREDIT, f"before-{number}"), each.amount, DAY)
        stored(FileLine(before.line_key.line_id, LineKind.CREDIT, each.amount, DAY, DAY), kept)
        kept.confirm([Matched(before, each, MatchRule.ID)], DAY)
    left_out = FileLine("left out", LineKind.CREDIT, Money(100, Currency.CZK), DAY, DAY)
    received = kept.receive_lines([*lines, left_out])
    kept.add_received(FILE.digest, received.rows)
    by_key = {each.key: each for each in [*expectations, *met_now]}
    rows = {line.line_key: line.to_match() for line in lines}
    units = [unit for unit, _ in kept.open_units()]
    return [
        outcome_of(rows[each.line_key], each.found, [by_key[key] for key in each.expected], each.rivals)
        for each in kept.match(units, [left_out.line_key], [each.key for each in met_now])
    ]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines_of(), expectations_of(), st.booleans())
def test_the_database_and_the_pure_matcher_agree_on_every_line(
    connection: psycopg.Connection[Any], lines: list[FileLine], expectations: list[Expectation], closed: bool
) -> None:
    """With `closed`, something else of the same run has just met an expectation that one line names."""
    met_now = [Expectation(NOW, Money(100, Currency.CZK), met=True)] if closed else []
    with connection.transaction(force_rollback=True):
        outcomes = in_sql(lines, expectations, met_now, PostgresReconciliation(connection))

    assert outcomes == match([line.to_match() for line in lines], [*expectations, *met_now])
