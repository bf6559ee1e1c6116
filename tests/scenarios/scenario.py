"""Reads a scenario from its file: the terms, what happens, and what the books and the plan must show after it."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

from ledger.journal import Journal
from ledger.map.flows import journal
from ledger.money import Currency, Money
from lending.plan.event import KINDS, PlanEvent, body_of
from lending.plan.plan import ForeignPurchase, Origin, Plan, PlanId, instalments_of
from lending.schedule.due import Due
from lending.schedule.due_dates import Adjustment
from lending.terms.dues import LoanTerms, schedule
from lending.terms.product import Product
from lending.terms.product_terms import Repayment
from lending.terms.products import product_on, servicing_terms
from lending.terms.servicing_terms import (
    Component,
    DiscountEarning,
    LateFeeRule,
    LateFees,
    RefundPlacing,
    ServicingTerms,
)

FOLDER = Path(__file__).parent
PLAN_ID, SHOPPER, MERCHANT, PROVIDER, RAIL = PlanId("p"), "s", "m", "sim", "card"

# What happens to the books beside the plan: settlements, cash, holds. Everything else is an event of the plan.
IN_THE_BOOKS = ("posted", "held", "voided", "day_closed")

# What an event may leave out, because the story is the same whatever it is.
_OWN_ID = ("payment_id", "return_id", "refund_id", "case_id", "fee_id")
_NAMES = {"plan": PLAN_ID, "shopper": SHOPPER, "merchant": MERCHANT, "provider": PROVIDER, "rail": RAIL, "bank": "main"}


@dataclass(frozen=True, slots=True)
class Expected:
    """What an event must be answered with when it is refused."""

    code: str
    says: str


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens, in the order in which it becomes known: an event of the plan, or a move in the books."""

    step_id: str
    what: str
    on: date
    at: datetime
    event: PlanEvent | None
    journal: Journal | None
    refused: Expected | None
    posts: str | None = None  # the hold that the journal posts


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story: who agreed on what, what happened, what must stand in the books and on the plan at its end."""

    title: str
    proves: tuple[str, ...]
    why: str
    plan: Plan
    terms: ServicingTerms
    steps: tuple[Step, ...]
    permute: tuple[str, ...]
    schedule: tuple[str, ...]
    journal: tuple[str, ...]
    reversed: tuple[str, ...]
    end: Mapping[str, Any]

    @property
    def events(self) -> tuple[PlanEvent, ...]:
        return tuple(step.event for step in self.steps if step.event is not None and step.refused is None)

    @property
    def ends_on(self) -> date:
        day: date = self.end["on"]
        return day


def read(path: Path) -> Scenario:
    """Read the scenario of a file; an entry that is not used is a fault."""
    return scenario(tomllib.loads(path.read_text()), path.name)


def scenario(tree: Mapping[str, Any], where: str) -> Scenario:
    """A scenario from what its file says."""
    known = {"title", "proves", "why", "permute", "terms", "event", "expected", "end"}
    assert set(tree) <= known, f"{where}: {sorted(set(tree) - known)}"
    plan, terms = agreement(tree["terms"])
    expected = tree["expected"]
    return Scenario(
        title=tree["title"],
        proves=tuple(tree["proves"]),
        why=tree["why"],
        plan=plan,
        terms=terms,
        steps=steps_of(tree["event"], plan),
        permute=tuple(tree.get("permute", ())),
        schedule=rows(expected["schedule"]),
        journal=rows(expected["journal"]),
        reversed=rows(expected.get("reversed", "")),
        end=tree["end"],
    )


def rows(table: str) -> tuple[str, ...]:
    """The rows of a table written as text, its columns apart by single spaces; a `#` begins a remark."""
    lines = (line.split("#")[0].split() for line in table.splitlines())
    return tuple(" ".join(line) for line in lines if line)


def steps_of(events: Sequence[Mapping[str, Any]], plan: Plan) -> tuple[Step, ...]:
    """What happens, in the order of the file; on one day an event happens after those before it."""
    return tuple(_step(dict(each), number, plan) for number, each in enumerate(events))


def agreement(said: Mapping[str, Any]) -> tuple[Plan, ServicingTerms]:
    """The plan and how it is serviced: explicit dues with terms of their own, or a product with its terms."""
    told = dict(said)
    opened_on: date = told.pop("opened_on")
    currency = Currency(told.pop("currency", "GBP"))
    purchase = _money(told.pop("purchase"), currency)
    product = Product(told.pop("product", Product.PAY_IN_3))
    months, rate = told.pop("months", 2), told.pop("yearly_rate_basis_points", 0)
    offered = product_on(product, opened_on)
    if "dues" in told:
        dues = [_due(row, currency) for row in rows(told.pop("dues"))]
        terms = _servicing(told, currency)
    else:
        dues = list(
            schedule(
                LoanTerms(purchase, months, rate),
                _repayment(told, offered.repayment),
                opened_on,
                holidays=told.pop("bank_holidays", ()),
            )
        )
        terms = servicing_terms(offered.version, currency)
    foreign, tax = told.pop("foreign", None), told.pop("tax", None)
    no_merchant = told.pop("no_merchant", False)
    plan = Plan(
        plan_id=PLAN_ID,
        shopper_id=SHOPPER,
        account_id="808",
        merchant_id=None if no_merchant else MERCHANT,
        order_id="o",
        decision_id=None if no_merchant else "d",
        origin=Origin.CHECKOUT,
        product=product,
        opened_on=opened_on,
        principal=purchase,
        merchant_discount=_money(told.pop("discount", "0.00"), currency),
        annual_rate_basis_points=rate,
        terms_version=offered.version,
        instalments=instalments_of(PLAN_ID, dues),
        tax=None if tax is None else _money(tax, currency),
        foreign=None if foreign is None else _foreign(foreign, opened_on, currency),
    )
    assert not told, f"terms say {sorted(told)}, which nobody reads"
    return plan, terms


def _repayment(told: dict[str, Any], repayment: Repayment) -> Repayment:
    """The product's, or one that moves its dues off weekends and bank holidays."""
    return replace(repayment, business_days=Adjustment(told.pop("business_days", repayment.business_days)))


