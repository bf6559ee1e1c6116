"""Turn a scenario's steps into loans with their acts and checks. A step is recognised by a few of its words."""

import re
from collections.abc import Callable

from tests.scenarios.fineract_e2e import act_steps, loan_steps
from tests.scenarios.fineract_e2e.reader import PeerScenario, Step
from tests.scenarios.fineract_e2e.step_words import an_act, ignored, missing, quoted
from tests.scenarios.fineract_e2e.story import Act, ActKind, Check, CheckKind, NotExpressible, Story

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
    return quoted(step)[0].upper().replace(" (", "_").replace(")", "").replace(" ", "_")


def _name_and_day(step: Step) -> str:
    name, day = quoted(step)[:2]
    return f"{name.replace('_', ' ').title()}|{day}"


def _count_and_name(step: Step) -> str:
    found = re.search(r"has (\d+) ", step.text)
    assert found is not None
    return f"{found.group(1)}|{quoted(step)[0].replace('_', ' ').title()}"


# The first line whose words are all in the step. What is in no line is not about money: it is left out of the story.
_RULES: tuple[tuple[tuple[str, ...], Callable[[Story, Step], None]], ...] = (
    (("fails to disburse", "because of wrong"), act_steps.disbursement_refused),
    (("fails to approve", "because of wrong amount"), act_steps.approval_refused),
    (("Loan reschedule", "results a"), act_steps.reschedule_refused),
    (("adds Interest Refund", "invalid date"), act_steps.interest_refund_refused),
    (("fails to",), ignored),
    (("is forbidden",), ignored),
    (("is not possible",), ignored),
    (("is not able",), ignored),
    (("results a",), ignored),
    (("will result an error",), ignored),
    (("Transactions tab has a ", "with date", "ournal entries"), _check(CheckKind.JOURNAL, _name_and_day)),
    (("ournal entries",), ignored),
    (("Event",), ignored),
    (("preview",), ignored),
    (("business date", "actual date"), missing("relative_dates")),
    (("business date to",), loan_steps.clock),
    (("Increase Business Date",), loan_steps.next_day),
    (("runs", "COB job"), loan_steps.closed_day),
    (("creates a fully customized loan",), loan_steps.loan),
    (("creates a new default Loan with",), loan_steps.default_loan),
    (("creates a new customised Loan",), loan_steps.customised_loan),
    (("creates a new", "charge-off Loan"), loan_steps.usual_progressive_loan),
    (("creates a new", "Loan"), missing("loan_created_otherwise")),
    (("second", "loan"), missing("several_loans")),
    (("modifies the loan",), missing("loan_changed_before_disbursement")),
    (("future installment allocation rule",), act_steps.rule),
    (("disburse", "EUR"), act_steps.disbursed),
    (("approves the", "expected disbursement"), act_steps.approved),
    (("add disbursement detail",), missing("expected_disbursements")),
    (("Update loan", "new amount"), ignored),
    (("rejects the loan",), missing("rejection")),
    (("withdraw",), missing("withdrawal")),
    (("asset externalization request",), missing("asset_externalisation")),
    (("capitalized income", "EUR"), missing("capitalised_income")),
    (("buy down fee", "EUR"), missing("buy_down_fee")),
    (("Customer makes", "repayment on"), act_steps.paid),
    (("user makes", "repayment on"), act_steps.paid),
    (("Customer adjust",), missing("payment_changed")),
    (("makes", "transaction with", "payment type"), act_steps.transaction),
    (("Refund happens on",), act_steps.refunded),
    (("Refund undo happens",), an_act(ActKind.REFUND_UNDONE)),
    (("Pay-off is made",), an_act(ActKind.PAID_OFF)),
    (("adds", "due date charge"), act_steps.fee),
    (("NSF fee", "bounce"), act_steps.bounced),
    (("adds a", "Processing charge"), act_steps.percentage_fee),
    (("updates charge", "calculation type"), loan_steps.disbursement_fee),
    (("adds", "installment charge"), act_steps.instalment_fee),
    (("adds", "INSTALLMENT_FEE", "charge with"), act_steps.instalment_fee),
    (("adds", "charge with"), missing("percentage_fee")),
    (("waive undone",), an_act(ActKind.FEE_WAIVER_UNDONE)),
    (("Admin waives",), an_act(ActKind.FEE_WAIVED)),
    (("makes a charge adjustment",), act_steps.fee_adjusted),
    (("reverts the charge adjustment",), missing("fee_adjustment_undone")),
    (("Customer undo",), act_steps.undone),
    (("repayment undo on",), act_steps.repayment_undone),
    (("chargeback with",), act_steps.charged_back),
    (("charge-off undo",), an_act(ActKind.CHARGE_OFF_UNDONE)),
    (("does charge-off",), an_act(ActKind.CHARGED_OFF)),
    (("does write-off",), an_act(ActKind.WRITTEN_OFF)),
    (("Credit Balance Refund transaction on",), act_steps.money_act(ActKind.CREDIT_PAID_BACK)),
    (("undo Loan re-aging",), an_act(ActKind.REAGE_UNDONE)),
    (("creates a Loan re-aging",), act_steps.with_row(ActKind.REAGED)),
    (("undo Loan re-amortization",), an_act(ActKind.REAMORTISATION_UNDONE)),
    (("creates a Loan re-amortization",), act_steps.reamortised),
    (("Loan reschedule with",), act_steps.with_row(ActKind.RESCHEDULED)),
    (("initiate a DELINQUENCY PAUSE",), act_steps.span(ActKind.PAUSED)),
    (("initiate a DELINQUENCY RESUME",), act_steps.span(ActKind.RESUMED)),
    (("Create an interest pause",), act_steps.span(ActKind.INTEREST_PAUSED)),
    (("interest pause period",), act_steps.span(ActKind.INTEREST_PAUSE_CHANGED)),
    (("undoes loan contract termination",), an_act(ActKind.TERMINATION_UNDONE)),
    (("terminates loan contract",), an_act(ActKind.TERMINATED)),
    (("adds Interest Refund",), act_steps.money_act(ActKind.INTEREST_REFUNDED)),
    (("schedule has", "periods"), _check(CheckKind.SCHEDULE, _first_number)),
    (("schedule has", "Total row"), _check(CheckKind.TOTALS)),
    (("Transactions tab has the following data",), _check(CheckKind.TRANSACTIONS)),
    (("has a transaction with date:",), _check(CheckKind.ONE_TRANSACTION, lambda step: quoted(step)[0])),
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
    (("delinquency range is",), _check(CheckKind.DELINQUENT_SINCE, lambda step: quoted(step)[1])),
    (("INSTALLMENT level delinquency",), _check(CheckKind.LATE_INSTALMENTS)),
    (("Delinquency-actions have",), _check(CheckKind.PAUSES)),
    (("pause periods has",), _check(CheckKind.PAUSES)),
    (("Repayment transaction is created with",), _check(CheckKind.LAST_PAYMENT, _first_amount)),
    (("lastRepaymentAmount is",), _check(CheckKind.LAST_PAYMENT, _first_amount)),
)
