"""The speed budgets of the books, part by part, as medians of interleaved rounds; kept in `var/bench/ledger.json`.

Run from the checkout: `make bench PART=ledger`, or some parts only: `make bench PART=ledger ARGS="singles verify"`.
`FULL=1` adds a million plans to `close_of_business`, which takes long to fill. Every round prints its figures, and the
file is written after each part, so that a run that is stopped keeps what it found; chosen parts leave the figures of
the others as they are. Each part works on databases of its own.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

import psycopg

from benchmarks import budgets, close_of_business, ledger_posting, ledger_singles, plan_events
from benchmarks.ledger_singles import FLOOR, HOT, OURS, SPREAD, WAYS, Singles
from ledger.proof.postgres_audit import connect_for_audit
from ledger.proof.postgres_seals import PostgresSeals
from ledger.proof.seal import seal
from ledger.proof.verify import verify

Fresh = Callable[[], str]

ROUNDS = 3
SINGLES_ROUNDS = 7
SIZES = (10, 100, 1_000)
CLIENTS = (1, 8, 16)
PLANS = (100_000,)
FULL_PLANS = (100_000, 1_000_000)
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


def main(parts: Sequence[str] = ()) -> None:
    """Measure the parts named, or all; print each figure beside its budget."""
    figures: dict[str, Any] = budgets.kept("ledger") if parts else {}
    found: dict[str, Any] = {}
    with ledger_posting.databases() as fresh:
        for name in parts or PARTS:
            begun = time.perf_counter()
            found |= PARTS[name](fresh)
            file = budgets.keep({**figures, **found}, "ledger")
            _say(f"{name} took {time.perf_counter() - begun:.0f} s")
    budgets.print_beside(found, floors=FLOORS, ceilings=CEILINGS)
    print(f"figures  {file}")


def singles(fresh: Fresh) -> dict[str, Any]:
    """One posting per call by several clients, beside the least that double entry needs."""
    rounds: dict[tuple[int, str, str], list[Singles]] = {}
    with ledger_singles.started(fresh(), max(CLIENTS)) as measured:
        for turn in range(SINGLES_ROUNDS):
            for clients in CLIENTS:
                order = [*WAYS[turn % len(WAYS) :], *WAYS[: turn % len(WAYS)]]
                taken = {(way, where): measured.measure(clients, way, where) for way, where in order}
                for (way, where), one in taken.items():
                    rounds.setdefault((clients, way, where), []).append(one)
                _say_round(turn, clients, taken)
    return _single_figures(rounds)


def batches(fresh: Fresh) -> dict[str, Any]:
    """Transfers a second in batches of several sizes, and holds placed and posted a second."""
    kinds: dict[str, Callable[[str], float]] = {
        **{f"batch_{size}": _batches_of(size) for size in SIZES},
        "batch_1000_single": lambda url: ledger_posting.batches(url, 1_000, single=True),
        "holds": ledger_posting.holds,
    }
    rates: dict[str, list[float]] = {name: [] for name in kinds}
    names = list(kinds)
    for turn in range(ROUNDS):
        for name in [*names[turn:], *names[:turn]]:
            rates[name].append(kinds[name](fresh()))
            _say(f"round {turn + 1}  {name:<18}{rates[name][-1]:>10,.0f} a second")
    return {name: {"per_s": round(median(each))} for name, each in rates.items()}


def sizes_and_verify(fresh: Fresh) -> dict[str, Any]:
    """Bytes of a transfer in journals of three and of one; transfers that verify takes a second, once sealed."""
    together, alone = fresh(), fresh()
    ledger_posting.batches(together, 1_000, rounds=VERIFIED_BATCHES)
    ledger_posting.batches(alone, 1_000, single=True, rounds=VERIFIED_BATCHES)
    found: dict[str, Any] = {
        "bytes_per_transfer": round(ledger_posting.bytes_per_transfer(together)),
        "bytes_per_transfer_alone": round(ledger_posting.bytes_per_transfer(alone)),
    }
    rates: dict[str, list[float]] = {}
    for url in (together, alone):
        _seal(url)
    for turn in range(ROUNDS):
        for name, url in (("per_s", together), ("alone_per_s", alone)):
            rates.setdefault(name, []).append(_verified(url))
            _say(f"round {turn + 1}  verify {name:<12}{rates[name][-1]:>10,.0f}")
    return {**found, "verify": {name: round(median(each)) for name, each in rates.items()}}


def as_of(fresh: Fresh) -> dict[str, Any]:
    """Reading an account with a million postings; `p99_ms` is on both axes."""
    url = fresh()
    account = ledger_posting.fill_one_account(url)
    _seal(url)
    took = ledger_posting.as_of(url, account)
    figures = {
        "p99_ms": round(took["both"], 2),
        **{f"{axis}_p99_ms": round(took[axis], 2) for axis in ("now", "valued_by", "recorded_by")},
    }
    _say(str(figures))
    return {"as_of_1m": figures}


def events_of_a_plan(fresh: Fresh) -> dict[str, Any]:
    """How long a plan's 10th and 1,000th event take to record."""
    figures = {**plan_events.measured(fresh()), **plan_events.measured_many(fresh())}
    _say(str(figures))
    return {"plan_events": figures}


