"""Movements at our bank that are several payouts, a part of one, almost one, or name one by a damaged reference."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from ledger.account import Side
from ledger.money import Currency
from payments.reconciliation.postgres_open_items import PostgresOpenItems
from payments.wiring import Adapters
from tests.payments.outside import reconciled
from tests.payments.plans import posted, rows, the_adapters
from tests.payments.reconciliation.test_lines_of_the_world import DAY, settled, stated

LATER = DAY + timedelta(days=1)


@dataclass
class World:
    """A provider's files and the statements of our bank, one after the other, for one database."""

    ports: Adapters
    folder: Path
    statements: int = 0
    balance: int = 0
    files: int = 0

    def payouts(self, **amounts: int) -> None:
        """Payouts of a won claim each, which needs no attempt of ours. No fee is agreed for them."""
        for name, minor in amounts.items():
            self.files += 1
            payout = name.replace("_", "-")
            path = settled(self.folder / f"p{self.files}.csv", ("chargeback_won", minor), payout=payout)
            reconciled(self.ports, [path], DAY)

    def statement(self, *amounts: tuple[int, str], by: str = "sandbox") -> None:
        self.statements += 1
        path = self.folder / f"b{self.statements}.csv"
        stated(path, *amounts, number=self.statements, opening=self.balance, by=by)
        self.balance += sum(minor for minor, _ in amounts)
        reconciled(self.ports, [path], DAY)
        assert posted(self.ports, "bank:main") == self.balance, "cash enters the bank once"

    def groups(self) -> list[tuple[str, int, int]]:
        """Rule, lines and expectations of each group of the statement's lines."""
        return rows(
            self.ports,
            "SELECT g.rule, (SELECT count(*) FROM payments.group_lines l WHERE l.group_id = g.group_id),"
            " (SELECT count(*) FROM payments.group_expectations e WHERE e.group_id = g.group_id)"
            " FROM payments.match_groups g WHERE group_id LIKE 'credit:%' ORDER BY g.group_id",
        )

    def breaks(self) -> list[tuple[str, bool, str]]:
        """Class, whether it is closed, and reason of each break of a line of the statement."""
        query = "SELECT class, closed_on IS NOT NULL, reason FROM payments.breaks"
        return rows(self.ports, f"{query} WHERE line_key LIKE 'credit:%' ORDER BY break_id")

    def state(self, payout: str) -> str:
        query = "SELECT state FROM payments.expectation_states WHERE expectation_id = %s"
        ((state,),) = self.ports.database.execute(query, (f"payout:{payout}",)).fetchall()
        return str(state)

    def suspense(self) -> int:
        return posted(self.ports, "suspense:unapplied", Side.CREDIT)


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    with the_adapters(database_url) as ports:
        yield World(ports, tmp_path)
        assert ports.ledger.trial_balance().balanced


def test_two_payouts_in_one_credit_that_names_both_are_one_group(world: World) -> None:
    world.payouts(po_11=30_00, po_12=12_50)
    world.statement((42_50, "po-11, po-12 SANDBOX"))

    assert world.groups() == [("named_sum", 1, 2)]
    assert world.breaks() == []
    assert (world.state("po-11"), world.suspense()) == ("matched_automatic", 0)


def test_a_credit_that_names_two_payouts_before_the_second_is_known_waits_for_it(world: World) -> None:
    world.payouts(po_11=30_00)
    world.statement((42_50, "po-11 po-12"))
    assert [name for name, *_ in world.breaks()] == ["E7"]

    world.payouts(po_12=12_50)

    assert world.groups() == [("named_sum", 1, 2)]
    assert [closed for _, closed, _ in world.breaks()] == [True]
    assert world.suspense() == 0


def test_a_sum_with_a_gap_is_e13_with_the_gap_and_what_it_names(world: World) -> None:
    world.payouts(po_11=30_00, po_12=12_50)
    world.statement((40_00, "po-11 po-12"))

    ((name, closed, reason),) = world.breaks()
    assert (name, closed) == ("E13", False)
    assert reason == "40.00 GBP names payout:po-11 of 30.00 GBP, payout:po-12 of 12.50 GBP: 2.50 GBP is missing"
    assert {world.state("po-11"), world.state("po-12")} == {"split_mismatch"}
    assert world.suspense() == 40_00


