"""Reports on plans for finance: statements, value added tax, balances taken over. Each agrees with the books."""

import csv
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.account import Side
from ledger.books.postgres import PostgresLedger
from ledger.money import Currency
from ledger.proof.postgres_audit import PostgresAudit
from ledger.proof.verify import verify
from ledger.reports.general_ledger import months
from lending.plan.event import Refunded, Reversed
from lending.schedule.table_file import TableFault
from lending.servicing.opening_balances import COLUMNS, TakenOver, import_opening_balances
from lending.servicing.postgres import PostgresPlans
from lending.servicing.shopper_statement import NoSuchPlans, plan_statements
from lending.servicing.vat_summary import vat_summary
from lending.terms.products import servicing_terms
from tests.command_line import acts_of
from tests.lending.plans import a_plan, pounds
from tests.lending.servicing.servicing import Desk, a_payment, an_event, day

main = acts_of("lending")

Connection = psycopg.Connection[Any]

AT = datetime(2026, 6, 1, tzinfo=UTC)
ONE = a_plan("90.00")
LOAN = a_plan("1000.00", months=6, rate=1200, plan_id="p-loan", decision_id="d-2", order_id="o-2")


@pytest.fixture
def desk(connection: Connection) -> Desk:
    """A purchase paid late with a fee, one payment of it taken back; and a loan that accrues."""
    desk = Desk.over(connection)
    desk.open(ONE, LOAN)
    desk.take(
        a_payment(ONE, "x-1", day(0), "30.00"),
        a_payment(LOAN, "x-2", day(31), "174.00"),
        a_payment(ONE, "x-3", day(40), "37.00"),
    )
    desk.take(a_payment(ONE, "error", day(41), "3.00"))
    desk.take(an_event(ONE, "undo", day(42), Reversed("paid:error")))
    connection.commit()
    return desk


def test_a_statement_ends_with_what_the_books_have_on_the_plan(desk: Desk, connection: Connection) -> None:
    for as_of in (day(0), day(31), day(45)):
        for statement in plan_statements((LOAN, ONE), PostgresLedger(connection), as_of):
            booked = [
                desk.ledger.balance(f"plan:{statement.plan.plan_id}:{name}", Currency.GBP, valued_by=as_of)
                for name in ("principal", "interest_rcv", "fee_rcv")
            ]
            assert statement.owed.minor == sum(each.posted(Side.DEBIT).minor for each in booked), as_of


@pytest.mark.usefixtures("desk")
def test_a_statement_says_what_was_charged_and_paid_and_leaves_out_what_was_taken_back(connection: Connection) -> None:
    statements = plan_statements((ONE,), PostgresLedger(connection), day(45))

    assert [(line.what, line.change.decimal, line.owed.decimal) for line in statements[0].lines] == [
        ("Purchase captured", "90.00", "90.00"),
        ("Overpayment", "-30.00", "60.00"),
        ("Late fee assessed", "7.00", "67.00"),
        ("Overpayment", "-37.00", "30.00"),
    ]


@pytest.mark.usefixtures("desk")
def test_the_statement_command_writes_all_plans_of_a_shopper(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)
    out = tmp_path / "statement.csv"

    assert main(["statement", "--shopper", "s-1", "--as-of", str(day(45)), "--out", str(out)]) == 0

    assert "p-d-1: 4 entries, 30.00 GBP owed" in capsys.readouterr().out
    rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert {row["plan_id"] for row in rows} == {"p-d-1", "p-loan"}
    with pytest.raises(NoSuchPlans, match="s-9"):
        main(["statement", "--shopper", "s-9", "--as-of", str(day(45)), "--out", str(out)])


def test_the_tax_of_a_period_is_what_its_account_has_grown_by(connection: Connection) -> None:
    desk = Desk.over(connection)
    taxed = a_plan("100.00", tax=pounds("1.00"))
    later = a_plan("100.00", tax=pounds("1.00"), plan_id="p-2", decision_id="d-2", order_id="o-2", opened_on=day(30))
    desk.open(taxed, later)
    desk.take(an_event(taxed, "goods back", day(35), Refunded("r-1", pounds("50.00"))))
    periods = months(date(2026, 1, 1), date(2026, 2, 28))

    lines = vat_summary(
        PostgresLedger(connection), periods, plans=PostgresPlans(connection).get_all, rate_of=lambda _: 2_000
    )

    assert [
        (line.last.month, line.rate_basis_points, line.charged.decimal, line.given_back.decimal, line.discount.decimal)
        for line in lines
    ] == [(1, 2_000, "1.00", "0.00", "5.00"), (2, 2_000, "1.00", "0.50", "2.50")]
    for first, last in periods:
        grown = sum(line.net.minor - line.paid.minor for line in lines if line.first == first)
        before = desk.ledger.balance("tax:payable", Currency.GBP, valued_by=first.replace(day=1) - _DAY)
        after = desk.ledger.balance("tax:payable", Currency.GBP, valued_by=last)
        assert grown == (after.posted(Side.CREDIT) - before.posted(Side.CREDIT)).minor


_DAY = date(2026, 1, 2) - date(2026, 1, 1)

