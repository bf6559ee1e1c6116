"""How many planted breaks reconciliation finds, by class, and whether it ever matches what does not belong together.

Precision is the share of the breaks found of a class that were planted; recall is the share of the planted ones found.
A class that no rule finds yet is planted and judged like any other.
"""

import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.payments_page import MEANING, share_text
from benchmarks.payments_planted import CLASSES, DAY, PlantedDay, Truth, opened
from benchmarks.payments_world import DUES, attempt_of, open_attempts
from payments.collection.collect import collect
from payments.postgres import connected
from payments.provider.charge import ChargeRequest, ChargeResult, EnquiryResult, RefundRequest, Unknown
from payments.provider.provider import NoProvider
from payments.reconciliation.reconcile import ReconcileReport, reconcile
from payments.wiring import Adapters, adapters_over

LINES = 100_000
SHARE = 0.02
LATER = timedelta(days=60)
FLOORS = {
    **{f"classes.{name}.precision": 0.999 for name in CLASSES},
    **{f"classes.{name}.recall": 0.99 for name in CLASSES},
}
CEILINGS = {"false_matches": 0}

_BREAKS = """
SELECT b.class, b.break_id, b.line_key, b.expectation_id, b.reason, b.closed_on IS NULL AND b.due_by < %s, l.line_id,
       CASE WHEN l.kind IN ('credit', 'debit') THEN l.detail END
  FROM payments.breaks b LEFT JOIN payments.lines l USING (line_key)
"""
# E1 is a state and no break: expectations in time that nothing is said about.
_IN_TIME = """
SELECT o.expectation_id FROM payments.open_expectations o
 WHERE o.due_by >= %s
   AND NOT EXISTS (SELECT FROM payments.breaks b WHERE b.expectation_id = o.expectation_id)
"""
_MATCHES = """
SELECT l.line_id, CASE WHEN l.kind IN ('credit', 'debit') THEN l.detail ELSE l.line_id END, m.expectation_id
  FROM payments.matches m JOIN payments.lines l USING (line_key)
"""
_CORRUPT = """
UPDATE ledger.balances b SET debits_posted = debits_posted + 1
  FROM (SELECT account_id, account FROM ledger.accounts WHERE starts_with(account, 'plan:')
         ORDER BY account_id LIMIT %s) a
 WHERE b.account_id = a.account_id RETURNING a.account
"""
_RAISED = "SELECT DISTINCT break_id FROM payments.break_events WHERE event = 'severity_raised'"

About = frozenset[str]
Found = dict[str, list[About]]


