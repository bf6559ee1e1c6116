"""Payouts to merchants in memory, over books in memory, for tests and examples; same answers as PostgreSQL."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from ledger.books.store import Act, Books, Conflict, Entry
from ledger.map.flow import Flow
from ledger.map.flows import money_map
from ledger.money import Currency, Money
from payments.files.payout_file import Payout
from payments.ids import PayoutId
from payments.merchants.settlement import (
    Item,
    MerchantBooks,
    PayoutReturn,
    Reserve,
    Settlement,
    UnsettledEntry,
    check_same_return,
)

_PAYABLE = "merchant:{merchant}:payable"
_Of = tuple[str, Currency]  # a merchant and a currency


class MemoryPayouts:
    """Payouts for one process and one thread."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._settlements: dict[PayoutId, Settlement] = {}
        self._returns: dict[PayoutId, PayoutReturn] = {}

    def lock(self) -> None:
        """See `Payouts.lock`; with one thread there is nothing to wait for."""

    def unsettled(self, on: date) -> list[MerchantBooks]:
        """See `Payouts.unsettled`."""
        owed: dict[_Of, list[UnsettledEntry]] = defaultdict(list)
        for entry in self._books.entries(correlation={}):
            if (
                entry.act is Act.HOLD
                or entry.journal.flow == Flow.MERCHANT_SETTLED
                or self.settled(entry.journal.entry_id)
            ):
                continue
            for of, amount in _payable(entry):
                owed[of].append(_owed(entry, amount))
        releases: dict[_Of, list[Reserve]] = defaultdict(list)
        for reserve, of in self._reserves():
            if reserve.release_on <= on:
                releases[of].append(reserve)
        paid = {_of(payout) for payout in self.of_day(on)}
        return [
            MerchantBooks(
                merchant_id=merchant,
                currency=currency,
                owed=tuple(owed[merchant, currency]),
                receivable=self._receivable(merchant, currency),
                releases=tuple(releases[merchant, currency]),
            )
            for merchant, currency in sorted(owed.keys() | releases.keys())
            if (merchant, currency) not in paid
        ]

    def keep(self, settlements: Sequence[Settlement]) -> None:
        """See `Payouts.keep`."""
        for settled in settlements:
            payout_id = PayoutId(settled.payout.payout_id)
            if payout_id in self._settlements:
                raise Conflict(payout_id, "items")
            self._settlements[payout_id] = settled

    def keep_return(self, payout_id: PayoutId, line_id: str, reason: str, on: date) -> bool:
        """See `Payouts.keep_return`."""
        told = PayoutReturn(payout_id, line_id, reason, on)
        known = [each for each in self._returns.values() if payout_id == each.payout_id or line_id == each.line_id]
        for each in known:
            check_same_return(each, told)
        self._returns.setdefault(payout_id, told)
        return not known

    def of_day(self, day: date) -> list[Payout]:
        """See `Payouts.of_day`."""
        found = [each.payout for each in self._settlements.values() if each.payout.requested_on == day]
        return sorted(found, key=lambda payout: payout.payout_id)

    def get_all(self, payout_ids: Iterable[PayoutId]) -> dict[PayoutId, Payout]:
        """See `Payouts.get_all`."""
        return {each: self._settlements[each].payout for each in payout_ids if each in self._settlements}

    def items(self, payout_id: PayoutId) -> tuple[Item, ...]:
        """See `Payouts.items`."""
        settled = self._settlements.get(payout_id)
        items = () if settled is None else settled.items
        return tuple(sorted(items, key=lambda item: (item.value_date, item.entry_id)))

    def settled(self, entry_id: str) -> bool:
        """See `Payouts.settled`."""
        return any(item.entry_id == entry_id for each in self._settlements.values() for item in each.items)

    def _reserves(self) -> Iterator[tuple[Reserve, _Of]]:
        """Reserves that no payout has released yet, in the order of their payouts."""
        given_back = {each for settled in self._settlements.values() for each in settled.released}
        for _, settled in sorted(self._settlements.items()):
            if settled.reserve is not None and settled.reserve not in given_back:
                yield settled.reserve, _of(settled.payout)

    def _receivable(self, merchant: str, currency: Currency) -> Money:
        found = self._books.balance(f"merchant:{merchant}:receivable", currency)
        return Money(found.debits_posted - found.credits_posted - found.credits_pending, currency)


def _of(payout: Payout) -> _Of:
    return payout.payee_id, payout.amount.currency


def _payable(entry: Entry) -> Iterator[tuple[_Of, Money]]:
    """The change that an entry makes to what is owed to each merchant, without changes of zero."""
    sums: dict[_Of, int] = defaultdict(int)
    for transfer in entry.journal.transfers:
        for account, sign in ((transfer.credit, 1), (transfer.debit, -1)):
            if money_map().account_type(account).pattern == _PAYABLE:
                _, merchant, _ = account.split(":")
                sums[merchant, transfer.amount.currency] += sign * transfer.amount.minor
    for (merchant, currency), minor in sums.items():
        if minor:
            yield (merchant, currency), Money(minor, currency)


def _owed(entry: Entry, amount: Money) -> UnsettledEntry:
    journal = entry.journal
    order_id, plan_id = (journal.correlation.get(name) for name in ("order_id", "plan_id"))
    return UnsettledEntry(entry.position, journal.entry_id, journal.flow, journal.value_date, amount, order_id, plan_id)
