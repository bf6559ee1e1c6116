"""Act: take outside files, each whole or not at all, and once, whatever its name."""

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from pathlib import Path

from data_contracts import catalog
from data_contracts.files import FileFault
from ledger.books.store import Conflict
from lending.decision.underwrite import Publish
from payments.break_class import BreakClass
from payments.breaks import Break, break_of_unit
from payments.collection.attempts import Attempts
from payments.each_alone import reason_of
from payments.files.bank_report import looks_like_json, looks_like_the_worlds, read_bank_report
from payments.files.bank_statement import COLUMNS as STATEMENT_COLUMNS
from payments.files.bank_statement import StatementFault, read_bank_statement
from payments.files.control_file import FileContent, last_begun_day
from payments.files.line import FileLine, LineConflict, ParsedFile
from payments.files.provider_report import read_provider_report
from payments.files.provider_settlement import COLUMNS as SETTLEMENT_COLUMNS
from payments.files.provider_settlement import SETTLEMENT, read_provider_settlement
from payments.files.repayment_lines import CONTRACT as REPAYMENTS
from payments.files.repayment_lines import read_repayment_lines
from payments.files.schema_drift import SchemaDrift, check_header
from payments.line_key import BY_THE_SUM
from payments.rail_profile import RailProfile
from payments.reconciliation.bookings_from_matches import a_break, repaired
from payments.reconciliation.payouts.expect_payouts import differences_in_file, expected_by_file
from payments.reconciliation.postgres import PostgresReconciliation
from payments.reconciliation.postgres_line_rows import ReceivedLines, RepeatedLine
from payments.reconciliation.settlement_facts import attempt_of, settlement_facts
from payments.reconciliation.statements.follow_statement import follow_statement
from payments.refunds.refund_payments import RefundPayments
from payments.settings import DEFAULT_MAX_FILE_BYTES
from payments.transaction import Transaction

_LONGEST_HEADER = 4096
_FORMS = {
    "provider's settlement": SETTLEMENT_COLUMNS,
    "bank statement": STATEMENT_COLUMNS,
    "file of repayments": tuple(column.name for column in catalog.contract(REPAYMENTS).columns),
}


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
    refunds: RefundPayments,
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
                    refunds=refunds,
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
                listed = _refused(path, fault, at, profile, max_bytes)
                taken.breaks.update(reconciliation.raise_breaks([listed]))
            taken.refused.append(fault.user_message)
    return taken


def _take(
    path: Path,
    at: datetime,
    taken: TakenFiles,
    *,
    attempts: Attempts,
    refunds: RefundPayments,
    reconciliation: PostgresReconciliation,
    publish: Publish,
    profile: RailProfile,
    max_bytes: int,
) -> None:
    """Take one file whole, in the caller's transaction. Raises FileFault. The same bytes under a new name are E5."""
    content = FileContent.of(path, latest=last_begun_day(at), max_bytes=max_bytes)
    parsed = _read(content, profile, max_bytes, attempts=attempts, refunds=refunds)
    received = reconciliation.receive_lines(parsed.lines, dated_by_last=parsed.dated_by_last)
    content.check_unchanged()
    if not reconciliation.take_file(content, parsed.kind, received.rows, at):
        again_file = _delivered_again(content, received, reconciliation.names_of(content.digest), profile)
        taken.before.append(path.name)
        taken.breaks.update(reconciliation.raise_breaks(again_file))
        return
    _refuse_cash_told_before(content, parsed.kind, reconciliation, profile.push_bank)
    try:
        again = reconciliation.add_received(content.digest, received.rows)
    except LineConflict as conflict:
        raise FileFault(path, 0, conflict.field, str(conflict)) from conflict
    except RepeatedLine as repeated:
        raise FileFault(path, repeated.rows[1], "line_id", str(repeated)) from repeated
    for head in parsed.statements:
        source = profile.sources.of_account(head.bank_account)
        follow_statement(content, head, source, reconciliation.statements)
    for about in (content.digest, ascii(path.name)):  # as `_refused` names it
        reconciliation.close_break(f"file:{about}", at.date(), "taken")
    breaks: Counter[BreakClass] = Counter()
    if again == received.rows and received.last_day is not None:  # one break, not one for each row
        breaks.update(reconciliation.raise_breaks([_all_told_again(content, received, received.last_day, profile)]))
    for lines in reconciliation.received_lines(content.digest, new=False) if again else ():
        _expect(lines, content, profile, reconciliation)
        if again < received.rows:
            breaks.update(reconciliation.raise_breaks([_told_again(line, content, profile) for line in lines]))
    by_file = 0
    for new in reconciliation.received_lines(content.digest, new=True) if parsed.kind == SETTLEMENT else ():
        _expect(new, content, profile, reconciliation)
        breaks.update(reconciliation.raise_breaks(differences_in_file(new, profile)))
        plans = attempts.plans_of([attempt_id for line in new if (attempt_id := attempt_of(line))])
        publish(settlement_facts(new, plans, profile.card.provider, at))
        by_file += sum(1 for line in new if line.kind in BY_THE_SUM)
    taken.names.append(path.name)
    taken.lines += received.rows - again
    taken.by_file += by_file
    taken.breaks.update(breaks)


