"""Settling with merchants over the books: once a day, with its items, and what the bank brings back."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg.errors import IntegrityConstraintViolation

from ledger.account import Side
from ledger.map.flows import journal
from lending.plan.when import When
from lending.terms.merchant_terms import merchant_terms_on
from payments import payout_batches
from payments.collection.opening import must_hold
from payments.files.control_file import FileContent
from payments.files.payout_file import Payout, read_payouts, write_payouts
from payments.ids import PayoutId
from payments.merchants.pay_merchants import PayMerchantsReport
from payments.merchants.settlement import ItemKind
from payments.payout_batches import BatchFault
from payments.wiring import Adapters
from tests.payments.acts import pay_merchants
from tests.payments.outside import Outside, at, inbox_reconciled, pay_capital_in
from tests.payments.plans import MERCHANT_TERMS, posted, pounds, rows, the_adapters, the_same_for_all

DAY = date(2026, 3, 10)


def sold(ports: Adapters, number: int, minor: int, *, on: date = DAY, flow: str = "F02", merchant: str = "m-1") -> str:
    """A sale, or a refund of one, as the merchant's account sees it."""
    when = When.day(on)
    amounts = {"payable": pounds(minor)} if flow == "F02" else {"payable": pounds(minor), "refund": pounds(minor)}
    written = journal(
        flow, key=f"{merchant}/o-{number}", value_date=on, occurred_at=when.occurred_at, recorded_at=when.recorded_at,
        correlation={"order_id": f"o-{number}", "plan_id": f"p-{number}", "refund_id": f"r-{number}"}, amounts=amounts,
        names={"plan": f"p-{number}", "merchant": merchant, "shopper": "s-1"},
    )  # fmt: skip
    with ports.transaction():
        must_hold(ports.ledger.post(written), written.entry_id)
    return written.entry_id


def paid(ports: Adapters, outbox: Path, on: date = DAY) -> PayMerchantsReport:
    return pay_merchants(on, ports=ports, outbox=outbox, at=at(on, 19))


def test_a_merchant_is_settled_once_a_day_and_every_entry_once(database_url: str, tmp_path: Path) -> None:
    with the_adapters(database_url) as ports:
        first_sale, refund = sold(ports, 1, 95_00), sold(ports, 2, 20_00, flow="F22")

        first = paid(ports, tmp_path)
        later_sale = sold(ports, 3, 10_00)
        again = paid(ports, tmp_path)
        next_day = paid(ports, tmp_path, DAY + timedelta(days=1))

        assert (first.new, first.paid_minor) == (1, {"GBP": 75_00})
        assert (again.new, again.payouts, again.paid_minor) == (0, 1, {"GBP": 75_00})
        assert (next_day.new, next_day.paid_minor) == (1, {"GBP": 10_00})
        items = ports.payouts.items("mp-2026-03-10-m-1-GBP")
        assert [(item.kind, item.entry_id, item.order_id) for item in items] == [
            (ItemKind.SALE, first_sale, "o-1"),
            (ItemKind.REFUND, refund, "o-2"),
        ]
        assert (ports.payouts.settled(first_sale), ports.payouts.settled(later_sale)) == (True, True)
        assert posted(ports, "merchant:m-1:payable", Side.CREDIT) == 0


def test_no_merchant_is_paid_on_christmas_day_and_all_of_it_after(database_url: str, tmp_path: Path) -> None:
    terms = replace(merchant_terms_on("m-1", DAY), settlement_days=0, reserve_basis_points=0)
    with the_adapters(database_url) as of_every_day:
        ports = replace(of_every_day, merchants=the_same_for_all(terms))
        sold(ports, 1, 95_00)

        reports = {day: paid(ports, tmp_path, date(2026, 12, day)).paid_minor for day in (25, 28, 29)}

    assert reports == {25: {}, 28: {}, 29: {"GBP": 95_00}}


