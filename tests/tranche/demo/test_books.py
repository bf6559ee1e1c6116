"""The books of a run are read whole: both sides per currency, one line for each account of the chart, what moved."""

from datetime import UTC, date, datetime

from ledger.books.memory import MemoryLedger
from ledger.journal import Journal
from ledger.map.flows import journal
from ledger.money import Currency, Money
from tranche.demo.books import BookRun, read_books

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)


def pounds(units: int) -> Money:
    return Money(units * 100, Currency.GBP)


def entry(flow: str, key: str, amounts: dict[str, Money], **names: str) -> Journal:
    return journal(
        flow,
        key=key,
        value_date=date(2026, 1, 5),
        occurred_at=AT,
        recorded_at=AT,
        correlation={},
        amounts=amounts,
        names=names,
    )


def books_of(*journals: Journal, held: tuple[Journal, ...] = ()) -> MemoryLedger:
    ledger = MemoryLedger()
    for one in held:
        ledger.hold(one)
    for one in journals:
        ledger.post(one)
    return ledger


def read(ledger: MemoryLedger, *faults: str) -> BookRun:
    return read_books(ledger.entries(correlation={}), ledger.balances(), faults)


def test_both_sides_are_summed_per_currency_and_single_plans_disappear() -> None:
    ledger = books_of(
        entry("F49", "capital", {"capital": pounds(1_000)}, bank="main"),
        entry("F02", "o-1", {"payable": pounds(95), "discount": pounds(5)}, plan="p-1", merchant="m-1"),
        entry("F02", "o-2", {"payable": pounds(190), "discount": pounds(10)}, plan="p-2", merchant="m-1"),
    )

    run = read(ledger)

    assert run.summary.entries == 3
    assert run.summary.transfers == 5
    assert (run.summary.totals["GBP"].debits_minor, run.summary.totals["GBP"].credits_minor) == (130_000, 130_000)
    assert run.summary.verified
    assert {balance.account: balance.net_minor for balance in run.balances} == {
        "bank": 100_000,
        "equity:capital": -100_000,
        "plan:principal": 30_000,
        "merchant:payable": -28_500,
        "plan:deferred_discount": -1_500,
    }


def test_flows_between_two_accounts_are_added_up_with_their_names() -> None:
    ledger = books_of(
        entry("F02", "o-1", {"payable": pounds(95), "discount": pounds(5)}, plan="p-1", merchant="m-1"),
        entry("F02", "o-2", {"payable": pounds(190), "discount": pounds(10)}, plan="p-2", merchant="m-2"),
    )

    found = {(flow.debit, flow.credit): flow for flow in read(ledger).flows}

    payable = found["plan:principal", "merchant:payable"]
    assert (payable.amount_minor, payable.transfers, payable.flows) == (28_500, 2, ("F02",))


def test_a_hold_reserves_money_and_moves_none() -> None:
    ledger = books_of(held=(entry("F01", "d-1", {"approved": pounds(100)}),))

    run = read(ledger)

    assert (run.summary.entries, run.summary.transfers, run.balances, run.flows) == (0, 0, (), ())


def test_a_fault_that_the_checker_found_means_not_verified() -> None:
    run = read(books_of(entry("F49", "capital", {"capital": pounds(1)}, bank="main")), "balance: bank:main: is 1")

    assert not run.summary.verified
    assert run.faults == ("balance: bank:main: is 1",)
