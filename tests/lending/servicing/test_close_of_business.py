"""Close of business: once, twice, late or beside payments, the books end the same."""

import json
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from itertools import product
from typing import Any

import psycopg
import pytest

from ledger.map.flows import journal
from ledger.money import Currency
from ledger.reports.postgres_general_ledger import PostgresMovements
from lending.plan.event import Paid, PaymentChannel
from lending.plan.plan import Plan
from lending.servicing.close_of_business import ClosedDate, close_of_business
from lending.servicing.postgres_close import PostgresBusinessDates
from tests.command_line import acts_of
from tests.lending.plans import a_plan, pounds
from tests.lending.servicing.servicing import Desk, a_payment, an_event, another_database, day

main = acts_of("lending")

Connection = psycopg.Connection[Any]

AT = datetime(2026, 6, 1, tzinfo=UTC)

LOAN = a_plan("1000.00", months=6, rate=1200, plan_id="p-loan", decision_id="d-1", order_id="o-1")
LATE = a_plan("90.00", plan_id="p-late", decision_id="d-2", order_id="o-2")
QUIET = a_plan("60.00", plan_id="p-quiet", decision_id="d-3", order_id="o-3")
PLANS = (LOAN, LATE, QUIET)


def _run(connection: Connection, through: date, **changes: Any) -> tuple[ClosedDate, ...]:
    desk = Desk.over(connection)
    return close_of_business(
        through,
        plans=desk.plans,
        dates=PostgresBusinessDates(connection),
        ledger=desk.ledger,
        terms=lambda _: desk.terms,
        at=AT,
        commit=connection.commit,
        **changes,
    )


def _opened(connection: Connection) -> Desk:
    """Three plans, of which only one instalment that is due at once is not paid."""
    desk = Desk.over(connection)
    desk.open(*PLANS)
    desk.take(a_payment(QUIET, "x-q", day(0), "20.00"))
    connection.commit()
    return desk


def _end(connection: Connection) -> Mapping[str, object]:
    """Everything that may not depend on when the days were closed."""
    desk = Desk.over(connection)
    entries = connection.execute(
        "SELECT entry_id, value_date FROM ledger.requests ORDER BY value_date, entry_id"
    ).fetchall()
    moved = list(PostgresMovements(connection).movements(through=day(1000)))
    standings = desk.plans.standings([plan.plan_id for plan in PLANS])
    return {"entries": entries, "moved": moved, "standings": standings, "balances": desk.balances()}


def _without_interest(end: Mapping[str, Any]) -> Mapping[str, object]:
    """What does not depend on which days had a pool between them and the plan."""
    entries = [each for each in end["entries"] if not each[0].startswith("F17")]
    return {"entries": entries, "standings": end["standings"], "balances": end["balances"]}


def _interest_entries(connection: Connection) -> list[str]:
    found = connection.execute("SELECT entry_id FROM ledger.requests WHERE entry_id LIKE 'F17%' ORDER BY 1").fetchall()
    return [entry_id for (entry_id,) in found]


def test_a_day_brings_interest_and_fees_where_they_fall(connection: Connection) -> None:
    desk = _opened(connection)

    (closed,) = _run(connection, day(4))

    assert (closed.business_date, closed.visited) == (day(4), 2)
    assert desk.standing(LATE).fees.minor == 7_00
    assert (desk.standing(LATE).days_past_due, desk.standing(LATE).bucket) == (4, "1-30")
    assert desk.standing(LOAN).interest == desk.plans.standings(["p-loan"])["p-loan"].interest
    assert desk.standing(QUIET).folded_through == day(0)
    assert desk.balances() == desk.folded(*PLANS)
    pool = desk.balances()["pool:interest:monthly:GBP", Currency.GBP]
    assert pool == desk.standing(LOAN).pooled.minor == desk.standing(LOAN).interest.minor > 0
    assert _interest_entries(connection) == [f"F17p:monthly/GBP/{day(4)}"]


def test_a_late_fee_is_told_with_the_due_that_it_is_owed_with_and_once(connection: Connection) -> None:
    """Of a payment that finds its plan days behind, the fee comes along with the payment."""
    desk = _opened(connection)
    _run(connection, day(4))
    _run(connection, day(4))
    desk.take(a_payment(LATE, "x-1", day(20), "37.00"))
    connection.commit()
    _run(connection, day(40))

    told = connection.execute(TOLD).fetchall()
    assert told == [
        ("instalment:p-late/0:1", 30_00, 30_00, "open", 0),
        (f"instalment:p-late/0:1:{day(4)}", 7_00, 37_00, "open", 4),
        ("instalment:p-late/0:2", -37_00, 0, "settled", 0),
    ]


TOLD = """
SELECT event_id, (payload ->> 'open_change_minor')::int, (payload ->> 'open_minor')::int, payload ->> 'status',
       (payload ->> 'days_past_due')::int
  FROM ledger.outbox WHERE event_type = 'instalment_changed.v1' AND payload ->> 'instalment_id' = 'p-late/0'
 ORDER BY position
"""


def test_twice_is_once(connection: Connection) -> None:
    _opened(connection)
    _run(connection, day(4))
    before = _end(connection)

    assert _run(connection, day(4)) == ()
    assert _run(connection, day(3)) == ()
    assert _end(connection) == before


def test_missed_days_are_closed_one_by_one_with_the_same_result(connection: Connection, template_database: str) -> None:
    """Closing the missed days one by one gives the same books as closing each on its day."""
    _opened(connection)
    for number in range(1, 41):
        _run(connection, day(number), chunk=1)

    with another_database(template_database, "missed_days") as other:
        _opened(other)
        _run(other, day(1))
        closed = _run(other, day(40))

        assert [each.business_date for each in closed] == [day(number) for number in range(2, 41)]
        assert _end(other) == _end(connection)


