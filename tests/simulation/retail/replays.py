"""The replay of an order book with every port of a test's adapters."""

from pathlib import Path

from payments.wiring import Adapters
from simulation.retail.order_book import OrderBook
from simulation.retail.replay import RetailReplayReport, replay_days


def replay_over(ports: Adapters, book: OrderBook, outbox: Path) -> RetailReplayReport:
    return replay_days(
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
        outbox=outbox,
    )
