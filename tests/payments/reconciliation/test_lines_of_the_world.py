"""A line is what its kind says, however a bank numbers its entries, names the provider and orders its files."""

from dataclasses import asdict
from datetime import date, timedelta
from itertools import permutations
from pathlib import Path

import pytest

from ledger.account import Side
from payments.files.bank_statement import COLUMNS as STATEMENT
from payments.files.control_file import write_controlled
from payments.provider.simulated import SimulatedProvider
from payments.wiring import Adapters
from simulation.provider import SettlementRow
from tests.payments.merchants.test_pay_merchants import sold
from tests.payments.outside import Outside, at, inbox_reconciled, merchants_paid, pay_capital_in, reconciled
from tests.payments.plans import posted, the_adapters
from tests.payments.refunds.test_pay_refunds import DAY as REFUND_DAY
from tests.payments.refunds.test_pay_refunds import OWED, owe, paid, refused

DAY = date(2026, 3, 10)


def settled(path: Path, *parts: tuple[str, int], payout: str = "po-1") -> Path:
    """A provider's file with these kinds and signed amounts, and the payout that they make."""
    total = sum(minor for _, minor in parts)
    rows = [
        SettlementRow(
            f"{path.stem}/{number}", kind, f"x{number}#1", "", minor, "GBP", DAY.isoformat(), payout, "case-1"
        )
        for number, (kind, minor) in enumerate((*parts, ("payout", -total)), 1)
    ]
    write_controlled(path, tuple(SettlementRow.__dataclass_fields__), [asdict(row) for row in rows])
    return path


def stated(
    path: Path, *amounts: tuple[int, str], number: int = 1, opening: int = 0, account: str = "main", by: str = "XY LTD"
) -> Path:
    """A statement of which the entries are numbered from 0001, as many banks do every day."""
    balance, rows = opening, []
    for entry, (minor, reference) in enumerate(amounts, 1):
        balance += minor
        rows.append(
            {
                "line_id": f"{entry:04}", "account": account, "statement": number, "amount_minor": minor,
                "balance_minor": balance, "currency": "GBP", "booked_on": DAY, "value_on": DAY,
                "reference": reference, "counterparty": by,
            }
        )  # fmt: skip
    write_controlled(path, STATEMENT, rows)
    return path


def books(folder: Path, database_url: str, *runs: list[str]) -> tuple[int, int, int]:
    """The bank, the provider's fee and suspense after these runs, each with the files of its names."""
    with the_adapters(database_url) as ports:
        for names in runs:
            assert reconciled(ports, [folder / name for name in names], DAY, loudly=False).waiting == 0
        assert ports.ledger.trial_balance().balanced
        suspense = posted(ports, "suspense:unapplied", Side.CREDIT) - posted(ports, "suspense:debits")
        return posted(ports, "bank:main"), posted(ports, "exp:provider_fee"), suspense


CUTS = [[["p.csv", "b.csv"]], [["b.csv", "p.csv"]], [["p.csv"], ["b.csv"]], [["b.csv"], ["p.csv"]],
        [["b.csv"], [], ["p.csv"], []]]  # fmt: skip


@pytest.mark.parametrize("by", ["sandbox", "SNDBX PAYMENTS UK"])
@pytest.mark.parametrize("runs", CUTS, ids=str)
def test_a_payouts_cash_enters_the_bank_once_whoever_speaks_first_and_whatever_the_bank_calls_the_provider(
    database_url: str, tmp_path: Path, runs: list[list[str]], by: str
) -> None:
    settled(tmp_path / "p.csv", ("capture", 122_00), ("fee", -2_48))
    stated(tmp_path / "b.csv", (119_52, "po-1"), by=by)

    assert books(tmp_path, database_url, *runs) == (119_52, 2_48, 0)


@pytest.mark.parametrize("runs", CUTS, ids=str)
def test_the_fee_of_a_payout_without_a_capture_is_booked(
    database_url: str, tmp_path: Path, runs: list[list[str]]
) -> None:
    settled(tmp_path / "p.csv", ("chargeback_won", 30_50), ("fee", -1_50))
    stated(tmp_path / "b.csv", (29_00, "po-1"))

    assert books(tmp_path, database_url, *runs) == (29_00, 1_50, 0)


def test_a_fee_above_the_captures_is_carried_by_the_won_claims_too(database_url: str, tmp_path: Path) -> None:
    settled(tmp_path / "p.csv", ("capture", 1_00), ("chargeback_won", 30_00), ("fee", -5_00))
    stated(tmp_path / "b.csv", (26_00, "po-1"))

    assert books(tmp_path, database_url, ["p.csv", "b.csv"]) == (26_00, 5_00, 0)


