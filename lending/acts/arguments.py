"""The arguments of an act: read strictly from JSON or from words, and written as the tree that is kept.

As words, money is an amount and its currency ("50.00 GBP"), a day is 2026-05-01, and a due is its day, its principal
and, if it bears some, its interest ("2026-05-01 30.00 GBP", "2026-05-01 30.00 GBP 1.20 GBP"). As JSON, money is in
minor units: `amount_minor`, with one `currency` for all amounts of an act.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from ledger.money import AmountFault, Currency, Money
from lending.acts.act import Argument, ArgumentForm, Given, NewDue, PlanAct
from lending.terms.basis_points import BasisPoints, basis_points, basis_points_tree
from terminal.fault import Fault

LARGEST_MINOR_OF_AN_ACT = 10**12
LARGEST_NUMBER = 1_000_000
ID_PATTERN = "[A-Za-z0-9._:/#-]{1,100}"
"""An id becomes part of the ids of entries and facts, which have room for 128 characters and none for spaces."""

_DIGITS = re.compile(r"[0-9]{1,7}", re.ASCII)
_ID = re.compile(ID_PATTERN, re.ASCII)
_MONEY = re.compile(r"(?P<amount>\S+) (?P<currency>[A-Z]{3})", re.ASCII)
_DUE = re.compile(r"(?P<day>\S+) (?P<principal>\S+ [A-Z]{3})(?: (?P<interest>\S+ [A-Z]{3}))?", re.ASCII)


class ArgumentFault(Fault, ValueError):
    """Raised for an argument that is missing, unknown or malformed; names it."""

    def __init__(self, name: str, trouble: str) -> None:
        self.name = name
        self.trouble = trouble
        super().__init__(f"{name}: {trouble}")


def read_money(text: str, name: str) -> Money:
    """An amount with its currency, in exactly one form.

    >>> read_money("50.00 GBP", "amount")
    Money(minor=5000, currency=<Currency.GBP: 'GBP'>)
    >>> read_money("50 GBP", "amount")
    Traceback (most recent call last):
    lending.acts.arguments.ArgumentFault: amount: '50 GBP' is not an amount such as "50.00 GBP"
    """
    match = _MONEY.fullmatch(text)
    trouble = f'{text!r} is not an amount such as "50.00 GBP"'
    if match is None:
        raise ArgumentFault(name, trouble)
    try:
        money = Money.parse(match["amount"], Currency(match["currency"]))
    except (AmountFault, ValueError) as error:
        raise ArgumentFault(name, trouble) from error
    if str(money) != text:
        raise ArgumentFault(name, trouble)
    return _bounded(money, name)


def read_words(act: PlanAct, words: Mapping[str, str | bool | Sequence[str] | None]) -> Given:
    """The arguments from the words of a command or of a row; those that are None or empty are left out."""
    present = {name: word for name, word in words.items() if word not in (None, "", False, (), [])}
    _check_names(act, present)
    return {each.name: _of_words(each, present[each.name]) for each in act.arguments if each.name in present}


def read_tree(act: PlanAct, tree: Mapping[str, Any]) -> Given:
    """The arguments from JSON. Raises ArgumentFault for an unknown, missing or malformed one."""
    names = {_tree_name(each): each for each in act.arguments}
    has_money = any(each.form in (ArgumentForm.MONEY, ArgumentForm.DUES) for each in act.arguments)
    unknown = tree.keys() - names.keys() - ({"currency"} if has_money else set())
    if unknown:
        raise ArgumentFault(min(unknown), "no such field")
    present = {names[key].name: value for key, value in tree.items() if key in names and value is not None}
    _check_names(act, present)
    given = {each.name: _of_tree(each, present[each.name], tree) for each in act.arguments if each.name in present}
    return {name: value for name, value in given.items() if value is not False}


def tree_of_arguments(act: PlanAct, given: Given) -> dict[str, Any]:
    """The arguments as JSON: the inverse of `read_tree`."""
    tree: dict[str, Any] = {}
    for each in act.arguments:
        if each.name not in given:
            continue
        value = given[each.name]
        match each.form:
            case ArgumentForm.MONEY:
                tree |= {f"{each.name}_minor": value.minor, "currency": value.currency.value}
            case ArgumentForm.DUES:
                tree |= {"dues": [_due_tree(due) for due in value], "currency": value[0].principal.currency.value}
            case ArgumentForm.DAY:
                tree[each.name] = value.isoformat()
            case ArgumentForm.RATE:
                tree[each.name] = basis_points_tree(value)
            case _:
                tree[each.name] = value
    return tree


def with_own_id(act: PlanAct, given: Given, act_id: str) -> Given:
    """The arguments with the act's id where an id was left out."""
    own = {each.name: act_id for each in act.arguments if each.own_id and each.name not in given}
    return {**given, **own}


