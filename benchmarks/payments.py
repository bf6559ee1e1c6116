"""What reconciliation finds and what it costs: planted breaks by class, the seconds of many lines, and the 400th day.

Run from the checkout: `make bench PART=payments`, or a part of it: `PART="payments breaks"`, `lines` or `days`. It
starts a PostgreSQL of its own, with its usual durability, and writes `var/bench/payments.json`.

Seconds on the clock say little on a machine that others use too, so each is beside the processor time of this process
and of the database's, and beside a loop of ten million additions.
"""

import os
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from benchmarks.budgets import keep, kept, print_beside
from benchmarks.ledger_posting import databases
from benchmarks.payments_breaks import CEILINGS as OF_BREAKS
from benchmarks.payments_breaks import FLOORS, planted_breaks, reconciled, table_of
from benchmarks.payments_page import write_page
from benchmarks.payments_world import (
    AMOUNT,
    DUES,
    FEE,
    Booked,
    Statement,
    captures_of,
    open_attempts,
    payout_rows,
    write_provider,
)
from ledger.proof.postgres_seals import PostgresSeals
from ledger.proof.seal import seal
from payments.postgres import connected
from payments.provider.provider import NoProvider
from payments.reconciliation.postgres import PostgresReconciliation
from payments.reconciliation.reconcile import ReconcileReport
from payments.wiring import adapters_over

MEASURED = ("breaks", "lines", "days")
PARTS = (*MEASURED, "page")
LINES = (100_000, 1_000_000)
CAPTURES = 998  # of a payout; with its fee and its own row it has a thousand
DAYS, LINES_OF_A_DAY = 400, 1_000
FIRST = date(2026, 3, 2)
CEILINGS = {
    "lines.100000.seconds": 20.0,
    "lines.1000000.match_seconds": 40.0,
    "lines.1000000.seconds": 180.0,
    "lines.1000000.memory_mib": 300.0,
    "day_ratio": 1.2,
    **OF_BREAKS,
}


def main(asked: Sequence[str] = ()) -> None:
    """Measure the parts asked for, or all, and keep the figures beside those of the other parts."""
    figures = kept("payments")
    if list(asked) == ["page"]:
        write_page(figures)
        return
    figures["additions_seconds"] = ten_million_additions()
    print(f"a loop of ten million additions: {figures['additions_seconds']} s of processor time")
    with databases() as fresh, tempfile.TemporaryDirectory(prefix="tranche-bench-") as folder:
        for part in asked or MEASURED:
            match part:
                case "breaks":
                    figures |= planted_breaks(fresh, Path(folder) / "planted")
                    print(table_of(figures))
                case "lines":
                    lines = figures.setdefault("lines", {})
                    for count in _asked(LINES):
                        lines[str(count)] = measured(fresh(), Path(folder) / str(count), count)
                        print(f"{count:,} lines: {lines[str(count)]}")
                case _:
                    figures["day_ratio"] = day_ratio(fresh(), Path(folder) / "days")
    print_beside(figures, floors=FLOORS, ceilings=CEILINGS)
    keep(figures, "payments")


def _asked(otherwise: tuple[int, ...]) -> tuple[int, ...]:
    """The numbers of lines to measure; `LINES=20000` in the environment asks for one of its own, in all or of a day."""
    asked = os.environ.get("LINES", "")
    return (int(asked),) if asked.isdigit() else otherwise


def ten_million_additions() -> float:
    started, total = time.process_time(), 0
    for number in range(10_000_000):
        total += number
    return round(time.process_time() - started, 2)


def measured(url: str, folder: Path, lines: int) -> Mapping[str, float]:
    """Take one provider's file of so many lines and the bank's statement, and reconcile them."""
    with connected(url) as connection:
        files = _day_of(connection, folder, FIRST, 0, lines // (CAPTURES + 2))
        matching = _watched(PostgresReconciliation)
        with _memory() as peak:
            cpu, server, started = time.process_time(), _processor(connection), time.perf_counter()
            report = _reconciled(connection, files, FIRST)
            seconds = time.perf_counter() - started
            cpu, server = time.process_time() - cpu, _processor(connection) - server
    assert (report.unmatched, report.waiting, report.open_expectations) == (0, 0, 0), report
    return {
        "seconds": round(seconds, 1),
        "match_seconds": round(sum(matching), 2),
        "memory_mib": round(max(peak), 1),
        "python_cpu_seconds": round(cpu, 1),
        "database_cpu_seconds": round(server, 1),
    }


def day_ratio(url: str, folder: Path) -> float:
    """What a day costs after four hundred others, as a multiple of an early day; medians of twenty days each.

    Processor time of this process and of the database's: others on the machine cost less of it than of the clock's.
    Each day ends with a seal, as the schedule has it: a balance is what the seals summed up and the entries since.
    """
    took = []
    (captures,) = (count - 2 for count in _asked((LINES_OF_A_DAY,)))
    with connected(url) as connection:
        for number in range(DAYS):
            day = FIRST - timedelta(days=DAYS - number)
            files = _day_of(connection, folder / str(number), day, number, 1, captures=captures)
            cpu = time.process_time() + _processor(connection)
            report = _reconciled(connection, files, day)
            took.append(time.process_time() + _processor(connection) - cpu)
            with connection.transaction():
                seal(PostgresSeals(connection))
            assert report.unmatched == 0, report
    return round(median(took[-20:]) / median(took[2:22]), 2)


def _watched(store: type[PostgresReconciliation]) -> list[float]:
    """The seconds that each call of the rules takes from now on."""
    took: list[float] = []
    rules = getattr(store.match, "__wrapped__", store.match)

    def match(self: PostgresReconciliation, *arguments: Any) -> Any:
        started = time.perf_counter()
        found = rules(self, *arguments)
        took.append(time.perf_counter() - started)
        return found

    match.__wrapped__ = rules  # type: ignore[attr-defined]
    store.match = match  # type: ignore[method-assign]
    return took


@contextmanager
def _memory() -> Any:
    """The memory of this process in MiB, seen ten times a second while the block runs."""
    seen, over = [_resident_mib()], threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            seen.append(_resident_mib())

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2


def _processor(connection: psycopg.Connection[Any]) -> float:
    """Seconds of processor time of the connection's process in the database."""
    stat = Path(f"/proc/{connection.info.backend_pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def _reconciled(connection: psycopg.Connection[Any], files: list[Path], day: date) -> ReconcileReport:
    return reconciled(adapters_over(connection, NoProvider()), files, day)


def _day_of(
    connection: psycopg.Connection[Any], folder: Path, day: date, number: int, payouts: int, *, captures: int = CAPTURES
) -> list[Path]:
    """A day with a number of payouts: its attempts in the tables, the provider's file and the bank's statement."""
    first = number * payouts * (captures // DUES + 1) * DUES
    count = payouts * captures
    open_attempts(connection, range(first, first + count), day)
    connection.execute("ANALYZE payments.attempts, payments.expectations, payments.open_expectations")
    names = [f"po-{day}-{each}" for each in range(payouts)]
    provider = write_provider(
        folder / "provider.csv",
        (
            row
            for place, name in enumerate(names)
            for start in (first + place * captures,)
            for row in payout_rows(name, day, captures_of(range(start, start + captures)))
        ),
    )
    net = captures * (AMOUNT - FEE)
    bank = Statement(f"S-{number}", day, [Booked(name, net) for name in names], opening=number * payouts * net)
    return [provider, bank.write(folder / "statement.xml")]


if __name__ == "__main__":
    main()