def test_a_merchants_payout_that_the_bank_shows_before_we_know_it_leaves_the_bank_once(
    database_url: str, tmp_path: Path
) -> None:
    outside = Outside(tmp_path, {})
    statement = stated(tmp_path / "b.csv", (-95_00, f"mp-{DAY}-m-1-GBP"))
    with the_adapters(database_url) as ports:
        pay_capital_in(ports, DAY)
        reconciled(ports, [statement], DAY)
        sold(ports, 1, 95_00)
        merchants_paid(ports, outside, DAY)
        reconciled(ports, [], DAY)

        assert posted(ports, "bank:main") == 10_000_00 - 95_00
        assert posted(ports, "suspense:debits") == 0


def test_the_same_entry_number_in_another_statement_or_account_is_another_movement(
    database_url: str, tmp_path: Path
) -> None:
    stated(tmp_path / "am.csv", (5_00, "X1"))
    stated(tmp_path / "pm.csv", (5_00, "X1"), number=2, opening=5_00)
    stated(tmp_path / "other.csv", (7_00, "X2"), account="collections")

    assert books(tmp_path, database_url, ["am.csv", "pm.csv", "other.csv"])[0] == 10_00


@pytest.mark.parametrize("order", permutations(["d2.csv", "d4.csv"]), ids=str)
def test_statements_without_movements_keep_the_sequence(
    database_url: str, tmp_path: Path, order: tuple[str, str]
) -> None:
    stated(tmp_path / "d1.csv", (1, "X"))
    for empty in ("d2.csv", "d4.csv"):
        stated(tmp_path / empty)
    stated(tmp_path / "d3.csv", (1, "X"), number=3, opening=1)
    stated(tmp_path / "d5.csv", (1, "X"), number=5, opening=2)
    stated(tmp_path / "d8.csv", (1, "X"), number=8, opening=3)
    with the_adapters(database_url) as ports:
        early = reconciled(ports, [tmp_path / "d1.csv", tmp_path / "d3.csv"], DAY, loudly=False)
        names = ["d1.csv", order[0], "d3.csv", order[1], "d5.csv", "d8.csv"]
        report = reconciled(ports, [tmp_path / name for name in names], DAY, loudly=False)

        assert ["out of sequence: 3 came after 1" in fault for fault in early.files_refused] == [True]
        assert ["out of sequence: 8 came after 5" in fault for fault in report.files_refused] == [True]
        assert posted(ports, "bank:main") == 3


def closed_through(ports: Adapters, day: date) -> None:
    ports.database.execute("INSERT INTO ledger.periods (through, closed_at) VALUES (%s, %s)", (day, at(day)))


def test_money_that_comes_after_its_month_was_closed_counts_from_the_first_open_day_and_keeps_its_own(
    database_url: str, tmp_path: Path
) -> None:
    payout, outside = f"mp-{DAY}-m-1-GBP", Outside(tmp_path, {})
    settled(tmp_path / "p.csv", ("capture", 122_00), ("fee", -2_48))
    early = stated(tmp_path / "early.csv", (119_52, "po-1"), (3_00, "thanks"))
    late = stated(
        tmp_path / "late.csv", (-95_00, payout), (95_00, f"{payout} AC04"), (5_00, "thanks"), (-1_00, "?"),
        number=2, opening=122_52,
    )  # fmt: skip
    month_end, then = date(2026, 3, 31), date(2026, 4, 2)
    with the_adapters(database_url) as ports:
        pay_capital_in(ports, DAY)
        sold(ports, 1, 95_00)
        merchants_paid(ports, outside, DAY)
        reconciled(ports, [early], DAY)
        closed_through(ports, month_end)

        reports = [reconciled(ports, files, then) for files in ([tmp_path / "p.csv", late], [])]

        assert [report.waiting for report in reports] == [0, 0]
        assert posted(ports, "bank:main") == 10_000_00 + 119_52 + 3_00 + 5_00 - 1_00
        assert posted(ports, "suspense:unapplied", Side.CREDIT) == 8_00
        assert posted(ports, "merchant:m-1:payable", Side.CREDIT) == 95_00
        after = [
            entry.journal for entry in ports.ledger.entries(correlation={}) if entry.journal.value_date > month_end
        ]
        assert len(after) == 8, (
            "the payout's capture and fee, its credit off suspense, the debit, two of its return, two others"
        )
        assert {journal.original_date for journal in after if journal.flow != "F38"} == {DAY}
        assert ports.ledger.trial_balance().balanced


def test_a_refund_that_comes_back_after_its_month_was_closed_is_owed_again(database_url: str, tmp_path: Path) -> None:
    outside = Outside(tmp_path, {})
    outside.bank.close_account("a-1")
    with the_adapters(database_url, SimulatedProvider(refunding=refused)) as ports:
        pay_capital_in(ports, REFUND_DAY)
        granted = owe(ports)
        paid(ports, outside.outbox)
        outside.end(REFUND_DAY)
        closed_through(ports, REFUND_DAY + timedelta(days=20))

        report = inbox_reconciled(ports, outside, REFUND_DAY + timedelta(days=22))

        assert report.waiting == 0
        assert posted(ports, OWED, Side.CREDIT) == granted
