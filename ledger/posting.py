"""What a request changes in the books and what speaks against it: the rules that every store of the books shares."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from ledger.account import Balance
from ledger.flows import NotOnTheMap, admit, money_map
from ledger.journal import Journal
from ledger.money import LARGEST_MINOR, Currency, Money
from ledger.store import Act, Conflict, Hold, Refusal, RefusalCode, Refused
from ledger.transfer import Transfer

AccountKey = tuple[str, Currency]


@dataclass(frozen=True, slots=True)
class Request:
    """A journal and what is asked of the books with it."""

    act: Act
    journal: Journal
    hold_id: str | None = None
    expires_at: datetime | None = None

    def admit(self) -> None:
        """Refuse what the money map does not have; raises NotOnTheMap."""
        admit(self.journal, held=self.act is Act.HOLD, posts_hold=self.act is Act.POST_HOLD)

    def body(self) -> dict[str, str]:
        """What makes two requests under one id the same, as texts, in the order in which a difference is named.

        When we first knew of it and the template's version are left out: the first recording stands, and a template
        that now writes other transfers is caught by these.
        """
        journal = self.journal
        transfers = [_written(transfer) for transfer in journal.transfers]
        return {
            **header(
                act=str(self.act),
                hold_id=self.hold_id,
                expires_at=self.expires_at,
                flow=journal.flow,
                value_date=journal.value_date,
                occurred_at=journal.occurred_at,
                correlation=journal.correlation,
            ),
            "transfers": json.dumps(transfers, ensure_ascii=False),
        }

    def digests(self) -> tuple[str, str]:
        """The sha256 of the body and of everything in the request, as hex."""
        body = self.body()
        whole = {
            **body,
            "template_version": str(self.journal.template_version),
            "recorded_at": _instant(self.journal.recorded_at),
        }
        return digest_of(body), digest_of(whole)

    def accounts(self) -> set[AccountKey]:
        """Every account that the journal touches."""
        return accounts(self.journal.transfers)


def header(
    *,
    act: str,
    hold_id: str | None,
    expires_at: datetime | None,
    flow: str,
    value_date: date,
    occurred_at: datetime,
    correlation: Mapping[str, str],
) -> dict[str, str]:
    """The body of a request without its transfers, as texts."""
    return {
        "act": act,
        "hold_id": hold_id or "",
        "expires_at": "" if expires_at is None else _instant(expires_at),
        "flow": flow,
        "value_date": value_date.isoformat(),
        "occurred_at": _instant(occurred_at),
        "correlation": json.dumps(dict(sorted(correlation.items())), ensure_ascii=False),
    }


def difference(known: Mapping[str, str], arriving: Mapping[str, str]) -> str | None:
    """The first field in which two bodies under one id differ."""
    return next((field for field in arriving if known[field] != arriving[field]), None)


def check_posts(request: Request, hold: Hold) -> None:
    """Refuse a request that posts a hold of another kind than its flow does; raises NotOnTheMap."""
    if money_map().flow(request.journal.flow).posts != hold.journal.flow:
        raise NotOnTheMap(f"{request.journal.entry_id}: {request.journal.flow} does not post a {hold.journal.flow}")


def check_batch(requests: Iterable[Request]) -> None:
    """Refuse a batch with a request off the map, or with one id for two contents; raises NotOnTheMap, Conflict."""
    first: dict[str, Request] = {}
    for request in requests:
        request.admit()
        one = first.setdefault(request.journal.entry_id, request)
        field = None if one is request else difference(one.body(), request.body())
        if field is not None:
            raise Conflict(request.journal.entry_id, field)


def accounts(transfers: Iterable[Transfer]) -> set[AccountKey]:
    """Every account that these transfers touch."""
    return {(name, each.amount.currency) for each in transfers for name in (each.debit, each.credit)}


@dataclass(frozen=True, slots=True)
class Changes:
    """What a request would do: each account's balance after it, and what it releases of the hold it posts."""

    after: Mapping[AccountKey, Balance]
    released: tuple[int, ...]
    reasons: tuple[Refusal, ...]


def judge(request: Request, balances: Mapping[AccountKey, Balance], hold: Hold | None) -> Changes:
    """Apply a request to the balances it touches; it is refused when there are reasons.

    `balances` holds every account of the request and of its hold; an account that was never written is all zeros.
    """
    released, reasons = _released(request, hold)
    touched = request.accounts() | (set() if hold is None else accounts(hold.journal.transfers))
    after = {key: balances[key] for key in touched}
    for transfer in request.journal.transfers:
        _move(after, transfer, transfer.amount.minor, pending=request.act is Act.HOLD)
    if hold is not None:
        for transfer, minor in zip(hold.journal.transfers, released, strict=True):
            _move(after, transfer, -minor, pending=True)
    return Changes(after, released, (*reasons, *_broken_limits(after)))


