"""The break desk by command: the list with its ids, one break with its events, an act, and who may approve it."""

import json
from pathlib import Path
from typing import Any

import pytest

from ledger.identity.postgres_principals import PostgresPrincipals
from ledger.identity.principal import LOCAL, Principal, add_principal
from payments.__main__ import app
from terminal.command_line import command_of, invoke
from tests.payments.break_desk.desk import ADDED
from tests.payments.outside import reconciled
from tests.payments.plans import rows, the_adapters
from tests.payments.reconciliation.test_lines_of_the_world import DAY, stated

FIRST, SECOND = "line:credit:main/2026-1/0001", "line:credit:main/2026-1/0002"


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    """The exit code of a command of the desk, and its report."""
    capsys.readouterr()
    code = invoke(command_of(app), ["breaks", *words, "--json"], "tranche payments")
    return code, json.loads(capsys.readouterr().out)


def test_breaks_are_listed_shown_and_dealt_with_by_command(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)
    with the_adapters(database_url) as ports:
        principals = PostgresPrincipals(ports.database)
        principals.add(Principal(LOCAL, "owner", ADDED), None, by=None, reason=None)
        key = add_principal("ben", "finance", expires_at=None, principals=principals, at=ADDED)
        reconciled(ports, [stated(tmp_path / "b.csv", (7_00, "thanks"), (9_00, "who"))], DAY)

        assert [each["break_id"] for each in said(capsys)[1]["listed"]] == [FIRST, SECOND]
        assert said(capsys, "assign", FIRST, "--owner", "treasury", "--reason", "theirs")[1]["status"] == "done"
        code, done = said(capsys, "write-off", FIRST, "--reason", "nobody claims it")
        assert (code, done["by"], done["still_open"]) == (0, "local", False)
        assert said(capsys, "write-off", FIRST, "--reason", "nobody claims it")[1]["new"] is False, "the same words"
        assert said(capsys, "write-off", FIRST, "--reason", "again")[0] == 1, "it is closed"
        shown = said(capsys, "show", FIRST)[1]
        assert [each["event"] for each in shown["events"]] == ["raised", "assigned", "written_off", "closed"]
        assert [each["reason"] for each in shown["acts"]] == ["theirs", "nobody claims it"]

        code, waits = said(capsys, "match", SECOND, "--plan-id", "p-none", "--reason", "said so")
        assert (code, waits["code"]) == (1, "no-plan"), "what cannot be done is not proposed"
        invoke(
            command_of(app), ["breaks", "return", SECOND, "--reason", "not ours", "--payee", "GB1"], "tranche payments"
        )
        assert "return line:credit:main/2026-1/0002: done by local; the break is closed" in capsys.readouterr().out
        assert rows(ports, "SELECT payee_id FROM payments.payout_orders") == [("GB1",)]
        monkeypatch.setenv("TRANCHE_KEY", key)
        assert said(capsys, "unmatch", FIRST, "--reason", "it was ours")[1]["code"] == "not-in-role"
        assert said(capsys, "proposals")[1] == {"proposals": []}
