"""The books in memory, for tests and examples; the same rules and answers as in PostgreSQL."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from ledger.account import Balance
from ledger.flows import money_map
from ledger.journal import Journal
from ledger.money import Currency, Money
from ledger.posting import AccountKey, Request, accounts, check_batch, check_posts, difference, judge, release, resolved
from ledger.statement import (
    OpenGroup,
    Posted,
    StatementLine,
    TrialBalance,
    group_totals,
    statement_lines,
    trial_balance_lines,
)
from ledger.store import (
    Act,
    AlreadyRecorded,
    AlreadyVoided,
    Conflict,
    Entry,
    Hold,
    Outcome,
    Recorded,
    Refused,
    UnknownHold,
    Voided,
)
from ledger.transfer import Transfer


@dataclass(frozen=True, slots=True)
class _Known:
    body: Mapping[str, str]
    refused: Refused | None


class MemoryLedger:
    """Ledger and Books for one process and one thread."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._entries: list[Entry] = []
        self._balances: dict[AccountKey, Balance] = {}
        self._holds: dict[str, Hold] = {}

    def post(self, journal: Journal) -> Outcome:
        return self._record(Request(Act.POST, journal))

    def post_all(self, journals: Sequence[Journal]) -> tuple[Outcome, ...]:
        requests = [Request(Act.POST, journal) for journal in journals]
        check_batch(requests)
        for request in requests:  # a batch with a conflict writes none of it
            self._check_known(request)
        return tuple(self._record(request) for request in requests)

    def hold(self, journal: Journal, *, expires_at: datetime | None = None) -> Outcome:
        return self._record(Request(Act.HOLD, journal, expires_at=expires_at))

    def post_hold(self, hold_id: str, journal: Journal) -> Outcome:
        return self._record(Request(Act.POST_HOLD, journal, hold_id=hold_id))

    def void_hold(self, hold_id: str, *, at: datetime, reason: str) -> Voided | AlreadyVoided | Refused:  # noqa: ARG002
        hold = self._hold(hold_id)
        if hold.voided:
            return AlreadyVoided(hold_id)
        if not hold.open:
            return resolved(hold)
        self._balances.update(release(hold, self._balances))
        nothing = tuple(Money.zero(left.currency) for left in hold.remaining)
        self._holds[hold_id] = replace(hold, remaining=nothing, voided=True)
        return Voided(hold_id)

    def balance(self, account: str, currency: Currency) -> Balance:
        money_map().account_type(account)
        return self._balances.get((account, currency), Balance(currency))

    def entries(self, *, correlation: Mapping[str, str]) -> tuple[Entry, ...]:
        wanted = correlation.items()
        return tuple(entry for entry in self._entries if wanted <= entry.journal.correlation.items())

    def find_hold(self, hold_id: str) -> Hold | None:
        return self._holds.get(hold_id)

    def open_holds(self, *, expired_at: datetime | None = None) -> tuple[Hold, ...]:
        holds = [hold for hold in self._holds.values() if hold.open]
        if expired_at is not None:
            holds = [hold for hold in holds if hold.expires_at is not None and hold.expires_at <= expired_at]
        return tuple(sorted(holds, key=lambda hold: (hold.expires_at is None, hold.expires_at, hold.hold_id)))

    def trial_balance(self, as_of: date | None = None) -> TrialBalance:
        nets: dict[AccountKey, int] = {}
        for _, transfer in self._posted(as_of):
            for account, sign in ((transfer.debit, 1), (transfer.credit, -1)):
                key = (account, transfer.amount.currency)
                nets[key] = nets.get(key, 0) + sign * transfer.amount.minor
        return TrialBalance(as_of, trial_balance_lines(nets))

    def statement(self, account: str, currency: Currency, *, as_of: date | None = None) -> tuple[StatementLine, ...]:
        posted = [
            Posted(entry.journal.value_date, entry.journal.entry_id, entry.journal.flow, transfer)
            for entry, transfer in self._posted(as_of)
        ]
        return statement_lines(account, currency, posted)

    def open_groups(self, as_of: date) -> tuple[OpenGroup, ...]:
        posted = [(entry.journal, transfer, transfer.amount.minor, 0) for entry, transfer in self._posted(as_of)]
        held = [
            (hold.journal, transfer, 0, left.minor)
            for hold in self._holds.values()
            for transfer, left in zip(hold.journal.transfers, hold.remaining, strict=True)
            if hold.journal.value_date <= as_of
        ]
        return group_totals(posted + held)

    def _posted(self, as_of: date | None) -> Iterator[tuple[Entry, Transfer]]:
        for entry in self._entries:
            if entry.act is not Act.HOLD and (as_of is None or entry.journal.value_date <= as_of):
                for transfer in entry.journal.transfers:
                    yield entry, transfer

    def _record(self, request: Request) -> Outcome:
        request.admit()
        hold = None if request.hold_id is None else self._hold(request.hold_id)
        if hold is not None:
            check_posts(request, hold)
        known = self._check_known(request)
        if known is not None:
            return known.refused or AlreadyRecorded(request.journal.entry_id)
        touched = request.accounts() | (set() if hold is None else accounts(hold.journal.transfers))
        changes = judge(request, {key: self._balances.get(key, Balance(key[1])) for key in touched}, hold)
        refused = Refused(request.journal.entry_id, changes.reasons) if changes.reasons else None
        self._known[request.journal.entry_id] = _Known(request.body(), refused)
        if refused is not None:
            return refused
        self._balances.update(changes.after)
        self._keep(request, hold, changes.released)
        return Recorded(request.journal.entry_id)

    def _keep(self, request: Request, hold: Hold | None, released: tuple[int, ...]) -> None:
        journal = request.journal
        position = len(self._entries) + 1
        self._entries.append(Entry(position, request.act, journal, request.hold_id, request.expires_at))
        if request.act is Act.HOLD:
            amounts = tuple(transfer.amount for transfer in journal.transfers)
            self._holds[journal.entry_id] = Hold(journal.entry_id, journal, request.expires_at, amounts, voided=False)
        if hold is not None:
            left = zip(hold.remaining, released, strict=True)
            remaining = tuple(Money(amount.minor - minor, amount.currency) for amount, minor in left)
            self._holds[hold.hold_id] = replace(hold, remaining=remaining)

    def _check_known(self, request: Request) -> _Known | None:
        known = self._known.get(request.journal.entry_id)
        field = None if known is None else difference(known.body, request.body())
        if field is not None:
            raise Conflict(request.journal.entry_id, field)
        return known

    def _hold(self, hold_id: str) -> Hold:
        if hold_id not in self._holds:
            raise UnknownHold(hold_id)
        return self._holds[hold_id]
