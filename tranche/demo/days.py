"""The evening of a simulated day: collect, pay merchants, end the outside world's day, reconcile, close business."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import httpx

from ledger.books.postgres import PostgresLedger, connect
from ledger.identity.authority import authority_file
from ledger.money import Currency, Money
from lending.acts.charge_off_by_rule import charge_off_by_rule, closing_rules
from lending.acts.perform import ActPorts
from lending.acts.postgres_acts import PostgresActs, PostgresPastDuePlans, settled_entries
from lending.plan.when import When
from lending.servicing.close_of_business import close_of_business
from lending.servicing.postgres import PostgresPlans
from lending.servicing.postgres_close import PostgresBusinessDates
from payments import bookings
from payments.collection.collect import collect
from payments.collection.opening import must_hold
from payments.disputes.dispute import NoticeRefused, take_notice
from payments.disputes.dispute_file import read_notices
from payments.files.control_file import FileContent
from payments.files.inbox import unseen
from payments.merchants.pay_merchants import pay_merchants
from payments.postgres import Connection, connected
from payments.provider.sandbox import SandboxProvider
from payments.reconciliation.reconcile import reconcile
from payments.recoveries.postgres import PostgresSuspendedCredits
from payments.recoveries.recovery import RecoveryRefused, take_recovery
from payments.recoveries.recovery_file import read_recoveries
from payments.refunds.pay_refunds import pay_refunds
from payments.wiring import Adapters, adapters_over
from simulation.outside import Outside
from simulation.servicing.counter import ServiceCounter
from simulation.servicing.desk import ServicingDesk
from terminal.database import DatabaseProcess
from terminal.fault import Fault
from tranche.demo.course import DemoPlace
from tranche.local.clock_file import ClockFile

SERVES_AT, COLLECTS_AT, PAYS_AT, RECONCILES_AT = time(10), time(18), time(19), time(23, 30)
CLOSES_AT = time(23, 45)
PAYDAY = 4
"""Merchants are paid on Fridays."""


class WorldFault(Fault):
    """Raised when the simulated provider or bank did not carry out a request."""


@dataclass(frozen=True, slots=True)
class Evenings:
    """Runs days of the seeded world, one after the other, through the acts that the command line runs."""

    ports: Adapters
    lending: Connection
    world: httpx.Client
    exchange: Path
    clock: ClockFile

    def open_books(self, capital: Money, behaviour: str, on: date) -> None:
        """Pay in capital (F49) at the simulated bank, and set the behaviour of the provider's shoppers."""
        opening: dict[str, str | int] = {"currency": capital.currency.value, "amount_minor": capital.minor}
        _done(self.world.put("/bank/opening", params=opening))
        _done(self.world.put("/behaviour", content=behaviour.encode()))
        journal = bookings.capital_paid_in("seeded-world", self.ports.profile.card.bank, capital, When.day(on))
        with self.ports.transaction():
            must_hold(self.ports.ledger.post(journal), journal.entry_id)

    def serve(self, day: date, desk: ServicingDesk, counter: ServiceCounter) -> None:
        """Let the servicing desk do what is wanted on a day, and take the files that came from outside."""
        if not desk.wanted_on(day):
            return
        at, ports = _at(day, SERVES_AT), self.ports
        self.clock.show(at)
        files = desk.serve(day, counter, Outside(self.world))
        refused: list[object] = []
        if files.disputes is not None:
            for notice in read_notices(FileContent.of(files.disputes, latest=day)):
                answer = take_notice(
                    notice,
                    attempts=ports.attempts,
                    plans=ports.plans,
                    ledger=ports.ledger,
                    expectations=ports.reconciliation,
                    terms=ports.terms,
                    profile=ports.profile,
                    transaction=ports.transaction,
                    at=at,
                )
                refused += [answer] if isinstance(answer, NoticeRefused) else []
        if files.recoveries is not None:
            for recovery in read_recoveries(FileContent.of(files.recoveries, latest=day)):
                taken = take_recovery(
                    recovery,
                    suspended=PostgresSuspendedCredits(ports.database),
                    breaks=ports.reconciliation,
                    plans=ports.plans,
                    ledger=ports.ledger,
                    terms=ports.terms,
                    transaction=ports.transaction,
                    at=at,
                )
                refused += [taken] if isinstance(taken, RecoveryRefused) else []
        if refused:
            raise WorldFault(f"on {day} the platform refused {refused}")

    def run(self, day: date, *, collecting: bool = True) -> None:
        """Run one evening. Idempotent. Without `collecting`, nothing new is charged, and only open work continues."""
        ports = self.ports
        if collecting:
            collect(
                day,
                asking=ports.asking,
                plans=ports.plans,
                ledger=ports.ledger,
                terms=ports.terms,
                profile=ports.profile,
                breaks=ports.reconciliation,
                at=_at(day, COLLECTS_AT),
            )
        if day.weekday() == PAYDAY:
            pay_merchants(
                day,
                payouts=ports.payouts,
                ledger=ports.ledger,
                expectations=ports.reconciliation,
                merchants=ports.merchants,
                batches=ports.batches,
                breaks=ports.reconciliation,
                profile=ports.profile,
                transaction=ports.transaction,
                outbox=self.exchange / "outbox",
                at=_at(day, PAYS_AT),
            )
        pay_refunds(
            day,
            refunds=ports.refunds,
            batches=ports.batches,
            breaks=ports.reconciliation,
            plans=ports.plans,
            ledger=ports.ledger,
            expectations=ports.reconciliation,
            provider=ports.provider,
            terms=ports.terms,
            settle_down=ports.policy.settle_down,
            profile=ports.profile,
            transaction=ports.transaction,
            outbox=self.exchange / "outbox",
            at=_at(day, PAYS_AT),
        )
        _done(self.world.post("/day-end", params={"date": day.isoformat(), "faulty": True}))
        files = unseen(self.exchange / "inbox", ports.reconciliation.names_taken(), day)
        report = reconcile(
            files,
            asking=ports.asking,
            plans=ports.plans,
            ledger=ports.ledger,
            reconciliation=ports.reconciliation,
            payouts=ports.payouts,
            refunds=ports.refunds,
            publish=ports.publish,
            terms=ports.terms,
            profile=ports.profile,
            at=_at(day, RECONCILES_AT),
            as_of=day,
            refuse_loudly=False,
        )
        _put_aside(report.files_refused, files)
        self.close(day)
        # Leave the clock at the last evening, so that commands run afterwards continue from there.
        self.clock.show(_at(day, CLOSES_AT))

    def close(self, day: date) -> None:
        """Close the business of a day: interest into its pools, late fees, days past due, charge-off by rule."""
        at, connection = _at(day, CLOSES_AT), self.lending
        plans, ledger = PostgresPlans(connection), PostgresLedger(connection)
        terms = self.ports.terms
        close_of_business(
            day,
            plans=plans,
            dates=PostgresBusinessDates(connection),
            ledger=ledger,
            terms=terms,
            at=at,
            commit=connection.commit,
        )
        charge_off_by_rule(
            day,
            rules=closing_rules(),
            found=PostgresPastDuePlans(connection),
            ports=ActPorts(
                plans=plans,
                ledger=ledger,
                acts=PostgresActs(connection),
                terms=terms,
                settled=settled_entries(connection),
                authority=authority_file(),
                at=at,
            ),
            at=at,
            commit=connection.commit,
        )
        connection.commit()  # what was only read: no transaction stays open through the next day

    def faults(self) -> dict[str, Any]:
        """The faults that the outside world has planted so far."""
        answer: dict[str, Any] = _done(self.world.get("/faults")).json()
        return answer


