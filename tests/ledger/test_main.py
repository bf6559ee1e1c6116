"""The commands, as a person runs them."""

import json
import os
import resource
import subprocess
import sys
from typing import Any

import psycopg
import pytest

from ledger.__main__ import CorrelationFault
from ledger.books.credit_limit import LimitFault
from ledger.books.postgres import PostgresLedger
from terminal.environment import SettingFault
from tests.command_line import acts_of
from tests.ledger.builders import NOON, a_claim, a_journal, a_purchase

main = acts_of("ledger")

Connection = psycopg.Connection[Any]


@pytest.fixture(autouse=True)
def books(database_url: str, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)
    books = PostgresLedger(connection)
    books.post(a_purchase())
    books.hold(a_claim(), expires_at=NOON)
    books.post(a_journal("F36a", "l-1", amounts={"cash": "4500.00"}, correlation={"line_id": "l-1"}))
    connection.commit()


def _report(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main([*arguments, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert isinstance(report, dict)
    return report


def test_the_trial_balance_shows_every_account_and_equal_sums(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trial-balance"]) == 0
    shown = capsys.readouterr().out
    assert "plan:p-1:principal" in shown
    assert shown.splitlines()[-1].split() == ["total", "4600.00", "GBP", "4600.00", "GBP", "equal"]

    report = _report(capsys, "trial-balance", "--as-of", "2026-01-10")
    assert report["totals"] == {"GBP": {"debits_minor": 4600_00, "credits_minor": 4600_00}}
    assert _report(capsys, "trial-balance", "--as-of", "2026-01-09")["lines"] == []


def test_a_statement_shows_each_transfer_with_the_balance_after_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["statement", "plan:p-1:principal"]) == 0
    assert "100.00 GBP" in capsys.readouterr().out
    (first, second) = _report(capsys, "statement", "plan:p-1:principal")["lines"]["GBP"]
    assert (first["balance_minor"], second["balance_minor"]) == (95_00, 100_00)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["trial-balance"], "plan:p-1:principal,debit,GBP,10000"),
        (["statement", "plan:p-1:principal"], "GBP,2026-01-10,"),
        (["open-groups", "--as-of", "2026-01-15"], ",GBP,-450000,0,2026-01-10,5,finance,false"),
        (["entries", "--correlation", "line_id=l-1"], ",GBP,450000"),
    ],
)
def test_what_has_rows_comes_as_csv_with_money_in_minor_units(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--output", "csv"]) == 0

    header, *rows = capsys.readouterr().out.splitlines()
    assert "currency" in header.split(",")
    assert {row.count(",") for row in rows} == {header.count(",")}
    assert any(line in row for row in rows), rows


@pytest.mark.parametrize("arguments", [["verify"], ["trial-balance"], ["seal"]])
def test_a_command_takes_no_more_processor_time_than_its_budget(arguments: list[str], database_url: str) -> None:
    def spent() -> float:
        start = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-m", "tranche", "ledger", *arguments],
            env={**os.environ, "TRANCHE_DATABASE_URL": database_url, "TRANCHE_AWS_ENDPOINT": "http://127.0.0.1:9"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        end = resource.getrusage(resource.RUSAGE_CHILDREN)
        return end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime

    assert min(spent() for _ in range(2)) <= 1.2


def test_open_groups_are_listed_with_their_age(capsys: pytest.CaptureFixture[str]) -> None:
    groups = _report(capsys, "open-groups", "--as-of", "2026-01-15")["groups"]

    assert [(each["value"], each["posted_minor"], each["pending_minor"], each["age_days"]) for each in groups] == [
        ("a-1", 0, 25_00, 5),
        ("l-1", -4500_00, 0, 5),
    ]
    assert [(each["owner"], each["since"], each["overdue"]) for each in groups] == [
        ("operations", "2026-01-10", False),
        ("finance", "2026-01-10", False),
    ]
    assert main(["open-groups", "--as-of", "2026-01-16"]) == 0
    shown = capsys.readouterr().out
    assert "2 groups open on 2026-01-16, 2 of them overdue" in shown
    assert "finance" in shown


def test_entries_are_found_by_their_business_ids(capsys: pytest.CaptureFixture[str]) -> None:
    found = _report(capsys, "entries", "--correlation", "plan_id=p-1", "--correlation", "attempt_id=a-1")["entries"]

    assert [each["entry_id"] for each in found] == ["F12a:a-1"]
    with pytest.raises(CorrelationFault, match="plan_id"):
        main(["entries", "--correlation", "plan_id"])


def test_holds_that_ran_out_are_voided_once(capsys: pytest.CaptureFixture[str]) -> None:
    at = ("--at", "2026-01-10T12:00:00")

    assert _report(capsys, "expire-holds", *at) == {"voided": ["F12a:a-1"]}
    assert _report(capsys, "expire-holds", *at) == {"voided": []}


def test_migrating_again_applies_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert _report(capsys, "migrate")["applied"] == []


@pytest.mark.parametrize("value", [None, "", "sqlite:///x"])
def test_a_missing_or_malformed_address_is_named_with_an_example(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value is None:
        monkeypatch.delenv("TRANCHE_DATABASE_URL")
    else:
        monkeypatch.setenv("TRANCHE_DATABASE_URL", value)
    with pytest.raises(SettingFault, match=r"TRANCHE_DATABASE_URL.*for example TRANCHE_DATABASE_URL=postgresql://"):
        main(["verify"])


def test_a_period_is_closed_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert _report(capsys, "close-period", "--through", "2026-01-31") == {"through": "2026-01-31", "entries": []}
    assert main(["close-period", "--through", "2026-01-31"]) == 0
    assert "closed through 2026-01-31" in capsys.readouterr().out


def test_a_credit_limit_is_set_refused_or_no_limit_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    why = ("--currency", "GBP", "--reason", "agreed")

    assert main(["set-credit-limit", "merchant:m-1:payable", "--limit", "250.00", *why]) == 0
    assert main(["set-credit-limit", "merchant:m-1:payable", "--limit", "250.00", *why]) == 0
    assert main(["set-credit-limit", "bank:main", "--limit", "1.00", *why]) == 1
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        "the credit limit of merchant:m-1:payable is 250.00 GBP",
        "the credit limit of merchant:m-1:payable is 250.00 GBP; it was so before",
    ]
    assert "no_floor" in shown.err
    with pytest.raises(LimitFault, match="--limit 'x'"):
        main(["set-credit-limit", "merchant:m-1:payable", "--limit", "x", *why])
