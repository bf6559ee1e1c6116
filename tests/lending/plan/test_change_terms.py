"""Changes of terms that the fold works out: 100.00 at 7 % over six months (30/360), as published for a peer's loans."""

from dataclasses import replace
from datetime import date

import pytest

from lending.plan.event import (
    Body,
    DuesMoved,
    Extended,
    FeeCharged,
    FeeKind,
    InterestPaused,
    MovedInterest,
    Paid,
    PaymentChannel,
    PlanEvent,
    RateChanged,
    ReAged,
    ReAmortised,
    Returned,
    Terminated,
)
from lending.plan.plan import Plan, instalments_of
from lending.plan.refusal import PlanRefusalCode
from lending.plan.refuse import refuse
from lending.plan.state import PlanState
from lending.schedule.amortise import Loan, amortise
from lending.schedule.day_count import THIRTY_360
from lending.schedule.due_dates import Spacing, Unit
from lending.terms.servicing_terms import InterestRule, LateInterest, ServicingTerms, ShipmentRule
from tests.lending.courses import Course, balance, open_amounts, the_books_agree
from tests.lending.plans import a_plan, pounds

MONTHLY = Spacing(1, Unit.MONTHS)
TERMS = ServicingTerms(
    interest=InterestRule(THIRTY_360, MONTHLY, first_day_bears=False), late_interest=LateInterest.UNTIL_LAST_DUE
)
START = date(2024, 1, 1)


def the_plan(rate: int = 700, **changes: object) -> Plan:
    loan = Loan(pounds("100.00"), _percent(rate), 6, MONTHLY, START, THIRTY_360)
    plan = a_plan("100.00", opened_on=START, annual_rate_basis_points=rate, merchant_discount=pounds("0.00"))
    return replace(plan, instalments=instalments_of(plan.plan_id, amortise(loan)), **changes)  # type: ignore[arg-type]


def _percent(basis_points: int) -> object:
    from decimal import Decimal

    return Decimal(basis_points) / 100
