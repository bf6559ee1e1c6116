"""Steps that set the clock or say what the borrower asked for."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from tests.scenarios.fineract_e2e.product import settings_of
from tests.scenarios.fineract_e2e.reader import Step, day_of, is_day, units_of
from tests.scenarios.fineract_e2e.step_words import days_told, quoted
from tests.scenarios.fineract_e2e.story import Check, CheckKind, NotExpressible, PeerLoan, Story


def clock(story: Story, step: Step) -> None:
    story.today = days_told(step)[0]


def closed_day(story: Story, step: Step) -> None:
    story.worked_out_on = story.day


def next_day(story: Story, step: Step) -> None:
    story.today = story.day + timedelta(days=1)


_PLAIN_COLUMNS = {
    "graceOnPrincipalPayment", "graceOnInterestPayment", "interest free period", "charge calculation type",
    "interestRateFrequencyType", "Repayment start date type", "1st_tranche_disb_expected_date",
}  # fmt: skip


def loan(story: Story, step: Step) -> None:
    if not step.rows or "LoanProduct" not in step.rows[0]:
        raise NotExpressible("loan_created_otherwise")
    row = step.rows[0]
    unusual = {name: row[name] for name in _PLAIN_COLUMNS & row.keys() if row[name] not in {"", "0"}}
    for words in ("fixed length", "charges", "disbursement"):
        if words in step.text.replace("disbursement date", ""):
            unusual[words] = step.text
    told, of_the_product = story.disbursement_fee, "product`s charges" in step.text
    if (of_the_product and "INSTALLMENT_FEE" not in row["LoanProduct"]) or (not of_the_product and told is not None):
        unusual.pop("charges", None)  # none, or the one that the scenario described
    settings = settings_of(row["LoanProduct"], row["Payment strategy"])
    terms = PeerLoan(
        product=replace(settings, in_advance={**settings.in_advance, **story.rules}),
        principal=units_of(row["with Principal"]),
        rate_percent=Decimal(row["ANNUAL interest rate %"]),
        flat=row["interest type"] == "FLAT",
        interest_by_day=row["interest calculation period"] == "DAILY",
        every=int(row["repaymentEvery"]),
        unit=row["repaymentFrequencyType"].lower(),
        instalments=int(row["numberOfRepayments"]),
        submitted_on=day_of(row["submitted on date"]),
        unusual=unusual,
        disbursement_fee=told if "with charges" in step.text else None,
    )
    story.begin(terms)


def disbursement_fee(story: Story, step: Step) -> None:
    name, kind = quoted(step)[:2]
    number = re.search(r"type and ([\d.]+) ", step.text)
    if "DISBURSEMENT" in name and number is not None:
        story.disbursement_fee = (kind, Decimal(number.group(1)))


def default_loan(story: Story, step: Step) -> None:
    """The peer's usual loan: 1,000.00 without interest, due in one instalment after thirty days."""
    story.begin(PeerLoan(settings_of("LP1"), 100_000, Decimal(0), False, False, 30, "days", 1, days_told(step)[0]))


def customised_loan(story: Story, step: Step) -> None:
    """A loan without interest of a principal, a term in months and a number of instalments."""
    principal = next(each for each in quoted(step) if not is_day(each))
    months, instalments = (int(each) for each in re.findall(r": (\d+)", step.text)[-2:])
    if months % instalments:
        raise NotExpressible("uneven_term")
    terms = PeerLoan(
        settings_of("LP1"), units_of(principal), Decimal(0), False, False, months // instalments, "months",
        instalments, days_told(step)[0],
    )  # fmt: skip
    story.begin(terms)
    story.course.append(Check(CheckKind.SCHEDULED, story.day, story.day, str(terms.principal)))


_USUAL_PROGRESSIVE = (
    (
        ("accelerate maturity", "last installment"),
        "LP2_ACCELERATE_MATURITY_CHARGE_OFF_BEHAVIOUR_LAST_INSTALLMENT_STRATEGY",
    ),
    (("accelerate maturity",), "LP2_ADV_PYMNT_ACCELERATE_MATURITY_CHARGE_OFF_BEHAVIOUR"),
    (("zero charge-off",), "LP2_ADV_PYMNT_INTEREST_DAILY_INTEREST_RECALCULATION_ZERO_INTEREST_CHARGE_OFF"),
)


def usual_progressive_loan(story: Story, step: Step) -> None:
    """The peer's usual loan with interest: 100.00 at 7 % a year in six monthly instalments."""
    name = next((name for words, name in _USUAL_PROGRESSIVE if all(word in step.text for word in words)), None)
    if name is None:
        raise NotExpressible("loan_created_otherwise")
    settings = settings_of(name, "ADVANCED_PAYMENT_ALLOCATION")
    story.begin(PeerLoan(settings, 10_000, Decimal(7), False, True, 1, "months", 6, days_told(step)[0]))
