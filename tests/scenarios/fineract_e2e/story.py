"""Turn a scenario's steps into a loan's terms, acts and checks. A step is recognised by a few of its words."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from tests.scenarios.fineract_e2e.product import InAdvance, PeerSettings, settings_of
from tests.scenarios.fineract_e2e.reader import PeerScenario, Step, day_of, is_day, units_of


class NotExpressible(Exception):
    """Raised where a step needs a capability that is missing; `capability` is its stable name."""

    def __init__(self, capability: str, step: str = "") -> None:
        super().__init__(f"{capability}: {step}")
        self.capability, self.step = capability, step


class OutOfScope(Exception):
    """Raised where a scenario is about something that the comparison leaves out by rule."""


@dataclass(frozen=True, slots=True)
class PeerLoan:
    """What the borrower asked for. `unusual` has the columns that change a schedule and are rarely used."""

    product: PeerSettings
    principal: int
    rate_percent: Decimal
    flat: bool
    interest_by_day: bool
    every: int
    unit: str
    instalments: int
    submitted_on: date
    unusual: Mapping[str, str] = field(default_factory=dict)
    disbursement_fee: tuple[str, Decimal] | None = None  # how it is worked out, and from what number


class ActKind(StrEnum):
    APPROVED = "approval"
    DISBURSED = "disbursement"
    PAID = "repayment"
    DOWN_PAYMENT = "down_payment"
    PAID_OFF = "payoff"
    REFUNDED = "refund"
    GOODWILL = "goodwill"
    INTEREST_PAYMENT_WAIVED = "interest_payment_waiver"
    FEE = "fee"
    INSTALMENT_FEE = "instalment_fee"
    PERCENTAGE_FEE = "percentage_fee"
    FEE_WAIVED = "fee_waiver"
    FEE_WAIVER_UNDONE = "fee_waiver_undone"
    FEE_ADJUSTED = "fee_adjustment"
    UNDONE = "undo"
    REPAYMENT_UNDONE = "repayment_undone"
    REFUND_UNDONE = "refund_undone"
    CHARGED_BACK = "charge_back"
    CHARGED_OFF = "charge_off"
    CHARGE_OFF_UNDONE = "charge_off_undone"
    WRITTEN_OFF = "write_off"
    CREDIT_PAID_BACK = "credit_paid_back"
    REAGED = "reage"
    REAGE_UNDONE = "reage_undone"
    REAMORTISED = "reamortise"
    REAMORTISATION_UNDONE = "reamortisation_undone"
    RESCHEDULED = "reschedule"
    PAUSED = "delinquency_pause"
    RESUMED = "delinquency_resume"
    INTEREST_PAUSED = "interest_pause"
    INTEREST_PAUSE_CHANGED = "interest_pause_changed"
    TERMINATED = "contract_termination"
    TERMINATION_UNDONE = "contract_termination_undone"
    INTEREST_REFUNDED = "interest_refund_by_hand"


@dataclass(frozen=True, slots=True)
class Act:
    """Something that happens to the loan: it counts from `on` and is known on `known_on`.

    `name` is the kind of transaction or charge, `number` which of several is meant (0: the latest).
    """

    kind: ActKind
    known_on: date
    on: date
    amount: int = 0
    name: str = ""
    number: int = 0
    until: date | None = None
    penalty: bool = False
    refunds_interest: bool | None = None
    row: Mapping[str, str] = field(default_factory=dict)
    step: str = ""


class CheckKind(StrEnum):
    SCHEDULE = "schedule"
    TOTALS = "totals"
    TRANSACTIONS = "transactions"
    STATUS = "status"
    OUTSTANDING = "outstanding"
    OVERPAID = "overpaid"
    ALL_MET = "all_met"
    OVERDUE = "overdue"
    LAST_PAYMENT = "last_payment"
    DAYS_PAST_DUE = "days_past_due"
    DELINQUENT_SINCE = "delinquent_since"
    LATE_INSTALMENTS = "late_instalments"
    PAUSES = "pauses"
    ONE_TRANSACTION = "one transaction"
    JOURNAL = "journal"
    TRANSACTION_COUNT = "transaction count"
    ALIKE = "alike"
    SCHEDULED = "scheduled"
    LENT = "lent"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Check:
    """What must show on the day `as_of`; the schedule shows as it was last worked out, on `worked_out_on`."""

    kind: CheckKind
    as_of: date
    worked_out_on: date
    expected: str = ""
    rows: tuple[Mapping[str, str], ...] = ()
    act: Act | None = None  # what must be refused


@dataclass(slots=True)
class LoanStory:
    """What one loan's borrower asked for, and its acts and checks in order."""

    terms: PeerLoan | None = None
    course: list[Act | Check] = field(default_factory=list)

    @property
    def acts(self) -> list[Act]:
        return [each for each in self.course if isinstance(each, Act)]