def said_of(act: PlanAct, given: Given) -> Iterator[str]:
    """The arguments as they were understood, for people."""
    for each in act.arguments:
        if each.name not in given:
            continue
        value = given[each.name]
        if each.form is ArgumentForm.DUES:
            for due in value:
                yield f"due {due.due_on} {due.principal} principal {due.interest} interest"
        elif each.form is ArgumentForm.FLAG:
            yield each.name.replace("_", " ")
        else:
            yield f"{each.name.replace('_', ' ')} {value}"


def read_day(text: str, name: str) -> date:
    """A day as 2026-05-01."""
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentFault(name, f"{text!r} is not a day such as 2026-05-01") from error
    if day.isoformat() != text:
        raise ArgumentFault(name, f"{text!r} is not a day such as 2026-05-01")
    return day


def _check_names(act: PlanAct, present: Mapping[str, Any]) -> None:
    known = {each.name for each in act.arguments}
    for name in sorted(present.keys() - known):
        raise ArgumentFault(name, f"{act.name} has no such argument")
    for each in act.arguments:
        if each.required and each.name not in present:
            raise ArgumentFault(_tree_name(each), f"is missing: {each.meaning}")


def _tree_name(argument: Argument) -> str:
    return f"{argument.name}_minor" if argument.form is ArgumentForm.MONEY else argument.name


def _of_words(argument: Argument, word: Any) -> Any:  # noqa: PLR0911 - one case a form
    name = argument.name
    match argument.form:
        case ArgumentForm.MONEY:
            return read_money(word, name)
        case ArgumentForm.DAY:
            return read_day(word, name)
        case ArgumentForm.DUES:
            texts = [each.strip() for each in word.split(";")] if isinstance(word, str) else list(word)
            return _checked_dues(tuple(_due_of(each) for each in texts))
        case ArgumentForm.FLAG:
            if word in (True, "true"):
                return True
            raise ArgumentFault(name, f"{word!r} is neither true nor empty")
        case ArgumentForm.CHOICE:
            return _choice(argument, word)
        case ArgumentForm.NUMBER:
            return _number(name, int(word) if isinstance(word, str) and _DIGITS.fullmatch(word) else word)
        case ArgumentForm.RATE:
            return _rate(name, word)
        case ArgumentForm.ID:
            return _id(name, word)


def _of_tree(argument: Argument, value: Any, tree: Mapping[str, Any]) -> Any:  # noqa: PLR0911 - one case a form
    name = argument.name
    match argument.form:
        case ArgumentForm.MONEY:
            return _tree_money(value, tree, _tree_name(argument))
        case ArgumentForm.DAY:
            return value if type(value) is date else read_day(str(value), name)
        case ArgumentForm.DUES:
            return _checked_dues(tuple(_tree_due(each, tree, f"{name}/{place}") for place, each in enumerate(value)))
        case ArgumentForm.FLAG:
            if type(value) is not bool:
                raise ArgumentFault(name, f"{value!r} is neither true nor false")
            return value
        case ArgumentForm.CHOICE:
            return _choice(argument, value)
        case ArgumentForm.NUMBER:
            return _number(name, value)
        case ArgumentForm.RATE:
            return _rate(name, value)
        case ArgumentForm.ID:
            return _id(name, value)