def test_two_payouts_that_a_credit_does_not_name_are_a_suggestion_and_never_matched(world: World) -> None:
    world.payouts(po_11=30_00, po_12=12_50, po_13=99_00)
    world.statement((42_50, "SETTLEMENT"))

    assert world.groups() == []
    ((name, closed, reason),) = world.breaks()
    assert (name, closed) == ("E15", False)
    assert reason == "'SETTLEMENT' names nothing of ours: payout:po-11, payout:po-12 together make 42.50 GBP"
    assert (world.state("po-11"), world.state("po-13")) == ("posted", "expected")


@pytest.mark.parametrize("apart", [False, True], ids=["one statement", "one after the other"])
def test_a_payout_in_parts_is_partly_settled_until_the_rest_comes_and_is_booked_once(world: World, apart: bool) -> None:
    world.payouts(po_11=30_00)
    world.statement((18_00, "po-11"), *([] if apart else [(12_00, "po-11")]))
    if apart:
        ((name, closed, reason),) = world.breaks()
        assert (name, closed) == ("E17", False)
        assert reason == "18.00 GBP of 30.00 GBP of payout:po-11 has come; the rest is awaited"
        assert (world.state("po-11"), world.suspense()) == ("partially_reconciled", 18_00)
        world.statement((12_00, "po-11"))

    assert world.groups() == [("parts", 2, 1)]
    assert [closed for _, closed, _ in world.breaks()] == [True] * apart
    assert (world.state("po-11"), world.suspense()) == ("matched_automatic", 0)


def test_a_difference_within_the_tolerance_is_booked_until_the_day_has_no_more_left(world: World) -> None:
    """Of 30.00 GBP two pence are tolerated, of 4,000.00 GBP forty-two; a day tolerates five pounds."""
    world.payouts(po_11=30_00, po_12=30_00, po_13=30_00, **{f"po_{number}": 4_800_00 for number in range(21, 33)})
    world.statement((29_98, "po-11"), (30_02, "po-12"), (29_97, "po-13"))

    assert world.groups() == [("tolerance", 1, 1), ("tolerance", 1, 1)]
    assert [(name, closed) for name, closed, _ in world.breaks()] == [("E17", False)]
    assert (world.state("po-11"), posted(world.ports, "exp:recon_diff")) == ("matched_with_tolerance", 0)
    world.statement(*((4_799_58, f"po-{number}") for number in range(21, 33)))

    assert len(world.groups()) == 2 + 11
    assert posted(world.ports, "exp:recon_diff") == 11 * 42
    ((_, _, reason),) = [each for each in world.breaks() if each[0] == "E7"]
    assert reason == "4799.58 GBP against 4800.00 GBP of payout:po-32: 2026-03-10 tolerates no more"
    assert world.state("po-32") == "under_amount_mismatch"
    reconciled(world.ports, [], LATER)
    assert len(world.groups()) == 13, "another day does not tolerate what this one did not"


@pytest.mark.parametrize(
    "told",
    ["PO-2026-03-1O-GBP", "po 2026 03 10 gbp", "po-2026-03-", "po-2026-03-10-GBP/SANDBOX", "p0-2026-03-10-gbp"],
)
def test_a_damaged_reference_is_read_where_amount_and_days_leave_no_doubt(world: World, told: str) -> None:
    world.payouts(po_2026_03_10_GBP=30_00, po_2026_03_10_EUR=31_00)
    world.statement((30_00, told))

    assert world.groups() == [("reference", 1, 1)]
    ((name, closed, reason),) = world.breaks()
    assert (name, closed, reason) == ("E15", True, f"{told} was read as payout:po-2026-03-10-GBP")
    assert world.suspense() == 0


def test_a_damaged_reference_that_may_be_two_payouts_is_for_a_person(world: World) -> None:
    world.payouts(po_2026_03_10_GBP=30_00, po_2026_03_10_EUR=30_00)
    world.statement((30_00, "po-2026-03-10"))

    assert world.groups() == []
    ((name, closed, reason),) = world.breaks()
    assert (name, closed) == ("E15", False)
    assert "payout:po-2026-03-10-EUR, payout:po-2026-03-10-GBP would be 30.00 GBP" in reason
    assert world.suspense() == 30_00


