"""For each act a plan in a state in which the act can be done, and its arguments."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lending.acts.log import AskedAct
from lending.plan.plan import Plan
from tests.lending.acts.counter import Counter, asked_of
from tests.lending.plans import a_plan
from tests.lending.servicing.servicing import a_payment, day

PLAN = a_plan("90.00")
OTHER = a_plan("60.00", plan_id="p-d-2", decision_id="d-2", order_id="o-2")


@dataclass(frozen=True, slots=True)
class Case:
    """`words` are the same arguments as on the command line."""

    tree: Mapping[str, Any] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    before: Callable[[Counter], object] = lambda counter: counter.desk.open(PLAN)
    plan: Plan = PLAN


def _open_and(act: str, tree: Mapping[str, Any]) -> Callable[[Counter], object]:
    def before(counter: Counter) -> None:
        counter.desk.open(PLAN)
        counter.do(asked_of(PLAN, act, tree, key="before"))

    return before


def _paid(amount: str, *others: Plan) -> Callable[[Counter], object]:
    def before(counter: Counter) -> None:
        counter.desk.open(PLAN, *others)
        counter.desk.take(a_payment(PLAN, "x-1", day(1), amount))

    return before


_BEARING = a_plan("1000.00", months=6, rate=1200)
_TEN = {"amount_minor": 10_00, "currency": "GBP"}
_TEN_WORDS = ("--amount", "10.00 GBP")
_PERIOD = {"starts": "2026-02-01", "ends": "2026-03-01"}
_PERIOD_WORDS = ("--starts", "2026-02-01", "--ends", "2026-03-01")
_FEE = {"amount_minor": 5_00, "currency": "GBP", "kind": "return"}
_DISPUTE = {**_TEN, "case_id": "c-1"}
_DUES = [
    {"due_on": "2026-05-01", "principal_minor": 50_00, "interest_minor": 0},
    {"due_on": "2026-06-01", "principal_minor": 40_00, "interest_minor": 1_00},
]

_RE_AGE = {"instalments": 3, "first_due_on": "2026-05-01", "every": 1, "unit": "months"}

CASES: Mapping[str, Case] = {
    "reschedule": Case(
        {"dues": _DUES, "currency": "GBP"},
        ("--dues", "2026-05-01 50.00 GBP", "--dues", "2026-06-01 40.00 GBP 1.00 GBP"),
    ),
    "re-age": Case(_RE_AGE, ("--instalments", "3", "--first-due-on", "2026-05-01", "--every", "1", "--unit", "months")),
    "re-amortise": Case({"interest": "waived"}, ("--interest", "waived")),
    "change-rate": Case(
        {"annual_rate_basis_points": "900.25", "effective_from": "2026-02-10"},
        ("--annual-rate-basis-points", "900.25", "--effective-from", "2026-02-10"),
        lambda counter: counter.desk.open(_BEARING),
        _BEARING,
    ),
    "pause-interest": Case(_PERIOD, _PERIOD_WORDS, lambda counter: counter.desk.open(_BEARING), _BEARING),
    "move-dues": Case(
        {"due_on": "2026-02-09", "moved_to": "2026-02-20"}, ("--due-on", "2026-02-09", "--moved-to", "2026-02-20")
    ),
    "extend": Case(
        {"instalments": 2, "effective_from": "2026-02-10"}, ("--instalments", "2", "--effective-from", "2026-02-10")
    ),
    "terminate": Case(),
    "holiday": Case(_PERIOD, _PERIOD_WORDS),
    "forbearance": Case(_PERIOD, _PERIOD_WORDS),
    "freeze": Case(),
    "unfreeze": Case(before=_open_and("freeze", {})),
    "charge-fee": Case(_FEE, ("--amount", "5.00 GBP", "--kind", "return")),
    "waive-fee": Case(
        {"fee_id": "f-1", "amount_minor": 2_00, "currency": "GBP"},
        ("--fee-id", "f-1", "--amount", "2.00 GBP"),
        _open_and("charge-fee", {**_FEE, "fee_id": "f-1"}),
    ),
    "waive-interest": Case(
        {"amount_minor": 1_00, "currency": "GBP"},
        ("--amount", "1.00 GBP"),
        lambda counter: counter.desk.open(_BEARING),
        _BEARING,
    ),
    "goodwill": Case(_TEN, _TEN_WORDS),
    "cancel": Case(before=lambda counter: counter.desk.plans.open(PLAN)),
    "refund": Case(_TEN, _TEN_WORDS),
    "dispute": Case(_DISPUTE, (*_TEN_WORDS, "--case-id", "c-1")),
    "settle-dispute": Case(
        {"case_id": "c-1", "winner": "shopper"},
        ("--case-id", "c-1", "--winner", "shopper"),
        _open_and("dispute", _DISPUTE),
    ),
    "charge-off": Case({"fraud": True}, ("--fraud",)),
    "write-off": Case(),
    "refund-credit": Case(_TEN, _TEN_WORDS, _paid("100.00")),
    "apply-credit": Case(
        {**_TEN, "to_plan_id": OTHER.plan_id}, (*_TEN_WORDS, "--to-plan-id", OTHER.plan_id), _paid("100.00", OTHER)
    ),
    "reverse": Case({"event_id": "paid:x-1"}, ("--event-id", "paid:x-1"), _paid("30.00")),
}


def a_case(counter: Counter, act: str) -> tuple[Plan, AskedAct]:
    """The plan of the act's case, brought into its state, and the act."""
    case = CASES[act]
    case.before(counter)
    return case.plan, asked_of(case.plan, act, case.tree)
