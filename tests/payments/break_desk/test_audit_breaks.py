"""Findings of the books' own checks are in the list of breaks, once, for as long as there are any."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.books.free_form import approve, propose
from ledger.books.postgres_proposals import PostgresProposals
from payments.__main__ import app
from payments.wiring import Adapters
from terminal.command_line import command_of, invoke
from tests.payments.break_desk.desk import act, done, events, with_people
from tests.payments.outside import reconciled
from tests.payments.plans import an_open_plan, first_due, rows, the_adapters
from tests.payments.reconciliation.test_lines_of_the_world import DAY, stated

OPEN = "SELECT break_id, class, severity, owner FROM payments.breaks WHERE closed_on IS NULL ORDER BY class, break_id"


@pytest.fixture
def ports(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Adapters]:
    monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)
    with the_adapters(database_url) as adapters:
        yield adapters


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    """The exit code of a command, and its report."""
    capsys.readouterr()
    try:
        code = invoke(command_of(app), [*words, "--json"], "tranche payments")
    except SystemExit as end:
        code = int(end.code or 0)
    return code, json.loads(capsys.readouterr().out)


def test_a_finding_in_a_corrupted_copy_is_a_break_until_it_is_gone(
    ports: Adapters, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = an_open_plan(ports)
    day = first_due(plan).isoformat()
    assert said(capsys, "audit-breaks", "--day", day) == (
        0,
        {"on": day, "new": {}, "closed": 0, "findings": 0, "stale": 0},
    )

    tampered = "UPDATE ledger.balances SET debits_posted = debits_posted {} 1 WHERE account_id = ("
    tampered += "SELECT account_id FROM ledger.accounts WHERE account = 'plan:" + plan.plan_id + ":principal')"
    ports.database.execute("SET session_replication_role = replica")
    ports.database.execute(tampered.format("+"))
    code, found = said(capsys, "audit-breaks", "--day", day)
    assert (code, found["new"]) == (1, {"E24": found["findings"]})
    assert found["findings"] > 0
    first = rows(ports, OPEN)
    assert {each[1:] for each in first} == {("E24", "critical", "finance")}
    assert said(capsys, "audit-breaks", "--day", day) == (1, {**found, "new": {}}), "once"
    assert rows(ports, OPEN) == first

    ports.database.execute(tampered.format("-"))
    code, gone = said(capsys, "audit-breaks", "--day", day)
    assert (code, gone["closed"], rows(ports, OPEN)) == (0, len(first), [])
    ports.database.execute(tampered.format("+"))
    code, again = said(capsys, "audit-breaks", "--day", day)
    assert (again["new"], rows(ports, OPEN)) == ({"E24": len(first)}, first)
    assert [event for event, _ in events(ports, first[0][0])] == ["raised", "closed", "reopened"]


def test_a_manual_posting_that_nobody_approves_is_a_break_until_somebody_does(
    ports: Adapters, capsys: pytest.CaptureFixture[str]
) -> None:
    at, proposals = datetime(2026, 3, 10, 12, tzinfo=UTC), PostgresProposals(ports.database)
    entry = {"debit": "exp:goodwill", "credit": "bank:main", "currency": "GBP", "amount": "1.00"}
    asked = {"proposal_id": "gift 1", "value_date": "2026-03-10", "occurred_at": at.isoformat(), "correlation": {}}
    propose(json.dumps({**asked, "transfers": [entry]}), by="ann", reason="a gift", at=at, proposals=proposals)

    assert said(capsys, "audit-breaks", "--day", "2026-03-17")[1]["new"] == {}
    assert said(capsys, "audit-breaks", "--day", "2026-03-18")[1]["new"] == {"E25": 1}
    assert said(capsys, "audit-breaks", "--day", "2026-03-19")[1]["new"] == {}
    with ports.transaction():
        approve("gift 1", by="ben", at=at + timedelta(days=9), proposals=proposals, ledger=ports.ledger)
    assert said(capsys, "audit-breaks", "--day", "2026-03-20")[1]["closed"] == 1


def test_what_is_explained_for_too_long_is_a_break_of_whoever_works_the_account(
    ports: Adapters, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_people(ports)
    reconciled(ports, [stated(tmp_path / "b.csv", (45_00, "who"))], DAY)
    (break_id,) = (row[0] for row in rows(ports, OPEN))
    done(act(ports, DAY, "return", break_id, key="r-1"))
    in_time, late = (DAY + timedelta(days=days) for days in (5, 6))

    assert said(capsys, "audit-breaks", "--day", in_time.isoformat())[1]["stale"] == 0
    code, found = said(capsys, "audit-breaks", "--day", late.isoformat())
    assert (code, found["new"], found["stale"]) == (0, {"E21": 1}, 1)
    assert [row[1:] for row in rows(ports, OPEN)] == [("E21", "medium", "finance")]