def _servicing(told: dict[str, Any], currency: Currency) -> ServicingTerms:
    changes: dict[str, Any] = {}
    if "late_fee" in told:
        fee = told.pop("late_fee")
        caps: dict[str, Any] = {
            name: _money(amount, currency) for name, amount in fee.items() if name.startswith("cap_")
        }
        changes["late_fees"] = LateFees(
            (LateFeeRule("late", _money(fee["amount"], currency), fee["grace_days"]),), **caps
        )
    if "allocation" in told:
        changes["allocation"] = tuple(Component(each) for each in told.pop("allocation"))
    for name, form in (("refund_placing", RefundPlacing), ("discount_earning", DiscountEarning)):
        if name in told:
            changes[name] = form(told.pop(name))
    return ServicingTerms(**changes)


def _due(row: str, currency: Currency) -> Due:
    number, due_on, principal, *interest = row.split()
    owed = _money(interest[0] if interest else "0.00", currency)
    return Due(int(number), date.fromisoformat(due_on), _money(principal, currency), owed)


def _foreign(said: Mapping[str, str], opened_on: date, currency: Currency) -> ForeignPurchase:
    at = datetime.combine(opened_on, time(9), UTC)
    spread = _money(said["spread"], currency)
    return ForeignPurchase(_money(said["payable"], currency), spread, said["rate"], said["rate_source"], at)


def _step(said: dict[str, Any], number: int, plan: Plan) -> Step:
    on, what = said.pop("on"), said.pop("what")
    known = said.pop("known", on)
    step_id = said.pop("id", f"{what}-{number}")
    later = timedelta(minutes=number)
    at, known_at = (datetime.combine(day, time(12), UTC) + later for day in (on, known))
    refused = said.pop("refused", None)
    expected = None if refused is None else Expected(refused["code"], refused["says"])
    if what in IN_THE_BOOKS:
        moved = None if what in {"day_closed", "voided"} else _journal(said, on, at, known_at, plan)
        return Step(said.get("hold", step_id), what, on, known_at, None, moved, expected, said.get("posts"))
    body = body_of(what, _tree(KINDS[what], _filled(said, what, step_id), plan.currency))
    event = PlanEvent(step_id, plan.plan_id, on, at, known_at, step_id, body)
    return Step(step_id, what, on, known_at, event, None, expected)


def _journal(said: Mapping[str, Any], on: date, at: datetime, known_at: datetime, plan: Plan) -> Journal:
    return journal(
        said["flow"],
        key=said["key"],
        value_date=on,
        occurred_at=at,
        recorded_at=known_at,
        correlation={"plan_id": plan.plan_id, **said.get("correlation", {})},
        amounts={name: _money(text, plan.currency) for name, text in said["amounts"].items()},
        names=_NAMES | said.get("names", {}),
    )


def _filled(said: Mapping[str, Any], what: str, step_id: str) -> dict[str, Any]:
    form = KINDS[what]
    names = {each.name for each in fields(form)}
    told = {name: step_id for name in _OWN_ID if name in names} | dict(said)
    if "provider" in names and "provider" not in told:
        told["provider"] = PROVIDER
    if "rail" in names and "rail" not in told and told.get("channel", "shopper") in {"shopper", "attempt"}:
        told["rail"] = RAIL
    if "channel" in names and "channel" not in told:
        told["channel"] = "shopper"
    return told


def _tree(form: Any, said: Any, currency: Currency) -> Any:
    """What a file says as the tree that an event is stored as: money from text."""
    own = [each for each in get_args(form) if each is not NoneType]
    if own and isinstance(said, list):
        return [_tree(own[0], each, currency) for each in said]
    form = own[0] if own else form
    if form is Money:
        amount = _money(said, currency)
        return {"minor": amount.minor, "currency": amount.currency.value}
    if is_dataclass(form) and isinstance(said, dict):
        types = get_type_hints(form)
        return {name: _tree(types.get(name), inner, currency) for name, inner in said.items()}
    return said.isoformat() if isinstance(said, date) else said


def _money(text: str, currency: Currency) -> Money:
    amount, *own = text.split()
    return Money.parse(amount, Currency(own[0]) if own else currency)
