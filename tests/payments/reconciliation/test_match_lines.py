"""The SQL of matching says of every line what the pure matcher says, to the word of the reason."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ledger.money import Currency, Money
from payments.expectation import Expectation, Expected, Leg, StatementRow, Window
from payments.expectation_key import CaptureKey, DueKey, ExpectationKey, PayoutKey, ReserveKey
from payments.files.bank_statement import key_of_reference
from payments.files.control_file import FileContent
from payments.files.line import FileLine
from payments.ids import AttemptId, ProviderPayoutId
from payments.line_key import LineKey, LineKind
from payments.reconciliation.matching import Matched, MatchRule, Outcome, month_of, outcomes_of
from payments.reconciliation.postgres import PostgresReconciliation
from payments.rules.damaged_reference import alike, normal_reference
from payments.rules.postgres_sources import keep_sources
from payments.rules.source import load_sources
from tests.payments.reconciliation.pure_matching import match

DAY = date(1996, 1, 1)
FILE = FileContent(Path("a.csv"), b"a")

amounts = st.builds(Money, st.sampled_from([100, 200]), st.sampled_from([Currency.CZK, Currency.CZK, Currency.EUR]))
days = st.sampled_from([DAY, date(1996, 1, 20), date(1996, 2, 3)])
accounts = st.sampled_from(["1", "1", "2"])
captures = st.sampled_from(["a#1", "b#1", "é#1", "A1"]).map(lambda text: CaptureKey(AttemptId(text)))
dues = st.integers(0, 3).map(lambda number: DueKey(f"p-{number}/1"))  # type: ignore[arg-type]
NOW = CaptureKey(AttemptId("now#1"))
keys = st.one_of(st.none(), st.none(), captures, dues, st.just(NOW))
names = st.sampled_from(["L-1", "l1", "l2", "l:3", "ß4", "Z5", "a6", "_7"])
PAYOUTS = ["po-2026-01", "po-2026-02", "PO-2026-O1", "po-2"]
payouts = st.sampled_from([*PAYOUTS, PAYOUTS[0]]).map(lambda text: PayoutKey(ProviderPayoutId(text)))
reserves = st.just(ReserveKey("held"))
details = st.sampled_from(
    ["", *PAYOUTS, "po-2026-01 po-2026-02", "po-2026-01,po-2", "po-2026-02+po-2 thanks", "P0 2026 01 SNDBX", "po2026O",
     "P O", "PAYMENT", "PAYMENT RECEIVED"]
)  # fmt: skip
money = st.builds(
    Money, st.sampled_from([60, 99, 100, 100, 101, 140, 160, 200]), st.sampled_from([Currency.CZK] * 5 + [Currency.EUR])
)


def a_repayment(draw: st.DrawFn, name: str) -> FileLine:
    account = draw(st.none() | accounts)
    return FileLine(name, LineKind.REPAYMENT, draw(amounts), draw(days), DAY, key=draw(keys), account_id=account)


def a_credit(draw: st.DrawFn, name: str) -> FileLine:
    detail = draw(details)
    by = draw(st.sampled_from([None, "sandbox", "sandbox"]))
    key = key_of_reference(detail, LineKind.CREDIT)
    return FileLine(name, LineKind.CREDIT, draw(money), draw(days), DAY, key=key, detail=detail, counterparty=by)


def a_row(draw: st.DrawFn, name: str) -> FileLine:
    key = draw(st.one_of(captures, reserves))
    kind = LineKind.CAPTURE if isinstance(key, CaptureKey) else LineKind.RESERVE_RELEASED
    return FileLine(name, kind, draw(money), draw(days), DAY, key=key)


@st.composite
def lines_of(draw: st.DrawFn) -> list[FileLine]:
    """Transfers of shoppers, credits at our bank and rows of a provider."""
    kinds = st.sampled_from([a_repayment, a_credit, a_credit, a_row])
    return [draw(kinds)(draw, name) for name in sorted(draw(st.sets(names)))]


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
    others: st.SearchStrategy[ExpectationKey] = st.one_of(payouts, payouts, reserves, captures)
    for key in draw(st.sets(others)):
        tolerance = draw(st.sampled_from([None, None, Money(1, Currency.CZK)]))
        amount = draw(money)
        by_key[key] = Expectation(
            key,
            amount,
            met=draw(st.sampled_from([False, False, True])),
            tolerance=None if tolerance is None else Money(1, amount.currency),
        )
    for key, each in list(by_key.items()):
        by_key[key] = replace(each, awaited=draw(st.sampled_from([Window(DAY, DAY), Window(DAY, date(1996, 2, 3))])))
    return list(by_key.values())


World = tuple[list[FileLine], list[Expectation]]
DAMAGES: list[Callable[[str], str]] = [
    str.upper, lambda text: text.replace("-", " "), lambda text: text.replace("0", "O"), lambda text: text[:-1],
    lambda text: f"{text} SNDBX", lambda text: text[:6],
]  # fmt: skip


def a_told_payout(draw: st.DrawFn, detail: str, minor: int, name: str) -> FileLine:
    key, day = key_of_reference(detail, LineKind.CREDIT), draw(st.sampled_from([DAY, DAY, DAY, date(1996, 1, 20)]))
    amount = Money(minor, Currency.CZK)
    return FileLine(name, LineKind.CREDIT, amount, day, DAY, key=key, detail=detail, counterparty="sandbox")


@st.composite
def told_payouts(draw: st.DrawFn) -> World:
    """Payouts, and credits that tell of them: as they are, in parts, summed up, damaged or without a name."""
    payouts: dict[str, Expectation] = {}
    for name in sorted(draw(st.sets(st.sampled_from(PAYOUTS), min_size=1))):
        amount = Money(draw(st.sampled_from([40, 60, 100, 100, 250])), Currency.CZK)
        awaited = Window(DAY, draw(st.sampled_from([DAY, date(1996, 1, 20), date(1996, 1, 20)])))
        tolerance = draw(st.sampled_from([None, Money(2, Currency.CZK)]))
        met = draw(st.sampled_from([False] * 5 + [True]))
        key = PayoutKey(ProviderPayoutId(name))
        payouts[name] = Expectation(key, amount, met=met, tolerance=tolerance, awaited=awaited)
    told: list[tuple[str, int]] = []
    for name, each in payouts.items():
        minor, off = each.amount.minor, draw(st.sampled_from([0, 0, 0, 1, -1, -30, 30]))
        way = draw(st.sampled_from(["not", "whole", "parts", "parts", "damaged", "damaged", "nameless"]))
        match_ = {
            "not": [], "whole": [(name, minor + off)], "parts": [(name, 25), (name, minor - 25 + off)],
            "damaged": [(draw(st.sampled_from(DAMAGES))(name), minor)], "nameless": [("PAYMENT", minor)],
        }[way]  # fmt: skip
        told += [(detail, amount) for detail, amount in match_ if amount > 0]
    for _ in range(draw(st.integers(0, 2))):
        some = sorted(draw(st.sets(st.sampled_from(sorted(payouts)), min_size=1, max_size=3)))
        whole = sum(payouts[name].amount.minor for name in some) + draw(st.sampled_from([0, 0, 0, 1]))
        told.append((draw(st.sampled_from([" ".join(some), ", ".join([*some, "SNDBX"]), "PAYMENT"])), whole))
    lines = [a_told_payout(draw, detail, minor, f"t{number}") for number, (detail, minor) in enumerate(told)]
    return lines, list(payouts.values())


@st.composite
def random_worlds(draw: st.DrawFn) -> World:
    return draw(lines_of()), draw(expectations_of())


def a_world(payouts: dict[str, int], *told: tuple[str, int], met: tuple[str, ...] = ()) -> World:
    """Payouts of these amounts, all awaited on one day, and credits of a provider on that day."""
    expected = [
        Expectation(
            PayoutKey(ProviderPayoutId(name)), Money(minor, Currency.CZK), met=name in met, awaited=Window(DAY, DAY)
        )
        for name, minor in payouts.items()
    ]
    lines = [
        FileLine(
            f"t{number}", LineKind.CREDIT, Money(minor, Currency.CZK), DAY, DAY, detail=detail, counterparty="sandbox",
            key=key_of_reference(detail, LineKind.CREDIT),
        )
        for number, (detail, minor) in enumerate(told)
    ]  # fmt: skip
    return lines, expected


def a_reserve(*released: int) -> World:
    key = ReserveKey("held")
    rows = [
        FileLine(f"r{number}", LineKind.RESERVE_RELEASED, Money(minor, Currency.CZK), DAY, DAY, key=key)
        for number, minor in enumerate(released)
    ]
    return rows, [Expectation(key, Money(100, Currency.CZK), awaited=Window(DAY, DAY))]


CORNERS: list[World] = [
    a_reserve(60, 40),  # rows of two payouts are no unit
    a_world({"po-1": 40, "po-2": 60}, ("po-1 po-2", 100), ("po-2 po-1", 100)),  # two credits for one sum
    a_world({"po-1": 40, "po-2": 60}, ("po-1", 40), ("po-2 po-1", 100)),
    a_world({"po-1": 40, "po-2": 60}, ("po-1 po-2", 60), met=("po-1",)),
    a_world({"po-1": 100}, ("PO 1", 100), ("P0-1", 100)),  # two damaged references for one payout
    a_world({"po-1": 100}, ("po-1", 100), ("P0-1", 100)),
    a_world({"po-2026-03": 100, "po-2026-04": 100}, ("PO 2026 0", 100)),  # one for two
    a_world({"po-1": 40, "po-2": 60, "po-3": 45, "po-4": 55}, ("PAYMENT", 100)),  # two pairs
    a_world({"po-1": 40, "po-2": 60, "po-3": 100}, ("PAYMENT", 100)),  # one by itself comes before a pair
    a_world({f"po-{number}": 1 + number for number in range(31)}, ("PAYMENT", 61)),  # too many to search
    a_world({f"po-{number}": 1 + number for number in range(30)}, ("PAYMENT", 59)),
    a_world({"po-1": 100}, ("po-1", 60), ("po-1", 40)),
    a_world({"po-1": 100}, ("po-1", 60), ("po-1", 100), ("po-1", 40)),  # a part beside the whole
    a_world({"po-1": 100}, ("po-1", 60), ("po-1", 60)),
]


def every_corner(test: Callable[..., None]) -> Callable[..., None]:
    for world in CORNERS:
        test = example(world=world, closed=False)(test)
    return test


def stored(line: FileLine, reconciliation: PostgresReconciliation) -> None:
    received = reconciliation.receive_lines([line])
    reconciliation.add_received(FILE.digest, received.rows)


def expected_as(each: Expectation) -> Expected:
    awaited = each.awaited or Window(DAY, DAY)
    return Expected(
        each.key,
        Leg.PROVIDER_BANK if isinstance(each.key, PayoutKey) else Leg.LEDGER_BANK,
        each.amount,
        awaited.first,
        awaited.last,
        "a world",
        account_id=each.account_id,
        window=each.window,
        tolerance=each.tolerance,
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
        outcome
        for each in kept.match(units, [left_out.line_key], [each.key for each in met_now])
        for outcome in outcomes_of(rows[each.line_key], each.found, [by_key[key] for key in each.expected], each.rivals)
    ]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=random_worlds() | told_payouts(), closed=st.booleans())
@every_corner
def test_the_database_and_the_pure_matcher_agree_on_every_line(
    connection: psycopg.Connection[Any], world: World, closed: bool
) -> None:
    """With `closed`, something else of the same run has just met an expectation that one line names."""
    lines, expectations = world
    met_now = [Expectation(NOW, Money(100, Currency.CZK), met=True)] if closed else []
    with connection.transaction(force_rollback=True):
        kept = PostgresReconciliation(connection)
        keep_sources(connection, load_sources())
        outcomes = in_sql(lines, expectations, met_now, kept)

    assert outcomes == match([line.to_match() for line in lines], [*expectations, *met_now], ["sandbox"])


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([st.text(), st.text("oO0iI1lLaA -/é", max_size=12)]).flatmap(lambda texts: st.tuples(texts, texts))
)
def test_a_reference_is_normal_for_the_database_as_it_is_in_python(
    connection: psycopg.Connection[Any], texts: tuple[str, str]
) -> None:
    told, known = (text.replace("\0", "") for text in texts)
    query = "SELECT payments.normal_reference(%(told)s), payments.alike(%(told)s, %(known)s)"
    asked = connection.execute(query, {"told": told, "known": known}).fetchone()

    assert asked == (normal_reference(told), alike(told, known))


def test_the_work_list_knows_how_each_reference_begins(connection: psycopg.Connection[Any]) -> None:
    keys = [PayoutKey(ProviderPayoutId(name)) for name in (*PAYOUTS, "Po:OIl/é-123456", "-")]
    with connection.transaction(force_rollback=True):
        PostgresReconciliation(connection).expect(
            Expected(key, Leg.PROVIDER_BANK, Money(100, Currency.CZK), DAY, DAY, "a test") for key in keys
        )
        found = dict(connection.execute("SELECT expectation_id, begins FROM payments.open_expectations").fetchall())

    assert found == {str(key): normal_reference(key.payout_id)[:8] for key in keys}
