import csv
import gzip
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from data_contracts.catalog import contract, event_contracts
from data_contracts.files import FileFault, write_rows
from data_contracts.quarantine import violations_of
from ledger.account import Side
from ledger.books.memory import MemoryLedger
from ledger.books.postgres import PostgresLedger
from ledger.money import Currency, Money
from ledger.proof.postgres_audit import PostgresAudit
from ledger.proof.verify import verify
from lending.plan.plan import Instalment, Origin
from lending.servicing.import_plans import ImportedPlans, ImportFault, import_plans
from lending.servicing.memory import MemoryPlans
from lending.servicing.postgres import PostgresPlans
from lending.terms.products import imported_product
from tests.command_line import acts_of

main = acts_of("lending")

Connection = psycopg.Connection[Any]


def _loan(loan_id: str = "5314", **changes: Any) -> Mapping[str, object]:
    granted_on = changes.pop("granted_on", date(1993, 7, 5))
    granted_at = datetime(granted_on.year, granted_on.month, granted_on.day, tzinfo=UTC)
    return {
        "event_id": f"berka:granted:{loan_id}",
        "event_type": "granted_loan.v1",
        "source": "berka",
        "occurred_at": granted_at,
        "recorded_at": granted_at,
        "loan_id": loan_id,
        "application_id": f"berka:loan:{loan_id}",
        "account_id": "1787",
        "granted_on": granted_on,
        "amount_minor": 96396_00,
        "duration_months": 12,
        "instalment_minor": 8033_20,
        "currency": "CZK",
        **changes,
    }


def _file(folder: Path, *loans: Mapping[str, object]) -> Path:
    file = folder / "granted_loans.csv"
    write_rows(file, contract("granted_loan"), loans)
    return file


class _Lender:
    def __init__(self) -> None:
        self.plans, self.books = MemoryPlans(), MemoryLedger()

    def take(self, file: Path) -> ImportedPlans:
        return import_plans(file, plans=self.plans, ledger=self.books, product=imported_product())


def _crowns(amount: str) -> Money:
    return Money.parse(amount, Currency.CZK)


def test_a_granted_loan_becomes_a_plan_of_its_standing_order(tmp_path: Path) -> None:
    lender = _Lender()

    report = lender.take(_file(tmp_path, _loan()))

    plan = lender.plans.get("berka-5314")
    assert plan is not None
    assert (plan.origin, plan.account_id, plan.order_id) == (Origin.IMPORTED, "1787", "berka:loan:5314")
    assert plan.principal == _crowns("96398.40")
    assert {each.amount for each in plan.instalments} == {_crowns("8033.20")}
    assert [str(plan.instalments[place].due_on) for place in (0, 1, -1)] == ["1993-07-12", "1993-08-12", "1994-06-12"]
    owed = lender.books.balance("plan:berka-5314:principal", Currency.CZK).posted(Side.DEBIT)
    assert owed == plan.principal
    assert lender.books.trial_balance().balanced
    assert (report.loans, report.opened, report.instalments) == (1, 1, 12)


def test_the_difference_to_what_was_lent_is_shown_for_each_loan_and_in_total(tmp_path: Path) -> None:
    exact = _loan("5316", amount_minor=100_00, duration_months=2, instalment_minor=50_00)

    report = _Lender().take(_file(tmp_path, _loan(), exact))

    assert [(each.loan_id, each.difference) for each in report.differences] == [("5314", _crowns("2.40"))]
    assert report.principal[Currency.CZK] - report.lent[Currency.CZK] == _crowns("2.40")


def test_importing_again_changes_nothing(tmp_path: Path) -> None:
    lender = _Lender()
    file = _file(tmp_path, _loan())
    lender.take(file)

    report = lender.take(file)

    assert (report.opened, report.already_open) == (0, 1)
    assert len(lender.books.entries(correlation={})) == 1


def test_a_larger_file_opens_what_is_new(tmp_path: Path) -> None:
    lender = _Lender()
    lender.take(_file(tmp_path, _loan()))

    report = lender.take(_file(tmp_path, _loan(), _loan("5316")))

    assert (report.opened, report.already_open) == (1, 1)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("amount_minor", 96397_00),
        ("instalment_minor", 8033_00),
        ("duration_months", 13),
        ("account_id", "1788"),
        ("application_id", "berka:loan:1"),
    ],
)
def test_a_loan_that_comes_again_with_another_row_is_named_with_its_column(
    tmp_path: Path, column: str, value: Any
) -> None:
    lender = _Lender()
    lender.take(_file(tmp_path, _loan()))

    with pytest.raises(ImportFault, match=rf"granted_loans\.csv: berka-5314 was imported with another {column}"):
        lender.take(_file(tmp_path, _loan("5316"), _loan(**{column: value})))
    assert lender.plans.get("berka-5316") is None