def test_a_run_that_was_killed_before_its_file_is_completed_by_the_run_of_any_day(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with the_adapters(database_url) as ports:
        sold(ports, 1, 95_00)
        sold(ports, 2, 40_00, merchant="m-2")
        with monkeypatch.context() as killing:
            killing.setattr(payout_batches, "write_payouts", _killed)
            with pytest.raises(_Killed):
                paid(ports, tmp_path)
        assert list(tmp_path.iterdir()) == []

        sold(ports, 3, 10_00)
        report = paid(ports, tmp_path, DAY + timedelta(days=1))

        assert report.files == ("payouts-2026-03-10-1.csv", "payouts-2026-03-11-1.csv")
        amounts = [_amounts(tmp_path / name) for name in report.files]
        assert amounts == [[95_00, 40_00], [10_00]]
        assert paid(ports, tmp_path, DAY + timedelta(days=1)).files == ()


def test_what_is_settled_later_on_a_day_is_in_a_file_of_its_own(database_url: str, tmp_path: Path) -> None:
    """The bank may have taken the first one, or may be taking it."""
    with the_adapters(database_url) as ports:
        sold(ports, 1, 95_00)
        (first,) = paid(ports, tmp_path).files
        taken = (tmp_path / first).read_bytes()
        sold(ports, 2, 40_00, merchant="m-2")
        (second,) = paid(ports, tmp_path).files

        assert second == "payouts-2026-03-10-2.csv"
        assert (tmp_path / first).read_bytes() == taken
        assert _amounts(tmp_path / second) == [40_00]


@pytest.mark.parametrize("same", [True, False])
def test_a_file_that_is_there_is_kept_if_it_is_the_batch_and_never_overwritten_if_not(
    database_url: str, tmp_path: Path, same: bool
) -> None:
    with the_adapters(database_url) as ports:
        sold(ports, 1, 95_00)
        payout = Payout(PayoutId("mp-2026-03-10-m-1-GBP"), "m-1", pounds(95_00 if same else 95_01), DAY)
        path = tmp_path / "payouts-2026-03-10-1.csv"
        write_payouts(path, [payout])
        there = path.read_bytes()
        if same:
            assert paid(ports, tmp_path).files == (path.name,)
        else:
            with pytest.raises(BatchFault, match="nothing was overwritten"):
                paid(ports, tmp_path)

        assert path.read_bytes() == there
        assert list(tmp_path.iterdir()) == [path]


class _Killed(BaseException):
    """The process ends here."""


def _killed(*_: object) -> None:
    raise _Killed


def _amounts(path: Path) -> list[int]:
    return [each.amount.minor for each in read_payouts(FileContent.of(path))]


def test_a_merchant_that_cannot_be_settled_is_a_break_and_the_others_are_paid(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with the_adapters(database_url) as ports:
        for number in range(1, 6):
            sold(ports, number, 95_00, merchant=f"m-{number}")
        adapter = type(ports.ledger)
        right = adapter.post_all

        def refuses(port: object, journals: list[Any], *given: Any) -> object:
            if any("m-3" in each.entry_id for each in journals):
                raise RuntimeError("no such\x00account")
            return right(port, journals, *given)  # type: ignore[arg-type]

        monkeypatch.setattr(adapter, "post_all", refuses)
        first, second = paid(ports, tmp_path), paid(ports, tmp_path)
        listed = rows(ports, "SELECT break_id, class, reason FROM payments.breaks WHERE closed_on IS NULL")
        monkeypatch.undo()
        third = paid(ports, tmp_path)

        assert (first.new, first.failed, second.new, second.failed) == (4, 1, 0, 1)
        reason = "m-3 cannot be settled in GBP: RuntimeError: no such account"
        assert listed == [("merchant:m-3:GBP", "E11", reason)]
        assert (third.new, third.failed, third.payouts) == (1, 0, 5)
        assert rows(ports, "SELECT count(*) FROM payments.breaks WHERE closed_on IS NULL") == [(0,)]


def test_sales_wait_for_their_day_and_a_reserve_is_given_back_on_its_own(database_url: str, tmp_path: Path) -> None:
    with the_adapters(database_url) as opened:
        terms = replace(MERCHANT_TERMS, settlement_days=2, reserve_basis_points=1_000, reserve_days=30)
        ports = replace(opened, merchants=the_same_for_all(terms))
        sold(ports, 1, 95_00)

        assert [paid(ports, tmp_path, DAY + timedelta(days=days)).new for days in (0, 1, 2, 3)] == [0, 0, 1, 0]
        assert posted(ports, "merchant:m-1:reserve", Side.CREDIT) == 9_50
        held = DAY + timedelta(days=32)
        assert [paid(ports, tmp_path, held + timedelta(days=days)).new for days in (-1, 0, 1)] == [0, 1, 0]

        assert posted(ports, "merchant:m-1:reserve", Side.CREDIT) == 0
        (item,) = ports.payouts.items(f"mp-{held}-m-1-GBP")
        assert (item.kind, item.amount) == (ItemKind.RESERVE_RELEASED, pounds(9_50))


def test_a_payout_that_the_bank_brings_back_is_in_the_next_one(database_url: str, tmp_path: Path) -> None:
    outside = Outside(tmp_path, {})
    with the_adapters(database_url, outside.provider) as ports:
        pay_capital_in(ports, DAY)
        sold(ports, 1, 95_00)
        outside.bank.close_account("m-1")
        paid(ports, outside.outbox)
        outside.end(DAY)

        report = inbox_reconciled(ports, outside, DAY)
        again = inbox_reconciled(ports, outside, DAY)

        assert (report.lines, report.matched_by_id, report.unmatched, report.breaks) == (2, 2, 0, {"E16": 1})
        assert (again.lines, again.breaks) == (0, {})
        assert rows(ports, "SELECT payout_id, reason FROM payments.payout_returns") == [
            ("mp-2026-03-10-m-1-GBP", "AC04")
        ]
        assert ports.ledger.open_groups(DAY) == ()
        assert posted(ports, "merchant:m-1:payable", Side.CREDIT) == 95_00
        later = DAY + timedelta(days=1)
        assert paid(ports, outside.outbox, later).paid_minor == {"GBP": 95_00}
        (item,) = ports.payouts.items(f"mp-{later}-m-1-GBP")
        assert item.kind is ItemKind.RETURNED_PAYOUT


def test_the_database_refuses_items_that_do_not_make_the_payout(database_url: str, tmp_path: Path) -> None:
    with the_adapters(database_url) as ports:
        sold(ports, 1, 95_00)
        paid(ports, tmp_path)
        with pytest.raises(IntegrityConstraintViolation, match="do not add up"):
            ports.database.execute(
                "INSERT INTO payments.payout_items VALUES ('F99:x', 'mp-2026-03-10-m-1-GBP', 'other', %s, 1)", (DAY,)
            )
