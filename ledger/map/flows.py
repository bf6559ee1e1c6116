"""Builds the journal of a business event from its flow, and refuses journals that the money map does not prescribe."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache

from ledger.journal import Journal
from ledger.map.map_file import money_map
from ledger.map.money_map import PLACEHOLDER, FlowLeg, FlowTemplate, NotOnTheMap, Step
from ledger.money import Money
from ledger.transfer import Transfer

__all__ = ["NotOnTheMap", "NothingToPost", "admit", "admit_free", "journal", "money_map"]

_PART = re.compile(r"[^:{}\s]{1,120}")


class NothingToPost(ValueError):
    """Raised when every amount of a flow is zero, so that there is no journal."""


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
    original_date: date | None = None,
    corrects: str | None = None,
    suffix: str = "",
) -> Journal:
    """Build the journal of one business event from its flow.

    `key` is the business event's own id. `amounts` are keyed by the flow's amount names; missing ones are zero. `names`
    fill the placeholders `{…}` of the accounts. `original_date` is set for a late item; `corrects` names the reversed
    entry that this journal posts again, whose id `suffix` keeps apart. Raises NotOnTheMap for anything that the map
    lacks, and NothingToPost when every amount is zero.
    """
    template = money_map().flow(flow)
    unknown = set(amounts) - template.amounts
    if unknown:
        raise NotOnTheMap(f"flow {flow} has no amount {min(unknown)!r}; it has {sorted(template.amounts)}")
    transfers = [transfer for step in template.steps for transfer in _transfers(flow, step, amounts, names)]
    if not transfers:
        raise NothingToPost(f"{flow}:{key}: every amount is zero, so there is no journal")
    return Journal(
        entry_id=f"{flow}:{key}{suffix}",
        flow=flow,
        template_version=template.version,
        value_date=value_date,
        occurred_at=occurred_at,
        recorded_at=recorded_at,
        correlation=dict(correlation),
        transfers=tuple(transfers),
        original_date=original_date,
        corrects=corrects,
    )


def admit(written: Journal, *, held: bool, posts_hold: bool = False) -> None:
    """Refuse a journal that its flow does not prescribe; raises NotOnTheMap."""
    template = money_map().flow(written.flow)
    if template.free:
        raise NotOnTheMap(f"{written.entry_id}: a free-form entry is proposed and approved by two people")
    if template.pending is not held:
        raise NotOnTheMap(f"{written.entry_id}: flow {written.flow} is {'held' if template.pending else 'posted'}")
    if (template.posts is not None) is not posts_hold:
        how = f"posts a hold of {template.posts}" if template.posts else "does not post a hold"
        raise NotOnTheMap(f"{written.entry_id}: flow {written.flow} {how}")
    forms = _forms(written)
    _check_pairs(written, template, forms)
    if not held:
        _check_pending_only(written, forms)


def admit_free(written: Journal) -> None:
    """Refuse a free-form entry of another flow, or with an account that is not on the chart; raises NotOnTheMap."""
    if not money_map().flow(written.flow).free:
        raise NotOnTheMap(f"{written.entry_id}: flow {written.flow} is no free-form entry")
    _check_pending_only(written, _forms(written))


def _forms(written: Journal) -> Mapping[str, str]:
    """The chart's pattern for every account of a journal."""
    forms: dict[str, str] = {}
    for transfer in written.transfers:
        for account in (transfer.debit, transfer.credit):
            if account not in forms:
                forms[account] = money_map().account_type(account).pattern
            parts = zip(forms[account].split(":"), account.split(":"), strict=True)
            if any(form == "{currency}" and part != str(transfer.amount.currency) for form, part in parts):
                raise NotOnTheMap(f"{written.entry_id}: {account} holds no {transfer.amount.currency}")
    return forms


def _check_pairs(written: Journal, template: FlowTemplate, forms: Mapping[str, str]) -> None:
    for transfer in written.transfers:
        if (forms[transfer.debit], forms[transfer.credit]) not in template.pairs:
            pair = f"debit of {transfer.debit} with a credit of {transfer.credit}"
            raise NotOnTheMap(f"{written.entry_id}: flow {written.flow} has no {pair}")


def _check_pending_only(written: Journal, forms: Mapping[str, str]) -> None:
    """Refuse a journal that leaves a posted balance on an account that only holds amounts."""
    only = {account for account in forms if money_map().account_type(account).pending_only}
    for account in sorted(only):
        for currency in sorted({transfer.amount.currency for transfer in written.transfers}):
            own = [transfer for transfer in written.transfers if transfer.amount.currency is currency]
            debits = Money.total((each.amount for each in own if each.debit == account), currency)
            credits_ = Money.total((each.amount for each in own if each.credit == account), currency)
            if debits != credits_:
                raise NotOnTheMap(f"{written.entry_id}: {account} must be left at zero, not at {debits - credits_}")


def _transfers(flow: str, step: Step, amounts: Mapping[str, Money], names: Mapping[str, str]) -> list[Transfer]:
    """Pair the debits and credits of a step in the order written, splitting a leg where necessary."""
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


def _side(flow: str, legs: Sequence[FlowLeg], amounts: Mapping[str, Money]) -> _Carried:
    carried = []
    for leg in legs:
        named = [amounts[name] for name in leg.amounts if name in amounts]
        if any(amount.minor < 0 for amount in named):
            raise NotOnTheMap(f"flow {flow}: {leg.account} cannot carry a negative amount")
        positive = [amount for amount in named if amount.minor]
        if positive:
            carried.append((leg.account, _total(positive)))
    return carried


def _alone(leg: FlowLeg, others: _Carried) -> _Carried:
    if not others:
        return []
    return [(leg.account, _total([amount for _, amount in others]))]


def _total(amounts: Sequence[Money]) -> Money:
    """The sum of at least one amount; most legs carry a single one."""
    return amounts[0] if len(amounts) == 1 else Money.total(amounts, amounts[0].currency)


def _name(flow: str, pattern: str, names: Mapping[str, str]) -> str:
    return _filled(flow, pattern, tuple([names.get(each) for each in _placeholders(pattern)]))


@lru_cache
def _placeholders(pattern: str) -> tuple[str, ...]:
    return tuple(PLACEHOLDER.findall(pattern))


@lru_cache(maxsize=4096)
def _filled(flow: str, pattern: str, values: tuple[str | None, ...]) -> str:
    """The account of a leg. Remembered, because the journals of a batch mostly name the same provider and bank."""
    found = []
    for placeholder, value in zip(_placeholders(pattern), values, strict=True):
        if value is None:
            raise NotOnTheMap(f"flow {flow} needs the name {placeholder!r} for {pattern}")
        if _PART.fullmatch(value) is None:
            raise NotOnTheMap(f"flow {flow}: {placeholder} {value!r} cannot be part of an account's name")
        found.append(value)
    left = iter(found)
    return PLACEHOLDER.sub(lambda _: next(left), pattern)
