"""The money map as a Markdown page for product and finance: the chart, the clearing accounts, and every flow."""

from collections.abc import Iterable, Sequence

from ledger.account import AccountKind, AccountType
from ledger.map.money_map import PLACEHOLDER, Clearing, FlowLeg, FlowTemplate, MoneyMap, Row, Step

_RETURNS = """\
## What must return to zero

All journals of one business id add up to zero on these accounts. What does not, with its age, is the work list:
`tranche ledger open-groups`. A currency position is zero once it is converted; until then it is valued daily (F41).
"""
_KINDS = {
    AccountKind.ASSET: "Assets",
    AccountKind.LIABILITY: "Liabilities",
    AccountKind.INCOME: "Income",
    AccountKind.EXPENSE: "Expense",
    AccountKind.EQUITY: "Equity",
    AccountKind.MEMORANDUM: "Memorandum, off the balance sheet",
}
_HEAD = """\
<!-- Generated from ledger/money_map.toml by `tranche ledger map --out docs/reference`. Do not edit. -->

# Money map

Every account that we keep and every journal that may be written. A business event without a row here needs a row first;
until then it takes two people and a reason (flow `FREE`).

![accounts, flows, and what must return to zero](money-map.svg)

How to read it: each row says what happened and who then owes whom what. Its table has one line for each amount that
the event may bring, with the account debited and the account credited; an empty cell means that the other side is that
of the lines beside it, with the same total. Amounts are examples, in pounds unless they say otherwise. An amount that
is not given is zero and moves nothing. `plan:principal` stands for `plan:{plan}:principal`: one account for each plan.
A journal is written whole or not at all, under an id made of its flow and of its business key, once.
"""
Rows = Iterable[Sequence[str]]


def money_map_page(money_map: MoneyMap) -> str:
    """The whole page, in Markdown."""
    sections = [_HEAD, _chart(money_map), _clearing(money_map)]
    for part, title in money_map.parts.items():
        entries: list[FlowTemplate | Row] = [*money_map.flows.values(), *money_map.rows.values()]
        inside = [entry for entry in entries if entry.part == part]
        sections.append(f"## {title}\n")
        sections += [_entry(entry, money_map) for entry in sorted(inside, key=_place)]
    return "\n".join(sections)


def short(account: str) -> str:
    """The short form of an account pattern, without placeholders: `plan:principal` for `plan:{plan}:principal`."""
    return ":".join(part for part in account.split(":") if not PLACEHOLDER.fullmatch(part))


def _chart(money_map: MoneyMap) -> str:
    lines = ["## Chart of accounts\n", "One set for each currency. The number is the one of the general ledger.\n"]
    for kind, title in _KINDS.items():
        accounts = [each for each in money_map.chart if each.kind is kind]
        rows = [(each.code, f"`{each.pattern}`", each.title, each.normal, _rule(each)) for each in accounts]
        lines += [f"### {title}\n", _table(("Number", "Account", "Holds", "Grows by", "Rule"), rows)]
    return "\n".join(lines)


def _rule(account: AccountType) -> str:
    if account.pending_only:
        return "only ever held: zero after every journal"
    rules = {"never below zero, holds counted": account.floor, "returns to zero": account.group}
    return "; ".join(rule for rule, holds in rules.items() if holds)


def _clearing(money_map: MoneyMap) -> str:
    """The clearing accounts, with the flows that open and close their groups."""
    rows = [
        (
            f"`{short(each.form)}`",
            f"`{each.key}`",
            _named(money_map, each.opened_by),
            _named(money_map, each.closed_by),
            each.owner,
            _days(each.sla_days),
        )
        for each in money_map.clearing.values()
    ]
    return "\n".join([_RETURNS, _table(("Account", "By", "Opened by", "Closed by", "Worked by", "Within"), rows)])


def _entry(entry: FlowTemplate | Row, money_map: MoneyMap) -> str:
    if isinstance(entry, Row):
        return f"### {entry.row} {entry.title}\n\n{entry.means}\n"
    lines = [f"### {entry.flow} {entry.title}\n", entry.means, ""]
    if entry.steps:
        heads = [f"Example {number}" for number in range(1, len(entry.examples) + 1)]
        rows = [row for step in entry.steps for row in _moves(step, entry)]
        lines.append(_table(("Amount", "Debit", "Credit", *(heads if len(heads) > 1 else ["Example"])), rows))
    lines += [f"- {note}" for note in _notes(entry, money_map)]
    return "\n".join([*lines, ""])


def _moves(step: Step, flow: FlowTemplate) -> list[list[str]]:
    """One row for each amount of a step: the account debited, the account credited, and the examples."""
    debit, credit = _alone(step.debit), _alone(step.credit)
    moves = [(name, _account(leg), credit) for leg in step.debit for name in leg.amounts]
    moves += [(name, debit, _account(leg)) for leg in step.credit for name in leg.amounts]
    return [[f"`{name}`", *sides, *(example.get(name, "") for example in flow.examples)] for name, *sides in moves]


def _alone(legs: Sequence[FlowLeg]) -> str:
    """The account that faces every row of the other side: the side's only leg, when it names no amounts; else empty."""
    return "" if legs[0].amounts else _account(legs[0])


def _account(leg: FlowLeg) -> str:
    return f"`{short(leg.account)}`"


def _notes(flow: FlowTemplate, money_map: MoneyMap) -> list[str]:
    notes = []
    if flow.key:
        notes.append(f"Business key: {flow.key}.")
    names = sorted({name for leg in flow.legs for name in PLACEHOLDER.findall(leg.account)} - {"currency"})
    if names:
        notes.append(f"Names: {', '.join(f'`{name}`' for name in names)}.")
    if flow.pending:
        resolved = [each.flow for each in money_map.flows.values() if flow.flow in (each.posts, each.voids)]
        by = f" until {' or '.join(resolved)}" if resolved else ""
        notes.append(f"Held, not posted{by}.")
    if flow.posts:
        notes.append(f"Takes the place of the hold of {flow.posts}.")
    for each in money_map.clearing.values():
        notes += _returns(flow, each, money_map)
    return notes


def _returns(flow: FlowTemplate, clearing: Clearing, money_map: MoneyMap) -> list[str]:
    account, key = f"`{short(clearing.form)}`", f"`{clearing.key}`"
    notes = []
    if flow.flow in clearing.opened_by:
        closing = _named(money_map, [each for each in clearing.closed_by if each != flow.flow]) or flow.flow
        notes.append(f"Opens {account} by {key}; it returns to zero within {_days(clearing.sla_days)} by {closing}.")
    if flow.flow in clearing.closed_by:
        notes.append(f"Closes {account} by {key}.")
    return notes


def _days(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"


def _named(money_map: MoneyMap, flows: Iterable[str]) -> str:
    """The names of flows, in the order of the map."""
    wanted = set(flows)
    return ", ".join(flow for flow in money_map.flows if flow in wanted)


def _place(entry: FlowTemplate | Row) -> tuple[int, str]:
    """A sort key by number and then by letter; flows without a number come last."""
    name = entry.flow if isinstance(entry, FlowTemplate) else entry.row
    digits = "".join(each for each in name if each.isdigit())
    return (int(digits), name) if digits else (1000, name)


def _table(head: Sequence[str], rows: Rows) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"
