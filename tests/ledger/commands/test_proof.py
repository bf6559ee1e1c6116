"""Seal, verify, rebuild and export, as a person runs them."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.books.postgres import PostgresLedger
from tests.command_line import acts_of
from tests.ledger.builders import a_purchase

main = acts_of("ledger")

Connection = psycopg.Connection[Any]


def test_the_books_are_sealed_verified_rebuilt_and_exported(
    database_url: str,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)
    roots, exported = tmp_path / "roots.jsonl", tmp_path / "books.beancount"
    assert main(["seal"]) == 0
    assert "no entries to seal" in capsys.readouterr().out
    PostgresLedger(connection).post(a_purchase())
    connection.commit()

    assert main(["seal", "--out", str(roots)]) == 0
    assert "1 entries sealed now, 1 in all; seal 1, root " in capsys.readouterr().out
    assert _report(capsys, "seal", "--out", str(roots))["sealed"] == 0
    first, second = (json.loads(line) for line in roots.read_text().splitlines())
    assert first == second
    assert _report(capsys, "verify", "--roots", str(roots))["verified"] is True
    assert _report(capsys, "export", "--format", "beancount", "--out", str(exported))["transfers"] == 2
    assert "2026-01-11 balance Assets:Plan:P-1:Principal  100.00 ~ 0 GBP" in exported.read_text()

    connection.execute("SET session_replication_role = replica")
    connection.execute("UPDATE ledger.balances SET debits_posted = 1 WHERE floor = 'debit'")
    connection.commit()
    roots.write_text(json.dumps({**first, "root": "00"}))

    assert main(["verify", "--roots", str(roots)]) == 1
    said = capsys.readouterr().out
    assert "2 faults" in said
    assert "balance: plan:p-1:principal GBP: debits_posted is 1, its entries say 10000" in said
    assert "kept root: seal 1: has the root" in said
    assert main(["rebuild"]) == 1
    assert "1 rows differ; nothing was written" in capsys.readouterr().out
    (difference,) = _report(capsys, "rebuild", "--accept", "--reason", "mended")["differences"]
    assert difference["projection"] == "balances"
    (kept,) = _report(capsys, "accepted-differences")["accepted"]
    assert (kept["was"]["debits_posted"], kept["became"]["debits_posted"], kept["reason"]) == (1, 10000, "mended")
    assert main(["rebuild"]) == 0
    assert "0 rows put right" in capsys.readouterr().out


def _report(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main([*arguments, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert isinstance(report, dict)
    return report
