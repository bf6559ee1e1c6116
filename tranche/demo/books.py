"""The books at the end of a run: debits and credits by currency, balances by account of the chart, and money moved."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ledger.account import AccountKind
from ledger.account import Balance as Counters
from ledger.books.posting import AccountKey
from ledger.books.store import Act, Entry
from ledger.map.flows import money_map
from payments.reconciliation.open_items import OpenItems
from tranche.report.details import AccountBalance, AccountFlow
from tranche.report.summary import LedgerFigures, OpenGroups, Totals

_PLACEHOLDER = re.compile(r":?\{[a-z_]+\}")
# The name in the books is too long for a chart.
FAULTS_NAMED = 5
_KINDS = {AccountKind.MEMORANDUM: "memo"}


@dataclass(frozen=True, slots=True)
class BookRun:
    """The summary's section on the books, the report's material on them, and the faults found by the verification.

    `by_flow` is the amount that each flow moved in a currency, in minor units, without reversed entries. `others`
    counts what the verification derived again beside the books, such as plans and their events.
    """

    summary: LedgerFigures
    balances: tuple[AccountBalance, ...]
    flows: tuple[AccountFlow, ...]
    faults: tuple[str, ...]
    by_flow: Mapping[tuple[str, str], int]
    others: Mapping[str, int] = field(default_factory=dict)

    @property
    def folded(self) -> str:
        """How many plans were folded again, and how many rows of theirs and of other tables were sealed, in words."""
        plans, events, rows = (self.others.get(name, 0) for name in ("plans", "plan_events", "sealed_rows"))
        return f"{plans:,} plans folded again from their {events:,} events, {rows:,} rows sealed"


def verified_books(database_url: str, books_url: str) -> BookRun:
    """Seal what is final as a process of the books, then verify by deriving again, and read all that was posted."""
    from ledger.books.postgres import PostgresLedger, connect
    from ledger.proof.postgres_audit import connect_for_audit
    from ledger.proof.postgres_seals import PostgresSeals
    from ledger.proof.seal import seal
    from ledger.proof.verify import verify

    with connect(books_url) as connection:
        sealed = seal(PostgresSeals(connection))
    with connect_for_audit(database_url) as audit:
        report = verify(audit)
    with connect(database_url) as connection:
        books = PostgresLedger(connection)
        entries, counters = books.entries(correlation={}), books.balances()
    faults = tuple(f"{each.check}: {each.where}: {each.detail}" for each in report.faults)
    return replace(read_books(entries, counters, faults), others={**report.others, "sealed_rows": sealed.rows})


def with_open_items(books: BookRun, found: OpenItems) -> BookRun:
    """Add the comparison with known open items to the books."""
    faults = tuple(str(each) for each in found.faults[:FAULTS_NAMED])
    left = OpenGroups(found.groups, len(found.explained), len(found.missing), faults)
    return replace(books, summary=replace(books.summary, open=left))


def open_items_of(database_url: str) -> OpenItems:
    """Compare each clearing group that is not zero with open items, in one snapshot."""
    from payments.postgres import snapshot
    from payments.provider.provider import NoProvider
    from payments.reconciliation.postgres_open_items import PostgresOpenItems
    from payments.wiring import adapters_over

    with snapshot(database_url) as connection:
        ports = adapters_over(connection, NoProvider())
        return PostgresOpenItems(connection, ports.profile.card, ports.terms).compared()


def read_books(entries: Iterable[Entry], counters: Mapping[AccountKey, Counters], faults: tuple[str, ...]) -> BookRun:
    """The books as a whole. Debits and credits are summed from the accounts' own counters, not from transfers."""
    posted = posted_entries(entries)
    balances = _balances(counters)
    totals: dict[str, Totals] = {}
    for balance in balances:
        before = totals.get(balance.currency, Totals(0, 0))
        totals[balance.currency] = Totals(
            before.debits_minor + balance.debits_minor, before.credits_minor + balance.credits_minor
        )
    transfers = sum(len(entry.journal.transfers) for entry in posted)
    summary = LedgerFigures(entries=len(posted), transfers=transfers, totals=totals, verified=not faults)
    return BookRun(summary, balances, _flows(posted), faults, _by_flow(posted))


def posted_entries(entries: Iterable[Entry]) -> list[Entry]:
    """The entries that moved money, without holds, which only reserve it."""
    return [entry for entry in entries if entry.act is not Act.HOLD]


def form_of(account: str) -> str:
    """An account's line on the chart, without the names of single plans, shoppers or merchants.

    >>> form_of("plan:p-1:principal"), form_of("bank:main"), form_of("suspense:unapplied")
    ('plan:principal', 'bank', 'suspense:unapplied')
    """
    return _PLACEHOLDER.sub("", money_map().account_type(account).pattern)


def _balances(counters: Mapping[AccountKey, Counters]) -> tuple[AccountBalance, ...]:
    """The sums of the accounts by line of the chart, without accounts on which amounts were only held."""
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for (name, currency), found in sorted(counters.items()):
        if found.debits_posted or found.credits_posted:
            kind = money_map().account_type(name).kind
            line = sums[_KINDS.get(kind, kind.value), form_of(name), currency.value]
            line[0] += found.debits_posted
            line[1] += found.credits_posted
    return tuple(
        AccountBalance(form, kind, currency, debits, credits_)
        for (kind, form, currency), (debits, credits_) in sorted(sums.items())
    )


def _by_flow(posted: Iterable[Entry]) -> dict[tuple[str, str], int]:
    moved: dict[tuple[str, str], int] = defaultdict(int)
    for entry in posted:
        if entry.reversed_by is None:
            for transfer in entry.journal.transfers:
                moved[entry.journal.flow, transfer.amount.currency.value] += transfer.amount.minor
    return moved


def _flows(posted: Sequence[Entry]) -> tuple[AccountFlow, ...]:
    moved: dict[tuple[str, str, str], tuple[int, int, set[str]]] = {}
    for entry in posted:
        for transfer in entry.journal.transfers:
            key = (form_of(transfer.debit), form_of(transfer.credit), transfer.amount.currency.value)
            amount, times, names = moved.get(key, (0, 0, set()))
            moved[key] = (amount + transfer.amount.minor, times + 1, names | {entry.journal.flow})
    return tuple(
        AccountFlow(debit, credit, currency, amount, times, tuple(sorted(names)))
        for (debit, credit, currency), (amount, times, names) in sorted(moved.items())
    )