BALANCES = """
source,as_of,kind,id,currency,amount,interest,due_on,account_id,shopper_id,merchant_id,order_id,terms
old,2026-01-10,due,7,GBP,50.00,1.50,2026-02-10,acc-7,s-7,,o-7,monthly-1
old,2026-01-10,due,7,GBP,50.00,0.75,2026-03-10,acc-7,s-7,,o-7,monthly-1
old,2026-01-10,payable,m-1,GBP,12.00,,,,,,,
old,2026-01-10,credit,s-7,GBP,3.00,,,,,,,
""".lstrip()


def _import(connection: Connection, file: Path) -> TakenOver:
    return import_opening_balances(
        file,
        plans=PostgresPlans(connection),
        ledger=PostgresLedger(connection),
        terms=lambda plan: servicing_terms(plan.terms_version, plan.currency),
        at=AT,
    )


def _written(tmp_path: Path, text: str = BALANCES) -> Path:
    file = tmp_path / "balances.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_balances_are_taken_over_once_and_tie_to_the_file(connection: Connection, tmp_path: Path) -> None:
    file = _written(tmp_path)

    first = _import(connection, file)
    connection.commit()

    assert (first.taken, first.known) == (3, 0)
    assert {currency: amount.decimal for currency, amount in first.opening.items()} == {Currency.GBP: "85.00"}
    assert _import(connection, file) == TakenOver(0, 3, {})
    desk = Desk.over(connection)
    balances = {account: minor for (account, _), minor in desk.balances().items()}
    assert balances == {
        "plan:old-7:principal": 100_00, "equity:opening": -85_00, "merchant:m-1:payable": -12_00,
        "shopper:s-7:credit_balance": -3_00,
    }  # fmt: skip
    assert [str(each.instalment.due_on) for each in desk.plans.due(date(2026, 3, 10))] == ["2026-02-10", "2026-03-10"]
    connection.commit()
    assert verify(PostgresAudit(connection)).faults == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("50.00,1.50", "50.001,1.50"), "line 2, column amount: '50.001' has 3 decimals"),
        (("due,7,GBP,50.00,0.75", "dues,7,GBP,50.00,0.75"), "line 3, column kind: 'dues' is none of due"),
        (("2026-02-10", "10.02.2026"), "line 2, column due_on: '10.02.2026' is not a day"),
        (("payable,m-1,GBP", "payable,m-1,XXX"), "line 4, column currency: 'XXX' is not a currency we know"),
        (("payable,m-1,GBP,12.00", "payable,m-1,GBP,0"), "line 4, column amount: 0.00 GBP is not more than zero"),
        (("credit,s-7", "credit,s 7"), "line 5, column id: 's 7' has a colon, a brace or a space"),
        (("o-7,monthly-1\nold,2026-01-10,due,7,GBP,50.00,0.75", "o-7,monthly-9\nold,2026-01-10,due,7,GBP,50.00,0.75"),
         "line 3, column terms: is not what line 2 says of old-7"),
        (("monthly-1", "monthly-9"), "line 2, column terms: there is no version monthly-9"),
        (("2026-03-10,acc-7", "2026-03-10,acc-8"), "line 3, column account_id: is not what line 2 says"),
        (("amount,interest", "amounts,interest"), "line 1, column amount: is missing"),
    ],
)  # fmt: skip
def test_a_fault_names_line_and_column_and_nothing_is_taken(
    connection: Connection, tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    with pytest.raises(TableFault) as fault:
        _import(connection, _written(tmp_path, BALANCES.replace(*change)))
    assert message in str(fault.value)


def test_another_balance_under_a_known_id_names_its_line(connection: Connection, tmp_path: Path) -> None:
    _import(connection, _written(tmp_path))
    connection.commit()

    with pytest.raises(TableFault, match=r"line 4, column id: F48:payable/old-m-1 was taken over with another"):
        _import(connection, _written(tmp_path, BALANCES.replace("GBP,12.00", "GBP,13.00")))
    with pytest.raises(TableFault, match=r"line 2, column id: old-7 was taken over with another"):
        _import(connection, _written(tmp_path, BALANCES.replace("GBP,50.00,0.75", "GBP,51.00,0.75")))


def test_the_command_takes_a_file_over(
    connection: Connection,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)

    assert main(["import-opening-balances", "--file", str(_written(tmp_path))]) == 0
    assert "3 balances taken over, 0 known" in capsys.readouterr().out
    assert set(COLUMNS) <= set(BALANCES.splitlines()[0].split(","))
    assert Desk.over(connection).balances()


def test_the_vat_command_writes_a_line_for_each_month_and_rate(
    connection: Connection, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Desk.over(connection).open(a_plan("100.00", tax=pounds("1.00")))
    connection.commit()
    monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)
    out = tmp_path / "vat.csv"

    assert main(["vat-summary", "--from", "2026-01-01", "--to", "2026-01-31", "--out", str(out)]) == 0

    (row,) = csv.DictReader(out.read_text(encoding="utf-8").splitlines())
    assert (row["discount"], row["vat_net"], row["vat_paid"]) == ("5.00", "1.00", "0.00")
