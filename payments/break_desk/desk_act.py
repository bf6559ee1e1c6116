"""The acts of the break desk, one row each: from this table both doors, the command line and HTTP, are made."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from lending.acts.arguments import ArgumentFault, read_day

_ID = re.compile(r"[!-~]{1,160}", re.ASCII)
_WORDS = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}", re.ASCII)


@dataclass(frozen=True, slots=True)
class DeskArgument:
    """One argument of an act, written as text."""

    name: str
    meaning: str
    form: str = "id"
    required: bool = True


@dataclass(frozen=True, slots=True)
class DeskAct:
    """One act. `grant` is its name in the authority file; `event` what it leaves on the break, if it leaves one itself.

    `two_people`: a second person is needed at any amount; else only beyond the role's limit. `moves_money`: the amount
    of the break is what the limit is compared with.
    """

    name: str
    meaning: str
    arguments: tuple[DeskArgument, ...] = ()
    event: str | None = None
    two_people: bool = False
    moves_money: bool = False

    @property
    def grant(self) -> str:
        return f"{self.name}-break"


_TABLE = (
    DeskAct(
        "match",
        "Match a line of a bank's statement by hand, with what was expected or with the plan that it pays.",
        (
            DeskArgument("expectation", "the key of what was expected, such as due:p-1/2", required=False),
            DeskArgument("plan_id", "or the plan of the shopper who sent the money", required=False),
        ),
        "matched",
        two_people=True,
        moves_money=True,
    ),
    DeskAct(
        "unmatch",
        "Undo the match of a line: what it posted is reversed, and line and expectations are open as they were.",
        (),
        "unmatched",
        moves_money=True,
    ),
    DeskAct("reprocess", "Deal with a stored unit again, by the rules.", (), "reprocessed"),
    DeskAct(
        "write-off",
        "Work money off suspense, or take a small difference as tolerated.",
        (),
        "written_off",
        moves_money=True,
    ),
    DeskAct(
        "return",
        "Send money that nobody could identify back to its sender, with the bank's next file.",
        (DeskArgument("payee", "the account it goes to; the sender's when left out", required=False),),
        "returned",
        moves_money=True,
    ),
    DeskAct(
        "accept",
        "Leave a break open until a later day.",
        (DeskArgument("until", "the new due day, such as 2026-05-01", "day"),),
    ),
    DeskAct(
        "assign",
        "Give a break to another owner.",
        (DeskArgument("owner", "the team or the principal that deals with it", "words"),),
    ),
)

DESK_ACTS: Mapping[str, DeskAct] = {act.name: act for act in _TABLE}


def read_desk_arguments(act: DeskAct, tree: Mapping[str, object]) -> dict[str, str]:
    """The arguments of an act from words or JSON; raises ArgumentFault for a missing, unknown or malformed one."""
    given = {name: value for name, value in tree.items() if value is not None}
    known = {each.name for each in act.arguments}
    for name in sorted(given.keys() - known):
        raise ArgumentFault(name, f"{act.name} has no such argument")
    read = {}
    for each in act.arguments:
        if each.name in given:
            read[each.name] = _read(each, given[each.name])
        elif each.required:
            raise ArgumentFault(each.name, f"is missing: {each.meaning}")
    if act.name == "match" and len(read) != 1:
        raise ArgumentFault("expectation", "name either what was expected or the plan")
    return read


def _read(argument: DeskArgument, value: object) -> str:
    if not isinstance(value, str):
        raise ArgumentFault(argument.name, f"{value!r} is no text")
    if argument.form == "day":
        return read_day(value, argument.name).isoformat()
    if not (_WORDS if argument.form == "words" else _ID).fullmatch(value):
        raise ArgumentFault(argument.name, f"{value!r} has characters or a length that no {argument.form} has")
    return value


def day_given(arguments: Mapping[str, str], name: str) -> date:
    return date.fromisoformat(arguments[name])
