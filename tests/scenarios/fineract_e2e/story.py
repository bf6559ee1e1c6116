"""What a scenario tells: loans with their terms, acts and checks in order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from tests.scenarios.fineract_e2e.product import InAdvance, PeerSettings


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
