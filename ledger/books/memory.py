"""The books in memory, for tests and examples, with the same rules and answers as in PostgreSQL."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from ledger.account import Balance
from ledger.books.credit_limit import LimitAnswer, LimitSet, decide_limit, stated
from ledger.books.line import RecordedRequest, Target, check_batch, check_targets, difference, recorded_request_of
from ledger.books.posting import AccountKey, BatchState, Counters, Ruling, accounts, resolved, rule_on
from ledger.books.statement import (
    OpenGroup,
    Posted,
    StatementLine,
    TrialBalance,
    group_totals,
    statement_lines,
    trial_balance_lines,
)
from ledger.books.store import (
    Act,
    AlreadyRecorded,
    AlreadyVoided,
    Answer,
    Asked,
    Conflict,
    Entry,
    Hold,
    Outcome,
    Recorded,
    Refusal,
    RefusalCode,
    Refused,
    Request,
    Reversal,
    Void,
    Voided,
)
from ledger.journal import Journal
from ledger.map.flows import money_map
from ledger.money import Currency, Money
from ledger.transfer import Transfer

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Known:
    body: Mapping[str, str]
    refused: Refused | None


class MemoryLedger:
    """Ledger and Books for one process and one thread."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._sheet = BatchState()
        self._position = 0
        self._known_at: dict[int, datetime] = {}  # when each sealed entry counts as known, by position
        self._watermark = _NEVER

    def post(self, journal: Journal) -> Outcome:
        return self._outcome(Request(Act.POST, journal))

    def post_all(self, journals: Sequence[Journal]) -> tuple[Outcome, ...]:
        answers = self.post_batch([Request(Act.POST, journal) for journal in journals])
        return tuple(answer for answer in answers if not isinstance(answer, Voided | AlreadyVoided))

    def post_batch(self, requests: Sequence[Asked]) -> tuple[Answer, ...]:
        check_batch(requests)
        before = (dict(self._known), self._sheet.copy(), self._position)
        try:
            return tuple(self._record(request) for request in requests)
        except Exception:  # whatever the reason, such as a conflict: a batch is written whole or not at all
            self._known, self._sheet, self._position = before
            raise

    def preview(self, requests: Sequence[Asked]) -> tuple[Answer, ...]:
        before = (dict(self._known), self._sheet.copy(), self._position)
        try:
            return self.post_batch(requests)
        finally:
            self._known, self._sheet, self._position = before

    def hold(self, journal: Journal, *, expires_at: datetime | None = None) -> Outcome:
        return self._outcome(Request(Act.HOLD, journal, expires_at=expires_at))

    def post_hold(self, hold_id: str, journal: Journal) -> Outcome:
        return self._outcome(Request(Act.POST_HOLD, journal, hold_id=hold_id))

    def void_hold(self, hold_id: str, *, at: datetime, reason: str) -> Voided | AlreadyVoided | Refused:
        answer = self._record(Void(hold_id, at, reason))
        assert not isinstance(answer, Recorded | AlreadyRecorded)
        return answer

    def reverse(
        self, entry_id: str, *, value_date: date, occurred_at: datetime, recorded_at: datetime, reason: str
    ) -> Outcome:
        return self._outcome(Reversal(entry_id, value_date, occurred_at, recorded_at, reason))

    def set_credit_limit(self, account: str, limit: Money, *, by: str, reason: str, at: datetime) -> LimitAnswer:
        stated(limit, by, reason, at)
        found = self._sheet.accounts.get((account, limit.currency))
        balance = found.balance(limit.currency) if found is not None and found.version else None
        present = self.credit_limit(account, limit.currency)
        answer = decide_limit(account, limit, present=present, balance=balance)
        if isinstance(answer, LimitSet) and found is not None:
            found.credit_limit = limit.minor
        return answer

    def objections_to_close(self) -> tuple[str, ...]:
        return ()

    def announce_close(self, through: date, *, at: datetime) -> None:  # noqa: ARG002 - the time is not reported
        closed = self._sheet.closed_through
        self._sheet.closed_through = through if closed is None else max(closed, through)

    def wait_for_writers(self) -> bool:
        return True

    def seal(self) -> None:
        """Make every entry so far final: later recordings no longer change answers about the time up to now."""
        for target in self._entries():
            if target.entry.position not in self._known_at:
                self._watermark = max(self._watermark, target.journal.recorded_at)
                self._known_at[target.entry.position] = self._watermark

    def balance(
        self,
        account: str,
        currency: Currency,
        *,
        valued_by: date | None = None,
        recorded_by: datetime | None = None,
    ) -> Balance:
        money_map().account_type(account)
        if valued_by is None and recorded_by is None:
            found = self._sheet.accounts.get((account, currency))
            return Balance(currency) if found is None else found.balance(currency)
        debits = credits_ = 0
        for _, transfer in self._posted(valued_by, recorded_by):
            if transfer.amount.currency is currency:
                debits += transfer.amount.minor if transfer.debit == account else 0
                credits_ += transfer.amount.minor if transfer.credit == account else 0
        return Balance(currency, debits, credits_)

    def credit_limit(self, account: str, currency: Currency) -> Money:
        money_map().account_type(account)
        found = self._sheet.accounts.get((account, currency))
        return Money(0 if found is None else found.credit_limit, currency)

    def currencies(self, account: str) -> tuple[Currency, ...]:
        return tuple(sorted(currency for name, currency in self.balances() if name == account))

    def balances(self) -> Mapping[AccountKey, Balance]:
        found = {key: each.balance(key[1]) for key, each in self._sheet.accounts.items()}
        return {key: balance for key, balance in found.items() if not balance.empty}

    def closed_through(self) -> date | None:
        return self._sheet.closed_through

    def entry(self, entry_id: str) -> Entry | None:
        found = self._sheet.targets.get(entry_id)
        return None if found is None else replace(found.entry, reversed_by=found.reversed_by)

    def entries(self, *, correlation: Mapping[str, str]) -> tuple[Entry, ...]:
        wanted = correlation.items()
        return tuple(
            replace(each.entry, reversed_by=each.reversed_by)
            for each in self._entries()
            if wanted <= each.journal.correlation.items()
        )

    def find_hold(self, hold_id: str) -> Hold | None:
        found = self._sheet.targets.get(hold_id)
        return None if found is None or found.entry.act is not Act.HOLD else found.hold()

    def open_holds(self, *, expired_at: datetime | None = None) -> tuple[Hold, ...]:
        holds = [each.hold() for each in self._entries() if any(each.remaining)]
        if expired_at is not None:
            holds = [hold for hold in holds if hold.expires_at is not None and hold.expires_at <= expired_at]
        return tuple(sorted(holds, key=lambda hold: (hold.expires_at is None, hold.expires_at, hold.hold_id)))

    def trial_balance(
        self, as_of: date | None = None, *, valued_by: date | None = None, recorded_by: datetime | None = None
    ) -> TrialBalance:
        nets: dict[AccountKey, int] = {}
        for _, transfer in self._posted(valued_by or as_of, recorded_by):
            for account, sign in ((transfer.debit, 1), (transfer.credit, -1)):
                key = (account, transfer.amount.currency)
                nets[key] = nets.get(key, 0) + sign * transfer.amount.minor
        return TrialBalance(valued_by or as_of, trial_balance_lines(nets))

    def statement(
        self,
        account: str,
        currency: Currency,
        *,
        as_of: date | None = None,
        valued_by: date | None = None,
        recorded_by: datetime | None = None,
    ) -> tuple[StatementLine, ...]:
        posted = [
            Posted(entry.journal.value_date, entry.journal.entry_id, entry.journal.flow, transfer)
            for entry, transfer in self._posted(valued_by or as_of, recorded_by)
        ]
        return statement_lines(account, currency, posted)

    def open_groups(self, as_of: date) -> tuple[OpenGroup, ...]:
        posted = [(entry.journal, transfer, transfer.amount.minor, 0) for entry, transfer in self._posted(as_of, None)]
        held = [
            (each.journal, transfer, 0, left)
            for each in self._entries()
            for transfer, left in zip(each.journal.transfers, each.remaining, strict=False)
            if each.journal.value_date <= as_of
        ]
        return group_totals(posted + held)

    def _entries(self) -> Iterator[Target]:
        yield from self._sheet.targets.values()

    def _posted(self, valued_by: date | None, recorded_by: datetime | None) -> Iterator[tuple[Entry, Transfer]]:
        for target in self._entries():
            entry = target.entry
            if entry.act is Act.HOLD or (valued_by is not None and entry.journal.value_date > valued_by):
                continue
            if recorded_by is not None and self._when_known(entry) > recorded_by:
                continue
            for transfer in entry.journal.transfers:
                yield entry, transfer

    def _when_known(self, entry: Entry) -> datetime:
        return self._known_at.get(entry.position) or max(entry.journal.recorded_at, self._watermark)

    def _outcome(self, request: Asked) -> Outcome:
        check_batch([request])
        answer = self._record(request)
        assert not isinstance(answer, Voided | AlreadyVoided)
        return answer

    def _record(self, request: Asked) -> Answer:
        check_targets(request, self._sheet.targets)
        line = recorded_request_of(request, self._sheet.targets)
        known = self._check_known(request, line)
        if known is not None:
            return known
        if isinstance(request, Void):
            hold = self._sheet.targets[request.hold_id].hold()
            if not hold.open:
                return resolved(hold)
        for key in accounts(line.transfers):
            if key not in self._sheet.accounts:
                limited = money_map().account_type(key[0]).floor
                self._sheet.accounts[key] = Counters(version=0 if limited else None)
        decision = rule_on(line, self._sheet)
        self._known[line.entry_id] = _Known(line.body(), decision.refused)
        if decision.refused is not None:
            return decision.refused
        self._keep(request, decision)
        return Voided(request.hold_id) if isinstance(request, Void) else Recorded(line.entry_id)

    def _check_known(self, request: Asked, line: RecordedRequest) -> Answer | None:
        known = self._known.get(line.entry_id)
        if known is None:
            return None
        if isinstance(request, Void):
            return AlreadyVoided(request.hold_id)
        field = difference(known.body, line.body())
        if field is None:
            return known.refused or AlreadyRecorded(line.entry_id)
        if isinstance(request, Reversal) and known.refused is None:
            return Refused(
                line.entry_id, (Refusal(RefusalCode.ALREADY_REVERSED, request.reverses, f"by {line.entry_id}"),)
            )
        raise Conflict(line.entry_id, field)

    def _keep(self, request: Asked, decision: Ruling) -> None:
        line = decision.line
        self._position += 1
        if isinstance(request, Void):
            return
        hold_id = line.refers if line.act is Act.POST_HOLD else None
        reverses = line.refers if line.act is Act.REVERSE else None
        entry = Entry(self._position, line.act, line.journal(), hold_id, line.expires_at, reverses)
        remaining = [each.amount.minor for each in line.transfers] if line.act is Act.HOLD else []
        self._sheet.targets[line.entry_id] = Target(entry, remaining)
