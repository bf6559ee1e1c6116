"""Reads the money map from its file, and refuses a file that contradicts itself."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from ledger.account import AccountKind, AccountType, Side
from ledger.map.money_map import PLACEHOLDER, Clearing, FlowLeg, FlowTemplate, MoneyMap, Row, Step
from terminal.fault import Fault

_Entry = Mapping[str, Any]

_ACCOUNT = {"pattern", "code", "title", "kind", "normal"}
_CLEARING = {"group", "owner", "sla_days", "opened_by", "closed_by"}
_NAME = re.compile(r"[a-z]+(_[a-z]+)*")
_FLOW = {"id", "name", "title", "part", "means", "version"}
_ROW = {"id", "title", "part", "means"}


class MapFault(Fault, ValueError):
    """Raised for a money map that cannot be read or contradicts itself; the message names the row."""

    @property
    def user_message(self) -> str:
        return f"money map: {self}"


@cache
def money_map() -> MoneyMap:
    """The map that ships with this package, read once."""
    return parse_money_map(files("ledger").joinpath("money_map.toml").read_text(encoding="utf-8"))


def parse_money_map(text: str) -> MoneyMap:
    """Read a money map; raises MapFault."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise MapFault(str(fault)) from fault
    _check_keys("the file", document, set(), {"account", "part", "flow", "row"})
    accounts, parts = document.get("account", []), document.get("part", [])
    chart = tuple(_account_type(entry) for entry in accounts)
    _check_once("account", (kind.pattern for kind in chart))
    _check_once("code", (kind.code for kind in chart))
    forms = {_form(kind.pattern): kind.pattern for kind in chart}
    flows = [_flow(entry, forms) for entry in document.get("flow", [])]
    rows = [_row(entry) for entry in document.get("row", [])]
    _check_once("row", [flow.flow for flow in flows] + [row.row for row in rows])
    _check_once("flow name", (flow.name for flow in flows))
    for part in parts:
        _check_keys(f"part {part.get('id', '?')}", part, {"id", "title"}, set())
    result = MoneyMap(
        chart=chart,
        clearing={entry["pattern"]: _clearing(entry) for entry in accounts if "group" in entry},
        flows={flow.flow: flow for flow in flows},
        rows={row.row: row for row in rows},
        parts={part["id"]: part["title"] for part in parts},
    )
    _check_parts(result)
    _check_holds(result)
    for clearing in result.clearing.values():
        _check_clearing(result, clearing)
    return result


def _account_type(entry: _Entry) -> AccountType:
    where = f"account {entry.get('pattern', '?')}"
    grouped = _CLEARING & set(entry)
    _check_keys(where, entry, _ACCOUNT | (_CLEARING if grouped else set()), {"floor", "pending_only"})
    known = {key: value for key, value in entry.items() if key not in {"opened_by", "closed_by"}}
    try:
        return AccountType(**{**known, "kind": AccountKind(entry["kind"]), "normal": Side(entry["normal"])})
    except ValueError as fault:
        raise MapFault(f"{where}: {fault}") from fault


def _clearing(entry: _Entry) -> Clearing:
    return Clearing(
        form=entry["pattern"],
        key=entry["group"],
        owner=entry["owner"],
        sla_days=entry["sla_days"],
        opened_by=tuple(entry["opened_by"]),
        closed_by=tuple(entry["closed_by"]),
    )


def _row(entry: _Entry) -> Row:
    _check_keys(f"row {entry.get('id', '?')}", entry, _ROW, set())
    return Row(entry["id"], entry["title"], entry["part"], entry["means"])


