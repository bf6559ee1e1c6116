"""Act: end a day at the simulated provider and bank, and write its files."""

from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path

from simulation.bank import OURS, PARKED, BankMovement, BookedRow, SimulatedBank, Statement, TooLate
from simulation.camt_statement import RETURNED, write_camt_statement
from simulation.exchange_files import OrderFileRefused, cut_short, read_bank_orders, write_ended_rows
from simulation.faults import FaultKind, Label, fault_of_statement
from simulation.provider import ProviderBook, SettlementRow

PROVIDER_NAME = "sandbox"
SETTLEMENT_COLUMNS = tuple(SettlementRow.__dataclass_fields__)
STATEMENT_COLUMNS = tuple(name for name in BookedRow.__dataclass_fields__ if name != "returns")
STRAY_MINOR = 12_34
A_POUND = 1_00
MAIN_CURRENCY = "GBP"


class StatementForm(StrEnum):
    """How the bank writes its statements. Only a bank of the world, one that writes camt.053, plants faults in them."""

    CSV = "csv"
    CAMT = "camt.053"


@dataclass(frozen=True, slots=True)
class DayEndReport:
    """The files written to the inbox, the payouts executed, and the payout files refused with their reasons."""

    day: date
    files: tuple[str, ...]
    merchant_payouts: int
    refused_files: tuple[str, ...]


def end_day(
    day: date,
    provider: ProviderBook,
    bank: SimulatedBank,
    inbox: Path,
    outbox: Path,
    *,
    form: StatementForm = StatementForm.CSV,
    faulty: bool = False,
) -> DayEndReport:
    """Close every day since the last closed one, up to `day`; repeating the last one writes the same files again.

    `faulty` plants faults of files and statements on some days; only statements in camt.053 have them.
    Days without business therefore need no call of their own. Raises TooLate for an earlier day.
    """
    last = bank.last_closed
    if last is not None and day < last:
        raise TooLate(f"{day} cannot end after {last} has")
    days = [day] if last in (None, day) else [last + timedelta(days=n) for n in range(1, (day - last).days + 1)]
    files: list[str] = []
    paid, refused = 0, []
    for each in days:
        one = _end_one(each, provider, bank, inbox, outbox, form=form, faulty=faulty)
        files += one.files
        paid += one.merchant_payouts
        refused = list(one.refused_files)
    return DayEndReport(day, tuple(files), paid, tuple(refused))


def _end_one(
    day: date,
    provider: ProviderBook,
    bank: SimulatedBank,
    inbox: Path,
    outbox: Path,
    *,
    form: StatementForm,
    faulty: bool,
) -> DayEndReport:
    """Settle the day's captures, credit earlier payouts, execute merchants' payouts, and write the files.

    A payout is credited on the day after its settlement.
    """
    for settlement in provider.settlements_before(day):
        bank.move(
            BankMovement(
                settlement.payout_id,
                PARKED if settlement.parked else OURS,
                settlement.net_minor,
                settlement.currency,
                day,
                settlement.payout_id,
                PROVIDER_NAME,
            )
        )
    paid, refused = _execute(day, bank, outbox)
    plants = faulty and form is StatementForm.CAMT
    fault = fault_of_statement(bank.next_number(OURS, MAIN_CURRENCY, day)) if plants else None
    if fault is FaultKind.UNKNOWN_CREDIT:
        stray = f"{day:%d %B}, thank you"
        bank.move(BankMovement(f"stray:{day}", OURS, STRAY_MINOR, MAIN_CURRENCY, day, stray, "a stranger"))
    bank.close_day(day)
    written: list[str] = []
    for settlement in provider.settle(day):
        file = inbox / settlement.file_name
        write_ended_rows(file, SETTLEMENT_COLUMNS, (asdict(row) for row in settlement.rows))
        written.append(file.name)
        if settlement.duplicated:
            again = file.with_stem(f"{file.stem}-again")
            write_ended_rows(again, SETTLEMENT_COLUMNS, (asdict(row) for row in settlement.rows))
            written.append(again.name)
        if fault is FaultKind.CUT_FILE:
            part = file.with_stem(f"{file.stem}-1")
            cut_short(file, part)
            bank.plant(Label(FaultKind.CUT_FILE, part.name, day))
            written.append(part.name)
    for statement in bank.statements(day):
        written += _write(statement, inbox, form, fault, bank)
    return DayEndReport(day, tuple(written), paid, tuple(refused))


def _write(
    statement: Statement, inbox: Path, form: StatementForm, fault: FaultKind | None, bank: SimulatedBank
) -> list[str]:
    """Write a statement, with the fault of its day if it is that of our account; returns the names of its files."""
    if form is StatementForm.CSV:
        file = inbox / f"{statement.file_stem}.csv"
        write_ended_rows(file, STATEMENT_COLUMNS, (_row(row) for row in statement.rows))
        return [file.name]
    file = inbox / f"{statement.file_stem}.xml"
    write_camt_statement(file, statement)
    if (statement.account, statement.currency) != (OURS, MAIN_CURRENCY):
        return [file.name]
    if fault is FaultKind.UNKNOWN_CREDIT:
        stray = next((row for row in statement.rows if row.counterparty == "a stranger"), None)
        if stray is not None:
            bank.plant(Label(FaultKind.UNKNOWN_CREDIT, statement.line_id(stray), statement.day))
    if fault is FaultKind.WRONG_BALANCE:
        first = file.with_stem(f"{file.stem}-1")
        write_camt_statement(first, statement, closing_off_by=A_POUND)
        bank.plant(Label(FaultKind.WRONG_BALANCE, first.name, statement.day))
        return [first.name, file.name]
    return [file.name]


def _row(row: BookedRow) -> dict[str, object]:
    """A movement by column; the reference of what comes back has the reason after it."""
    return asdict(row) | ({"reference": f"{row.reference} {RETURNED}"} if row.returns else {})


def _execute(day: date, bank: SimulatedBank, outbox: Path) -> tuple[int, list[str]]:
    """Debit each payout of each file once; an incomplete file is refused as a whole."""
    paid, refused = 0, []
    for path in sorted(outbox.glob("*.csv")):
        try:
            orders = read_bank_orders(path)
        except OrderFileRefused as reason:
            refused.append(str(reason))
            continue
        for payout in (each for each in orders if each.requested_on <= day):
            debit = BankMovement(
                f"payout:{payout.payout_id}",
                OURS,
                -payout.amount_minor,
                payout.currency,
                day,
                payout.payout_id,
                payout.payee_id,
            )
            paid += bank.move(debit)
            if bank.is_gone(payout.payee_id):
                back = f"back:{debit.movement_id}"
                bank.move(replace(debit, movement_id=back, amount_minor=payout.amount_minor, returns=True))
    return paid, refused