@dataclass(slots=True)
class Story:
    """A scenario as loans, one after the other: steps are about the latest.

    The peer works schedules out again at each close of business and each act: `worked_out_on` is the latest such day.
    """

    loans: list[LoanStory] = field(default_factory=lambda: [LoanStory()])
    today: date | None = None
    worked_out_on: date | None = None
    rules: dict[str, InAdvance] = field(default_factory=dict)
    disbursement_fee: tuple[str, Decimal] | None = None

    @property
    def course(self) -> list[Act | Check]:
        return self.loans[-1].course

    def begin(self, terms: PeerLoan) -> None:
        """A new loan."""
        if self.loans[-1].terms is not None:
            self.loans.append(LoanStory())
        self.loans[-1].terms = terms

    @property
    def day(self) -> date:
        if self.today is None:
            raise NotExpressible("relative_dates")
        return self.today


_OUT_OF_SCOPE_FILES = {
    "AssetExternalization": "asset externalisation",
    "LoanCapitalizedIncome": "capitalised income",
    "LoanBuyDown": "buy-down fees",
    "LoanOrigination": "loan originators",
    "Savings": "savings",
    "Datatables": "data tables",
    "Reporting": "reporting",
    "BatchApi": "batch API",
}


def out_of_scope(scenario: PeerScenario) -> str | None:
    """Why a scenario is left out, by the rule of files and of undone disbursements and approvals."""
    for prefix, reason in _OUT_OF_SCOPE_FILES.items():
        if scenario.kind.startswith(prefix):
            return reason
    for step in scenario.steps:
        if re.search(r"successfully undo (last )?disbursal|undone the loan approval", step.text):
            return "undoes a disbursement or an approval"
    return None


def story_of(scenario: PeerScenario) -> Story:
    """The scenario's acts and checks. Raises NotExpressible for a step that needs a missing capability."""
    story = Story()
    for step in scenario.steps:
        act = next((act for words, act in _RULES if all(word in step.text for word in words)), None)
        if act is None:
            continue
        known = len(story.course)
        try:
            act(story, step)
        except NotExpressible as missing:
            raise NotExpressible(missing.capability, step.text) from missing
        if any(isinstance(each, Act) for each in story.course[known:]):
            story.worked_out_on = story.today
    return story


# ---- reading a step


def _quoted(step: Step) -> list[str]:
    return re.findall(r'"([^"]*)"', step.text)


def _days(step: Step) -> list[date]:
    return [day_of(each) for each in _quoted(step) if is_day(each)]


def _on(story: Story, step: Step) -> date:
    return next(iter(_days(step)), story.day)


def _euros(step: Step) -> int:
    found = re.search(r'"?([\d.,]*\d)"? EUR', step.text)
    if found is None:
        raise NotExpressible("amount_not_told")
    return units_of(found.group(1))


def _number(step: Step) -> int:
    found = re.search(r'"(\d+)"th|nr\. (\d+)', step.text)
    return int(next(each for each in found.groups() if each)) if found else 0


def _add(kind: ActKind) -> Callable[[Story, Step], None]:
    """An act that needs nothing but its day."""

    def add(story: Story, step: Step) -> None:
        story.course.append(Act(kind, story.day, _on(story, step), step=step.text))

    return add


def _missing(capability: str) -> Callable[[Story, Step], None]:
    def missing(story: Story, step: Step) -> None:
        raise NotExpressible(capability)

    return missing


def _ignored(story: Story, step: Step) -> None:
    """A step about something that is not compared: events, jobs, journal entries, refusals, questions."""


# ---- clock and loan


def _clock(story: Story, step: Step) -> None:
    story.today = _days(step)[0]


def _closed_day(story: Story, step: Step) -> None:
    story.worked_out_on = story.day


def _next_day(story: Story, step: Step) -> None:
    story.today = story.day + timedelta(days=1)


_PLAIN_COLUMNS = {
    "graceOnPrincipalPayment", "graceOnInterestPayment", "interest free period", "charge calculation type",
    "interestRateFrequencyType", "Repayment start date type", "1st_tranche_disb_expected_date",
}  # fmt: skip


