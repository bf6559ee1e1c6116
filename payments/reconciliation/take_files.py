"""Act: take outside files, each whole or not at all, and once, whatever its name."""

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path

from data_contracts.files import FileFault
from ledger.books.store import Conflict
from lending.decision.underwrite import Publish
from payments.break_class import BreakClass
from payments.breaks import Break, break_of_unit
from payments.collection.attempts import Attempts
from payments.each_alone import reason_of
from payments.files.bank_report import looks_like_the_worlds, read_bank_report
from payments.files.bank_statement import COLUMNS as STATEMENT_COLUMNS
from payments.files.bank_statement import StatementFault, read_bank_statement
from payments.files.control_file import FileContent, last_begun_day
from payments.files.line import FileLine, LineConflict, ParsedFile
from payments.files.provider_settlement import COLUMNS as SETTLEMENT_COLUMNS
from payments.files.provider_settlement import SETTLEMENT, read_provider_settlement
from payments.files.repayment_lines import read_repayment_lines
from payments.line_key import BY_THE_SUM, LineKind
from payments.rail_profile import RailProfile
from payments.reconciliation.bookings_from_matches import a_break, repaired
from payments.reconciliation.payouts.expect_payouts import differences_in_file, expected_by_file
from payments.reconciliation.postgres import PostgresReconciliation
from payments.reconciliation.settlement_facts import attempt_of, settlement_facts
from payments.reconciliation.statements.follow_statement import follow_statement
from payments.settings import DEFAULT_MAX_FILE_BYTES
from payments.transaction import Transaction

_LONGEST_HEADER = 4096


@dataclass(slots=True)
class TakenFiles:
    """The names of files taken now, taken before, and refused with the reason; and the number of new rows.

    `by_file` is the number of those rows that the sum of their file accounts for: of fees and payouts.
    """

    names: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    lines: int = 0
    by_file: int = 0
    breaks: Counter[BreakClass] = field(default_factory=Counter)


def take_files(
    files: Sequence[Path],
    *,
    attempts: Attempts,
    reconciliation: PostgresReconciliation,
    publish: Publish,
    profile: RailProfile,
    transaction: Transaction,
    at: datetime,
    refuse_loudly: bool,
    max_bytes: int = DEFAULT_MAX_FILE_BYTES,
    tick: Callable[[str], None] = lambda _: None,
) -> TakenFiles:
    """Take files one by one, each in its own database transaction.

    A damaged file raises FileFault with `refuse_loudly`; otherwise it is listed as a break and the others are taken.
    """
    taken = TakenFiles()
    for path in files:
        tick(path.name)
        try:
            with transaction():
                _take(
                    path,
                    at,
                    taken,
                    attempts=attempts,
                    reconciliation=reconciliation,
                    publish=publish,
                    profile=profile,
                    max_bytes=max_bytes,
                )
        except Exception as error:  # whatever the reason: the other files are taken, unless the database itself is gone
            fault = error if isinstance(error, FileFault) else FileFault(path, 0, "(file)", reason_of(error))
            if refuse_loudly:
                raise fault from error
            with transaction():
                listed = _refused(path, fault, at, profile)
                taken.breaks.update(reconciliation.raise_breaks([listed]))
            taken.refused.append(fault.user_message)
    return taken


def _take(
    path: Path,
    at: datetime,
    taken: TakenFiles,
    *,
    attempts: Attempts,
    reconciliation: PostgresReconciliation,
    publish: Publish,
    profile: RailProfile,
    max_bytes: int,
) -> None:
    """Take one file whole, in the caller's transaction. Raises FileFault. The same bytes under a new name are E5."""
    content = FileContent.of(path, latest=last_begun_day(at), max_bytes=max_bytes)
    parsed = _read(content, profile, max_bytes)
    if not reconciliation.take_file(content, parsed.kind, len(parsed.lines), at):
        again_file = _delivered_again(content, parsed, reconciliation.names_of(content.digest), profile)
        taken.before.append(path.name)
        taken.breaks.update(reconciliation.raise_breaks(again_file))
        return
    _refuse_cash_told_before(content, parsed, reconciliation, profile.push_bank)
    try:
        again = set(reconciliation.add_lines(content.digest, parsed.lines))
    except LineConflict as conflict:
        raise FileFault(path, 0, conflict.field, str(conflict)) from conflict
    for head in parsed.statements:
        source = profile.sources.of_account(head.bank_account)
        follow_statement(content, head, source, reconciliation.statements)
    try:
        reconciliation.expect(expected_by_file(parsed.lines, content.path.name, profile))
    except Conflict as conflict:
        raise FileFault(path, 0, conflict.field, str(conflict)) from conflict
    reconciliation.close_break(f"file:{content.digest}", at.date(), "taken")
    told_again = [_told_again(line, content, profile) for line in parsed.lines if line.line_key in again]
    if again and len(told_again) == len(parsed.lines):  # another file of the same rows: one break, not one for each
        told_again = [_all_told_again(parsed.lines, content, profile)]
    new = [line for line in parsed.lines if line.line_key not in again]
    breaks = reconciliation.raise_breaks([*told_again, *differences_in_file(new, profile)])
    if parsed.kind == SETTLEMENT:
        plans = attempts.plans_of([attempt_id for line in new if (attempt_id := attempt_of(line))])
        publish(settlement_facts(new, plans, profile.card.provider, at))
    taken.breaks.update(breaks)
    taken.names.append(path.name)
    taken.lines += len(new)
    taken.by_file += sum(1 for line in new if line.kind in BY_THE_SUM)


