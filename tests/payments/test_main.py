"""The acts as commands, against a database, the provider as a process, and folders of files."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from data_contracts.files import FileFault
from ledger.identity.postgres_principals import PostgresPrincipals
from ledger.identity.principal import PrincipalFault, add_principal
from payments.commands.arguments import UsageFault
from payments.files.inbox import InboxFault, unseen
from payments.postgres import DatabaseDown
from terminal.environment import SettingFault
from terminal.fault import Fault
from tests.command_line import acts_of
from tests.payments.plans import an_open_plan, first_due, the_adapters
from tests.simulation.test_serve import a_server

main = acts_of("payments")


@pytest.fixture(autouse=True)
def no_folders_of_a_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test says itself where files come and go, whatever an earlier test pointed this process at."""
    for name in ("TRANCHE_INBOX", "TRANCHE_OUTBOX"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def world(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    folder = tmp_path / "provider"
    folder.mkdir()
    with a_server(folder) as (address, _):
        line = '{"account_id": "a-1", "shopper_id": "s-1", "kind": "pays", "from_instalment": 1}'
        httpx.put(f"{address}/behaviour", content=line).raise_for_status()
        clock = tmp_path / "clock"
        clock.write_text("2026-04-02T18:00:00Z")
        monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)
        monkeypatch.setenv("TRANCHE_PROVIDER_URL", address)
        monkeypatch.setenv("TRANCHE_CLOCK_FILE", str(clock))
        yield address, folder


def said(capsys: pytest.CaptureFixture[str], *argv: str) -> Any:
    assert main([*argv, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_collect_pay_reconcile_and_list_from_the_command_line(
    world: tuple[str, Path], database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    address, folder = world
    with the_adapters(database_url) as ports:
        plan = an_open_plan(ports)
    due = first_due(plan)

    collected = said(capsys, "collect", "--due", due.isoformat())
    assert (collected["captured"], collected["captured_minor"]) == (1, {"GBP": plan.instalments[0].amount.minor})
    paid = said(capsys, "pay-merchants", "--on", due.isoformat(), "--outbox", str(folder / "outbox"))
    assert (paid["new"], paid["files"]) == (1, [f"payouts-{due}-1.csv"])
    for days in (0, 1):
        day = (due + timedelta(days=days)).isoformat()
        httpx.post(f"{address}/day-end", params={"date": day}).raise_for_status()
    later = (due + timedelta(days=1)).isoformat()
    Path(os.environ["TRANCHE_CLOCK_FILE"]).write_text(f"{later}T18:00:00Z")
    first = said(capsys, "reconcile", "--inbox", str(folder / "inbox"), "--day", later)
    assert (first["lines"], first["matched_by_id"], first["unmatched"], first["breaks"]) == (5, 5, 0, {})
    none = said(capsys, "reconcile", "--inbox", str(folder / "inbox"), "--day", later)
    assert (none["files_taken"], none["lines"]) == ([], 0)
    standing = said(capsys, "breaks")
    assert (standing["lines"], standing["open_breaks"], standing["open_expectations"]) == (5, {}, 0)
    for argv in (
        ["collect", "--due", later],
        ["breaks"],
        ["reconcile", "--inbox", str(folder / "inbox"), "--day", later],
    ):
        assert main(argv) == 0
    out = capsys.readouterr().out
    assert "no file in" in out
    assert "5 lines, 5 matched by id" in out


def test_a_damaged_file_in_the_inbox_makes_the_command_fail_and_the_others_proceed(
    world: tuple[str, Path], database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    address, folder = world
    with the_adapters(database_url) as ports:
        due = first_due(an_open_plan(ports))
    said(capsys, "collect", "--due", due.isoformat())
    httpx.post(f"{address}/day-end", params={"date": due.isoformat()}).raise_for_status()
    (folder / "inbox" / f"settlement-{due}-EUR.csv").write_text("line_id,kind\n")

    code = main(["reconcile", "--inbox", str(folder / "inbox"), "--day", due.isoformat(), "--json"])

    report = json.loads(capsys.readouterr().out)
    assert code == 1
    assert report["breaks"] == {"E22": 1}
    assert report["matched_by_id"] == 3


@pytest.mark.parametrize(
    ("argv", "fault", "text"),
    [
        (["collect", "--due", "tomorrow"], UsageFault, "'tomorrow' is not a day"),
        (["reconcile"], UsageFault, "either --file FILE or --inbox DIR"),
        (["reconcile", "--inbox", "."], UsageFault, "--inbox needs --day"),
        (["reconcile", "--inbox", "nowhere", "--day", "2026-04-02"], InboxFault, "nowhere: no such folder"),
        (["reconcile", "--file", "nowhere.csv"], FileFault, "nowhere.csv: line 0: (file): No such file"),
    ],
)
def test_a_wrong_command_says_what_is_wrong(
    database_url: str, monkeypatch: pytest.MonkeyPatch, argv: list[str], fault: type[Exception], text: str
) -> None:
    monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)
    monkeypatch.setenv("TRANCHE_PROVIDER_URL", "http://127.0.0.1:1")  # no wrong command gets as far as the provider

    with pytest.raises(fault) as caught:
        main(argv)

    assert text in caught.value.user_message  # type: ignore[attr-defined]


def test_a_missing_setting_is_named_with_an_example(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)
    monkeypatch.delenv("TRANCHE_PROVIDER_URL", raising=False)

    with pytest.raises(SettingFault, match=r"TRANCHE_PROVIDER_URL=http://127\.0\.0\.1:8090"):
        main(["collect", "--due", "2026-04-02"])


def test_a_database_that_is_down_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANCHE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/tranche")

    with pytest.raises(DatabaseDown, match="cannot be reached"):
        main(["breaks"])


def test_a_shopper_pays_a_part_and_the_rest_from_the_command_line(
    world: tuple[str, Path], database_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with the_adapters(database_url) as ports:
        plan = an_open_plan(ports)
        with ports.transaction():
            principals, began = PostgresPrincipals(ports.database), datetime(2026, 1, 1, tzinfo=UTC)
            ann = add_principal("ann", "agent", expires_at=None, principals=principals, at=began)

    monkeypatch.setenv("TRANCHE_KEY", "trk_wrong")
    with pytest.raises(PrincipalFault, match="no principal has this key"):
        main(["pay", plan.plan_id, "--payoff"])
    monkeypatch.setenv("TRANCHE_KEY", ann)
    preview = said(capsys, "pay", plan.plan_id, "--amount", "20.00 GBP", "--preview")
    part = said(capsys, "pay", plan.plan_id, "--amount", "20.00 GBP")
    again = said(capsys, "pay", plan.plan_id, "--amount", "20.00 GBP")
    more = main(["pay", plan.plan_id, "--amount", "900.00 GBP"])
    capsys.readouterr()
    rest = said(capsys, "pay", plan.plan_id, "--payoff")

    assert (preview["status"], preview["after"]["owed_minor"]) == ("preview", part["owed_minor"])
    assert (part["status"], part["new"], again["new"]) == ("captured", True, False)
    assert more == 1
    assert (rest["owed_minor"], rest["plan_status"]) == (0, "paid")


@pytest.mark.parametrize("words", [(), ("--payoff", "--amount", "1.00 GBP"), ("--payoff", "--key", "a b")])
def test_a_payment_has_an_amount_or_is_the_payoff(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageFault):
        main(["pay", "p-1", *words])


@pytest.mark.parametrize("wrong", ["1000", "10 GBP", "10.00 EUR", "-10.00 GBP", "1_0.00 GBP", "0.00 GBP"])
def test_a_refund_is_an_amount_with_the_plans_currency_and_is_echoed(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    with the_adapters(database_url) as ports:
        plan = an_open_plan(ports)
    monkeypatch.setenv("TRANCHE_DATABASE_URL", database_url)
    about = ("refund", "--plan", plan.plan_id, "--refund-id", "r-1", "--amount")

    with pytest.raises(Fault, match="amount: "):
        main([*about, wrong])
    assert main([*about, "10.00 GBP"]) == 0

    assert capsys.readouterr().out.startswith("r-1: 10.00 GBP refunded; 0.00 GBP goes to the shopper")


def test_the_clock_file_is_the_time_of_the_act(
    world: tuple[str, Path], database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with the_adapters(database_url) as ports:
        plan = an_open_plan(ports)
    said(capsys, "collect", "--due", first_due(plan).isoformat())

    with the_adapters(database_url) as ports:
        attempt = ports.attempts.get(f"{plan.instalments[0].instalment_id}#1")
    assert attempt is not None
    assert attempt.submitted_at == datetime(2026, 4, 2, 18, tzinfo=UTC)


def test_an_inbox_is_read_in_the_order_of_days_and_not_beyond_the_day(tmp_path: Path) -> None:
    for name in ("statement-2026-01-02-main.csv", "settlement-2026-01-02.csv", "settlement-2026-01-01.csv",
                 "settlement-2026-01-03.csv", "lines.csv", "notes.txt"):  # fmt: skip
        (tmp_path / name).write_text(name)

    names = [path.name for path in unseen(tmp_path, {}, date(2026, 1, 2))]

    assert names == [
        "lines.csv",
        "settlement-2026-01-01.csv",
        "settlement-2026-01-02.csv",
        "statement-2026-01-02-main.csv",
    ]


def test_a_file_that_was_taken_comes_again_only_with_other_bytes(tmp_path: Path) -> None:
    import hashlib

    path = tmp_path / "settlement-2026-01-01.csv"
    path.write_text("one")
    taken = {path.name: hashlib.sha256(b"one").hexdigest()}

    assert unseen(tmp_path, taken) == []
    path.write_text("two")
    assert unseen(tmp_path, taken) == [path]
