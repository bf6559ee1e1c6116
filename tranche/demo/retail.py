"""The demo on Online Retail: invoices become plans, cancellations refunds, and the bridge must agree with the files.

No decisions are requested, because the orders were placed long ago. The simulated provider and bank move the money.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

from ledger.map.flow import Flow
from pipelines.sources.online_retail import EVENT_TYPE, OnlineRetail
from terminal.database import DatabaseProcess
from tranche.demo.course import DemoPlace
from tranche.demo.lake import take_in_source
from tranche.demo.stages import DemoStages
from tranche.report.details import CashMonth, Details
from tranche.report.retail_summary import Retail, pennies
from tranche.report.summary import Events, PlanFigures, Summary
from tranche.report.wording import count, money

TABLE = "curated.order_lines"
CURRENCY = "GBP"
SMALLEST_MINOR = 3
"""The number of instalments of pay in 3."""
PURCHASE, REFUNDS = (
    Flow.PURCHASE_CAPTURED,
    (Flow.REFUND_BEFORE_SETTLEMENT, Flow.REFUND_AFTER_SETTLEMENT, Flow.PARTIAL_REFUND),
)
FAULTS_SHOWN = 5
ENDS_AT = time(23, 30)


@dataclass(frozen=True, slots=True)
class RetailReplay:
    """The replay of the daily files in a folder."""

    days: Path
    name: str = "online_retail"
    title: str = "Tranche: the Online Retail days, once through"

    def replay(self, stages: DemoStages, place: DemoPlace) -> tuple[Summary, Details]:
        """Take the lines into the lake, open and service their plans, and bridge the books to the files."""
        source = OnlineRetail(self.days)
        events = take_in_source(stages, place.environ, source, EVENT_TYPE)
        book = _classified(stages, place)
        replayed = _replayed(stages, place, book)
        return _concluded(stages, place, RetailParts(self, events, book, replayed, source.turnover_mills()))


@dataclass(frozen=True, slots=True)
class RetailParts:
    """The results of the stages, from which the summary is made."""

    run: RetailReplay
    events: Events
    book: Any
    replayed: Any
    turnover_mills: int


def _classified(stages: DemoStages, place: DemoPlace) -> Any:
    with stages.stage("classify", "every line by its rule, every refund to the purchase it is taken from") as say:
        from ledger.money import Currency, Money
        from pipelines.lake.iceberg import IcebergTables
        from pipelines.lake.table import the_newest
        from pipelines.settings import Settings
        from simulation.retail import stock_codes
        from simulation.retail.line import COLUMNS, line_of
        from simulation.retail.order_book import order_book

        tables = IcebergTables(Settings.from_environment(place.environ))
        snapshot = the_newest(tables, TABLE).snapshot_id
        rows = tables.read(TABLE, COLUMNS, snapshot_id=snapshot, equal={}).to_pylist()
        book = order_book(map(line_of, rows), stock_codes.load_stock_codes(), Money(SMALLEST_MINOR, Currency.GBP))
        bought = sum(each.amount.minor for each in book.purchases)
        back = sum(each.amount.minor for each in book.refunds)
        say(
            f"{count(len(book.lines))} lines: {count(len(book.purchases))} orders of {money(bought, CURRENCY)}, "
            f"{count(len(book.refunds))} refunds of {money(back, CURRENCY)}"
        )
    return book


def _replayed(stages: DemoStages, place: DemoPlace, book: Any) -> Any:
    with stages.stage("service", "day by day: sell, take back, collect, settle") as say, stages.bar("days") as tick:
        from payments.postgres import connected
        from payments.provider.simulated import SimulatedProvider
        from payments.wiring import adapters_over
        from simulation.retail.replay import replay_days

        with connected(place.database(DatabaseProcess.PAYMENTS)) as connection:
            ports = adapters_over(connection, SimulatedProvider())
            done = replay_days(
                book,
                plans=ports.plans,
                ledger=ports.ledger,
                expectations=ports.reconciliation,
                batches=ports.batches,
                breaks=ports.reconciliation,
                payouts=ports.payouts,
                provider=ports.provider,
                merchants=ports.merchants,
                terms=ports.terms,
                profile=ports.profile,
                transaction=ports.transaction,
                outbox=place.folder / "outbox",
                tick=tick,
            )
        # Leave the clock at the last evening, so that commands run afterwards continue from there.
        place.clock.show(datetime.combine(done.last_day, ENDS_AT, UTC))
        say(
            f"{count(done.plans)} plans, {count(done.charges)} charges of "
            f"{money(sum(done.received_by_month.values()), CURRENCY)}, {count(done.refunds)} refunds, "
            f"{count(done.merchant_payouts)} payouts to the merchant, from {done.first_day} to {done.last_day}"
        )
    return done


def _concluded(stages: DemoStages, place: DemoPlace, parts: RetailParts) -> tuple[Summary, Details]:
    from ledger.books.postgres import PostgresLedger, connect
    from tranche.demo.books import verified_books

    replayed = parts.replayed
    with stages.stage("verify", "every balance against its transfers, debits against credits") as say:
        books = verified_books(place.database(DatabaseProcess.READER), place.database(DatabaseProcess.BOOKS))
        say(f"{count(books.summary.transfers)} transfers in {count(books.summary.entries)} entries")
        say(books.folded)
        for fault in books.faults[:FAULTS_SHOWN]:
            say(fault)
    with stages.stage("bridge", "from the books to the turnover of the files") as say:
        with connect(place.database(DatabaseProcess.READER)) as connection:
            open_groups = PostgresLedger(connection).open_groups(replayed.last_day)
        retail = retail_of(parts, books.by_flow, len(open_groups))
        say(f"{money(retail.net_minor, CURRENCY)} net, {count(retail.open_groups)} clearing groups are open")
        for group in open_groups[:FAULTS_SHOWN]:
            say(f"{group.account} {group.key} {group.value}: {group.posted}")
    summary = Summary(
        source=parts.run.name,
        seconds=dict(stages.seconds),
        events=parts.events,
        plans=PlanFigures(replayed.plans, replayed.instalments),
        ledger=books.summary,
        retail=retail,
    )
    details = Details(
        title=parts.run.title,
        currency=CURRENCY,
        cash=_months(replayed),
        balances=books.balances,
        flows=books.flows,
        financed_minor=retail.posted_purchases_minor,
        collected_minor=sum(replayed.received_by_month.values()),
        notes=_notes(retail, replayed),
        cash_note="Due as agreed at the checkout; what was refunded before it fell due was not collected.",
    )
    return summary, details


def retail_of(parts: RetailParts, by_flow: Mapping[tuple[str, str], int], open_groups: int) -> Retail:
    """The bridge: posted amounts are read from the books, the turnover to compare from the files."""
    from simulation.retail.bridge import bridge

    lines = bridge(parts.book)
    return Retail(
        lines=lines.lines,
        invoices=lines.invoices,
        cancellations=lines.cancellations,
        bad_debt=lines.bad_debt,
        posted_purchases_minor=by_flow.get((PURCHASE, CURRENCY), 0),
        posted_refunds_minor=sum(by_flow.get((flow, CURRENCY), 0) for flow in REFUNDS),
        unposted_minor={each.value: minor for each, minor in lines.unposted_minor.items()},
        net_minor=lines.net_minor,
        rounding_minor=lines.rounding_minor,
        files_minor=pennies(parts.turnover_mills),
        lines_by_class={each.value: number for each, number in lines.lines_by_class.items()},
        open_groups=open_groups,
    )


def _months(replayed: Any) -> tuple[CashMonth, ...]:
    due, received = replayed.due_by_month, replayed.received_by_month
    return tuple(CashMonth(month, due.get(month, 0), received.get(month, 0)) for month in sorted({*due, *received}))


def _notes(retail: Retail, replayed: Any) -> tuple[str, ...]:
    """Notes for the reader of the figures."""
    paid_back = money(replayed.refunds_paid_minor, CURRENCY)
    return (
        f"The days end on {replayed.last_day}, when everything is collected, paid out and settled.",
        "Every charge is captured: the days tell who bought and who sent back, not who failed to pay.",
        "What the provider and the bank pay out is booked on its day; the other demos reconcile it with their files.",
        f"{paid_back} of refunds went back to shoppers who had paid; the rest made what they owed smaller.",
        f"{count(sum(retail.lines_by_class.values()))} lines have a class, by the first written rule that fits.",
    )