def business_dates(_fresh: Fresh) -> dict[str, Any]:
    """How long a business date takes, by the number of plans; each on a server of its own."""
    found: dict[str, Any] = {}
    for plans in FULL_PLANS if os.environ.get("FULL") else PLANS:
        found[str(plans)] = close_of_business.measured_alone(plans)
        _say(str(found[str(plans)]))
    return {"close_of_business": found}


PARTS: Mapping[str, Callable[[Fresh], dict[str, Any]]] = {
    "singles": singles,
    "batches": batches,
    "verify": sizes_and_verify,
    "plan_events": events_of_a_plan,
    "as_of": as_of,
    "close_of_business": business_dates,
}


def _single_figures(rounds: Mapping[tuple[int, str, str], Sequence[Singles]]) -> dict[str, Any]:
    """Ours by place and clients, the floor by clients and place, and ours as multiples of it, round by round."""
    found: dict[str, Any] = {SPREAD: {}, HOT: {}, "hot_over_spread": {}, "floor": {}, "over_floor": {}}
    for clients in CLIENTS:
        for where in (SPREAD, HOT):
            ours, floor = rounds[clients, OURS, where], rounds[clients, FLOOR, where]
            found[where][str(clients)] = _summary(ours)
            found["floor"].setdefault(str(clients), {})[where] = _summary(floor)
            found["over_floor"].setdefault(str(clients), {})[where] = {
                name: round(
                    median(_of(name, one) / _of(name, other) for one, other in zip(ours, floor, strict=True)), 2
                )
                for name in ("per_s", "p50_ms", "p99_ms")
            }
        pairs = zip(rounds[clients, OURS, HOT], rounds[clients, OURS, SPREAD], strict=True)
        found["hot_over_spread"][str(clients)] = round(median(hot.per_s / spread.per_s for hot, spread in pairs), 2)
    return found


def _summary(each: Sequence[Singles]) -> dict[str, float]:
    return {
        "per_s": round(median(one.per_s for one in each)),
        **{
            name: round(median(_of(name, one) for one in each), 2)
            for name in ("p50_ms", "p99_ms", "client_us", "server_us")
        },
    }


def _of(name: str, one: Singles) -> float:
    value: float = getattr(one, name)
    return value


def _say_round(turn: int, clients: int, taken: Mapping[tuple[str, str], Singles]) -> None:
    for where in (SPREAD, HOT):
        ours, floor = taken[OURS, where], taken[FLOOR, where]
        _say(
            f"round {turn + 1}  {clients:>2} clients  {where:<7}"
            f"ours {ours.per_s:>6,.0f}/s {ours.p99_ms:>6.1f} ms  floor {floor.per_s:>6,.0f}/s {floor.p99_ms:>6.1f} ms  "
            f"ratio {ours.per_s / floor.per_s:.2f}  p99 {ours.p99_ms / floor.p99_ms:.2f}  processor "
            f"client {ours.client_us:.0f}:{floor.client_us:.0f} server {ours.server_us:.0f}:{floor.server_us:.0f} µs"
        )


def _batches_of(size: int) -> Callable[[str], float]:
    return lambda url: ledger_posting.batches(url, size)


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


def _say(line: str) -> None:
    print(line, flush=True)