def test_what_is_matched_leaves_no_open_group_but_what_is_known_to_be_open(world: World) -> None:
    world.payouts(po_11=30_00, po_12=12_50, po_13=30_00, po_14=40_00)
    world.statement((42_50, "po-11 po-12"), (29_98, "po-13"), (40_00, "PO 14"))

    found = PostgresOpenItems(world.ports.database, world.ports.profile.card, world.ports.terms).compared()

    accounts = {each.group.account for each in found.unexplained}
    assert accounts <= {"provider:sandbox:clearing"}, "the won claims of these files are unknown here"
    assert not any("main/" in each.group.value for each in found.unexplained), "differences net to nothing"


def test_a_movement_that_counts_on_another_business_day_is_a_cut_off(world: World) -> None:
    world.payouts(po_11=30_00, po_12=12_50)
    friday, last_month = date(2026, 3, 6), date(2026, 2, 27)
    for payout, minor, counts in (("po-11", 30_00, friday), ("po-12", 12_50, last_month)):
        world.statements += 1
        path = world.folder / f"b{world.statements}.csv"
        stated(path, (minor, payout), number=world.statements, opening=world.balance)
        path.write_text(path.read_text().replace(f"{DAY},{DAY}", f"{DAY},{counts}"))
        world.balance += minor
        reconciled(world.ports, [path], DAY)

    found = world.breaks()
    assert [(name, closed) for name, closed, _ in found] == [("E20", True), ("E20", False)], (
        "a person decides the month"
    )
    assert found[1][2] == "payout:po-12 was booked on 2026-03-10, and counts on 2026-02-27"


@pytest.mark.parametrize(
    ("minor", "broken"), [(25_80, None), (25_68, None), (25_92, None), (25_67, "E9"), (24_00, "E9")], ids=str
)
def test_a_payout_of_euros_in_pounds_is_matched_at_the_agreed_rate_and_its_result_booked(
    world: World, minor: int, broken: str | None
) -> None:
    path = settled(world.folder / "eur.csv", ("chargeback_won", 30_00), payout="po-11")
    path.write_text(path.read_text().replace("GBP", "EUR"))
    reconciled(world.ports, [path], DAY)
    stated(world.folder / "b.csv", (minor, "po-11"))
    report = reconciled(world.ports, [world.folder / "b.csv"], DAY)

    assert (report.waiting, report.banks_unequal) == (0, 0)
    assert [(name, closed) for name, closed, _ in world.breaks()] == ([] if broken is None else [(broken, False)])
    if broken is not None:
        assert "of payout:po-11, agreed is 25.80 GBP by rates-1" in world.breaks()[0][2]
        assert (world.state("po-11"), posted(world.ports, "bank:main")) == ("currency_mismatch", 0)
        return
    euros = posted(world.ports, "bank:main", currency=Currency.EUR)
    assert (posted(world.ports, "bank:main"), euros, world.groups()) == (minor, 0, [("rate", 1, 1)])
    assert posted(world.ports, "fx:GBP", Side.CREDIT) == 25_80, "the position is worth what was agreed"
    assert posted(world.ports, "inc:fx", Side.CREDIT) - posted(world.ports, "exp:fx") == minor - 25_80
    found = PostgresOpenItems(world.ports.database, world.ports.profile.card, world.ports.terms).compared()
    assert not any(each.group.account.startswith("fx:") for each in found.unexplained)


def test_a_payout_in_a_currency_without_an_agreed_rate_is_e10(world: World) -> None:
    path = settled(world.folder / "usd.csv", ("chargeback_won", 30_00), payout="po-11")
    path.write_text(path.read_text().replace("GBP", "USD"))
    reconciled(world.ports, [path], DAY)
    stated(world.folder / "b.csv", (24_00, "po-11"))
    reconciled(world.ports, [world.folder / "b.csv"], DAY)

    assert [name for name, *_ in world.breaks()] == ["E10"]
