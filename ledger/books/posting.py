"""What a line changes in the books and what speaks against it: the rules that every store of the books shares."""

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from datetime import date

from ledger.account import Balance, Side
from ledger.books.line import Line, Target, kind_of
from ledger.books.store import Act, Hold, Refusal, RefusalCode, Refused
from ledger.map.flow import Flow
from ledger.money import LARGEST_MINOR, Currency, Money
from ledger.transfer import Transfer

AccountKey = tuple[str, Currency]

LARGE_MINOR = 10**12  # once an account without a floor has seen such an amount, its counters are watched too
CLOSING_FLOW = Flow.PERIOD_CLOSED  # what closes a period is itself valued in it
_PRECEDENCE = {code: place for place, code in enumerate(RefusalCode)}


@dataclass(slots=True)
class Counters:
    """The four counters of an account while a batch is decided.

    Of one with a floor also how often it was written to, and its credit limit.
    """

    debits_posted: int = 0
    credits_posted: int = 0
    debits_pending: int = 0
    credits_pending: int = 0
    version: int | None = None
    credit_limit: int = 0

    def debit(self, minor: int, *, pending: bool, sides: int = 0) -> None:
        """Debit units, posted or held; `sides` is by how many versions the account moves on."""
        if pending:
            self.debits_pending += minor
        else:
            self.debits_posted += minor
        if self.version is not None:
            self.version += sides

    def credit(self, minor: int, *, pending: bool, sides: int = 0) -> None:
        """Credit units, posted or held; `sides` is by how many versions the account moves on."""
        if pending:
            self.credits_pending += minor
        else:
            self.credits_posted += minor
        if self.version is not None:
            self.version += sides

    def balance(self, currency: Currency) -> Balance:
        return Balance(currency, self.debits_posted, self.credits_posted, self.debits_pending, self.credits_pending)


@dataclass(slots=True)
class Sheet:
    """What a batch reads and changes: the accounts that it touches, the entries that it refers to, the closed date.

    Accounts without a floor may be left out where no amount was ever large: nothing else is decided by theirs.
    """

    accounts: MutableMapping[AccountKey, Counters] = field(default_factory=dict)
    targets: MutableMapping[str, Target] = field(default_factory=dict)
    closed_through: date | None = None

    def copy(self) -> "Sheet":
        """The same, to change or to come back to."""
        accounts = {key: replace(each) for key, each in self.accounts.items()}
        targets = {key: replace(each, remaining=[*each.remaining]) for key, each in self.targets.items()}
        return Sheet(accounts, targets, self.closed_through)


@dataclass(slots=True)
class Decision:
    """What a request does: the versions that its transfers give, what it releases of a hold, or why it is refused."""

    line: Line
    reasons: tuple[Refusal, ...]
    versions: list[tuple[int | None, int | None]]
    released: list[tuple[int, int]]

    @property
    def refused(self) -> Refused | None:
        return Refused(self.line.entry_id, self.reasons) if self.reasons else None


def decide(line: Line, sheet: Sheet) -> Decision:
    """Apply a request to the sheet, or say everything that speaks against it and leave the sheet as it was."""
    reasons = _too_late(line, sheet.closed_through)
    target = None if line.refers is None else sheet.targets[line.refers]
    released: list[tuple[int, int]] = []
    if target is not None and line.act is Act.REVERSE:
        irreversible = _irreversible(target)
        if irreversible:  # what its mirror image would break is of no interest
            return Decision(line, (*reasons, *irreversible), [], [])
    elif target is not None:
        released, found = _released(line, target)
        reasons += found
    if line.corrects is not None and sheet.targets[line.corrects].reversed_by is None:
        reasons.append(Refusal(RefusalCode.NOT_REVERSED, line.corrects, "it still stands, so nothing is to correct"))
    versions = _apply(line, target, released, sheet.accounts, 1)
    reasons += _broken_limits(line, sheet.accounts)
    if reasons:
        _apply(line, target, released, sheet.accounts, -1)
        return Decision(line, tuple(sorted(reasons, key=lambda each: _PRECEDENCE[each.code])), [], [])
    if target is not None:
        for number, minor in released:
            target.remaining[number - 1] -= minor
        if line.act is Act.VOID:
            target.voided = True
        if line.act is Act.REVERSE:
            target.reversed_by = line.entry_id
    return Decision(line, (), versions, released)


