"""The rules of posting, shared by every store of the books: how a line changes balances, and when it is refused."""

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from datetime import date

from ledger.account import Balance, Side
from ledger.books.line import RecordedRequest, Target, request_kind_of
from ledger.books.store import Act, Hold, Refusal, RefusalCode, Refused
from ledger.map.flow import Flow
from ledger.money import LARGEST_MINOR, Currency, Money
from ledger.transfer import Transfer

AccountKey = tuple[str, Currency]

LARGE_MINOR = 10**12  # from this amount on, the counters of accounts without a floor are checked against overflow too
CLOSING_FLOW = Flow.PERIOD_CLOSED  # the closing journal may be valued in the period that it closes
_PRECEDENCE = {code: place for place, code in enumerate(RefusalCode)}


@dataclass(slots=True)
class Counters:
    """The four counters of an account, in minor units, while a batch is decided.

    For an account with a floor also its version (how often it was written to) and its credit limit.
    """

    debits_posted: int = 0
    credits_posted: int = 0
    debits_pending: int = 0
    credits_pending: int = 0
    version: int | None = None
    credit_limit: int = 0

    def debit(self, minor: int, *, pending: bool, sides: int = 0) -> None:
        """Debit minor units, posted or held; `sides` is the number of versions by which the account advances."""
        if pending:
            self.debits_pending += minor
        else:
            self.debits_posted += minor
        if self.version is not None:
            self.version += sides

    def credit(self, minor: int, *, pending: bool, sides: int = 0) -> None:
        """Credit minor units, posted or held; `sides` is the number of versions by which the account advances."""
        if pending:
            self.credits_pending += minor
        else:
            self.credits_posted += minor
        if self.version is not None:
            self.version += sides

    def balance(self, currency: Currency) -> Balance:
        return Balance(currency, self.debits_posted, self.credits_posted, self.debits_pending, self.credits_pending)


@dataclass(slots=True)
class BatchState:
    """The state that a batch reads and changes: its accounts, the entries it refers to, and the last closed day.

    Accounts without a floor may be missing while no large amount was ever posted to them, because no decision then
    depends on their balance.
    """

    accounts: MutableMapping[AccountKey, Counters] = field(default_factory=dict)
    targets: MutableMapping[str, Target] = field(default_factory=dict)
    closed_through: date | None = None

    def copy(self) -> "BatchState":
        """An independent copy, to change or to restore."""
        accounts = {key: replace(each) for key, each in self.accounts.items()}
        targets = {key: replace(each, remaining=[*each.remaining]) for key, each in self.targets.items()}
        return BatchState(accounts, targets, self.closed_through)


@dataclass(slots=True)
class Ruling:
    """The decision on a request: account versions per transfer and amounts released of a hold, or a refusal."""

    line: RecordedRequest
    reasons: tuple[Refusal, ...]
    versions: list[tuple[int | None, int | None]]
    released: list[tuple[int, int]]

    @property
    def refused(self) -> Refused | None:
        return Refused(self.line.entry_id, self.reasons) if self.reasons else None


def rule_on(line: RecordedRequest, sheet: BatchState) -> Ruling:
    """Apply a request to the sheet, or return every reason to refuse it and leave the sheet unchanged."""
    reasons = _too_late(line, sheet.closed_through)
    target = None if line.refers is None else sheet.targets[line.refers]
    released: list[tuple[int, int]] = []
    if target is not None and line.act is Act.REVERSE:
        irreversible = _irreversible(target)
        if irreversible:  # the effect of a reversal that is not allowed does not matter
            return Ruling(line, (*reasons, *irreversible), [], [])
    elif target is not None:
        released, found = _released(line, target)
        reasons += found
    if line.corrects is not None and sheet.targets[line.corrects].reversed_by is None:
        reasons.append(Refusal(RefusalCode.NOT_REVERSED, line.corrects, "not reversed, so there is nothing to correct"))
    versions = _apply(line, target, released, sheet.accounts, 1)
    reasons += _broken_limits(line, sheet.accounts)
    if reasons:
        _apply(line, target, released, sheet.accounts, -1)
        return Ruling(line, tuple(sorted(reasons, key=lambda each: _PRECEDENCE[each.code])), [], [])
    if target is not None:
        for number, minor in released:
            target.remaining[number - 1] -= minor
        if line.act is Act.VOID:
            target.voided = True
        if line.act is Act.REVERSE:
            target.reversed_by = line.entry_id
    return Ruling(line, (), versions, released)


def resolved(hold: Hold) -> Refused:
    """The refusal of a void whose hold has nothing left."""
    return Refused(hold.hold_id, (_resolved(hold.hold_id, voided=hold.voided),))


def accounts(transfers: Iterable[Transfer]) -> set[AccountKey]:
    """Every account that these transfers touch."""
    return {(name, each.amount.currency) for each in transfers for name in (each.debit, each.credit)}


def _too_late(line: RecordedRequest, closed: date | None) -> list[Refusal]:
    if closed is None or line.value_date > closed or line.flow == CLOSING_FLOW or line.act is Act.VOID:
        return []
    detail = f"{line.value_date} is in a period closed through {closed}"
    return [Refusal(RefusalCode.CLOSED_PERIOD, line.entry_id, detail)]


