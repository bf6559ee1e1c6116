"""Compute a payout to a merchant: sales and refunds, netting, and reserve kept and released. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ledger.books.store import Conflict
from ledger.journal import Journal
from ledger.map.flow import Flow
from ledger.money import Currency, Money
from lending.plan.when import When
from lending.terms.merchant_terms import MerchantTerms
from payments.files.payout_file import Payout
from payments.ids import PayoutId
from payments.merchants.bookings import merchant_settled, receivable_netted, reserve_held, reserve_released


class ItemKind(StrEnum):
    """The kind of an amount in a payout."""

    SALE = "sale"
    REFUND = "refund"
    DISPUTE = "dispute"
    RETURNED_PAYOUT = "returned_payout"
    CORRECTION = "correction"
    NETTED = "netted"  # what the merchant owed us
    RESERVE_HELD = "reserve_held"
    RESERVE_RELEASED = "reserve_released"
    OTHER = "other"


_KINDS: Mapping[str, ItemKind] = {
    Flow.PURCHASE_CAPTURED: ItemKind.SALE,
    Flow.TAXED_PURCHASE_CAPTURED: ItemKind.SALE,
    Flow.FOREIGN_PURCHASE: ItemKind.SALE,
    Flow.REFUND_BEFORE_SETTLEMENT: ItemKind.REFUND,
    Flow.REFUND_AFTER_SETTLEMENT: ItemKind.REFUND,
    Flow.PARTIAL_REFUND: ItemKind.REFUND,
    Flow.FOREIGN_PURCHASE_REFUNDED: ItemKind.REFUND,
    Flow.DISPUTE_OPENED: ItemKind.DISPUTE,
    Flow.DISPUTE_DECIDED: ItemKind.DISPUTE,
    Flow.PAYOUT_RETURNED: ItemKind.RETURNED_PAYOUT,
    Flow.REVERSED: ItemKind.CORRECTION,
}


@dataclass(frozen=True, slots=True)
class UnsettledEntry:
    """An entry on a merchant's payable account that is in no payout yet; negative if it reduces what we owe.

    `position` is its place among the entries of that account.
    """

    position: int
    entry_id: str
    flow: str
    value_date: date
    amount: Money
    order_id: str | None = None
    plan_id: str | None = None

    @property
    def kind(self) -> ItemKind:
        return _KINDS.get(self.flow, ItemKind.OTHER)


@dataclass(frozen=True, slots=True)
class Item:
    """One amount of a payout and the entry that wrote it; a payout is the sum of its items."""

    kind: ItemKind
    entry_id: str
    value_date: date
    amount: Money
    order_id: str | None = None
    plan_id: str | None = None


@dataclass(frozen=True, slots=True)
class Reserve:
    """The part of its sales that a payout keeps in reserve until a day."""

    payout_id: PayoutId
    amount: Money
    release_on: date


@dataclass(frozen=True, slots=True)
class MerchantBooks:
    """A merchant's position in the books: unsettled entries, what the merchant owes us, and reserves to release."""

    merchant_id: str
    currency: Currency
    owed: tuple[UnsettledEntry, ...]
    receivable: Money
    releases: tuple[Reserve, ...] = ()


@dataclass(frozen=True, slots=True)
class Settlement:
    """A payout with its items. A payout of zero, when all was netted or kept in reserve, is not sent.

    `settled_through`: every entry of the payable account up to this position is in this payout or an earlier one.
    """

    payout: Payout
    items: tuple[Item, ...]
    reserve: Reserve | None
    released: tuple[Reserve, ...]
    journals: tuple[Journal, ...]
    terms_version: str
    settled_through: int


@dataclass(frozen=True, slots=True)
class PayoutReturn:
    """The line of the bank statement that returns a payout to us, and the bank's reason."""

    payout_id: PayoutId
    line_id: str
    reason: str
    returned_on: date


def check_same_return(kept: PayoutReturn, told: PayoutReturn) -> None:
    """Raise Conflict if another line returned this payout, or this line returned another payout."""
    for name in ("payout_id", "line_id", "reason", "returned_on"):
        if getattr(kept, name) != getattr(told, name):
            raise Conflict(told.payout_id, name)


def payout_id_of(on: date, merchant_id: str, currency: Currency) -> PayoutId:
    """The id of a merchant's only payout of a day and currency; also its reference on the bank statement."""
    return PayoutId(f"mp-{on.isoformat()}-{merchant_id}-{currency}")


def settle(books: MerchantBooks, terms_on: Callable[[date], MerchantTerms], on: date, when: When) -> Settlement | None:
    """The payout of a merchant on a day; None if nothing is left to pay, and all entries wait for the next one.

    `terms_on` gives the merchant's terms on a day; a sale is settled under the terms of its own day, after their
    waiting time. All other entries count at once. What the merchant owes us is deducted first, then the reserve on the
    sales, as far as the amount suffices.
    """
    ripe = [
        each
        for each in books.owed
        if each.kind is not ItemKind.SALE or terms_on(each.value_date).settled_on(each.value_date, books.currency) <= on
    ]
    items = [Item(e.kind, e.entry_id, e.value_date, e.amount, e.order_id, e.plan_id) for e in ripe]
    payout_id = payout_id_of(on, books.merchant_id, books.currency)
    journals: list[Journal] = []

    def booked(journal: Journal, kind: ItemKind, amount: Money) -> None:
        journals.append(journal)
        items.append(Item(kind, journal.entry_id, on, amount))

    for reserve in books.releases:
        released = reserve_released(books.merchant_id, reserve.payout_id, payout_id, reserve.amount, when)
        booked(released, ItemKind.RESERVE_RELEASED, reserve.amount)
    left = _sum(items, books.currency)
    if left.minor <= 0:
        return None
    netted = min(left, books.receivable)
    if netted.minor:
        journal = receivable_netted(books.merchant_id, payout_id, netted, when)
        booked(journal, ItemKind.NETTED, -netted)
    due = [terms_on(item.value_date).reserve(item.amount) for item in items if item.kind is ItemKind.SALE]
    kept = min(left - netted, Money.total(due, books.currency))
    if kept.minor > 0:
        journal = reserve_held(books.merchant_id, payout_id, kept, when)
        booked(journal, ItemKind.RESERVE_HELD, -kept)
    payout = Payout(payout_id, books.merchant_id, _sum(items, books.currency), on)
    if payout.amount.minor:
        journals.append(merchant_settled(payout, when))
    return Settlement(
        payout=payout,
        items=tuple(items),
        reserve=Reserve(payout_id, kept, terms_on(on).released_on(on)) if kept.minor > 0 else None,
        released=books.releases,
        journals=tuple(journals),
        terms_version=terms_on(on).version,
        settled_through=_settled_through(books.owed, ripe),
    )


def _settled_through(owed: Sequence[UnsettledEntry], ripe: Sequence[UnsettledEntry]) -> int:
    """The position before the first entry that still waits."""
    taken = {each.position for each in ripe}
    waiting = [each.position for each in owed if each.position not in taken]
    return min(waiting) - 1 if waiting else max((each.position for each in owed), default=0)


def _sum(items: Sequence[Item], currency: Currency) -> Money:
    return Money.total((item.amount for item in items), currency)