def resolved(hold: Hold) -> Refused:
    """The answer to voiding a hold of which nothing is left."""
    return Refused(hold.hold_id, (_resolved(hold.hold_id, voided=hold.voided),))


def accounts(transfers: Iterable[Transfer]) -> set[AccountKey]:
    """Every account that these transfers touch."""
    return {(name, each.amount.currency) for each in transfers for name in (each.debit, each.credit)}


def _too_late(line: Line, closed: date | None) -> list[Refusal]:
    if closed is None or line.value_date > closed or line.flow == CLOSING_FLOW or line.act is Act.VOID:
        return []
    detail = f"{line.value_date} is in a period closed through {closed}"
    return [Refusal(RefusalCode.CLOSED_PERIOD, line.entry_id, detail)]


def _irreversible(target: Target) -> list[Refusal]:
    entry_id = target.journal.entry_id
    if target.entry.act is Act.HOLD:
        return [Refusal(RefusalCode.NOT_REVERSIBLE, entry_id, "a hold is voided, not reversed")]
    if target.entry.act is Act.REVERSE:
        detail = "a reversal is not reversed: what it undid is posted again"
        return [Refusal(RefusalCode.NOT_REVERSIBLE, entry_id, detail)]
    if target.reversed_by is not None:
        return [Refusal(RefusalCode.ALREADY_REVERSED, entry_id, f"by {target.reversed_by}")]
    return []


def _released(line: Line, target: Target) -> tuple[list[tuple[int, int]], list[Refusal]]:
    """How much of each held transfer goes: all of it when voided, else what is posted of it by its two accounts."""
    hold_id = target.journal.entry_id
    if not any(target.remaining):
        return [], [_resolved(hold_id, voided=target.voided)]
    if line.act is Act.VOID:
        return [(number, left) for number, left in enumerate(target.remaining, 1) if left], []
    reasons: list[Refusal] = []
    expires_at = target.entry.expires_at
    if expires_at is not None and line.recorded_at >= expires_at:
        reasons.append(Refusal(RefusalCode.HOLD_EXPIRED, hold_id, f"it ran out at {expires_at.isoformat()}"))
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
            detail = f"debit {transfer.debit}, credit {transfer.credit}: {excess} more than is left of it"
            reasons.append(Refusal(RefusalCode.MORE_THAN_HELD, hold_id, detail))
    return released, reasons


def _resolved(hold_id: str, *, voided: bool) -> Refusal:
    return Refusal(RefusalCode.HOLD_RESOLVED, hold_id, "voided" if voided else "posted in full")


def _apply(
    line: Line,
    target: Target | None,
    released: Iterable[tuple[int, int]],
    counters: Mapping[AccountKey, Counters],
    sign: int,
) -> list[tuple[int | None, int | None]]:
    """Move a line's amounts, or with -1 take them back; the versions that each transfer gives to its two accounts."""
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
    """Take what is released of a hold off what is pending."""
    for number, minor in released:
        transfer = target.journal.transfers[number - 1]
        debit = counters.get((transfer.debit, transfer.amount.currency))
        if debit is not None:
            debit.debit(-sign * minor, pending=True)
        credit = counters.get((transfer.credit, transfer.amount.currency))
        if credit is not None:
            credit.credit(-sign * minor, pending=True)


def _broken_limits(line: Line, counters: Mapping[AccountKey, Counters]) -> list[Refusal]:
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
    if kind_of(account).normal is Side.DEBIT:
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
