"""The money map: the chart of accounts and the template of every journal that may be written."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from ledger.account import AccountType, Kind, Side
from ledger.journal import Journal
from ledger.money import Money
from ledger.transfer import Transfer

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_PART = re.compile(r"[^:{}\s]{1,120}")


class NotOnTheMap(LookupError):
    """Raised for a flow, an account, an amount or a name that the money map does not have, or has otherwise."""

    @property
    def user_message(self) -> str:
        return str(self)


class NothingToPost(ValueError):
    """Raised when every amount of a flow is zero: the event then has no journal."""


@dataclass(frozen=True, slots=True)
class Leg:
    """An account and the amounts whose sum it carries; without any it carries the other side's total.

    `account` may name its parts otherwise than the chart does, as where two banks meet; `form` is the chart's pattern.
    """

    account: str
    form: str
    amounts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """Debits and credits of one total."""

    debit: tuple[Leg, ...]
    credit: tuple[Leg, ...]


@dataclass(frozen=True)
class Flow:
    """A row of the money map: what one kind of business event moves.

    A `pending` one is held; one that `posts` takes the place of such a hold, one that `voids` releases it. A `reversal`
    mirrors another entry, whatever that was.
    """

    flow: str
    title: str
    version: int
    steps: tuple[Step, ...]
    pending: bool = False
    posts: str | None = None
    voids: str | None = None
    reversal: bool = False

    @cached_property
    def amounts(self) -> frozenset[str]:
        return frozenset(name for leg in self._legs for name in leg.amounts)

    @cached_property
    def pairs(self) -> frozenset[tuple[str, str]]:
        """Every (debit, credit) pair of account forms that a transfer of this flow may have."""
        return frozenset((one.form, other.form) for step in self.steps for one in step.debit for other in step.credit)

    @property
    def _legs(self) -> list[Leg]:
        return [leg for step in self.steps for leg in (*step.debit, *step.credit)]


@dataclass(frozen=True)
class MoneyMap:
    """The chart of accounts, the flows over it, and the rows whose event writes no journal of its own."""

    chart: tuple[AccountType, ...]
    flows: Mapping[str, Flow]
    rows: Mapping[str, str]

    def account_type(self, account: str) -> AccountType:
        """The line of the chart that an account's full name falls under; raises NotOnTheMap."""
        for kind in self.chart:
            if kind.matches(account):
                return kind
        raise NotOnTheMap(f"account {account!r} is not on the chart of accounts")

    def flow(self, flow: str) -> Flow:
        if flow not in self.flows:
            raise NotOnTheMap(f"flow {flow!r} is not on the money map; it has {', '.join(sorted(self.flows))}")
        return self.flows[flow]


@cache
def money_map() -> MoneyMap:
    """The map that ships with this package, read once."""
    return parse(Path(__file__).with_name("money_map.toml").read_text(encoding="utf-8"))


def parse(text: str) -> MoneyMap:
    """Read a money map; raises NotOnTheMap where a flow uses an account that its chart lacks."""
    document = tomllib.loads(text)
    chart = tuple(_account_type(entry) for entry in document["account"])
    codes = [kind.code for kind in chart]
    for code in codes:
        if codes.count(code) > 1:
            raise NotOnTheMap(f"code {code} is on the chart of accounts twice")
    forms = {_PLACEHOLDER.sub("{}", kind.pattern): kind.pattern for kind in chart}
    flows: dict[str, Flow] = {}
    for entry in document["flow"]:
        flow = _flow(entry, forms)
        if flow.flow in flows:
            raise NotOnTheMap(f"flow {flow.flow} is on the money map twice")
        flows[flow.flow] = flow
    return MoneyMap(chart, flows, {row["id"]: row["title"] for row in document.get("row", ())})


def journal(
    flow: str,
    *,
    key: str,
    value_date: date,
    occurred_at: datetime,
    recorded_at: datetime,
    correlation: Mapping[str, str],
    amounts: Mapping[str, Money],
    names: Mapping[str, str],
) -> Journal:
    """Write the journal of one business event as its flow prescribes.

    `key` is the business event's own id; `amounts` are by the flow's amount names, left out ones are zero; `names` fill
    the `{…}` of the accounts. Raises NotOnTheMap for anything that the map lacks, NothingToPost when all is zero.
    """
    template = money_map().flow(flow)
    unknown = set(amounts) - template.amounts
    if unknown:
        raise NotOnTheMap(f"flow {flow} has no amount {min(unknown)!r}; it has {sorted(template.amounts)}")
    transfers = [transfer for step in template.steps for transfer in _transfers(flow, step, amounts, names)]
    if not transfers:
        raise NothingToPost(f"{flow}:{key}: every amount is zero, so there is no journal")
    return Journal(
        entry_id=f"{flow}:{key}",
        flow=flow,
        template_version=template.version,
        value_date=value_date,
        occurred_at=occurred_at,
        recorded_at=recorded_at,
        correlation=dict(correlation),
        transfers=tuple(transfers),
    )


