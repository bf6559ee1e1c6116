"""Command line: reconcile outside files, and list what does not agree and what is open."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from payments.commands.arguments import LONGEST_LIST, UsageFault, day_of_text, money_text
from payments.settings import Settings
from terminal.clock import now
from terminal.report import Report, reporting

if TYPE_CHECKING:
    from payments.reconciliation.reconcile import Listed
    from payments.reconciliation.standing import ListedBreak


@reporting()
def reconcile(
    *,
    file: Annotated[Path | None, typer.Option(help="One file.")] = None,
    inbox: Annotated[
        Path | None,
        typer.Option(help="A folder: every file that was not taken yet. Without --file, the profile's own."),
    ] = None,
    day: Annotated[str | None, typer.Option(help="The day by which things are missing; needed with --inbox.")] = None,
) -> Report:
    """Match files to what was expected, post, and list what is left. The same file again changes nothing."""
    from rich.console import Console
    from rich.progress import Progress

    from payments.files.inbox import unseen
    from payments.postgres import connected
    from payments.provider.provider import NoProvider
    from payments.reconciliation.reconcile import reconcile as act
    from payments.settings import max_file_bytes
    from payments.wiring import adapters_over

    settings = Settings.from_environment()
    if file is None and inbox is None:
        inbox = settings.inbox
    if (file is None) == (inbox is None):
        raise UsageFault("reconcile takes either --file FILE or --inbox DIR --day DATE")
    if inbox is not None and day is None:
        raise UsageFault("--inbox needs --day DATE: the day by which a line is missing")
    with (
        connected(settings.database_url) as connection,
        Progress(console=Console(stderr=True), transient=True) as progress,
    ):
        ports = adapters_over(connection, NoProvider())
        as_of = None if day is None else day_of_text(day)
        files = [file] if file is not None else unseen(inbox or Path(), ports.reconciliation.names_taken(), as_of)
        task = progress.add_task("reconciling", total=len(files) + 1)

        def tick(name: str) -> None:
            progress.update(task, advance=1, description=name)

        report = act(
            files,
            asking=ports.asking,
            plans=ports.plans,
            ledger=ports.ledger,
            reconciliation=ports.reconciliation,
            payouts=ports.payouts,
            refunds=ports.refunds,
            publish=ports.publish,
            terms=ports.terms,
            profile=ports.profile,
            at=now(),
            as_of=as_of,
            refuse_loudly=file is not None,
            max_bytes=max_file_bytes(),
            tick=tick,
        )

    def shown() -> Iterator[str]:
        if not files:
            yield f"no file in {inbox} that was not taken before"
        yield (
            f"{len(report.files_taken):,} files, {report.lines:,} lines: {report.matched_by_id:,} matched by id, "
            f"{report.matched_by_rule:,} by rule, {report.unmatched:,} unmatched; "
            f"{report.open_expectations:,} open expectations; {report.entries:,} journal entries"
        )
        yield from break_lines(report.breaks, report.listed)
        for refused in report.files_refused:
            yield f"  refused: {refused}"
        if report.waiting:
            yield f"  {report.waiting:,} could not be booked and wait; `tranche payments breaks` lists why"

    return Report(report, shown(), exit_code=1 if report.files_refused or report.waiting or report.banks_unequal else 0)


@reporting(
    "break_id",
    "break_class",
    "line_id",
    "expectation_id",
    "amount",
    "reason",
    "owner",
    "severity",
    "opened_on",
    "due_by",
    "age_days",
)
def breaks(
    *,
    as_of: Annotated[str | None, typer.Option(help="Day for ages; default: the last day of any line.")] = None,
    closed: Annotated[bool, typer.Option("--closed", help="List cured ones too.")] = False,
) -> Report:
    """Where reconciliation stands: lines, matches, breaks by class and age, open expectations, clearing and bank."""
    from payments.postgres import connected
    from payments.rail_profile import load_profile
    from payments.reconciliation.postgres_standing import PostgresStanding

    settings = Settings.from_environment()
    with connected(settings.database_url) as connection, connection.transaction():
        reader = PostgresStanding(connection, load_profile().card.provider)
        day = day_of_text(as_of) if as_of else reader.last_day() or now().date()
        standing = reader.standing(day, closed=closed)

    def shown() -> Iterator[str]:
        yield (
            f"as of {standing.as_of}: {standing.lines:,} lines, {standing.matched_by_id:,} matched by id, "
            f"{standing.matched_by_rule:,} by rule, {standing.unmatched:,} unmatched; "
            f"{standing.open_expectations:,} open expectations {dict(standing.open_by_age)}"
        )
        for clearing in standing.clearing:
            yield (
                f"  clearing {money_text(clearing.balance_minor, clearing.currency)}, explained by "
                f"{clearing.attempts:,} captures not paid out: "
                f"{money_text(clearing.explained_minor, clearing.currency)}"
            )
        for bank in standing.banks:
            yield (
                f"  bank {bank.bank_account}: statement {money_text(bank.statement_minor, bank.currency)}, "
                f"books {money_text(bank.ledger_minor, bank.currency)}"
            )
        yield from break_lines(standing.breaks, standing.listed)

    return Report(standing, shown(), (asdict(each) for each in standing.listed))


@reporting()
def open_items(
    *,
    as_of: Annotated[str | None, typer.Option(help="Day for ages; default: today.")] = None,
) -> Report:
    """What the clearing accounts hold, why and for whom to work; exit 1 when something is open without a reason."""
    from payments.postgres import snapshot
    from payments.provider.provider import NoProvider
    from payments.reconciliation.postgres_open_items import PostgresOpenItems
    from payments.wiring import adapters_over

    settings = Settings.from_environment()
    day = day_of_text(as_of) if as_of else now().date()
    with snapshot(settings.database_url) as connection:
        ports = adapters_over(connection, NoProvider())
        found = PostgresOpenItems(connection, ports.profile.card, ports.terms).compared()

    def shown() -> Iterator[str]:
        for each in found.explained:
            group, why = each.group, ", ".join(sorted({item.why.value for item in each.items}))
            amount = group.posted if group.posted.minor else group.pending
            late = " overdue" if group.overdue(day) else ""
            age = f"{group.age_days(day):,} days{late}"
            yield f"  {group.account} {group.value} {amount} {why}, {age} [{group.owner}]"
        yield f"{len(found.explained):,} of {found.groups:,} open clearing groups are what is known to be open"

    for fault in found.faults:
        typer.echo(str(fault), err=True)
    return Report(found, shown(), exit_code=1 if found.faults else 0)


def break_lines(counts: Any, listed: "tuple[Listed | ListedBreak, ...]") -> Iterator[str]:
    if counts:
        yield "  breaks: " + ", ".join(f"{name} {count:,}" for name, count in counts.items())
    for each in listed[:LONGEST_LIST]:
        yield f"    {each.break_class:<4} {each.break_id:<36} {each.amount or '':>16}  {each.reason} [{each.owner}]"
    if len(listed) > LONGEST_LIST:
        yield f"    … and {len(listed) - LONGEST_LIST:,} more; --json lists them all"
