"""Act: put a statement in the row of its account's statements, by the numbering of its source and by its balances."""

from data_contracts.files import FileFault
from payments.files.bank_statement import StatementFault
from payments.files.control_file import FileContent
from payments.files.line import StatementHead
from payments.reconciliation.statements.postgres_statements import KeptStatement, PostgresStatements
from payments.rules.source import FileSource


def follow_statement(
    content: FileContent, head: StatementHead, source: FileSource, statements: PostgresStatements
) -> None:
    """Keep a statement behind the newest one, or before the first, whatever number that has.

    Raises FileFault for a number that does not follow, and StatementFault for an opening balance that does not.
    """
    last = statements.last(head.bank_account, head.currency)
    if last is None:
        _begin(content, head, source, statements)
        return
    if head.number is None:  # the balances alone say what follows what
        gap, number = 0, last.number + 1
    else:
        followed = source.follows(head.number, head.closed_on, last.number, last.closed_on)
        if followed is None or not _accounted_for(followed, source, statements):
            if _comes_before(content, head, source, statements):
                return
            raise FileFault(content.path, 2, "statement", f"out of sequence: {head.number} came after {last.number}")
        gap, number = followed, head.number
    _check_balance(content, opening=head.opening_minor, closing=last.closing_minor)
    statements.add(content.digest, head, number, last.place + 1, gap)


def _begin(content: FileContent, head: StatementHead, source: FileSource, statements: PostgresStatements) -> None:
    if head.number is not None and source.first_number is not None and head.number != source.first_number:
        reason = f"out of sequence: {head.number} is the first to come, and not {source.first_number}"
        raise FileFault(content.path, 2, "statement", reason)
    statements.add(content.digest, head, 1 if head.number is None else head.number, 1, 0)


def _comes_before(
    content: FileContent, head: StatementHead, source: FileSource, statements: PostgresStatements
) -> bool:
    """Keep a statement that leads to the first one that came, where any number may be the first."""
    first: KeptStatement | None = statements.first(head.bank_account, head.currency)
    if first is None or first.opening_minor is None or head.number is None or source.first_number is not None:
        return False
    gap = source.follows(first.number, first.closed_on, head.number, head.closed_on)
    if gap is None or head.closed_on > first.closed_on or not _accounted_for(gap, source, statements):
        return False
    _check_balance(content, opening=first.opening_minor, closing=head.closing_minor)
    statements.add(content.digest, head, head.number, first.place - 1, gap)
    return True


def _accounted_for(gap: int, source: FileSource, statements: PostgresStatements) -> bool:
    """Whether a gap in the numbers is none, or as many statements without movements came."""
    return gap == 0 or (source.empty_statements and statements.empty_left() >= gap)


def _check_balance(content: FileContent, *, opening: int, closing: int) -> None:
    if opening != closing:
        reason = f"opens with {opening}, the statement before closed with {closing}"
        raise StatementFault(content.path, 2, "balance_minor", reason)
