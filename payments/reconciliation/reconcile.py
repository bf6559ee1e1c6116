"""Act: take outside files, match their lines with expectations, post the results, and list the breaks.

A file is taken whole or not at all, and once, whatever its name. Matching covers every line that is still open, so the
order in which files arrive does not matter, and the next run completes a run that was killed.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path

from lending.decision.underwrite import Publish
from lending.servicing.record_events import KeptLedger, TermsOf
from lending.servicing.store import Plans
from payments.break_class import BreakClass
from payments.breaks import Break
from payments.collection.ask_provider import Asking
from payments.each_alone import each_alone, reason_of
from payments.merchants.payouts import Payouts
from payments.rail_profile import RailProfile
from payments.reconciliation.bookings_from_matches import a_break, missing
from payments.reconciliation.expect_dues import expect_dues
from payments.reconciliation.postgres import PostgresReconciliation
from payments.reconciliation.settle_lines import settle_lines
from payments.reconciliation.statements.postgres_bank_proof import unexplained
from payments.reconciliation.take_files import TakenFiles, take_files
from payments.reconciliation.units import Settled, many_values, sets_of
from payments.refunds.refund_payments import RefundPayments
from payments.rules.expectation_state import ExpectationState, Move
from payments.settings import DEFAULT_MAX_FILE_BYTES
from terminal.clock import must_have_begun


@dataclass(frozen=True, slots=True)
class Listed:
    """A break, formatted for a person to read."""

    break_id: str
    break_class: str
    line_id: str | None
    expectation_id: str | None
    amount: str | None
    reason: str
    owner: str
    opened_on: date


@dataclass(frozen=True, slots=True)
class ReconcileReport:
    """The result of one run. `lines` is the number of rows in the files taken; each row is matched or listed.

    `breaks`: the new breaks of this run, by class. `found_late`: expectations met after their due-by day. `waiting`:
    the number of units that could not be booked; each is a break with its reason, and the next run tries it again.
    `banks_unequal`: bank accounts, by currency, whose newest statement the books and the open items do not explain.
    """

    as_of: date
    files_taken: tuple[str, ...]
    files_taken_before: tuple[str, ...]
    files_refused: tuple[str, ...]
    lines: int
    matched_by_id: int
    matched_by_rule: int
    unmatched: int
    found_late: tuple[str, ...]
    breaks: Mapping[str, int]
    open_expectations: int
    listed: tuple[Listed, ...]
    entries: int
    waiting: int
    banks_unequal: int


def reconcile(
    files: Sequence[Path],
    *,
    asking: Asking,
    plans: Plans,
    ledger: KeptLedger,
    reconciliation: PostgresReconciliation,
    payouts: Payouts,
    refunds: RefundPayments,
    publish: Publish,
    terms: TermsOf,
    profile: RailProfile,
    at: datetime,
    as_of: date | None = None,
    refuse_loudly: bool = True,
    max_bytes: int = DEFAULT_MAX_FILE_BYTES,
    tick: Callable[[str], None] = lambda _: None,
) -> ReconcileReport:
    """Reconcile these files, and every line that earlier runs left open.

    An expectation due before `as_of` is missing; by default `as_of` is the latest day of any line taken. A damaged file
    raises FileFault with `refuse_loudly`; otherwise it is listed as a break and the other files are taken.
    Raises NotYetBegun for an `as_of` after the day of `at`: nothing is missing yet that may still come.
    """
    if as_of is not None:
        must_have_begun(as_of, at)
    new: Counter[BreakClass] = Counter()
    with many_values():
        taken = take_files(
            files,
            attempts=asking.attempts,
            refunds=refunds,
            reconciliation=reconciliation,
            publish=publish,
            profile=profile,
            transaction=asking.transaction,
            at=at,
            refuse_loudly=refuse_loudly,
            max_bytes=max_bytes,
            tick=tick,
        )
    new.update(taken.breaks)
    with many_values(), asking.transaction():
        reconciliation.lock()
        reconciliation.keep_sources(profile.sources)
        last = reconciliation.last_day()
        day = as_of or last or at.date()
        tick("matching")
        reconciliation.age_breaks(day, profile)
        settle = partial(
            settle_lines,
            attempts=asking.attempts,
            plans=plans,
            ledger=ledger,
            reconciliation=reconciliation,
            payouts=payouts,
            refunds=refunds,
            terms=terms,
            policy=asking.policy,
            profile=profile,
            apply=asking.apply,
        )
        expect_dues(plans, reconciliation)
        settled, waiting = Settled(), 0
        for some in sets_of(reconciliation.open_units()):
            found, failed = each_alone(some, lambda units: Settled.of(settle(units, at, day)), asking.transaction)
            for part in found:
                settled.add(part)
            for unit, error in failed:
                settled.breaks.extend(_not_booked(unit, error, reconciliation, profile))
            waiting += len(failed)
        new.update(reconciliation.raise_breaks(settled.breaks))
        overdue = [missing(each, profile) for each in reconciliation.overdue(day)]
        new.update(reconciliation.raise_breaks(overdue))
        reconciliation.move_expectations([_missing(each) for each in overdue], day)
        unequal = []
        for proof in reconciliation.bank_proofs(profile):
            if proof.difference.minor:
                unequal.append(unexplained(proof, profile))
            else:
                reconciliation.close_breaks_of(proof.about, day, "statement and books agree")
        new.update(reconciliation.raise_breaks(unequal))
        open_count = reconciliation.count_open(min(day, last or day))
    return _report(day, taken, settled, new, [*overdue, *unequal], open_count, waiting, len(unequal))


def _missing(broken: Break) -> Move:
    assert broken.expected is not None, f"{broken.break_id} is about what was expected"
    return Move(broken.expected, ExpectationState.MISSING, broken.break_class.value, broken.reason)


def _not_booked(
    unit: str, error: Exception, reconciliation: PostgresReconciliation, profile: RailProfile
) -> Iterator[Break]:
    """E11: each line of a unit that cannot be booked waits, with the reason."""
    reason = f"cannot be booked: {reason_of(error)}"
    for line in reconciliation.lines_of_units([unit]):
        yield a_break(line, BreakClass.STATUS_CONFLICT, reason, profile)


def _report(  # noqa: PLR0917 - the figures of one run, side by side
    day: date,
    taken: TakenFiles,
    settled: Settled,
    new: Counter[BreakClass],
    others: Sequence[Break],
    open_count: int,
    waiting: int,
    banks_unequal: int,
) -> ReconcileReport:
    return ReconcileReport(
        as_of=day,
        files_taken=tuple(taken.names),
        files_taken_before=tuple(taken.before),
        files_refused=tuple(taken.refused),
        lines=taken.lines,
        matched_by_id=settled.by_id + taken.by_file,
        matched_by_rule=settled.by_rule,
        unmatched=sum(1 for broken in settled.breaks if broken.closed_on is None),
        found_late=tuple(map(str, settled.late)),
        breaks={broken.value: count for broken, count in sorted(new.items())},
        open_expectations=open_count,
        listed=tuple(_listed(broken) for broken in (*settled.breaks, *others)),
        entries=settled.entries,
        waiting=waiting,
        banks_unequal=banks_unequal,
    )


def _listed(broken: Break) -> Listed:
    return Listed(
        break_id=broken.break_id,
        break_class=broken.break_class.value,
        line_id=None if broken.line_key is None else broken.line_key.line_id,
        expectation_id=None if broken.expected is None else str(broken.expected),
        amount=None if broken.amount is None else str(broken.amount),
        reason=broken.reason,
        owner=broken.owner,
        opened_on=broken.opened_on,
    )