@contextmanager
def evenings(place: DemoPlace) -> Iterator[Evenings]:
    """Evenings with connections to the database and the outside world, which close with the block."""
    address = place.environ["TRANCHE_PROVIDER_URL"]
    provider = SandboxProvider(address)
    try:
        with (
            connected(place.database(DatabaseProcess.PAYMENTS)) as connection,
            connect(place.database(DatabaseProcess.LENDING)) as lending,
            httpx.Client(base_url=address, timeout=30.0) as world,
        ):
            exchange = place.folder / "runtime" / "provider"
            yield Evenings(adapters_over(connection, provider), lending, world, exchange, place.clock)
    finally:
        provider.close()


def pounds_sterling(minor: int) -> Money:
    """An amount of the seeded world."""
    return Money(minor, Currency.GBP)


def days_from(first: date, count: int) -> list[date]:
    """`count` days from `first` on.

    >>> [day.isoformat() for day in days_from(date(2026, 1, 31), 2)]
    ['2026-01-31', '2026-02-01']
    """
    return [first + timedelta(days=number) for number in range(count)]


def _at(day: date, moment: time) -> datetime:
    return datetime.combine(day, moment, UTC)


def _done(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        raise WorldFault(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text[:300]}")
    return answer


def _put_aside(refused: tuple[str, ...], files: list[Path]) -> None:
    """Move refused files out of the inbox, as an operator does who asks for them again; their breaks stay open.

    `refused` are the reasons, each of which begins with the file's path.
    """
    for file in files:
        if any(reason.startswith(f"{file}:") for reason in refused):
            aside = file.parent.with_name("refused")
            aside.mkdir(exist_ok=True)
            file.rename(aside / file.name)