def _loan(story: Story, step: Step) -> None:
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


def _disbursement_fee(story: Story, step: Step) -> None:
    name, kind = _quoted(step)[:2]
    number = re.search(r"type and ([\d.]+) ", step.text)
    if "DISBURSEMENT" in name and number is not None:
        story.disbursement_fee = (kind, Decimal(number.group(1)))


def _default_loan(story: Story, step: Step) -> None:
    """The peer's usual loan: 1,000.00 without interest, due in one instalment after thirty days."""
    story.begin(PeerLoan(settings_of("LP1"), 100_000, Decimal(0), False, False, 30, "days", 1, _days(step)[0]))


def _customised_loan(story: Story, step: Step) -> None:
    """A loan without interest of a principal, a term in months and a number of instalments."""
    principal = next(each for each in _quoted(step) if not is_day(each))
    months, instalments = (int(each) for each in re.findall(r": (\d+)", step.text)[-2:])
    if months % instalments:
        raise NotExpressible("uneven_term")
    terms = PeerLoan(
        settings_of("LP1"), units_of(principal), Decimal(0), False, False, months // instalments, "months",
        instalments, _days(step)[0],
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


def _usual_progressive_loan(story: Story, step: Step) -> None:
    """The peer's usual loan with interest: 100.00 at 7 % a year in six monthly instalments."""
    name = next((name for words, name in _USUAL_PROGRESSIVE if all(word in step.text for word in words)), None)
    if name is None:
        raise NotExpressible("loan_created_otherwise")
    settings = settings_of(name, "ADVANCED_PAYMENT_ALLOCATION")
    story.begin(PeerLoan(settings, 10_000, Decimal(7), False, True, 1, "months", 6, _days(step)[0]))


# ---- acts


def _approved(story: Story, step: Step) -> None:
    amount = next(units_of(each) for each in _quoted(step) if not is_day(each))
    expected = _days(step)[-1]
    story.course.append(Act(ActKind.APPROVED, story.day, expected, amount, step=step.text))
    if "successfully approves" in step.text:
        story.course.append(Check(CheckKind.SCHEDULED, story.day, story.day, str(amount)))


def _disbursed(story: Story, step: Step) -> None:
    """The step asserts that the loan has it."""
    act = Act(ActKind.DISBURSED, story.day, _on(story, step), _euros(step), step=step.text)
    story.course.append(act)
    if "successfully disburse" in step.text:
        story.course.append(Check(CheckKind.LENT, story.day, story.day, f"{act.on} {act.amount}"))


def _disbursement_refused(story: Story, step: Step) -> None:
    act = Act(ActKind.DISBURSED, story.day, _on(story, step), _euros(step), step=step.text)
    story.course.append(Check(CheckKind.REFUSED, story.day, story.day, act=act))


def _approval_refused(story: Story, step: Step) -> None:
    """An amount that the peer's product does not allow: a plan of ours may be of any amount."""
    amount = next(units_of(each) for each in _quoted(step) if not is_day(each))
    act = Act(ActKind.APPROVED, story.day, _on(story, step), amount, step=step.text)
    story.course.append(Check(CheckKind.REFUSED, story.day, story.day, act=act))


def _interest_refund_refused(story: Story, step: Step) -> None:
    """Interest given back by hand on another day than the refund's; with us that is goodwill of any day."""
    act = Act(ActKind.INTEREST_REFUNDED, story.day, _on(story, step), _euros(step), step=step.text)
    story.course.append(Check(CheckKind.REFUSED, story.day, story.day, act=act))


def _reschedule_refused(story: Story, step: Step) -> None:
    for row in step.rows:
        act = Act(ActKind.RESCHEDULED, story.day, story.day, row=row, step=step.text)
        story.course.append(Check(CheckKind.REFUSED, story.day, story.day, act=act))


def _money_act(kind: ActKind) -> Callable[[Story, Step], None]:
    def add(story: Story, step: Step) -> None:
        story.course.append(Act(kind, story.day, _on(story, step), _euros(step), step=step.text))

    return add


def _paid(story: Story, step: Step) -> None:
    story.course.append(Act(ActKind.PAID, story.day, _on(story, step), _euros(step), "Repayment", step=step.text))


_TRANSACTIONS = {
    "REPAYMENT": (ActKind.PAID, "Repayment"),
    "DOWN_PAYMENT": (ActKind.DOWN_PAYMENT, "Down Payment"),
    "MERCHANT_ISSUED_REFUND": (ActKind.REFUNDED, "Merchant Issued Refund"),
    "PAYOUT_REFUND": (ActKind.REFUNDED, "Payout Refund"),
    "GOODWILL_CREDIT": (ActKind.GOODWILL, "Goodwill Credit"),
    "INTEREST_PAYMENT_WAIVER": (ActKind.INTEREST_PAYMENT_WAIVED, "Interest Payment Waiver"),
}


def _transaction(story: Story, step: Step) -> None:
    told = _quoted(step)[0]
    if told not in _TRANSACTIONS:
        raise NotExpressible(f"transaction_{told.lower()}")
    kind, name = _TRANSACTIONS[told]
    asked = re.search(r"interestRefundCalculation (true|false)", step.text)
    story.course.append(
        Act(kind, story.day, _on(story, step), _euros(step), name, step=step.text,
            refunds_interest=None if asked is None else asked.group(1) == "true")
    )  # fmt: skip


def _refunded(story: Story, step: Step) -> None:
    story.course.append(
        Act(ActKind.REFUNDED, story.day, _on(story, step), _euros(step), "Payout Refund", step=step.text)
    )


_PENALTIES = ("NSF", "LATE")


def _fee(story: Story, step: Step) -> None:
    name = _quoted(step)[0]
    if "PERC" in name:
        raise NotExpressible("percentage_fee")
    penalty = any(word in name for word in _PENALTIES)
    story.course.append(
        Act(ActKind.FEE, story.day, _on(story, step), _euros(step), name, penalty=penalty, step=step.text)
    )


def _bounced(story: Story, step: Step) -> None:
    """The peer's fee for a bounced payment is ten units of money."""
    story.course.append(
        Act(ActKind.FEE, story.day, _on(story, step), 1_000, "LOAN_NSF_FEE", penalty=True, step=step.text)
    )


def _percentage_fee(story: Story, step: Step) -> None:
    percent = re.search(r"adds a ([\d.]+) %", step.text)
    assert percent is not None
    row = {"percent": percent.group(1)}
    story.course.append(
        Act(ActKind.PERCENTAGE_FEE, story.day, _days(step)[0], name="processing", row=row, step=step.text)
    )


def _instalment_fee(story: Story, step: Step) -> None:
    """A fee on every instalment: an amount, or a percentage of what the name says of its principal and interest."""
    name = _quoted(step)[0]
    number = re.search(r"with ([\d.]+) (amount|%)", step.text)
    assert number is not None
    row = {"percent": number.group(1)} if "PERCENTAGE" in name else {}
    story.course.append(
        Act(ActKind.INSTALMENT_FEE, story.day, story.day, units_of(number.group(1)), name, row=row, step=step.text)
    )


def _fee_adjusted(story: Story, step: Step) -> None:
    story.course.append(
        Act(ActKind.FEE_ADJUSTED, story.day, story.day, _euros(step), _quoted(step)[0], until=_days(step)[0],
            step=step.text)
    )  # fmt: skip


def _undone(story: Story, step: Step) -> None:
    """The n-th transaction of a day, of one name or of any; or the n-th repayment of all, whatever its day."""
    names = [each for each in _quoted(step) if not is_day(each) and not each.isdigit()]
    kind = ActKind.REPAYMENT_UNDONE if "repayment on" in step.text else ActKind.UNDONE
    name = names[0] if names else ""
    story.course.append(Act(kind, story.day, _days(step)[0], name=name, number=_number(step) or 1, step=step.text))


def _repayment_undone(story: Story, step: Step) -> None:
    story.course.append(Act(ActKind.UNDONE, story.day, _days(step)[0], name="Repayment", number=1, step=step.text))


def _charged_back(story: Story, step: Step) -> None:
    name = "Down Payment" if "Downpayment" in step.text else "Merchant Issued Refund" if "MIR" in step.text else ""
    story.course.append(
        Act(ActKind.CHARGED_BACK, story.day, story.day, _euros(step), name, _number(step), step=step.text)
    )


def _span(kind: ActKind) -> Callable[[Story, Step], None]:
    def add(story: Story, step: Step) -> None:
        days = _days(step)
        until = days[1] if len(days) > 1 else None
        story.course.append(Act(kind, story.day, days[0] if days else story.day, until=until, step=step.text))

    return add


def _with_row(kind: ActKind) -> Callable[[Story, Step], None]:
    def add(story: Story, step: Step) -> None:
        for row in step.rows:
            story.course.append(Act(kind, story.day, story.day, row=row, step=step.text))

    return add


def _reamortised(story: Story, step: Step) -> None:
    row = {"handling": _quoted(step)[0]} if _quoted(step) else {}
    story.course.append(Act(ActKind.REAMORTISED, story.day, story.day, row=row, step=step.text))


def _rule(story: Story, step: Step) -> None:
    """Where loans made from now on put what one kind of payment pays in advance."""
    _, kind, rule = _quoted(step)
    story.rules[kind] = InAdvance(rule)


# ---- checks


def _check(kind: CheckKind, expected: Callable[[Step], str] = lambda _: "") -> Callable[[Story, Step], None]:
    def add(story: Story, step: Step) -> None:
        worked_out_on = story.worked_out_on or story.day
        story.course.append(Check(kind, story.day, worked_out_on, expected(step), step.rows))

    return add


def _first_number(step: Step) -> str:
    found = re.search(r"has ([\d.,]*\d) ", step.text)
    assert found is not None
    return found.group(1)


def _first_amount(step: Step) -> str:
    found = re.search(r" (?:with|is) ([\d.,]*\d) ", step.text)
    assert found is not None
    return found.group(1)


def _status(step: Step) -> str:
    return _quoted(step)[0].upper().replace(" (", "_").replace(")", "").replace(" ", "_")


def _name_and_day(step: Step) -> str:
    name, day = _quoted(step)[:2]
    return f"{name.replace('_', ' ').title()}|{day}"


def _count_and_name(step: Step) -> str:
    found = re.search(r"has (\d+) ", step.text)
    assert found is not None
    return f"{found.group(1)}|{_quoted(step)[0].replace('_', ' ').title()}"


# The first line whose words are all in the step. What is in no line is not about money: it is left out of the story.
_RULES: tuple[tuple[tuple[str, ...], Callable[[Story, Step], None]], ...] = (
    (("fails to disburse", "because of wrong"), _disbursement_refused),
    (("fails to approve", "because of wrong amount"), _approval_refused),
    (("Loan reschedule", "results a"), _reschedule_refused),
    (("adds Interest Refund", "invalid date"), _interest_refund_refused),
    (("fails to",), _ignored),
    (("is forbidden",), _ignored),
    (("is not possible",), _ignored),
    (("is not able",), _ignored),
    (("results a",), _ignored),
    (("will result an error",), _ignored),
    (("Transactions tab has a ", "with date", "ournal entries"), _check(CheckKind.JOURNAL, _name_and_day)),
    (("ournal entries",), _ignored),
    (("Event",), _ignored),
    (("preview",), _ignored),
    (("business date", "actual date"), _missing("relative_dates")),
    (("business date to",), _clock),
    (("Increase Business Date",), _next_day),
    (("runs", "COB job"), _closed_day),
    (("creates a fully customized loan",), _loan),
    (("creates a new default Loan with",), _default_loan),
    (("creates a new customised Loan",), _customised_loan),
    (("creates a new", "charge-off Loan"), _usual_progressive_loan),
    (("creates a new", "Loan"), _missing("loan_created_otherwise")),
    (("second", "loan"), _missing("several_loans")),
    (("modifies the loan",), _missing("loan_changed_before_disbursement")),
    (("future installment allocation rule",), _rule),
    (("disburse", "EUR"), _disbursed),
    (("approves the", "expected disbursement"), _approved),
    (("add disbursement detail",), _missing("expected_disbursements")),
    (("Update loan", "new amount"), _ignored),
    (("rejects the loan",), _missing("rejection")),
    (("withdraw",), _missing("withdrawal")),
    (("asset externalization request",), _missing("asset_externalisation")),
    (("capitalized income", "EUR"), _missing("capitalised_income")),
    (("buy down fee", "EUR"), _missing("buy_down_fee")),
    (("Customer makes", "repayment on"), _paid),
    (("user makes", "repayment on"), _paid),
    (("Customer adjust",), _missing("payment_changed")),
    (("makes", "transaction with", "payment type"), _transaction),
    (("Refund happens on",), _refunded),
    (("Refund undo happens",), _add(ActKind.REFUND_UNDONE)),
    (("Pay-off is made",), _add(ActKind.PAID_OFF)),
    (("adds", "due date charge"), _fee),
    (("NSF fee", "bounce"), _bounced),
    (("adds a", "Processing charge"), _percentage_fee),
    (("updates charge", "calculation type"), _disbursement_fee),
    (("adds", "installment charge"), _instalment_fee),
    (("adds", "INSTALLMENT_FEE", "charge with"), _instalment_fee),
    (("adds", "charge with"), _missing("percentage_fee")),
    (("waive undone",), _add(ActKind.FEE_WAIVER_UNDONE)),
    (("Admin waives",), _add(ActKind.FEE_WAIVED)),
    (("makes a charge adjustment",), _fee_adjusted),
    (("reverts the charge adjustment",), _missing("fee_adjustment_undone")),
    (("Customer undo",), _undone),
    (("repayment undo on",), _repayment_undone),
    (("chargeback with",), _charged_back),
    (("charge-off undo",), _add(ActKind.CHARGE_OFF_UNDONE)),
    (("does charge-off",), _add(ActKind.CHARGED_OFF)),
    (("does write-off",), _add(ActKind.WRITTEN_OFF)),
    (("Credit Balance Refund transaction on",), _money_act(ActKind.CREDIT_PAID_BACK)),
    (("undo Loan re-aging",), _add(ActKind.REAGE_UNDONE)),
    (("creates a Loan re-aging",), _with_row(ActKind.REAGED)),
    (("undo Loan re-amortization",), _add(ActKind.REAMORTISATION_UNDONE)),
    (("creates a Loan re-amortization",), _reamortised),
    (("Loan reschedule with",), _with_row(ActKind.RESCHEDULED)),
    (("initiate a DELINQUENCY PAUSE",), _span(ActKind.PAUSED)),
    (("initiate a DELINQUENCY RESUME",), _span(ActKind.RESUMED)),
    (("Create an interest pause",), _span(ActKind.INTEREST_PAUSED)),
    (("interest pause period",), _span(ActKind.INTEREST_PAUSE_CHANGED)),
    (("undoes loan contract termination",), _add(ActKind.TERMINATION_UNDONE)),
    (("terminates loan contract",), _add(ActKind.TERMINATED)),
    (("adds Interest Refund",), _money_act(ActKind.INTEREST_REFUNDED)),
    (("schedule has", "periods"), _check(CheckKind.SCHEDULE, _first_number)),
    (("schedule has", "Total row"), _check(CheckKind.TOTALS)),
    (("Transactions tab has the following data",), _check(CheckKind.TRANSACTIONS)),
    (("has a transaction with date:",), _check(CheckKind.ONE_TRANSACTION, lambda step: _quoted(step)[0])),
    (("Loan has", "transactions on Transactions tab"), _check(CheckKind.TRANSACTION_COUNT, _count_and_name)),
    (("distributed equally",), _check(CheckKind.ALIKE, lambda step: re.findall(r"[\d.]+", step.text)[-1])),
    (("Loan status",), _check(CheckKind.STATUS, _status)),
    (("closed with zero outstanding",), _check(CheckKind.STATUS, lambda _: "CLOSED_OBLIGATIONS_MET")),
    (("installments have obligations met",), _check(CheckKind.ALL_MET)),
    (("Loan has", "outstanding amount"), _check(CheckKind.OUTSTANDING, _first_number)),
    (("Loan has", "overpaid amount"), _check(CheckKind.OVERPAID, _first_number)),
    (("Loan has", "total overdue amount"), _check(CheckKind.OVERDUE, _first_number)),
    (("Loan has", "last payment amount"), _check(CheckKind.LAST_PAYMENT, _first_number)),
    (("last payment related data",), _check(CheckKind.LAST_PAYMENT, lambda step: step.rows[0]["lastPaymentAmount"])),
    (("LOAN level delinquency data",), _check(CheckKind.DAYS_PAST_DUE)),
    (("delinquency range is",), _check(CheckKind.DELINQUENT_SINCE, lambda step: _quoted(step)[1])),
    (("INSTALLMENT level delinquency",), _check(CheckKind.LATE_INSTALMENTS)),
    (("Delinquency-actions have",), _check(CheckKind.PAUSES)),
    (("pause periods has",), _check(CheckKind.PAUSES)),
    (("Repayment transaction is created with",), _check(CheckKind.LAST_PAYMENT, _first_amount)),
    (("lastRepaymentAmount is",), _check(CheckKind.LAST_PAYMENT, _first_amount)),
)
