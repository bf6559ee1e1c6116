"""The books in their simplest form, written without the product's code: what every store of them has to agree with.

Nothing is kept but what was recorded; each answer folds it again from the start.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

from ledger.journal import Journal
from ledger.transfer import Transfer

# The chart's accounts with a limit: the side on which the account may not fall below zero.
DEBIT_FLOORS = (":principal", ":interest_rcv", ":fee_rcv")
CREDIT_FLOORS = (":payable", ":credit_balance", ":deferred_discount")
FIELDS = ("debits_posted", "credits_posted", "debits_pending", "credits_pending")


@dataclass(frozen=True, slots=True)
class Ask:
    """One request of any kind. `refers`: the hold that is posted or voided, the entry that is reversed."""

    act: str
    entry_id: str
    journal: Journal | None = None
    refers: str | None = None
    expires_at: datetime | None = None
    at: datetime | None = None


@dataclass(slots=True)
class Written:
    """A recorded request with its transfers, whether they are pending, and what it released of a hold, in order."""

    ask: Ask
    transfers: tuple[Transfer, ...]
    pending: bool = False
    released: tuple[int, ...] = ()
    reversed: bool = False
    voided: bool = False


class Unknown(Exception):
    """A hold or an entry that was never recorded."""


class Differs(Exception):
    """An id that came again with another content."""


@dataclass(slots=True)
class Model:
    """`answers` are words: recorded, voided, or the set of codes of a refusal."""

    written: dict[str, Written] = field(default_factory=dict)
    asked: dict[str, tuple[Ask, object]] = field(default_factory=dict)
    closed_through: date | None = None
    limits: dict[tuple[str, str], int] = field(default_factory=dict)

    def ask(self, ask: Ask) -> object:
        """Take a request: a word, or the codes of a refusal; `again` before a word that is no news."""
        if ask.act in {"post_hold", "void"} and not self._is_hold(ask.refers):
            raise Unknown(ask.refers)
        if ask.act == "reverse" and not self._is_entry(ask.refers):
            raise Unknown(ask.refers)
        if ask.entry_id in self.asked:
            known, answer = self.asked[ask.entry_id]
            if known.act != "void" and _body(known) != _body(ask):
                raise Differs(ask.entry_id)
            return f"again {answer}" if isinstance(answer, str) else answer
        answer = self._judge(ask)
        self.asked[ask.entry_id] = (ask, answer)
        return answer

    def limit(self, account: str, currency: str, minor: int) -> object:
        """Give an account a credit limit: a word, or the code of a refusal and the least limit."""
        if not account.endswith(DEBIT_FLOORS + CREDIT_FLOORS):
            return "no_floor", None
        counters = _counted(self._moves()).get((account, currency))
        if counters is None:
            return "never_used", None
        used = max(0, -_free(account, counters))
        if minor < used:
            return "in_use", used
        if minor == self.limits.get((account, currency), 0):
            return "again set"
        self.limits[account, currency] = minor
        return "set"

    def balances(self) -> dict[tuple[str, str], tuple[int, int, int, int]]:
        """The four counters of every account, by account and currency."""
        counters = _counted(self._moves())
        return {key: tuple(each[name] for name in FIELDS) for key, each in counters.items()}  # type: ignore[misc]

    def remaining(self, hold_id: str) -> list[int]:
        """What is left of each transfer of a hold."""
        left = [transfer.amount.minor for transfer in self.written[hold_id].transfers]
        for each in self.written.values():
            if each.ask.refers == hold_id and each.ask.act in {"post_hold", "void"}:
                left = [one - other for one, other in zip(left, each.released, strict=True)]
        return left

    def _is_entry(self, entry_id: str | None) -> bool:
        return entry_id in self.written and self.written[entry_id].ask.act != "void"

    def _is_hold(self, entry_id: str | None) -> bool:
        return entry_id in self.written and self.written[entry_id].pending

    def _judge(self, ask: Ask) -> object:
        refers = None if ask.refers is None else self.written[ask.refers]
        if ask.act == "void":
            assert ask.refers is not None
            left = self.remaining(ask.refers)
            if not any(left):
                return frozenset({"hold_resolved"})
            self.written[ask.entry_id] = Written(ask, (), released=tuple(left))
            return "voided"
        codes = set()
        released: tuple[int, ...] = ()
        if ask.act == "reverse":
            assert refers is not None
            transfers = tuple(Transfer(each.credit, each.debit, each.amount) for each in refers.transfers)
            if refers.pending or refers.ask.act == "reverse":
                codes.add("not_reversible")
            elif refers.reversed:
                codes.add("already_reversed")
        else:
            assert ask.journal is not None
            transfers = ask.journal.transfers
        if ask.act == "post_hold":
            released, reasons = self._released(ask, transfers)
            codes |= reasons
        if codes & {"not_reversible", "already_reversed"}:
            return frozenset(codes)
        draft = Written(ask, transfers, ask.act == "hold", released)
        codes |= self._broken(draft)
        if codes:
            return frozenset(codes)
        self.written[ask.entry_id] = draft
        if ask.act == "reverse":
            assert refers is not None
            refers.reversed = True
        return "recorded"

    def _released(self, ask: Ask, transfers: Iterable[Transfer]) -> tuple[tuple[int, ...], set[str]]:
        assert ask.refers is not None
        assert ask.journal is not None
        hold = self.written[ask.refers]
        left = self.remaining(ask.refers)
        if not any(left):
            return tuple(0 for _ in left), {"hold_resolved"}
        codes = set()
        if hold.ask.expires_at is not None and ask.journal.recorded_at >= hold.ask.expires_at:
            codes.add("hold_expired")
        wanted: Counter[tuple[str, str]] = Counter()
        for each in transfers:
            wanted[each.debit, each.credit] += each.amount.minor
        released = []
        for each, rest in zip(hold.transfers, left, strict=True):
            taken = min(rest, wanted[each.debit, each.credit])
            wanted[each.debit, each.credit] -= taken
            released.append(taken)
        if not any(released):
            codes.add("not_held")
        if any(wanted[each.debit, each.credit] > 0 for each in hold.transfers):
            codes.add("more_than_held")
        return tuple(released), codes

    def _broken(self, draft: Written) -> set[str]:
        touched = {(name, each.amount.currency) for each in draft.transfers for name in (each.debit, each.credit)}
        after = _counted([*self._moves(), *self._moves_of(draft)])
        codes = set()
        for account, currency in touched:
            limit = self.limits.get((account, currency), 0)
            if _free(account, after[account, currency]) < -limit:
                codes.add("beyond_credit_limit" if limit else "below_zero")
        return codes

    def _moves(self) -> Iterator[tuple[str, str, str, int]]:
        for each in self.written.values():
            yield from self._moves_of(each)

    def _moves_of(self, written: Written) -> Iterator[tuple[str, str, str, int]]:
        """Account, currency, counter and units of every change that a request made."""
        state = "pending" if written.pending else "posted"
        for each in written.transfers:
            yield each.debit, each.amount.currency, f"debits_{state}", each.amount.minor
            yield each.credit, each.amount.currency, f"credits_{state}", each.amount.minor
        if written.released:
            assert written.ask.refers is not None
            held = self.written[written.ask.refers].transfers
            for each, minor in zip(held, written.released, strict=True):
                yield each.debit, each.amount.currency, "debits_pending", -minor
                yield each.credit, each.amount.currency, "credits_pending", -minor


def _counted(moves: Iterable[tuple[str, str, str, int]]) -> dict[tuple[str, str], Counter[str]]:
    counters: dict[tuple[str, str], Counter[str]] = {}
    for account, currency, counter, minor in moves:
        counters.setdefault((account, currency), Counter())[counter] += minor
    return counters


def _free(account: str, counters: Counter[str]) -> int:
    """What is left above an account's limit, holds counted; zero where it has none."""
    net = counters["debits_posted"] - counters["credits_posted"]
    if account.endswith(DEBIT_FLOORS):
        return net - counters["credits_pending"]
    if account.endswith(CREDIT_FLOORS):
        return -net - counters["debits_pending"]
    return 0


def _body(ask: Ask) -> object:
    journal = ask.journal
    if journal is None:
        return ask.act, ask.refers, ask.at
    content = (journal.flow, journal.value_date, journal.occurred_at, dict(journal.correlation), journal.transfers)
    return ask.act, ask.refers, ask.expires_at, content