def _refuse_cash_told_before(
    content: FileContent, parsed: ParsedFile, reconciliation: PostgresReconciliation, push_bank: str
) -> None:
    """Refuse a file of transfers of days that a statement of their account has told, and the other way round.

    Both show the same money, which would enter the bank twice.
    """
    reason = "of {day} is told by {others} already: the same money would be booked twice"
    days: dict[str, set[date]] = defaultdict(set)
    for line in parsed.lines:
        if line.kind is LineKind.REPAYMENT or line.bank_account == push_bank:
            days[line.amount.currency.value].add(line.booked_on)
    for currency, on in days.items():
        if parsed.kind == "repayment_lines":
            day = reconciliation.day_told_by_statement(push_bank, currency, on)
            others = f"statements of {push_bank}"
        else:
            day, others = reconciliation.day_told_by_transfers(currency, min(on), max(on)), "files of transfers"
        if day is not None:
            said = f"money in {currency} {reason.format(day=day, others=others)}"
            raise FileFault(content.path, 0, "booked_on", said)


def _read(content: FileContent, profile: RailProfile, max_bytes: int) -> ParsedFile:
    """Read a file with the reader that its content calls for, whatever its name."""
    if looks_like_the_worlds(content.raw):
        return read_bank_report(content, profile.account_numbers, max_bytes)
    first = content.raw[:_LONGEST_HEADER].decode("utf-8-sig", "replace").splitlines()[:1]
    header = next(csv.reader(first), [])
    if header == list(SETTLEMENT_COLUMNS):
        return read_provider_settlement(content)
    if header == list(STATEMENT_COLUMNS):
        return read_bank_statement(content)
    return read_repayment_lines(content)


def _delivered_again(
    content: FileContent, parsed: ParsedFile, names: Sequence[str], profile: RailProfile
) -> list[Break]:
    """E5: the same bytes under another name. The same bytes under the same name are no break."""
    if content.path.name == names[0] or not parsed.lines:
        return []
    treatment = profile.treatments[BreakClass.DUPLICATE_ROW]
    day = max(line.reported_on for line in parsed.lines)
    return [
        Break(
            break_id=f"file:{content.digest}:{content.path.name}",
            break_class=BreakClass.DUPLICATE_ROW,
            reason=f"{content.path.name} has the bytes of {names[0]}: {len(parsed.lines)} rows counted, none posted",
            owner=treatment.owner,
            severity=treatment.severity,
            opened_on=day,
            due_by=treatment.due_by(day),
            closed_on=day,
            closed_by="not posted",
        )
    ]


def _told_again(line: FileLine, content: FileContent, profile: RailProfile) -> Break:
    """E5: a row that an earlier file already contained."""
    broken = a_break(line, BreakClass.DUPLICATE_ROW, f"told again by {content.path.name}; not posted", profile)
    broken = replace(broken, break_id=f"row:{content.digest}:{line.line_key}")
    return repaired(broken, line.reported_on, "not posted")


def _all_told_again(lines: Sequence[FileLine], content: FileContent, profile: RailProfile) -> Break:
    """E5: a file in which earlier files contained every row."""
    last = max(lines, key=lambda line: line.reported_on)
    reason = f"{content.path.name}: all {len(lines)} rows were told before; not posted"
    broken = break_of_unit(f"rows:{content.digest}", BreakClass.DUPLICATE_ROW, reason, last.reported_on, profile)
    return repaired(broken, last.reported_on, "not posted")


def _refused(path: Path, fault: FileFault, at: datetime, profile: RailProfile) -> Break:
    """E22 or E26: the file is not taken, and the break stays open until the file arrives undamaged."""
    broken = BreakClass.STATEMENT_BALANCE if isinstance(fault, StatementFault) else BreakClass.FILE_FAULT
    treatment = profile.treatments[broken]
    try:
        digest = FileContent.of(path).digest
    except FileFault:
        digest = ascii(path.name)
    return Break(
        break_id=f"file:{digest}",
        break_class=broken,
        reason=fault.user_message,
        owner=treatment.owner,
        severity=treatment.severity,
        opened_on=at.date(),
        due_by=treatment.due_by(at.date()),
    )
