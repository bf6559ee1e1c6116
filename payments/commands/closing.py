"""Command line: list what the books' own checks find as breaks, and the report of a month's end."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from payments.commands.arguments import LONGEST_LIST, UsageFault, day_of_text
from payments.settings import Settings
from terminal.clock import now
from terminal.report import Report, reporting

if TYPE_CHECKING:
    from ledger.money import Money

_LISTED = ("not_booked", "booked_later", "on_a_later_statement", "counts_later", "elsewhere", "unexplained")
_MONTH = re.compile(r"(19|20)[0-9]{2}-(0[1-9]|1[0-2])", re.ASCII)


@reporting()
def audit_breaks(
    *,
    day: Annotated[str | None, typer.Option(help="The day of what is found; default: today.")] = None,
) -> Report:
    """Verify books and open items; list each finding as a break (E24), and what waits for too long (E21, E25).

    The same findings again change nothing; what is gone is closed. Exit code 1 while a check finds something.
    """
    from ledger.books.postgres_proposals import PostgresProposals
    from ledger.proof.postgres_audit import connect_for_audit
    from ledger.proof.verify import verify
    from payments.break_desk.audit_breaks import audit_breaks as act
    from payments.break_desk.postgres_desk import PostgresDesk
    from payments.postgres import connected, snapshot
    from payments.provider.provider import NoProvider
    from payments.reconciliation.postgres_open_items import PostgresOpenItems
    from payments.wiring import adapters_over
    from terminal.waiting import waiting

    settings, on = Settings.from_environment(), day_of_text(day) if day else now().date()
    with waiting("verifying the books"), connect_for_audit(settings.database_url) as audit:
        faults = verify(audit).faults
    with snapshot(settings.database_url) as connection:
        ports = adapters_over(connection, NoProvider())
        items = PostgresOpenItems(connection, ports.profile.card, ports.terms).compared()
    with connected(settings.database_url) as connection, connection.transaction():
        ports = adapters_over(connection, NoProvider())
        report = act(
            faults,
            items,
            PostgresProposals(connection).all(),
            on,
            reconciliation=ports.reconciliation,
            desk=PostgresDesk(connection),
            profile=ports.profile,
        )
    new = ", ".join(f"{name} {count:,}" for name, count in report.new.items()) or "none"
    lines = [
        f"as of {report.on}: {report.findings:,} findings of checks, {report.stale:,} items that wait for too long",
        f"  new breaks: {new}; {report.closed:,} closed, since they are gone",
    ]
    return Report(report, lines, exit_code=1 if report.findings else 0)


@reporting("break_id", "break_class", "amount", "reason", "owner", "severity", "opened_on", "due_by", "age_days")
def month_end(
    *,
    month: Annotated[str, typer.Option(help="The month, such as 2026-04; it has ended.")],
) -> Report:
    """Tie the books to settled cash at a month's end, with every exception; exit 1 when a tie does not add up."""
    from payments.break_desk.month_end import month_end as act
    from payments.break_desk.postgres_month_end import PostgresMonthEnd
    from payments.postgres import snapshot
    from payments.rail_profile import load_profile

    through = _last_day(month)
    with snapshot(Settings.from_environment().database_url) as connection:
        report = act(through, PostgresMonthEnd(connection, load_profile()))
    by_class = report.by_class()
    tree = {
        "through": report.through,
        "ties": report.ties,
        "cash": [_plain(each, unexplained=each.unexplained) for each in report.cash],
        "clearing": [_plain(each, unexplained=each.unexplained) for each in report.clearing],
        "exceptions": [_plain(each) for each in report.exceptions],
        "by_class": by_class,
        "objections": list(report.objections),
    }

    def shown() -> Iterator[str]:
        for cash in report.cash:
            number = "no statement" if cash.statement_number is None else f"statement {cash.statement_number}"
            yield f"bank {cash.bank_account}: {number} {cash.statement}, books {cash.books}"
            for name in _LISTED:
                amount = getattr(cash, name)
                if amount.minor or name == "unexplained":
                    yield f"    {name.replace('_', ' '):<22} {amount!s:>18}"
        for tie in report.clearing:
            ages = ", ".join(f"{band} days {amount}" for band, amount in tie.by_age.items()) or "nothing"
            rest = f"; unexplained {tie.unexplained}" if tie.unexplained.minor else ""
            yield f"{tie.account} {tie.balance}: {tie.groups:,} open groups, {ages}{rest}"
        for name, bands in by_class.items():
            yield f"  {name} " + ", ".join(f"{count:,} of {band} days" for band, count in bands.items())
        for each in report.exceptions[:LONGEST_LIST]:
            yield f"    {each.break_class:<4} {each.break_id:<36} {each.amount or '':>16}  {each.reason} [{each.owner}]"
        if len(report.exceptions) > LONGEST_LIST:
            yield f"    … and {len(report.exceptions) - LONGEST_LIST:,} more; --json lists them all"
        for why in report.objections:
            yield f"  the books cannot be closed: {why}"
        yield f"{month}: {'every tie adds up' if report.ties else 'a tie does not add up'}"

    rows = (_plain(each) for each in report.exceptions)
    return Report(tree, shown(), rows, exit_code=0 if report.ties and not report.objections else 1)


def _plain(each: Any, **others: "Money") -> dict[str, Any]:
    """A row of the report with its amounts as text."""
    from ledger.money import Money

    found = {name: getattr(each, name) for name in each.__dataclass_fields__} | others
    for name, value in found.items():
        if isinstance(value, Money):
            found[name] = str(value)
        elif isinstance(value, Mapping):
            found[name] = {key: str(amount) for key, amount in value.items()}
    return found


def _last_day(month: str) -> date:
    from payments.break_desk.month_end import last_day_of

    if not _MONTH.fullmatch(month):
        raise UsageFault(f"--month {month!r} is not a month such as 2026-04")
    last = last_day_of(int(month[:4]), int(month[5:]))
    if last >= now().date():
        raise UsageFault(f"--month {month} has not ended")
    return last