def test_a_broken_file_opens_nothing(tmp_path: Path) -> None:
    lender = _Lender()
    file = _file(tmp_path, _loan(), _loan("5316"))
    text = file.read_text().replace("9639600", "96396.00", 1)
    file.write_text(text)

    with pytest.raises(FileFault, match="line 2: amount_minor"):
        lender.take(file)
    assert lender.plans.get("berka-5316") is None


def test_the_command_opens_plans_in_the_database_once(
    tmp_path: Path,
    database_url: str,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)
    file = _file(tmp_path, _loan(), _loan("5316"))

    assert main(["import-plans", "--file", str(file)]) == 0
    assert "2 loans, 2 plans opened, 0 known" in capsys.readouterr().out
    assert main(["import-plans", "--file", str(file), "--json"]) == 0
    assert '"opened": 0' in capsys.readouterr().out

    assert len(PostgresPlans(connection).find_by_account("1787")) == 2
    assert PostgresLedger(connection).trial_balance().balanced
    assert verify(PostgresAudit(connection)).sound


def test_a_loan_that_is_taken_over_is_told_like_any_other_plan_without_its_shopper(
    tmp_path: Path, connection: Connection
) -> None:
    import_plans(
        _file(tmp_path, _loan()),
        plans=PostgresPlans(connection),
        ledger=PostgresLedger(connection),
        product=imported_product(),
    )

    told = connection.execute("SELECT position, event_type, payload FROM ledger.outbox ORDER BY position").fetchall()
    assert Counter(event_type for _, event_type, _ in told) == {
        "plan_opened.v1": 1,
        "plan_event.v1": 1,
        "instalment_changed.v1": 12,
    }
    for position, event_type, body in told:
        assert violations_of(event_contracts()[event_type], body | {"sequence": position}) == ()
        assert (body["shopper_id"], body["account_id"]) == (None, "1787")
    assert sum(body.get("open_change_minor", 0) for _, _, body in told) == 96398_40


def test_a_conflict_leaves_nothing_of_the_file_in_the_database(
    tmp_path: Path, database_url: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)
    main(["import-plans", "--file", str(_file(tmp_path, _loan()))])

    with pytest.raises(ImportFault, match="amount_minor"):
        main(["import-plans", "--file", str(_file(tmp_path, _loan("5316"), _loan(amount_minor=1)))])
    assert PostgresPlans(connection).get("berka-5316") is None
    assert len(PostgresLedger(connection).entries(correlation={})) == 1


def test_the_real_loans_fall_due_as_their_standing_orders_pay(tmp_path: Path, berka: Path) -> None:
    standing = {row["account_id"]: row["amount"] for row in _table(berka, "order") if row["k_symbol"] == "UVER"}
    loans = [
        _loan(
            row["loan_id"],
            account_id=row["account_id"],
            granted_on=datetime.strptime(f"19{row['date']}", "%Y%m%d").replace(tzinfo=UTC).date(),
            amount_minor=Money.parse(row["amount"], Currency.CZK).minor,
            duration_months=int(row["duration"]),
            instalment_minor=Money.parse(standing[row["account_id"]], Currency.CZK).minor,
        )
        for row in _table(berka, "loan_1993_1996")
    ]
    lender = _Lender()

    report = lender.take(_file(tmp_path, *loans))

    assert (report.opened, report.instalments) == (328, 11_760)
    assert report.principal[Currency.CZK] - report.lent[Currency.CZK] == _crowns("-198.00")
    assert len(report.differences) == 151
    days = {each.due_on.day for plan_id in _ids(loans) for each in _instalments(lender, plan_id)}
    assert days == {12}


def _table(berka: Path, name: str) -> list[dict[str, str]]:
    with gzip.open(berka / f"{name}.asc.gz", "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter=";"))


def _ids(loans: list[Mapping[str, object]]) -> list[str]:
    return [f"berka-{loan['loan_id']}" for loan in loans]


def _instalments(lender: _Lender, plan_id: str) -> tuple[Instalment, ...]:
    plan = lender.plans.get(plan_id)
    assert plan is not None
    return plan.instalments
