from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from ledger.money import Currency, Money
from payments.files.payout_file import Payout, write_payouts
from simulation.bank import OURS, PARKED, BankMovement, SimulatedBank, TooLate, open_bank
from simulation.day_end import end_day
from simulation.faults import FaultKind
from simulation.provider import ProviderBook, ProviderOrder, open_provider

MONDAY = date(2026, 1, 5)


@pytest.fixture
def provider(tmp_path: Path) -> ProviderBook:
    return open_provider(tmp_path, 7, {"s-1": ("pays", 1)})


@pytest.fixture
def bank(tmp_path: Path) -> SimulatedBank:
    bank = open_bank(tmp_path)
    bank.open_with("GBP", 1_000_00)
    return bank


def charge(provider: ProviderBook, day: date, count: int = 4) -> None:
    for number in range(count):
        key = f"p-{day.isoformat()}-{number}/1#1"
        provider.charge(ProviderOrder(key, 50_00, "GBP", "s-1", key.rpartition("#")[0], day))


def rows(path: Path) -> list[list[str]]:
    return [line.split(",") for line in path.read_text().splitlines()[1:-1]]


def test_a_payout_is_credited_at_the_next_day_end_with_the_amount_of_its_settlement(
    tmp_path: Path, provider: ProviderBook, bank: SimulatedBank
) -> None:
    inbox, outbox = tmp_path / "in", tmp_path / "out"
    charge(provider, MONDAY)

    first = end_day(MONDAY, provider, bank, inbox, outbox)
    second = end_day(MONDAY + timedelta(days=1), provider, bank, inbox, outbox)

    assert first.files == ("settlement-2026-01-05-GBP.csv",)
    assert second.files == ("statement-2026-01-06-main-GBP.csv",)
    payout = next(row for row in rows(inbox / first.files[0]) if row[1] == "payout")
    (credit,) = rows(inbox / second.files[0])
    assert int(credit[3]) == -int(payout[4])
    assert credit[8] == "po-2026-01-05-GBP"
    assert int(credit[4]) == 1_000_00 + int(credit[3])


def test_the_same_day_end_again_writes_the_same_bytes(
    tmp_path: Path, provider: ProviderBook, bank: SimulatedBank
) -> None:
    inbox, outbox = tmp_path / "in", tmp_path / "out"
    charge(provider, MONDAY)
    end_day(MONDAY, provider, bank, inbox, outbox)
    before = {path.name: path.read_bytes() for path in inbox.iterdir()}

    end_day(MONDAY, provider, bank, inbox, outbox)

    assert {path.name: path.read_bytes() for path in inbox.iterdir()} == before


def test_days_that_were_left_out_are_ended_one_by_one(
    tmp_path: Path, provider: ProviderBook, bank: SimulatedBank
) -> None:
    inbox, outbox = tmp_path / "in", tmp_path / "out"
    charge(provider, MONDAY)
    end_day(MONDAY, provider, bank, inbox, outbox)

    report = end_day(MONDAY + timedelta(days=30), provider, bank, inbox, outbox)

    assert report.files == ("statement-2026-01-06-main-GBP.csv",)
    with pytest.raises(TooLate):
        end_day(MONDAY + timedelta(days=29), provider, bank, inbox, outbox)


def test_a_merchants_payout_is_debited_once(tmp_path: Path, provider: ProviderBook, bank: SimulatedBank) -> None:
    inbox, outbox = tmp_path / "in", tmp_path / "out"
    write_payouts(outbox / "p.csv", [Payout("mp-1", "m-1", Money(95_00, Currency.GBP), MONDAY)])

    first = end_day(MONDAY, provider, bank, inbox, outbox)
    second = end_day(MONDAY + timedelta(days=1), provider, bank, inbox, outbox)

    assert (first.merchant_payouts, second.merchant_payouts) == (1, 0)
    (debit,) = rows(inbox / first.files[0])
    assert (debit[3], debit[4], debit[8], debit[9]) == ("-9500", "90500", "mp-1", "m-1")


def test_a_payout_file_that_was_cut_short_pays_nobody(
    tmp_path: Path, provider: ProviderBook, bank: SimulatedBank
) -> None:
    inbox, outbox = tmp_path / "in", tmp_path / "out"
    path = outbox / "p.csv"
    payouts = [Payout(f"mp-{n}", "m-1", Money(95_00, Currency.GBP), MONDAY) for n in (1, 2)]
    write_payouts(path, payouts)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))

    report = end_day(MONDAY, provider, bank, inbox, outbox)

    assert report.merchant_payouts == 0
    assert "cut short" in report.refused_files[0]


def test_a_parked_payout_stands_on_the_statement_of_another_account_and_a_duplicated_file_comes_twice(
    tmp_path: Path, provider: ProviderBook, bank: SimulatedBank
) -> None:
    inbox, outbox = tmp_path / "in", tmp_path / "out"
    for days in range(7):
        charge(provider, MONDAY + timedelta(days=days))
        end_day(MONDAY + timedelta(days=days), provider, bank, inbox, outbox)

    labels = {label.kind: label.about for label in provider.labels}
    parked = [row for path in inbox.glob(f"statement-*-{PARKED}-*.csv") for row in rows(path)]
    assert [row[8] for row in parked] == [labels[FaultKind.PARKED]]
    ours = [row[8] for path in inbox.glob(f"statement-*-{OURS}-*.csv") for row in rows(path)]
    assert labels[FaultKind.PARKED] not in ours
    duplicated = inbox / labels[FaultKind.DUPLICATED_FILE]
    assert (inbox / f"{duplicated.stem}-again.csv").read_bytes() == duplicated.read_bytes()


def test_a_closed_day_never_changes_and_days_end_in_order(tmp_path: Path, bank: SimulatedBank) -> None:
    bank.close_day(MONDAY)

    assert not bank.move(BankMovement("late", OURS, 5, "GBP", MONDAY, "r", "c"))
    with pytest.raises(TooLate, match="2026-01-04 cannot end after 2026-01-05"):
        bank.close_day(MONDAY - timedelta(days=1))


def test_an_account_is_opened_once(bank: SimulatedBank) -> None:
    bank.open_with("GBP", 1_000_00)

    with pytest.raises(TooLate):
        bank.open_with("GBP", 2_000_00)


def test_statements_are_numbered_without_a_gap_and_each_opens_where_the_last_closed(bank: SimulatedBank) -> None:
    days = [MONDAY, MONDAY + timedelta(days=3), MONDAY + timedelta(days=4)]
    for number, day in enumerate(days):
        bank.move(BankMovement(f"m{number}", OURS, 10_00 * (number + 1), "GBP", day, "r", "c"))

    statements = [statement for day in days for statement in bank.statements(day)]

    assert [statement.rows[0].statement for statement in statements] == [1, 2, 3]
    for before, after in pairwise(statements):
        assert after.rows[0].balance_minor == before.rows[-1].balance_minor + after.rows[0].amount_minor


def test_a_restarted_bank_has_the_same_statements(tmp_path: Path, bank: SimulatedBank) -> None:
    bank.move(BankMovement("m1", OURS, 10_00, "GBP", MONDAY, "r", "c"))

    assert open_bank(tmp_path).statements(MONDAY) == bank.statements(MONDAY)
