"""Act: derive every balance and every hold again from what was recorded, and name each row that says otherwise.

Nothing here trusts the database's own sums: entries are read one by one and folded by the rules of this package.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from ledger.account import Balance
from ledger.flows import NotOnTheMap, admit, money_map
from ledger.money import Currency
from ledger.posting import AccountKey
from ledger.store import Act, Request
from ledger.transfer import Transfer


@dataclass(frozen=True, slots=True)
class Written:
    """A request as it lies in the database, with its digests and, when it was refused, its reasons and their digest.

    Without a transfer there is nothing to make a request of.
    """

    entry_id: str
    request: Request | None
    transfer_count: int
    body_digest: str
    digest: str
    refusal: tuple[object, str] | None


@dataclass(frozen=True, slots=True)
class Resolution:
    """A part of a held transfer that was posted by an entry or voided; `number` counts the hold's transfers from 1."""

    hold_id: str
    number: int
    entry_id: str | None
    minor: int


@dataclass(frozen=True, slots=True)
class OpenedAccount:
    """An account as the database describes it."""

    pattern: str
    kind: str
    normal: str
    opened_by: str


class Audit(Protocol):
    """Reads everything that was recorded, and the projections made from it, as of one moment."""

    def written(self) -> Iterator[Written]:
        """Every request in the order of recording."""

    def resolutions(self) -> Iterator[Resolution]:
        """Every part of a hold that was posted or voided."""

    def accounts(self) -> Mapping[AccountKey, OpenedAccount]:
        """Every account ever written to."""

    def balances(self) -> Mapping[AccountKey, Balance]:
        """The balances that the database keeps."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it must be: which check, which entry, hold or account, and what is wrong."""

    check: str
    where: str
    detail: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What was checked, and every fault."""

    entries: int
    transfers: int
    holds: int
    accounts: int
    faults: tuple[Fault, ...]

    @property
    def sound(self) -> bool:
        return not self.faults


@dataclass(slots=True)
class _Fold:
    """The books as the recorded entries make them."""

    balances: dict[AccountKey, Balance]
    held: dict[str, tuple[Transfer, ...]]
    left: dict[tuple[str, int], int]
    posts: dict[str, Request]
    faults: list[Fault]
    entries: int = 0
    transfers: int = 0


def verify(audit: Audit) -> Verified:
    """Check everything; an empty list of faults proves that the books are what was recorded."""
    fold = _Fold({}, {}, {}, {}, [])
    for written in audit.written():
        _check_whole(written, fold)
        if written.request is not None:
            _check_content(written, written.request, fold)
            _apply(written.request, fold)
    _resolve(audit.resolutions(), fold)
    kept, opened = audit.balances(), audit.accounts()
    _check_balances(kept, fold)
    _check_accounts(opened, fold)
    _check_limits(fold)
    return Verified(fold.entries, fold.transfers, len(fold.held), len(opened), tuple(fold.faults))


def _check_whole(written: Written, fold: _Fold) -> None:
    """A request has all of its transfers, or its refusal."""
    found = 0 if written.request is None else len(written.request.journal.transfers)
    if written.refusal is not None:
        reasons, digest = written.refusal
        if found:
            fold.faults.append(Fault("whole", written.entry_id, f"is refused and has {found} transfers"))
        if digest_of(reasons) != digest:
            fold.faults.append(Fault("content", written.entry_id, "its refusal is not the one that was given"))
    elif found != written.transfer_count:
        fold.faults.append(Fault("whole", written.entry_id, f"has {found} of its {written.transfer_count} transfers"))


def _check_content(written: Written, request: Request, fold: _Fold) -> None:
    """An entry is what was asked for, and is on the map."""
    fold.entries += 1
    fold.transfers += len(request.journal.transfers)
    if written.body_digest != written.digest:
        fold.faults.append(Fault("content", written.entry_id, "is not what was recorded under its digest"))
    template = money_map().flows.get(request.journal.flow)
    if template is None or template.version == request.journal.template_version:
        try:
            admit(request.journal, held=request.act is Act.HOLD, posts_hold=request.act is Act.POST_HOLD)
        except NotOnTheMap as fault:
            fold.faults.append(Fault("money map", written.entry_id, str(fault)))


def _apply(request: Request, fold: _Fold) -> None:
    journal = request.journal
    for number, transfer in enumerate(journal.transfers, 1):
        _move(fold, transfer, transfer.amount.minor, pending=request.act is Act.HOLD)
        if request.act is Act.HOLD:
            fold.left[journal.entry_id, number] = transfer.amount.minor
    if request.act is Act.HOLD:
        fold.held[journal.entry_id] = tuple(journal.transfers)
    if request.act is Act.POST_HOLD:
        fold.posts[journal.entry_id] = request


def _resolve(resolutions: Iterable[Resolution], fold: _Fold) -> None:
    """Take what was posted or voided off the holds; each entry posts a hold by no more than it moves."""
    moved: dict[tuple[str, str, str], int] = {}
    for each in resolutions:
        if (each.hold_id, each.number) not in fold.left:
            fold.faults.append(Fault("hold", each.hold_id, f"transfer {each.number} was never held"))
            continue
        transfer = fold.held[each.hold_id][each.number - 1]
        _move(fold, transfer, -each.minor, pending=True)
        fold.left[each.hold_id, each.number] -= each.minor
        if each.entry_id is None:
            continue
        if each.entry_id not in fold.posts or fold.posts[each.entry_id].hold_id != each.hold_id:
            fold.faults.append(Fault("hold", each.hold_id, f"is said to be posted by {each.entry_id}, which is not so"))
        pair = (each.entry_id, transfer.debit, transfer.credit)
        moved[pair] = moved.get(pair, 0) + each.minor
    for (entry_id, debit, credit), minor in moved.items():
        posted = fold.posts[entry_id].journal.transfers if entry_id in fold.posts else ()
        if minor > sum(one.amount.minor for one in posted if (one.debit, one.credit) == (debit, credit)):
            fold.faults.append(
                Fault("hold", entry_id, f"posts less from {debit} to {credit} than it takes off its hold")
            )
    for (hold_id, number), left in fold.left.items():
        if left < 0:
            fold.faults.append(Fault("hold", hold_id, f"transfer {number} is posted or voided by {-left} too much"))


def _check_balances(kept: Mapping[AccountKey, Balance], fold: _Fold) -> None:
    for account, currency in sorted(kept.keys() | fold.balances.keys()):
        found = kept.get((account, currency), Balance(currency))
        derived = fold.balances.get((account, currency), Balance(currency))
        for counter in ("debits_posted", "credits_posted", "debits_pending", "credits_pending"):
            says, should = getattr(found, counter), getattr(derived, counter)
            if says != should:
                detail = f"{currency} {counter} is {says}, its entries say {should}"
                fold.faults.append(Fault("balance", account, detail))
    for currency in sorted({currency for _, currency in kept}):
        net = sum(each.debits_posted - each.credits_posted for each in kept.values() if each.currency is currency)
        if net:
            fold.faults.append(Fault("trial balance", str(currency), f"debits exceed credits by {net} minor units"))


def _check_accounts(opened: Mapping[AccountKey, OpenedAccount], fold: _Fold) -> None:
    for account, currency in sorted(fold.balances.keys() - opened.keys()):
        fold.faults.append(Fault("account", account, f"has entries in {currency} and was never opened"))
    for (account, currency), found in sorted(opened.items()):
        if (account, currency) not in fold.balances:
            fold.faults.append(Fault("account", account, f"was opened in {currency} and has no entry"))
        try:
            kind = money_map().account_type(account)
        except NotOnTheMap as fault:
            fold.faults.append(Fault("account", account, str(fault)))
            continue
        for field, should in (("pattern", kind.pattern), ("kind", kind.kind), ("normal", kind.normal)):
            if getattr(found, field) != str(should):
                detail = f"{field} is {getattr(found, field)}, the chart says {should}"
                fold.faults.append(Fault("account", account, detail))


def _check_limits(fold: _Fold) -> None:
    for (account, currency), balance in sorted(fold.balances.items()):
        kind = next((kind for kind in money_map().chart if kind.matches(account)), None)
        if kind is None:
            continue  # said above
        if kind.floor and balance.free_minor(kind.normal) < 0:
            detail = f"{currency} is {-balance.free_minor(kind.normal)} minor units below zero"
            fold.faults.append(Fault("limit", account, detail))
        if kind.pending_only and balance.debits_posted != balance.credits_posted:
            detail = f"{currency} has a posted balance and may only hold amounts"
            fold.faults.append(Fault("limit", account, detail))


def _move(fold: _Fold, transfer: Transfer, minor: int, *, pending: bool) -> None:
    currency: Currency = transfer.amount.currency
    for account, side in ((transfer.debit, "debits"), (transfer.credit, "credits")):
        counter = f"{side}_{'pending' if pending else 'posted'}"
        before = fold.balances.get((account, currency), Balance(currency))
        fold.balances[account, currency] = replace(before, **{counter: getattr(before, counter) + minor})


def digest_of(content: object) -> str:
    """The sha256 of plain values, as hex."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