def test_what_a_payment_brings_along_is_what_the_day_would_have_brought(
    connection: Connection, template_database: str
) -> None:
    """Inline is batch: a payment that finds its plan days behind catches up to the same books."""
    payments = a_payment(LOAN, "x-1", day(20), "100.00"), a_payment(LATE, "x-2", day(20), "37.00")
    desk = _opened(connection)
    for number in range(1, 21):
        _run(connection, day(number))
    desk.take(*payments)
    connection.commit()

    with another_database(template_database, "inline") as other:
        _opened(other).take(*payments)
        other.commit()
        _run(other, day(20))

        assert _without_interest(_end(other)) == _without_interest(_end(connection))
        assert _interest_entries(other) == ["F17:p-loan/paid:x-1"]  # no day of it was ever closed alone


def test_an_interruption_leaves_whole_chunks_and_the_rest_for_the_next_run(connection: Connection) -> None:
    desk = _opened(connection)

    def commit() -> None:
        connection.commit()
        raise ConnectionError("pulled")

    with pytest.raises(ConnectionError):
        close_of_business(
            day(4),
            plans=desk.plans,
            dates=PostgresBusinessDates(connection),
            ledger=desk.ledger,
            terms=lambda _: desk.terms,
            at=AT,
            commit=commit,
            chunk=1,
        )
    connection.rollback()

    (closed,) = _run(connection, day(4))

    assert closed.visited == 1
    assert desk.balances() == desk.folded(*PLANS)
    assert desk.standing(LATE).folded_through == desk.standing(LOAN).folded_through == day(4)


def test_days_are_closed_while_payments_come_in(database_url: str) -> None:
    plans = [
        a_plan("1000.00", months=6, rate=1200, plan_id=f"p-{number}", decision_id=f"d-{number}", order_id=f"o-{number}")
        for number in range(6)
    ]
    with psycopg.connect(database_url) as connection:
        Desk.over(connection).open(*plans)
    ready = threading.Barrier(3)

    def pay(some: Sequence[Plan]) -> None:
        ready.wait(timeout=60)
        with psycopg.connect(database_url) as connection:
            for plan, number in product(some, range(1, 6)):
                Desk.over(connection).take(a_payment(plan, f"{plan.plan_id}/{number}", day(number), "11.00"))
                connection.commit()

    def close() -> None:
        ready.wait(timeout=60)
        with psycopg.connect(database_url) as connection:
            for number in range(1, 8):
                _run(connection, day(number), chunk=4)

    with ThreadPoolExecutor(3) as pool:
        for each in [pool.submit(pay, plans[:3]), pool.submit(pay, plans[:2:-1]), pool.submit(close)]:
            each.result()

    with psycopg.connect(database_url) as connection:
        desk = Desk.over(connection)
        assert desk.balances() == desk.folded(*plans)
        clearing = desk.balances()["provider:sim:clearing", Currency.GBP]
        assert clearing == len(plans) * 5 * 11_00


def test_the_command_closes_a_day_by_the_terms_of_each_plan(
    connection: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _opened(connection)
    monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)

    assert main(["close-of-business", "--date", str(day(6)), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "closed": [{"date": str(day(6)), "visited": 2, "posted": 2}],
        "charged_off": [],
    }
    assert main(["close-of-business", "--date", str(day(6))]) == 0
    assert capsys.readouterr().out == f"{day(6)} was closed before\n"


def test_credit_pays_what_falls_due_and_no_fee_is_charged_meanwhile(connection: Connection) -> None:
    desk = Desk.over(connection)
    desk.open(LATE)
    twice = Paid(pounds("40.00"), PaymentChannel.DUPLICATE, "x-1", provider="sim", rail="card")
    desk.take(an_event(LATE, "paid:x-1", day(0), twice))
    _run(connection, day(20))
    standing = desk.standing(LATE)

    assert (standing.credit_balance, standing.fees, standing.days_past_due) == (pounds("10.00"), pounds("0.00"), 0)
    assert [each.open_principal for each in standing.instalments] == [pounds(left) for left in ("0", "30", "30")]
    _run(connection, day(31))
    assert desk.standing(LATE).credit_balance == pounds("0.00")
    assert desk.standing(LATE).principal == pounds("50.00")


def test_credit_waits_while_an_attempt_holds_the_same_debt(connection: Connection) -> None:
    desk = Desk.over(connection)
    desk.open(LATE)
    names = {"plan": LATE.plan_id, "rail": "bacs", "provider": "sim"}
    hold = journal(
        "F12a",
        key="a-1",
        value_date=day(0),
        occurred_at=AT,
        recorded_at=AT,
        names=names,
        amounts={"principal": pounds("90.00")},
        correlation={"attempt_id": "a-1", "plan_id": LATE.plan_id},
    )
    desk.ledger.hold(hold)
    twice = Paid(pounds("30.00"), PaymentChannel.DUPLICATE, "x-1", provider="sim", rail="card")
    desk.take(an_event(LATE, "paid:x-1", day(0), twice))
    _run(connection, day(2))

    assert desk.standing(LATE).credit_balance == pounds("30.00")
    desk.ledger.void_hold(hold.entry_id, at=AT, reason="rejected")
    _run(connection, day(3))
    assert desk.standing(LATE).credit_balance == pounds("0.00")