def _refuse_cash_told_before(
    content: FileContent, kind: str, reconciliation: PostgresReconciliation, push_bank: str
) -> None:
    """Refuse a file of transfers of days that a statement of their account has told, and the other way round.

    Both show the same money, which would enter the bank twice.
    """
    reason = "of {day} is told by {others} already: the same money would be booked twice"
    for currency, on in reconciliation.received_cash_days(push_bank).items():
        if kind == "repayment_lines":
            day = reconciliation.day_told_by_statement(push_bank, currency, on)
            others = f"statements of {push_bank}"
        else:
            day, others = reconciliation.day_told_by_transfers(currency, min(on), max(on)), "files of transfers"
        if day is not None:
            said = f"money in {currency} {reason.format(day=day, others=others)}"
            raise FileFault(content.path, 0, "booked_on", said)


def _read(
    content: FileContent, profile: RailProfile, max_bytes: int, *, attempts: Attempts, refunds: RefundPayments
) -> ParsedFile:
    """Read a file with the reader that its content calls for, whatever its name."""
    begin = content.begin(_LONGEST_HEADER)
    if looks_like_json(begin):
        charged = partial(attempts.by_references, profile.card.provider)
        return read_provider_report(content, max_bytes, charged, refunds.by_references)
    if looks_like_the_worlds(begin):
        return read_bank_report(content, profile.account_numbers, max_bytes)
    first = begin.decode("utf-8-sig", "replace").splitlines()[:1]
    header = next(csv.reader(first), [])
    check_header(content.path, header, _FORMS)
    if header == list(SETTLEMENT_COLUMNS):
        return read_provider_settlement(content)
    if header == list(STATEMENT_COLUMNS):
        return read_bank_statement(content)
    return read_repayment_lines(content)


def _expect(
    lines: Sequence[FileLine], content: FileContent, profile: RailProfile, reconciliation: PostgresReconciliation
) -> None:
    """Expect what these rows of a provider make the bank, or the provider itself, show."""
    try:
        reconciliation.expect(expected_by_file(lines, content.path.name, profile))
    except Conflict as conflict:
        raise FileFault(content.path, 0, conflict.field, str(conflict)) from conflict


def _delivered_again(
    content: FileContent, received: ReceivedLines, names: Sequence[str], profile: RailProfile
) -> list[Break]:
    """E5: the same bytes under another name. The same bytes under the same name are no break."""
    day = received.last_day
    if content.path.name == names[0] or day is None:
        return []
    treatment = profile.treatments[BreakClass.DUPLICATE_ROW]
    return [
        Break(
            break_id=f"file:{content.digest}:{content.path.name}",
            break_class=BreakClass.DUPLICATE_ROW,
            reason=f"{content.path.name} has the bytes of {names[0]}: {received.rows} rows counted, none posted",
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


def _all_told_again(content: FileContent, received: ReceivedLines, last: date, profile: RailProfile) -> Break:
    """E5: a file in which earlier files contained every row."""
    reason = f"{content.path.name}: all {received.rows} rows were told before; not posted"
    broken = break_of_unit(f"rows:{content.digest}", BreakClass.DUPLICATE_ROW, reason, last, profile)
    return repaired(broken, last, "not posted")


def _refused(path: Path, fault: FileFault, at: datetime, profile: RailProfile, max_bytes: int) -> Break:
    """E22, E23 or E26: the file is not taken, and the break stays open until the file arrives as it should be."""
    broken = BreakClass.FILE_FAULT
    if isinstance(fault, StatementFault):
        broken = BreakClass.STATEMENT_BALANCE
    elif isinstance(fault, SchemaDrift):
        broken = BreakClass.SCHEMA_DRIFT
    treatment = profile.treatments[broken]
    try:
        digest = FileContent.of(path, max_bytes=max_bytes).digest
    except FileFault:  # one that cannot be read, or is too large to be read only for its hash
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
