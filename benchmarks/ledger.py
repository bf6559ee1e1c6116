"""Every speed budget of the books in one run, as medians of interleaved rounds; written to `var/bench/ledger.json`.

Run from the checkout: `make bench PART=ledger`. Hot and spread postings, and batches of each size, take turns in every
round, so that what the machine does beside them falls on all alike. Each round works on a database of its own.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

import psycopg

from benchmarks import budgets, close_of_business, ledger_posting, plan_events
from benchmarks.ledger_posting import HOT, SPREAD
from ledger.proof.postgres_audit import connect_for_audit
from ledger.proof.postgres_seals import PostgresSeals
from ledger.proof.seal import seal
from ledger.proof.verify import verify

ROUNDS = 3
SIZES = (10, 100, 1_000)
CLIENTS = (1, 8, 16)
PLANS = (100_000, 1_000_000)
VERIFIED_BATCHES = 100

# Each budget with the path of its figure: a floor where it is a rate or a ratio, else a ceiling.
FLOORS: Mapping[str, float] = {
    "batch_1000.per_s": 25_000,
    "batch_1000_single.per_s": 12_000,
    "hot_over_spread.16": 0.7,
    "verify.per_s": 200_000,
    "over_floor.8.spread.per_s": 1.0,
    "over_floor.16.spread.per_s": 1.0,
    "over_floor.8.hot.per_s": 2.0,
    "over_floor.16.hot.per_s": 2.0,
}
CEILINGS: Mapping[str, float] = {
    "hot.16.p99_ms": 25,
    "as_of_1m.valued_by_p99_ms": 5,
    "as_of_1m.recorded_by_p99_ms": 5,
    "as_of_1m.p99_ms": 20,
    "over_floor.8.spread.p99_ms": 1.0,
    "over_floor.16.spread.p99_ms": 1.0,
    "over_floor.8.hot.p99_ms": 1.0,
    "over_floor.16.hot.p99_ms": 1.0,
    "plan_events.event_1000_over_10": 2.0,
    "close_of_business.1000000.seconds": 150,
    "bytes_per_transfer": 400,
    "bytes_per_transfer_alone": 550,
}


def main() -> None:
    """Measure, write the file and print each figure beside its budget."""
    figures: dict[str, Any] = {}
    with ledger_posting.databases() as fresh:
        figures |= posting(fresh)
        figures |= sizes_and_verify(fresh)
        figures["as_of_1m"] = as_of(fresh())
        figures["plan_events"] = plan_events.measured(fresh())
    figures["close_of_business"] = {str(plans): close_of_business.measured_alone(plans) for plans in PLANS}
    file = budgets.keep(figures, "ledger")
    budgets.print_beside(figures, floors=FLOORS, ceilings=CEILINGS)
    print(f"figures  {file}")


def posting(fresh: Callable[[], str]) -> dict[str, Any]:
    """Batches, holds, and single postings on one hot account beside spread ones; the median of each over the rounds."""
    rates: dict[str, list[float]] = {}
    latencies: dict[tuple[str, int], list[ledger_posting.Latencies]] = {}
    least: dict[tuple[str, int], list[ledger_posting.Latencies]] = {}
    for _ in range(ROUNDS):
        for size in SIZES:
            rates.setdefault(f"batch_{size}", []).append(ledger_posting.batches(fresh(), size))
        rates.setdefault("batch_1000_single", []).append(ledger_posting.batches(fresh(), 1_000, single=True))
        rates.setdefault("holds", []).append(ledger_posting.holds(fresh()))
        for clients in CLIENTS:
            url = fresh()
            for where in (SPREAD, HOT):
                took = ledger_posting.single_postings(url, clients, where)
                latencies.setdefault((where, clients), []).append(took)
                took = ledger_posting.floor_postings(url, clients, where)
                least.setdefault((where, clients), []).append(took)
    found: dict[str, Any] = {name: {"per_s": round(median(each))} for name, each in rates.items()}
    for (where, clients), each in latencies.items():
        found.setdefault(where, {})[str(clients)] = {
            "per_s": round(median(one.per_s for one in each)),
            "p50_ms": round(median(one.p50_ms for one in each), 2),
            "p99_ms": round(median(one.p99_ms for one in each), 2),
        }
    found["hot_over_spread"] = {
        str(clients): round(
            median(
                hot.per_s / spread.per_s
                for hot, spread in zip(latencies[HOT, clients], latencies[SPREAD, clients], strict=True)
            ),
            2,
        )
        for clients in CLIENTS
    }
    return {**found, **beside_the_floor(latencies, least)}


def beside_the_floor(
    ours: Mapping[tuple[str, int], Sequence[ledger_posting.Latencies]],
    least: Mapping[tuple[str, int], Sequence[ledger_posting.Latencies]],
) -> dict[str, Any]:
    """The least that double entry needs, and our single postings as multiples of it, as medians over the rounds."""
    floor: dict[str, Any] = {}
    over: dict[str, Any] = {}
    for (where, clients), each in least.items():
        floor.setdefault(str(clients), {})[where] = {
            "per_s": round(median(one.per_s for one in each)),
            "p99_ms": round(median(one.p99_ms for one in each), 2),
        }
        pairs = list(zip(ours[where, clients], each, strict=True))
        over.setdefault(str(clients), {})[where] = {
            "per_s": round(median(one.per_s / other.per_s for one, other in pairs), 2),
            "p99_ms": round(median(one.p99_ms / other.p99_ms for one, other in pairs), 2),
        }
    return {"floor": floor, "over_floor": over}


def sizes_and_verify(fresh: Callable[[], str]) -> dict[str, Any]:
    """Bytes of a transfer in journals of three and of one; transfers that verify takes a second, once sealed."""
    together, alone = fresh(), fresh()
    ledger_posting.batches(together, 1_000, rounds=VERIFIED_BATCHES)
    ledger_posting.batches(alone, 1_000, single=True, rounds=VERIFIED_BATCHES)
    found: dict[str, Any] = {
        "bytes_per_transfer": round(ledger_posting.bytes_per_transfer(together)),
        "bytes_per_transfer_alone": round(ledger_posting.bytes_per_transfer(alone)),
    }
    rates = {}
    for name, url in (("per_s", together), ("alone_per_s", alone)):
        _seal(url)
        rates[name] = round(median(_verified(url) for _ in range(ROUNDS)))
    return {**found, "verify": rates}


def as_of(url: str) -> dict[str, float]:
    """Reading an account with a million postings; `p99_ms` is on both axes."""
    account = ledger_posting.fill_one_account(url)
    _seal(url)
    took = ledger_posting.as_of(url, account)
    return {
        "p99_ms": round(took["both"], 2),
        **{f"{axis}_p99_ms": round(took[axis], 2) for axis in ("now", "valued_by", "recorded_by")},
    }


def _verified(url: str) -> float:
    with connect_for_audit(url) as audit:
        started = time.perf_counter()
        report = verify(audit)
        seconds = time.perf_counter() - started
    assert report.sound, report.faults[:3]
    return report.transfers / seconds


def _seal(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        seal(PostgresSeals(connection))
        connection.execute("VACUUM ANALYZE")  # as its own daemon would have by the time that anybody asks
