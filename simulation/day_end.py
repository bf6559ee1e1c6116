"""Act: end a day at the simulated provider and bank, and write its files."""

from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from data_contracts.files import FileFault
from payments.files.control_file import FileContent, write_controlled
from payments.files.payout_file import read_payouts
from simulation.bank import OURS, PARKED, BankMovement, BookedRow, SimulatedBank, TooLate
from simulation.provider import ProviderBook, SettlementRow

PROVIDER_NAME = "sandbox"
ACCOUNT_CLOSED = "AC04"  # reason code of a returned payment, ISO 20022
SETTLEMENT_COLUMNS = tuple(SettlementRow.__dataclass_fields__)
STATEMENT_COLUMNS = tuple(BookedRow.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class DayEndReport:
    """The files written to the inbox, the payouts executed, and the payout files refused with their reasons."""

    day: date
    files: tuple[str, ...]
    merchant_payouts: int
    refused_files: tuple[str, ...]


def end_day(day: date, provider: ProviderBook, bank: SimulatedBank, inbox: Path, outbox: Path) -> DayEndReport:
    """Close every day since the last closed one, up to `day`; repeating the last one writes the same files again.

    Days without business therefore need no call of their own. Raises TooLate for an earlier day.
    """
    last = bank.last_closed
    if last is not None and day < last:
        raise TooLate(f"{day} cannot end after {last} has")
    days = [day] if last in (None, day) else [last + timedelta(days=n) for n in range(1, (day - last).days + 1)]
    files: list[str] = []
    paid, refused = 0, []
    for each in days:
        one = _end_one(each, provider, bank, inbox, outbox)
        files += one.files
        paid += one.merchant_payouts
        refused = list(one.refused_files)
    return DayEndReport(day, tuple(files), paid, tuple(refused))


def _end_one(day: date, provider: ProviderBook, bank: SimulatedBank, inbox: Path, outbox: Path) -> DayEndReport:
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
    bank.close_day(day)
    written: list[str] = []
    for settlement in provider.settle(day):
        names = [settlement.file_name]
        if settlement.duplicated:
            names.append(f"{Path(settlement.file_name).stem}-again.csv")
        for name in names:
            write_controlled(inbox / name, SETTLEMENT_COLUMNS, (asdict(row) for row in settlement.rows))
        written += names
    for statement in bank.statements(day):
        write_controlled(inbox / statement.file_name, STATEMENT_COLUMNS, (asdict(row) for row in statement.rows))
        written.append(statement.file_name)
    return DayEndReport(day, tuple(written), paid, tuple(refused))


def _execute(day: date, bank: SimulatedBank, outbox: Path) -> tuple[int, list[str]]:
    """Debit each payout of each file once; an incomplete file is refused as a whole."""
    paid, refused = 0, []
    for path in sorted(outbox.glob("*.csv")):
        try:
            payouts = read_payouts(FileContent.of(path))
        except FileFault as fault:
            refused.append(fault.user_message)
            continue
        for payout in (each for each in payouts if each.requested_on <= day):
            debit = BankMovement(
                f"payout:{payout.payout_id}",
                OURS,
                -payout.amount.minor,
                payout.amount.currency.value,
                day,
                payout.payout_id,
                payout.payee_id,
            )
            paid += bank.move(debit)
            if bank.is_gone(payout.payee_id):
                back = f"{payout.payout_id} {ACCOUNT_CLOSED}"
                bank.move(
                    replace(
                        debit, movement_id=f"back:{debit.movement_id}", amount_minor=payout.amount.minor, reference=back
                    )
                )
    return paid, refused
