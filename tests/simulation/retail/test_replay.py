"""Orders of a few days through the platform: sold, taken back before and after the merchant is paid, all settled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from ledger.books.store import Act
from ledger.money import Currency, Money
from lending.proof.rebuild_standings import rebuild_standings
from payments.postgres import connected
from payments.provider.simulated import SimulatedProvider
from payments.wiring import Adapters, adapters_over
from simulation.retail.line import RetailLine
from simulation.retail.order_book import OrderBook, order_book
from simulation.retail.replay import RetailReplayReport
from simulation.retail.stock_codes import load_stock_codes
from tests.simulation.retail.builders import a_cancellation, a_sale
from tests.simulation.retail.replays import replay_over

A_WEEK = 7 * 24 * 60
MERCHANT = "merchant:online-retail"


Run = Callable[..., RetailReplayReport]


@pytest.fixture
def ports(database_url: str) -> Iterator[Adapters]:
    with connected(database_url) as connection:
        yield adapters_over(connection, SimulatedProvider())


@pytest.fixture
def replayed(ports: Adapters, tmp_path: Path) -> Run:
    """Replays lines of invoices."""
    return lambda *lines: replay_over(ports, book_of(*lines), tmp_path)


def book_of(*lines: RetailLine) -> OrderBook:
    return order_book(lines, load_stock_codes(), Money(3, Currency.GBP))


def balance(ports: Adapters, account: str) -> int:
    """Debits less credits."""
    found = ports.ledger.balance(account, Currency.GBP)
    return found.debits_posted - found.credits_posted


def moved(ports: Adapters, flow: str, debit: str) -> int:
    """What a flow debited on an account."""
    entries = ports.ledger.entries(correlation={})
    transfers = [each for entry in entries if entry.journal.flow == flow for each in entry.journal.transfers]
    return sum(each.amount.minor for each in transfers if each.debit == debit)


def flows(ports: Adapters) -> list[str]:
    entries = ports.ledger.entries(correlation={})
    return [entry.journal.flow for entry in entries if entry.act is not Act.HOLD]


def test_an_order_is_paid_in_three_and_the_merchant_gets_its_share(ports: Adapters, replayed: Run) -> None:
    report = replayed(a_sale(mills=10_000))

    assert (report.plans, report.instalments, report.charges, report.merchant_payouts) == (1, 3, 3, 1)
    assert (report.first_day, report.last_day) == (date(2010, 12, 1), date(2011, 2, 1))
    assert report.received_by_month == {"2010-12": 6_667, "2011-01": 3_333}
    assert balance(ports, "plan:p-online-retail-536365:principal") == 0
    assert balance(ports, "inc:discount") == -500
    assert balance(ports, "bank:main") == 250_000_000 + 10_000 - 9_500 - balance(ports, "exp:provider_fee")
    assert ports.ledger.open_groups(report.last_day) == ()


def test_a_refund_before_the_merchant_is_paid_makes_its_payout_smaller(ports: Adapters, replayed: Run) -> None:
    report = replayed(a_sale(mills=10_000), a_cancellation(quantity=-4, mills=10_000))

    assert (report.refunds, report.refunds_paid_minor) == (1, 0)
    assert sum(report.received_by_month.values()) == 6_000
    assert moved(ports, "F22", f"{MERCHANT}:payable") == 3_800
    assert moved(ports, "F07a", f"{MERCHANT}:payable") == 5_700
    assert balance(ports, "inc:discount") == -300
    assert ports.ledger.open_groups(report.last_day) == ()


def test_a_refund_after_the_merchant_was_paid_is_kept_back_from_the_next_payout(ports: Adapters, replayed: Run) -> None:
    back = a_cancellation(minute=A_WEEK, mills=10_000)
    next_order = a_sale("540000", minute=2 * A_WEEK, mills=20_000)

    report = replayed(a_sale(mills=10_000), back, next_order)

    assert moved(ports, "F21b", f"{MERCHANT}:receivable") == 9_500
    assert moved(ports, "F21c", f"{MERCHANT}:payable") == 9_500
    assert report.refunds_paid_minor == 3_334  # what was paid at the checkout goes back
    assert report.merchant_payouts == 2
    assert balance(ports, "inc:discount") == -1_000
    assert balance(ports, f"{MERCHANT}:receivable") == balance(ports, f"{MERCHANT}:payable") == 0
    assert ports.ledger.open_groups(report.last_day) == ()


def test_a_refund_of_what_is_repaid_goes_back_to_the_shopper_whole(ports: Adapters, replayed: Run) -> None:
    report = replayed(a_sale(mills=10_000), a_cancellation(minute=10 * A_WEEK, mills=10_000))

    assert report.refunds_paid_minor == 10_000
    assert report.last_day == date(2011, 2, 11)  # the provider's payout without it
    assert balance(ports, f"{MERCHANT}:receivable") == 9_500  # no later sale from which it could be kept back


def test_a_refund_in_the_minute_of_the_purchase_leaves_nothing_to_collect(ports: Adapters, replayed: Run) -> None:
    report = replayed(a_sale(), a_cancellation(minute=0))

    assert (report.charges, report.merchant_payouts, report.refunds_paid_minor) == (1, 0, 334)
    assert "F21a" in flows(ports)


def test_turnover_and_books_agree_and_each_charge_is_asked_for_once(ports: Adapters, replayed: Run) -> None:
    lines = [a_sale(f"{order}", minute=order, mills=order * 37) for order in range(1, 40)]
    back = [a_cancellation(f"C{order}", minute=order * 1_000, quantity=-1, mills=order * 37) for order in range(1, 40)]
    book = book_of(*lines, *back)

    report = replayed(*lines, *back)

    provider = ports.provider
    assert isinstance(provider, SimulatedProvider)
    assert len(provider.requests) == len(set(provider.requests)) == report.charges + len(provider.refunds)
    assert report.refunds == len(book.refunds) > 0
    purchases = sum(each.amount.minor for each in book.purchases)
    refunds = sum(each.amount.minor for each in book.refunds)
    assert sum(report.received_by_month.values()) - report.refunds_paid_minor == purchases - refunds
    assert ports.ledger.open_groups(report.last_day) == ()
    assert ports.ledger.trial_balance().balanced
    rebuilt = rebuild_standings(ports.plans, terms=ports.terms, commit=lambda: None)
    assert (rebuilt.plans, rebuilt.differed) == (report.plans, ())


def test_days_on_which_nothing_is_posted_are_days_too(replayed: Run) -> None:
    report = replayed(a_sale(shopper=None), a_cancellation())

    assert (report.plans, report.refunds, report.charges) == (0, 0, 0)
    assert (report.first_day, report.last_day) == (date(2010, 12, 1), date(2010, 12, 1))