def admit(written: Journal, *, held: bool, posts_hold: bool = False) -> None:
    """Refuse a journal that its flow does not prescribe, however it was made; raises NotOnTheMap."""
    template = money_map().flow(written.flow)
    if template.pending is not held:
        raise NotOnTheMap(f"{written.entry_id}: flow {written.flow} is {'held' if template.pending else 'posted'}")
    if (template.posts is not None) is not posts_hold:
        how = f"posts a hold of {template.posts}" if template.posts else "does not post a hold"
        raise NotOnTheMap(f"{written.entry_id}: flow {written.flow} {how}")
    forms: dict[str, str] = {}
    for transfer in written.transfers:
        for account in (transfer.debit, transfer.credit):
            if account not in forms:
                forms[account] = money_map().account_type(account).pattern
        if (forms[transfer.debit], forms[transfer.credit]) not in template.pairs:
            pair = f"debit of {transfer.debit} with a credit of {transfer.credit}"
            raise NotOnTheMap(f"{written.entry_id}: flow {written.flow} has no {pair}")
    if not held:
        _check_pending_only(written, forms)


def _check_pending_only(written: Journal, forms: Mapping[str, str]) -> None:
    """What only ever holds amounts is left at zero by each journal on its own."""
    only = {account for account in forms if money_map().account_type(account).pending_only}
    for account in sorted(only):
        debits = sum(transfer.amount.minor for transfer in written.transfers if transfer.debit == account)
        credits_ = sum(transfer.amount.minor for transfer in written.transfers if transfer.credit == account)
        if debits != credits_:
            raise NotOnTheMap(f"{written.entry_id}: {account} must be left at zero, not at {debits - credits_}")


def _transfers(flow: str, step: Step, amounts: Mapping[str, Money], names: Mapping[str, str]) -> list[Transfer]:
    """Pair the debits and credits of a step in the order written, splitting a leg where needed."""
    debits, credits_ = _carried(flow, step, amounts)
    result = []
    while debits and credits_:
        (debit, owed), (credit, due) = debits[0], credits_[0]
        moved = min(owed, due)
        filled = {**names, "currency": str(moved.currency)}
        result.append(Transfer(_name(flow, debit, filled), _name(flow, credit, filled), moved))
        debits = [(debit, owed - moved), *debits[1:]] if owed > moved else debits[1:]
        credits_ = [(credit, due - moved), *credits_[1:]] if due > moved else credits_[1:]
    if debits or credits_:
        raise NotOnTheMap(f"flow {flow}: the debits and the credits of a step differ")
    return result


_Carried = list[tuple[str, Money]]


def _carried(flow: str, step: Step, amounts: Mapping[str, Money]) -> tuple[_Carried, _Carried]:
    debits, credits_ = _side(flow, step.debit, amounts), _side(flow, step.credit, amounts)
    if not step.debit[0].amounts:
        debits = _alone(step.debit[0], credits_)
    elif not step.credit[0].amounts:
        credits_ = _alone(step.credit[0], debits)
    return debits, credits_


def _side(flow: str, legs: Sequence[Leg], amounts: Mapping[str, Money]) -> _Carried:
    carried = []
    for leg in legs:
        named = [amounts[name] for name in leg.amounts if name in amounts]
        if any(amount.minor < 0 for amount in named):
            raise NotOnTheMap(f"flow {flow}: {leg.account} cannot carry a negative amount")
        positive = [amount for amount in named if amount.minor]
        if positive:
            carried.append((leg.account, Money.total(positive, positive[0].currency)))
    return carried


def _alone(leg: Leg, others: _Carried) -> _Carried:
    if not others:
        return []
    total = Money.total((amount for _, amount in others), others[0][1].currency)
    return [(leg.account, total)]


def _name(flow: str, pattern: str, names: Mapping[str, str]) -> str:
    def part(match: re.Match[str]) -> str:
        placeholder = match[1]
        if placeholder not in names:
            raise NotOnTheMap(f"flow {flow} needs the name {placeholder!r} for {pattern}")
        if _PART.fullmatch(names[placeholder]) is None:
            raise NotOnTheMap(f"flow {flow}: {placeholder} {names[placeholder]!r} cannot be part of an account's name")
        return names[placeholder]

    return _PLACEHOLDER.sub(part, pattern)


def _account_type(entry: Mapping[str, Any]) -> AccountType:
    return AccountType(**{**entry, "kind": Kind(entry["kind"]), "normal": Side(entry["normal"])})


def _flow(entry: Mapping[str, Any], forms: Mapping[str, str]) -> Flow:
    steps = tuple(
        Step(_legs(entry["id"], step["debit"], forms), _legs(entry["id"], step["credit"], forms))
        for step in entry.get("steps", ())
    )
    for step in steps:
        for side, other in ((step.debit, step.credit), (step.credit, step.debit)):
            if any(not leg.amounts for leg in side) and (len(side) > 1 or not all(leg.amounts for leg in other)):
                raise NotOnTheMap(f"flow {entry['id']}: only a leg alone on its side may leave out its amounts")
    return Flow(
        flow=entry["id"],
        title=entry["title"],
        version=entry["version"],
        steps=steps,
        pending=entry.get("pending", False),
        posts=entry.get("posts"),
        voids=entry.get("voids"),
        reversal=entry.get("reversal", False),
    )


def _legs(flow: str, written: Sequence[Sequence[str]], forms: Mapping[str, str]) -> tuple[Leg, ...]:
    legs = []
    for account, *amounts in written:
        form = forms.get(_PLACEHOLDER.sub("{}", account))
        if form is None:
            raise NotOnTheMap(f"flow {flow} uses {account!r}, which is not on the chart of accounts")
        legs.append(Leg(account, form, tuple(amounts)))
    return tuple(legs)
