"""The material of the report beyond the summary's figures: curves, months, balances, and lists with reasons."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tranche.report.wording import count, money, with_code


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Loans of similar predicted risk: the mean prediction, and the share that defaulted."""

    predicted: float
    observed: float
    rows: int


@dataclass(frozen=True, slots=True)
class ModelLine:
    """One model's figures on the out-of-time test. Figures that were not measured are None."""

    name: str
    auc: float
    auc_low: float | None = None
    auc_high: float | None = None
    ks: float | None = None
    brier: float | None = None
    calibration_slope: float | None = None


@dataclass(frozen=True, slots=True)
class CashMonth:
    """One month (`2026-02`): the amounts due by plan and received, in minor units."""

    month: str
    planned_minor: int
    received_minor: int


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """One line of the chart, its accounts added up. `kind` is asset, liability, income, expense, equity or memo."""

    account: str
    kind: str
    currency: str
    debits_minor: int
    credits_minor: int

    @property
    def net_minor(self) -> int:
        """Debits less credits: positive is a debit balance."""
        return self.debits_minor - self.credits_minor


@dataclass(frozen=True, slots=True)
class AccountFlow:
    """Money moved between two lines of the chart by one or several flows of the money map."""

    debit: str
    credit: str
    currency: str
    amount_minor: int
    transfers: int
    flows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BreakRow:
    """One class of breaks: the number and amount found, and of the open ones the number and the greatest age."""

    code: str
    meaning: str
    count: int
    still_open: int
    amount_minor: int
    currency: str
    oldest_days: int
    examples: tuple[str, ...] = ()
    open_minor: int = 0

    @property
    def words(self) -> str:
        """The meaning followed by the code: `missing in the provider's file (E3)`."""
        return with_code(self.meaning, self.code)


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """The number of times that a reason was given, among decisions other than full approvals."""

    code: str
    text: str
    count: int

    @property
    def words(self) -> str:
        """The reason followed by its code."""
        return with_code(self.text, self.code)


@dataclass(frozen=True, slots=True)
class Details:
    """The material of the report. Empty parts are left out of the page."""

    title: str
    currency: str
    roc: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    calibration: tuple[CalibrationBin, ...] = ()
    models: tuple[ModelLine, ...] = ()
    cash: tuple[CashMonth, ...] = ()
    balances: tuple[AccountBalance, ...] = ()
    flows: tuple[AccountFlow, ...] = ()
    breaks: tuple[BreakRow, ...] = ()
    reasons: tuple[ReasonCount, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    financed_minor: int | None = None
    collected_minor: int | None = None
    cash_note: str = ""

    def open_breaks(self) -> tuple[str, ...]:
        """The open breaks of each currency in one line: number, amount, and age of the oldest."""
        still_open = [each for each in self.breaks if each.still_open]
        lines = []
        for currency in sorted({each.currency for each in still_open}):
            these = [each for each in still_open if each.currency == currency]
            number, oldest = sum(each.still_open for each in these), max(each.oldest_days for each in these)
            amount = money(sum(each.open_minor for each in these), currency)
            named = ", ".join(f"{count(each.still_open)} {each.words}" for each in these)
            lines.append(f"{count(number)} open over {amount}, the oldest {count(oldest)} days: {named}")
        return tuple(lines)