def planted_breaks(fresh: Callable[[], str], folder: Path, lines: int = LINES) -> Mapping[str, Any]:
    """Plant breaks in a day of so many lines, reconcile it, move the clock, and judge every class."""
    each = max(20, min(2_000, int(lines * SHARE) // 16))
    url = fresh()
    with connected(url) as connection:
        ports = adapters_over(connection, NoProvider())
        day = PlantedDay(ports, folder, lines, each).write()
        connection.execute("ANALYZE")
        reconciled(ports, day.files, DAY, loudly=False)
        reconciled(ports, day.broken_files, DAY, loudly=False)
        found = _found(connection, DAY, day.truth)
        found["E1"] = [frozenset({f"key:{key}"}) for (key,) in connection.execute(_IN_TIME, (DAY,))]
        false_matches = _false_matches(connection, day.truth)
        _move_the_clock(url, ports, day.truth, found)
    with connected(fresh()) as connection:
        found["E12"] = _without_outcome(connection, day.truth, each)
    found["E24"] = _corrupted_copy(fresh, day.truth)
    return {"classes": {name: _judged(name, day.truth, found) for name in CLASSES}, "false_matches": false_matches}


def table_of(figures: Mapping[str, Any]) -> str:
    """The classes as a table for a terminal."""
    rows = [f"{'class':<6}{'planted':>8}{'found':>8}{'precision':>11}{'recall':>8}"]
    for name, each in figures["classes"].items():
        shares = f"{share_text(each['precision']):>11}{share_text(each['recall']):>8}"
        rows.append(f"{name:<6}{each['planted']:>8,}{each['found']:>8,}{shares}  {MEANING[name]}")
    return "\n".join([*rows, f"false matches: {figures['false_matches']:,}"])


def reconciled(ports: Adapters, files: list[Path], day: date, *, loudly: bool = True) -> ReconcileReport:
    return reconcile(
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
        at=datetime.combine(day, time(23), UTC),
        as_of=day,
        refuse_loudly=loudly,
    )


def _found(connection: psycopg.Connection[Any], as_of: date, truth: Truth) -> Found:
    """The breaks by class, each as everything that it is about."""
    found: Found = defaultdict(list)
    texts = [each.removeprefix("text:") for name in ("E24", "E25") for each in truth.planted[name]]
    for name, break_id, _, key, reason, _, line_id, reference in connection.execute(_BREAKS, (as_of,)):
        about = {f"break:{break_id}", f"line:{line_id}", f"ref:{reference}", f"key:{key}"}
        about.add(f"key:{break_id.removeprefix('expectation:')}")
        about.update(f"text:{text}" for text in texts if text in f"{break_id} {reason}")
        found[name].append(frozenset(about))
    return found


def _false_matches(connection: psycopg.Connection[Any], truth: Truth) -> int:
    """Lines that were matched with an expectation that they do not belong to."""
    return sum(
        (line_id, key) not in truth.pairs and (shown, key) not in truth.pairs
        for line_id, shown, key in connection.execute(_MATCHES)
    )


def _move_the_clock(url: str, ports: Adapters, truth: Truth, found: Found) -> None:
    """E21 and E25: weeks later, nothing came. Every break that is open past its day is stale."""
    connection, later = ports.database, DAY + LATER
    stale = {f"break:{row[1]}" for row in connection.execute(_BREAKS, (later,)) if row[5]}
    truth.planted["E21"].update(stale)
    reconciled(ports, [], later)
    raised = connection.execute(_RAISED).fetchall()
    found["E21"] = [about for (each,) in raised if (about := frozenset({f"break:{each}"})) & stale]
    _audited(url, later)
    found["E25"] = _found(connection, later, truth)["E25"]


class _NeverAnswers:
    """A provider that cannot say what became of a charge."""

    name = "sandbox"

    def charge(self, request: ChargeRequest) -> ChargeResult:
        return Unknown(request.attempt_id, "no answer")

    def enquire(self, attempt_id: str) -> EnquiryResult:
        return Unknown(attempt_id, "no answer")

    def refund(self, request: RefundRequest) -> ChargeResult:
        return Unknown(request.payment_id, "no answer")


def _without_outcome(connection: psycopg.Connection[Any], truth: Truth, each: int) -> list[About]:
    """E12: attempts whose answer was lost, and two days later nobody can say what became of them."""
    numbers = range(-(-each // DUES) * DUES)
    open_attempts(connection, numbers, DAY, state="unknown", expected=False)
    truth.planted["E12"].update(f"break:attempt:{attempt_of(n)}" for n in numbers)
    ports = adapters_over(connection, _NeverAnswers())
    collect(
        DAY,
        asking=ports.asking,
        plans=ports.plans,
        ledger=ports.ledger,
        terms=ports.terms,
        profile=ports.profile,
        breaks=ports.reconciliation,
        at=datetime.combine(DAY + timedelta(days=2), time(12), UTC),
    )
    return _found(connection, DAY, truth)["E12"]


def _corrupted_copy(fresh: Callable[[], str], truth: Truth, count: int = 20) -> list[About]:
    """E24: balances of plans that are no longer the sum of their entries, in a copy of sound books."""
    url, copy = fresh(), fresh()
    with connected(url) as connection:
        ports = adapters_over(connection, NoProvider())
        numbers = range(count * DUES)
        open_attempts(connection, numbers, DAY - timedelta(days=3))
        opened(ports, numbers, paid=True)
    source, name = (psycopg.conninfo.conninfo_to_dict(each)["dbname"] for each in (url, copy))
    with psycopg.connect(url.replace(f"/{source}?", "/postgres?"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name}")
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {source}")
    with connected(copy) as connection:
        connection.execute("SET session_replication_role = replica")
        truth.planted["E24"].update(f"text:{account}" for (account,) in connection.execute(_CORRUPT, (count,)))
    _audited(copy, DAY)
    with connected(copy) as connection:
        return _found(connection, DAY, truth)["E24"]


def _audited(url: str, day: date) -> None:
    """Run the command that lists what the books' own checks find, and what waits for too long."""
    words = [sys.executable, "-m", "tranche", "payments", "audit-breaks", "--day", day.isoformat()]
    environment = {**os.environ, "TRANCHE_DATABASE_URL": url}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"the books were not audited: {done.stderr.strip()[-500:]}")


def _judged(name: str, truth: Truth, found: Found) -> dict[str, float]:
    planted, breaks = truth.planted[name], found.get(name, [])
    true = [about for about in breaks if about & planted]
    seen = {subject for about in true for subject in about & planted}
    things = _things(planted)
    met = sum(1 for thing in things if thing & seen)
    return {
        "planted": len(things),
        "found": len(breaks),
        "precision": round(len(true) / len(breaks), 4) if breaks else 0.0,
        "recall": round(met / len(things), 4) if things else 0.0,
    }


def _things(planted: set[str]) -> list[About]:
    """What was planted, where one thing may go by several names: a payout by its key, its reference and its fee."""
    by_name: dict[str, set[str]] = defaultdict(set)
    for subject in planted:
        about = subject.partition(":")[2]
        for prefix in ("payout:", "reserve:", "fee:"):
            about = about.removeprefix(prefix)
        by_name[about].add(subject)
    return [frozenset(names) for names in by_name.values()]