def _irreversible(target: Target) -> list[Refusal]:
    entry_id = target.journal.entry_id
    if target.entry.act is Act.HOLD:
        return [Refusal(RefusalCode.NOT_REVERSIBLE, entry_id, "a hold is voided, not reversed")]
    if target.entry.act is Act.REVERSE:
        detail = "a reversal cannot be reversed; post the entry again"
        return [Refusal(RefusalCode.NOT_REVERSIBLE, entry_id, detail)]
    if target.reversed_by is not None:
        return [Refusal(RefusalCode.ALREADY_REVERSED, entry_id, f"by {target.reversed_by}")]
    return []


def _released(line: RecordedRequest, target: Target) -> tuple[list[tuple[int, int]], list[Refusal]]:
    """The amount released of each held transfer, and the reasons to refuse.

    A void releases everything. A posting releases what it moves between the same two accounts.
    """
    hold_id = target.journal.entry_id
    if not any(target.remaining):
        return [], [_resolved(hold_id, voided=target.voided)]
    if line.act is Act.VOID:
        return [(number, left) for number, left in enumerate(target.remaining, 1) if left], []
    reasons: list[Refusal] = []
    expires_at = target.entry.expires_at
    if expires_at is not None and line.recorded_at >= expires_at:
        reasons.append(Refusal(RefusalCode.HOLD_EXPIRED, hold_id, f"it expired at {expires_at.isoformat()}"))
    wanted: dict[tuple[str, str, Currency], int] = {}
    for transfer in line.transfers:
        wanted[_pair(transfer)] = wanted.get(_pair(transfer), 0) + transfer.amount.minor
    released = []
    for number, (transfer, left) in enumerate(zip(target.journal.transfers, target.remaining, strict=True), 1):
        taken = min(left, wanted.get(_pair(transfer), 0))
        wanted[_pair(transfer)] = wanted.get(_pair(transfer), 0) - taken
        if taken:
            released.append((number, taken))
    if not released:
        reasons.append(Refusal(RefusalCode.NOT_HELD, hold_id, "the journal posts none of what is held"))
    for transfer in {_pair(each): each for each in target.journal.transfers}.values():
        if wanted[_pair(transfer)] > 0:
            excess = Money(wanted[_pair(transfer)], transfer.amount.currency)
            detail = f"debit {transfer.debit}, credit {transfer.credit}: {excess} more than remains of it"
            reasons.append(Refusal(RefusalCode.MORE_THAN_HELD, hold_id, detail))
    return released, reasons


def _resolved(hold_id: str, *, voided: bool) -> Refusal:
    return Refusal(RefusalCode.HOLD_RESOLVED, hold_id, "voided" if voided else "posted in full")


def _apply(
    line: RecordedRequest,
    target: Target | None,
    released: Iterable[tuple[int, int]],
    counters: Mapping[AccountKey, Counters],
    sign: int,
) -> list[tuple[int | None, int | None]]:
    """Move a line's amounts, or with `sign=-1` undo it; returns the versions given to each transfer's two accounts."""
    versions = []
    pending = line.act is Act.HOLD
    for transfer in line.transfers:
        currency, minor = transfer.amount.currency, sign * transfer.amount.minor
        debit, credit = counters.get((transfer.debit, currency)), counters.get((transfer.credit, currency))
        if debit is not None:
            debit.debit(minor, pending=pending, sides=sign)
        if credit is not None:
            credit.credit(minor, pending=pending, sides=sign)
        versions.append((None if debit is None else debit.version, None if credit is None else credit.version))
    if target is not None:
        _release(target, released, counters, sign)
    return versions


def _release(
    target: Target, released: Iterable[tuple[int, int]], counters: Mapping[AccountKey, Counters], sign: int
) -> None:
    """Subtract the released amounts of a hold from the pending counters."""
    for number, minor in released:
        transfer = target.journal.transfers[number - 1]
        debit = counters.get((transfer.debit, transfer.amount.currency))
        if debit is not None:
            debit.debit(-sign * minor, pending=True)
        credit = counters.get((transfer.credit, transfer.amount.currency))
        if credit is not None:
            credit.credit(-sign * minor, pending=True)


def _broken_limits(line: RecordedRequest, counters: Mapping[AccountKey, Counters]) -> list[Refusal]:
    broken: dict[tuple[Currency, str], Refusal] = {}
    for transfer in line.transfers:
        currency = transfer.amount.currency
        for account in (transfer.debit, transfer.credit):
            found = counters.get((account, currency))
            if found is not None:
                refusal = _broken_limit(account, currency, found)
                if refusal is not None:
                    broken[currency, account] = refusal
    return [broken[key] for key in sorted(broken)] if broken else []


def _broken_limit(account: str, currency: Currency, found: Counters) -> Refusal | None:
    if max(found.debits_posted, found.credits_posted, found.debits_pending, found.credits_pending) > LARGEST_MINOR:
        return Refusal(RefusalCode.TOO_LARGE, account, f"a counter in {currency} would pass 64 bits")
    if found.version is None:
        return None
    if request_kind_of(account).normal is Side.DEBIT:
        free = found.debits_posted - found.credits_posted - found.credits_pending
    else:
        free = found.credits_posted - found.debits_posted - found.debits_pending
    if free >= -found.credit_limit:
        return None
    detail = f"would fall to {Money(max(free, -LARGEST_MINOR), currency)}, holds counted"
    if found.credit_limit == 0:
        return Refusal(RefusalCode.BELOW_ZERO, account, detail)
    detail += f"; its credit limit is {Money(found.credit_limit, currency)}"
    return Refusal(RefusalCode.BEYOND_CREDIT_LIMIT, account, detail)


def _pair(transfer: Transfer) -> tuple[str, str, Currency]:
    return transfer.debit, transfer.credit, transfer.amount.currency