def release(hold: Hold, balances: Mapping[AccountKey, Balance]) -> dict[AccountKey, Balance]:
    """The balances once what is left of a hold is voided."""
    after = dict(balances)
    for transfer, left in zip(hold.journal.transfers, hold.remaining, strict=True):
        _move(after, transfer, -left.minor, pending=True)
    return after


def resolved(hold: Hold) -> Refused:
    """The answer to voiding a hold of which nothing is left."""
    return Refused(hold.hold_id, (_resolved(hold),))


def _released(request: Request, hold: Hold | None) -> tuple[tuple[int, ...], tuple[Refusal, ...]]:
    """How much of each held transfer the journal posts, matched by its two accounts in order."""
    if hold is None:
        return (), ()
    if not hold.open:
        return (0,) * len(hold.remaining), (_resolved(hold),)
    reasons: list[Refusal] = []
    if hold.expires_at is not None and request.journal.recorded_at >= hold.expires_at:
        detail = f"it ran out at {hold.expires_at.isoformat()}"
        reasons.append(Refusal(RefusalCode.HOLD_EXPIRED, hold.hold_id, detail))
    wanted: dict[tuple[str, str, Currency], int] = {}
    for transfer in request.journal.transfers:
        wanted[_pair(transfer)] = wanted.get(_pair(transfer), 0) + transfer.amount.minor
    released = []
    for transfer, left in zip(hold.journal.transfers, hold.remaining, strict=True):
        taken = min(left.minor, wanted.get(_pair(transfer), 0))
        wanted[_pair(transfer)] = wanted.get(_pair(transfer), 0) - taken
        released.append(taken)
    if not any(released):
        reasons.append(Refusal(RefusalCode.NOT_HELD, hold.hold_id, "the journal posts none of what is held"))
    for transfer in {_pair(each): each for each in hold.journal.transfers}.values():
        if wanted[_pair(transfer)] > 0:
            excess = Money(wanted[_pair(transfer)], transfer.amount.currency)
            detail = f"debit {transfer.debit}, credit {transfer.credit}: {excess} more than is left of it"
            reasons.append(Refusal(RefusalCode.MORE_THAN_HELD, hold.hold_id, detail))
    return tuple(released), tuple(reasons)


def _resolved(hold: Hold) -> Refusal:
    return Refusal(RefusalCode.HOLD_RESOLVED, hold.hold_id, "voided" if hold.voided else "posted in full")


def _broken_limits(after: Mapping[AccountKey, Balance]) -> list[Refusal]:
    below, large = [], []
    for (account, currency), balance in sorted(after.items()):
        if max(_counters(balance)) > LARGEST_MINOR:
            large.append(Refusal(RefusalCode.TOO_LARGE, account, f"a counter in {currency} would pass 64 bits"))
            continue
        kind = money_map().account_type(account)
        free = balance.free_minor(kind.normal)
        if kind.floor and free < 0:
            detail = f"would fall to {Money(max(free, -LARGEST_MINOR), currency)}, holds counted"
            below.append(Refusal(RefusalCode.BELOW_ZERO, account, detail))
    return below + large


def _move(balances: dict[AccountKey, Balance], transfer: Transfer, minor: int, *, pending: bool) -> None:
    debit, credit = (transfer.debit, transfer.amount.currency), (transfer.credit, transfer.amount.currency)
    one, other = balances[debit], balances[credit]
    if pending:
        balances[debit] = replace(one, debits_pending=one.debits_pending + minor)
        balances[credit] = replace(other, credits_pending=other.credits_pending + minor)
    else:
        balances[debit] = replace(one, debits_posted=one.debits_posted + minor)
        balances[credit] = replace(other, credits_posted=other.credits_posted + minor)


def _counters(balance: Balance) -> Sequence[int]:
    return balance.debits_posted, balance.credits_posted, balance.debits_pending, balance.credits_pending


def _pair(transfer: Transfer) -> tuple[str, str, Currency]:
    return transfer.debit, transfer.credit, transfer.amount.currency


def _written(transfer: Transfer) -> list[str | int]:
    return [transfer.debit, transfer.credit, str(transfer.amount.currency), transfer.amount.minor]


def digest_of(content: object) -> str:
    """The sha256 of plain values, as hex."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