def _tree_money(minor: Any, tree: Mapping[str, Any], name: str) -> Money:
    try:
        currency = Currency(str(tree.get("currency")))
    except ValueError as error:
        raise ArgumentFault("currency", f"{tree.get('currency')!r} is no currency of the platform") from error
    try:
        return _bounded(Money(minor, currency), name)
    except AmountFault as error:
        raise ArgumentFault(name, str(error)) from error


def _bounded(money: Money, name: str) -> Money:
    if abs(money.minor) > LARGEST_MINOR_OF_AN_ACT:
        raise ArgumentFault(name, f"{money} is beyond any plan")
    return money


def _id(name: str, value: Any) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise ArgumentFault(name, f"{value!r} is not an id: up to 100 letters, digits and . _ : / # -")
    return value


def _number(name: str, value: Any) -> int:
    if type(value) is not int or not 0 <= value <= LARGEST_NUMBER:
        raise ArgumentFault(name, f"{value!r} is not a whole number from 0 to {LARGEST_NUMBER}")
    return value


def _rate(name: str, value: Any) -> BasisPoints:
    """A rate in basis points: a number, or digits with a fraction as text."""
    trouble = f"{value!r} is not a rate in basis points from 0 to {LARGEST_NUMBER}, such as 1990 or 948.22"
    if type(value) is not int and not isinstance(value, str):
        raise ArgumentFault(name, trouble)
    try:
        rate = basis_points(value)
    except ValueError as error:
        raise ArgumentFault(name, trouble) from error
    if not 0 <= rate <= LARGEST_NUMBER:
        raise ArgumentFault(name, trouble)
    return rate


def _choice(argument: Argument, value: Any) -> str:
    if value not in argument.choices:
        raise ArgumentFault(argument.name, f"{value!r} is none of {', '.join(argument.choices)}")
    return str(value)


def _due_of(text: str) -> NewDue:
    match = _DUE.fullmatch(text)
    if match is None:
        raise ArgumentFault("dues", f'{text!r} is not a due such as "2026-05-01 30.00 GBP"')
    principal = read_money(match["principal"], "dues")
    interest = Money.zero(principal.currency) if match["interest"] is None else read_money(match["interest"], "dues")
    return NewDue(read_day(match["day"], "dues"), principal, interest)


def _tree_due(value: Any, tree: Mapping[str, Any], where: str) -> NewDue:
    if not isinstance(value, Mapping):
        raise ArgumentFault(where, f"{value!r} has no fields")
    unknown = value.keys() - {"due_on", "principal_minor", "interest_minor"}
    if unknown:
        raise ArgumentFault(f"{where}/{min(unknown)}", "no such field")
    day = value.get("due_on")
    return NewDue(
        day if type(day) is date else read_day(str(day), f"{where}/due_on"),
        _tree_money(value.get("principal_minor"), tree, f"{where}/principal_minor"),
        _tree_money(value.get("interest_minor") or 0, tree, f"{where}/interest_minor"),
    )


def _checked_dues(dues: tuple[NewDue, ...]) -> tuple[NewDue, ...]:
    if not dues:
        raise ArgumentFault("dues", "at least one is needed")
    if len({amount.currency for due in dues for amount in (due.principal, due.interest)}) > 1:
        raise ArgumentFault("dues", "every amount is in one currency")
    if any(
        due.principal.minor < 0 or due.interest.minor < 0 or not (due.principal + due.interest).minor for due in dues
    ):
        raise ArgumentFault("dues", "every due is more than zero")
    if any(one.due_on >= other.due_on for one, other in pairwise(dues)):
        raise ArgumentFault("dues", "days are in order, each once")
    return dues


def _due_tree(due: NewDue) -> dict[str, Any]:
    return {
        "due_on": due.due_on.isoformat(),
        "principal_minor": due.principal.minor,
        "interest_minor": due.interest.minor,
    }