def _flow(entry: _Entry, forms: Mapping[str, str]) -> FlowTemplate:
    name = entry.get("id", "?")
    kinds = {"pending", "posts", "voids", "reversal", "free"}
    _check_keys(f"flow {name}", entry, _FLOW, {"steps", "key", "examples", *kinds})
    steps = tuple(_step(name, step, forms) for step in entry.get("steps", ()))
    if not steps and not kinds & set(entry):
        raise MapFault(f"flow {name} has no steps")
    flow = FlowTemplate(
        flow=name,
        name=entry["name"],
        title=entry["title"],
        part=entry["part"],
        means=entry["means"],
        version=entry["version"],
        steps=steps,
        key=entry.get("key", ""),
        pending=entry.get("pending", False),
        posts=entry.get("posts"),
        voids=entry.get("voids"),
        reversal=entry.get("reversal", False),
        free=entry.get("free", False),
        examples=tuple(entry.get("examples", ())),
    )
    if not _NAME.fullmatch(flow.name):
        raise MapFault(f"flow {name} has the name {flow.name!r}: small letters and underscores are allowed")
    if steps and not (flow.key and flow.examples):
        raise MapFault(f"flow {name} moves money and lacks its key or its examples")
    for example in flow.examples:
        unknown = set(example) - flow.amounts
        if unknown:
            raise MapFault(f"flow {name}: an example has {min(unknown)!r}, the steps do not")
    return flow


def _step(flow: str, entry: _Entry, forms: Mapping[str, str]) -> Step:
    _check_keys(f"flow {flow}: a step", entry, {"debit", "credit"}, set())
    step = Step(_legs(flow, entry["debit"], forms), _legs(flow, entry["credit"], forms))
    for side, other in ((step.debit, step.credit), (step.credit, step.debit)):
        if any(not leg.amounts for leg in side) and (len(side) > 1 or not all(leg.amounts for leg in other)):
            raise MapFault(f"flow {flow}: only a leg alone on its side may leave out its amounts")
        named = [name for leg in side for name in leg.amounts]
        if len(set(named)) < len(named):
            raise MapFault(f"flow {flow}: a step names an amount twice on one side, so it cannot balance")
    both = {leg.account for leg in step.debit} & {leg.account for leg in step.credit}
    if both:
        raise MapFault(f"flow {flow}: {min(both)} is on both sides of a step")
    return step


def _legs(flow: str, written: Sequence[Sequence[str]], forms: Mapping[str, str]) -> tuple[FlowLeg, ...]:
    legs = []
    for account, *amounts in written:
        if _form(account) not in forms:
            raise MapFault(f"flow {flow} uses {account!r}, which is not on the chart of accounts")
        legs.append(FlowLeg(account, forms[_form(account)], tuple(amounts)))
    if not legs:
        raise MapFault(f"flow {flow}: a step needs a debit and a credit to balance")
    return tuple(legs)


def _form(account: str) -> str:
    return PLACEHOLDER.sub("{}", account)


def _check_keys(where: str, entry: _Entry, needed: set[str], allowed: set[str]) -> None:
    missing, unknown = needed - set(entry), set(entry) - needed - allowed
    if missing:
        raise MapFault(f"{where} lacks {min(missing)!r}")
    if unknown:
        raise MapFault(f"{where} has the unknown key {min(unknown)!r}")


def _check_once(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise MapFault(f"{what} {name} is on the money map twice")
        seen.add(name)


def _check_parts(result: MoneyMap) -> None:
    entries: list[FlowTemplate | Row] = [*result.flows.values(), *result.rows.values()]
    for entry in entries:
        if entry.part not in result.parts:
            raise MapFault(f"{entry.title!r} stands in part {entry.part!r}, which the page does not have")


def _check_holds(result: MoneyMap) -> None:
    """Check that flows post or void only what some flow holds."""
    for flow in result.flows.values():
        for held in (flow.posts, flow.voids):
            if held is not None and not (held in result.flows and result.flows[held].pending):
                raise MapFault(f"flow {flow.flow} resolves {held!r}, which no flow of the map holds")


def _check_clearing(result: MoneyMap, clearing: Clearing) -> None:
    """Check that the listed flows are exactly those that use the account, or void what is held there."""
    listed = {"opens": clearing.opened_by, "closes": clearing.closed_by}
    for what, names in listed.items():
        if not names:
            raise MapFault(f"account {clearing.form}: nothing {what} its groups")
        for name in names:
            if name not in result.flows or not (result.flows[name].touches(clearing.form) or result.flows[name].voids):
                raise MapFault(f"account {clearing.form}: {name} {what} no group, it does not touch the account")
    for name, flow in result.flows.items():
        if flow.touches(clearing.form) and not any(name in names for names in listed.values()):
            raise MapFault(f"account {clearing.form}: {name} neither opens nor closes its groups")
