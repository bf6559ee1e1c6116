"""Act: take the outside world's files, each whole or not at all, and once, whatever it is called."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from data_contracts.files import FileFault
from ledger.outbox.outbox import append_all
from payments.break_class import BreakClass
from payments.expectation import Expected, Leg, payout_key
from payments.files.bank_statement import COLUMNS as STATEMENT_COLUMNS
from payments.files.bank_statement import StatementFault, read_bank_statement
from payments.files.control_file import Content
from payments.files.line import FileLine, LineKind, ParsedFile, StatementHead
from payments.files.provider_settlement import COLUMNS as SETTLEMENT_COLUMNS
from payments.files.provider_settlement import SETTLEMENT, read_provider_settlement
from payments.files.repayment_lines import read_repayment_lines
from payments.reconciliation.breaks import Break
from payments.reconciliation.consequences import a_break, repaired
from payments.reconciliation.postgres import LineConflict
from payments.reconciliation.settlement_facts import attempt_of, settlement_facts
from payments.till import Till


@dataclass(frozen=True, slots=True)
class TakenFiles:
    """Names of files that were taken now, taken before, and refused with the reason; the rows that are new."""

    names: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    lines: list[FileLine] = field(default_factory=list)
    breaks: Counter[BreakClass] = field(default_factory=Counter)


def take_files(
    files: Sequence[Path],
    *,
    till: Till,
    at: datetime,
    refuse_loudly: bool,
    tick: Callable[[str], None] = lambda _: None,
) -> TakenFiles:
    """Take files one by one, each in a database transaction of its own.

    A damaged one raises `FileFault` with `refuse_loudly`; else it is listed as a break and the others proceed.
    """
    taken = TakenFiles()
    for path in files:
        tick(path.name)
        try:
            _take(path, till, at, taken)
        except FileFault as fault:
            if refuse_loudly:
                raise
            _refuse(path, fault, till, at, taken)
    return taken


def _take(path: Path, till: Till, at: datetime, taken: TakenFiles) -> None:
    """Take one file whole, in a transaction of its own. Raises `FileFault`; the same bytes again are E5."""
    content = Content.of(path)
    parsed = _read(content)
    with till.database.transaction():
        if not till.expectations.take_file(content, parsed.kind, len(parsed.lines), at):
            taken.before.append(path.name)
            taken.breaks.update(till.expectations.raise_breaks(_delivered_again(content, parsed, till)))
            return
        try:
            again = set(till.expectations.add_lines(content.digest, parsed.lines))
        except LineConflict as conflict:
            raise FileFault(path, 0, conflict.field, str(conflict)) from conflict
        if parsed.statement is not None:
            _follow(content, parsed.statement, till)
        till.expectations.expect(_payouts_expected(parsed.lines, content, till))
        till.expectations.close_break(f"file:{content.digest}", at.date(), "taken")
        told_again = [_told_again(line, content, till) for line in parsed.lines if line.line_key in again]
        taken.breaks.update(till.expectations.raise_breaks(told_again))
        new = [line for line in parsed.lines if line.line_key not in again]
        if parsed.kind == SETTLEMENT:
            plans = till.attempts.plans_of([attempt_id for line in new if (attempt_id := attempt_of(line))])
            append_all(till.database, settlement_facts(new, plans, till.profile.card.provider, at))
    taken.names.append(path.name)
    taken.lines.extend(new)


def _read(content: Content) -> ParsedFile:
    """By the header which file it is."""
    header = content.raw.split(b"\n", 1)[0].decode("utf-8", "replace").strip().split(",")
    if header == list(SETTLEMENT_COLUMNS):
        return read_provider_settlement(content)
    if header == list(STATEMENT_COLUMNS):
        return read_bank_statement(content)
    return read_repayment_lines(content)


def _follow(content: Content, head: StatementHead, till: Till) -> None:
    """A statement follows the one before: by its number, and by the balance it opens with."""
    last = till.expectations.last_statement(head.bank_account, head.currency)
    if last is not None:
        number, closing = last
        if head.number != number + 1:
            raise FileFault(content.path, 2, "statement", f"out of sequence: {head.number} came after {number}")
        if head.opening_minor != closing:
            reason = f"opens with {head.opening_minor}, the statement before closed with {closing}"
            raise StatementFault(content.path, 2, "balance_minor", reason)
    elif head.number != 1:
        raise FileFault(content.path, 2, "statement", f"out of sequence: {head.number} is the first to come")
    till.expectations.add_statement(content.digest, head)


def _payouts_expected(lines: Sequence[FileLine], content: Content, till: Till) -> list[Expected]:
    """What the provider says it sends must come into the bank."""
    return [
        Expected(
            key=payout_key(str(line.payout_id)),
            leg=Leg.PROVIDER_BANK,
            amount=line.amount,
            expected_on=line.booked_on,
            due_by=line.booked_on + timedelta(days=till.profile.payout_days),
            created_by=f"{content.path.name}:{line.line_id}",
        )
        for line in lines
        if line.kind is LineKind.PAYOUT
    ]


def _delivered_again(content: Content, parsed: ParsedFile, till: Till) -> list[Break]:
    """E5: the same bytes under another name; under the same name it is simply the same file."""
    names = till.expectations.names_of(content.digest)
    if content.path.name == names[0] or not parsed.lines:
        return []
    treatment = till.profile.treatments[BreakClass.DUPLICATE_ROW]
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


def _told_again(line: FileLine, content: Content, till: Till) -> Break:
    """E5: a row that an earlier file told already."""
    broken = a_break(line, BreakClass.DUPLICATE_ROW, f"told again by {content.path.name}; not posted", till.profile)
    broken = replace(broken, break_id=f"row:{content.digest}:{line.line_key}")
    return repaired(broken, line.reported_on, "not posted")


def _refuse(path: Path, fault: FileFault, till: Till, at: datetime, taken: TakenFiles) -> None:
    """E22 or E26: the file is left alone, and listed until it comes whole."""
    broken = BreakClass.STATEMENT_BALANCE if isinstance(fault, StatementFault) else BreakClass.FILE_FAULT
    treatment = till.profile.treatments[broken]
    try:
        digest = Content.of(path).digest
    except FileFault:
        digest = path.name
    with till.database.transaction():
        listed = Break(
            break_id=f"file:{digest}",
            break_class=broken,
            reason=fault.user_message,
            owner=treatment.owner,
            severity=treatment.severity,
            opened_on=at.date(),
            due_by=treatment.due_by(at.date()),
        )
        taken.breaks.update(till.expectations.raise_breaks([listed]))
    taken.refused.append(fault.user_message)
