"""No act moves or books money on a day after the clock's. Every command with a day of its own is in one list here."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger.books.close_period import PeriodFault
from ledger.books.free_form import ProposalFault
from ledger.identity.postgres_principals import PostgresPrincipals
from ledger.identity.principal import add_principal
from lending.schedule.table_file import TableFault
from lending.servicing.opening_balances import COLUMNS
from terminal.clock import NotYetBegun
from tests.payments.plans import NOON, connect
from tranche.__main__ import invoke
from tranche.stage import STAGES

TODAY, TOMORROW = "2026-04-02", "2026-04-03"
MONEY = ("lending", "payments", "ledger")

# By command, the words that name tomorrow, and the fault. Files carry their days inside.
ACTS: dict[str, tuple[list[str], type[Exception]]] = {
    "payments collect": (["--due", TOMORROW], NotYetBegun),
    "payments pay-merchants": (["--on", TOMORROW, "--outbox", "{folder}"], NotYetBegun),
    "payments pay-refunds": (["--on", TOMORROW, "--outbox", "{folder}"], NotYetBegun),
    "payments reconcile": (["--inbox", "{folder}", "--day", TOMORROW], NotYetBegun),
    "lending close-of-business": (["--date", TOMORROW], NotYetBegun),
    "lending import-opening-balances": (["--file", "{folder}/balances.csv"], TableFault),
    "ledger expire-holds": (["--at", TOMORROW], NotYetBegun),
    "ledger close-period": (["--through", TOMORROW], PeriodFault),
    "ledger propose": (["--file", "{folder}/entry.json", "--reason", "a gift"], ProposalFault),
}
BOOKS_NOTHING = {
    "lending statement", "lending vat-summary", "lending plan quote", "payments breaks list", "payments audit-breaks",
    "payments open-items",
    "ledger export", "ledger trial-balance", "ledger general-ledger", "ledger remittance", "ledger statement",
    "ledger open-groups", "ledger add-principal", "ledger keys add", "ledger keys rotate", "ledger keys expire",
}  # fmt: skip
ON_A_PLAN = "lending plan "  # `lending.acts.perform` judges the day of each by the plan's own zone


@pytest.fixture
def folder(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    clock = tmp_path / "clock"
    clock.write_text(f"{TODAY}T18:00:00Z")
    monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)
    monkeypatch.setenv("TRANCHE_PROVIDER_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("TRANCHE_CLOCK_FILE", str(clock))
    with connect(database_url) as connection:
        added = add_principal("ann", "owner", expires_at=None, principals=PostgresPrincipals(connection), at=NOON)
    monkeypatch.setenv("TRANCHE_KEY", added)
    (tmp_path / "balances.csv").write_text(_table(kind="payable", as_of=TOMORROW))
    (tmp_path / "entry.json").write_text(json.dumps(GIFT))
    return tmp_path


GIFT = {
    "proposal_id": "p-1",
    "value_date": TOMORROW,
    "occurred_at": f"{TODAY}T00:00:00+00:00",
    "correlation": {},
    "transfers": [{"debit": "bank:main", "credit": "equity:capital", "amount": "1.00", "currency": "GBP"}],
}


def _table(**values: str) -> str:
    known = {"source": "old", "id": "m-1", "amount": "1.00", "currency": "GBP", **values}
    return f"{','.join(COLUMNS)}\n{','.join(known.get(column, '') for column in COLUMNS)}\n"


def test_no_act_takes_a_day_after_the_clocks(folder: Path) -> None:
    for command, (words, fault) in ACTS.items():
        with pytest.raises(fault, match=f"{TOMORROW} has not (begun|ended)"):
            invoke([*command.split(), *(word.format(folder=folder) for word in words)])


def test_every_command_with_a_day_is_known_to_refuse_tomorrow_or_to_book_nothing() -> None:
    with_a_day = {" ".join(path) for path, command in _commands() if any(map(_is_day, command.params))}
    on_a_plan = {name for name in with_a_day if name.startswith(ON_A_PLAN) and name not in BOOKS_NOTHING}

    assert with_a_day - on_a_plan == {name for name in ACTS if "--file" not in ACTS[name][0]} | BOOKS_NOTHING
    assert len(on_a_plan) > 20


def _commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    for stage in STAGES:
        if stage.name in MONEY:
            yield from _below((stage.name,), stage.command())


def _below(path: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, each in getattr(command, "commands", {}).items():
        yield from _below((*path, name), each)
    if not hasattr(command, "commands"):
        yield path, command


def _is_day(option: Any) -> bool:
    words = (option.help or "").lower().replace(";", " ").replace(".", " ").split()
    return "datetime" in str(option.type_descriptor) or ("day" in words and option.name not in {"key", "payoff"})


def test_today_is_no_day_after_the_clocks(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert date.fromisoformat(TODAY) < date.fromisoformat(TOMORROW)
    assert invoke(["lending", "close-of-business", "--date", TODAY]) == 0
    assert "2026-04-02" in capsys.readouterr().out
