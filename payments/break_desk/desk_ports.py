"""What the acts of the break desk work on, and how they say no."""

from dataclasses import dataclass
from datetime import date, datetime

from ledger.identity.authority import Authority, authority_file
from ledger.journal import Journal
from lending.servicing.record_events import first_open_day
from payments.bookings import post_when_open
from payments.break_desk.desk_policy import DeskPolicy, desk_policy
from payments.break_desk.postgres_desk import PostgresDesk
from payments.collection.opening import must_hold
from payments.files.line import FileLine
from payments.line_key import LineKind
from payments.reconciliation.bookings import unidentified_credit, unidentified_debit
from payments.reconciliation.bookings_from_matches import seen_on
from payments.wiring import Adapters

BANK_LINES = frozenset({LineKind.REPAYMENT, LineKind.CREDIT, LineKind.DEBIT})
"""Lines that are cash at our bank, as its statement or a file of transfers shows it."""


@dataclass(frozen=True, slots=True)
class DeskPorts:
    """The adapters of payments, the desk's own records and limits, the authority file, and the time of the act."""

    adapters: Adapters
    desk: PostgresDesk
    policy: DeskPolicy
    authority: Authority
    at: datetime

    @property
    def today(self) -> date:
        return self.at.date()


@dataclass(frozen=True, slots=True)
class DeskEffect:
    """The entries that an act posted and reversed."""

    posted: tuple[str, ...] = ()
    reversed: tuple[str, ...] = ()


class DeskRefusal(Exception):
    """Ends an act that cannot be done; everything that it wrote is undone."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


def post_journals(journals: list[Journal], ports: DeskPorts) -> tuple[str, ...]:
    """Post journals on their days or the first open one; the ids of the entries."""
    ledger, anew = ports.adapters.ledger, ports.adapters.reconciliation.anew(journals)
    for journal, outcome in zip(anew, post_when_open(anew, ledger, first_open_day(ledger)), strict=True):
        must_hold(outcome, journal.entry_id)
    return tuple(each.entry_id for each in anew)


def unidentified(line: FileLine, ports: DeskPorts) -> Journal:
    """The journal of a line of our bank that nothing identifies."""
    profile = ports.adapters.profile
    if line.kind is LineKind.DEBIT:
        bank = line.bank_account or profile.merchant_bank
        return unidentified_debit(line.line_id, bank, line.amount, seen_on(line.booked_on))
    bank = line.bank_account or profile.push_bank
    return unidentified_credit(line.line_id, bank, line.amount, seen_on(line.booked_on))


def put_on_suspense(line: FileLine, ports: DeskPorts) -> tuple[str, ...]:
    """Book the cash of a bank's line on suspense unless it is there; the id of the entry, if there is a new one."""
    if line.line_key in ports.adapters.reconciliation.on_suspense([line]):
        return ()
    return post_journals([unidentified(line, ports)], ports)


def desk_over(adapters: Adapters, at: datetime) -> DeskPorts:
    """The desk over the adapters of payments, with the policies shipped in these packages."""
    return DeskPorts(adapters, PostgresDesk(adapters.database), desk_policy(), authority_file(), at)
