"""`tranche payments <act>`: collect what is due, pay merchants and refunds, reconcile outside files, list breaks."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from payments.settings import Settings

if TYPE_CHECKING:
    from ledger.money import Currency, Money
    from payments.reconciliation.postgres_standing import ListedBreak
    from payments.reconciliation.reconcile import Listed
    from payments.till import Till

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)

Outbox = Annotated[Path | None, typer.Option(help="Folder from which the bank takes payout files; the profile's own.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
LONGEST_LIST = 20


class UsageFault(Exception):
    """The command line contradicts itself, or the clock file holds no time."""

    @property
    def user_message(self) -> str:
        return str(self)


@app.command()
def collect(
    due: Annotated[str, typer.Option(help="Charge what is due up to this day.")], *, as_json: AsJson = False
) -> None:
    """Charge every instalment that is due; a second run, or one beside it, charges nothing twice."""
    from rich.console import Console
    from rich.progress import Progress

    from payments.collection.collect import collect as act

    settings = Settings.from_environment(needs_provider=True)
    with _till(settings) as till, Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("collecting", total=None)
        report = act(_day(due), till=till, at=_now(settings), tick=lambda count: progress.advance(task, count))
    if as_json:
        _print_json(report)
        return
    typer.echo(
        f"due up to {report.due}: {report.instalments_due:,} instalments; {report.captured:,} captured, "
        f"{report.refused:,} refused, {report.unknown:,} unknown; {report.resolved:,} of earlier runs resolved, "
        f"{report.waiting:,} waiting, {report.elsewhere:,} at another collector, {report.needs_person:,} for a person"
    )
    for currency, minor in report.captured_minor.items():
        typer.echo(f"  captured {_money(minor, currency)}")


@app.command("pay-merchants")
def pay_merchants(
    on: Annotated[str, typer.Option(help="The day of the payout.")],
    *,
    outbox: Outbox = None,
    as_json: AsJson = False,
) -> None:
    """Send every merchant what is owed to it and write the bank's file."""
    from payments.merchants.pay_merchants import pay_merchants as act
    from payments.postgres import connected
    from payments.provider.provider import NoProvider
    from payments.wiring import till_over

    settings = Settings.from_environment()
    with connected(settings.database_url) as connection:
        till = till_over(connection, NoProvider())
        report = act(_day(on), till=till, outbox=_outbox(outbox, settings), at=_now(settings))
    if as_json:
        _print_json(report)
        return
    paid = ", ".join(_money(minor, currency) for currency, minor in report.paid_minor.items()) or "nothing"
    typer.echo(
        f"{report.on}: {report.payouts:,} payouts, {report.new:,} of them new, {paid}; file {report.file or '-'}"
    )


@app.command("pay-refunds")
def pay_refunds(
    on: Annotated[str, typer.Option(help="The day of the payment.")],
    *,
    outbox: Outbox = None,
    as_json: AsJson = False,
) -> None:
    """Send shoppers the refunds that are owed to them, by the provider or by a file for the bank."""
    from payments.refunds.pay_refunds import pay_refunds as act

    settings = Settings.from_environment(needs_provider=True)
    with _till(settings) as till:
        report = act(_day(on), till=till, outbox=_outbox(outbox, settings), at=_now(settings))
    if as_json:
        _print_json(report)
        return
    paid = ", ".join(_money(minor, currency) for currency, minor in report.paid_minor.items()) or "nothing"
    typer.echo(
        f"{report.on}: {report.owed:,} refunds owed, {report.paid:,} paid ({paid}), {report.refused:,} refused, "
        f"{report.unknown:,} unknown, {report.by_bank:,} by bank; file {report.file or '-'}"
    )


@app.command()
def refund(
    plan: Annotated[str, typer.Option(help="The plan's id.")],
    refund_id: Annotated[str, typer.Option(help="The refund's own id; the same id never refunds twice.")],
    amount_minor: Annotated[int, typer.Option(help="What is refunded of the purchase, in minor units.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Take back goods of an order: the plan falls, the merchant pays, the shopper gets back what was paid of them."""
    from payments.postgres import connected
    from payments.provider.provider import NoProvider
    from payments.refunds.refund import NoSuchPlan, RefundRefused
    from payments.refunds.refund import refund as act
    from payments.wiring import till_over

    settings = Settings.from_environment()
    with connected(settings.database_url) as connection:
        till = till_over(connection, NoProvider())
        known = till.plans.get(plan)
        if known is None:
            raise UsageFault(f"there is no plan {plan}")
        answer = act(plan, refund_id, _amount(amount_minor, known.currency), till=till, at=_now(settings))
    match answer:
        case RefundRefused(_, reasons):
            raise UsageFault(f"refund {refund_id} was refused: {'; '.join(each.detail for each in reasons)}")
        case NoSuchPlan():
            raise UsageFault(f"there is no plan {plan}")
        case taken if as_json:
            _print_json(taken)
        case taken:
            again = "" if taken.new else " before"
            typer.echo(
                f"{refund_id}: refunded{again}; {taken.to_shopper} goes to the shopper, {taken.refundable_rest} of the "
                "purchase can still be refunded"
            )


@app.command()
def disputes(
    file: Annotated[Path, typer.Option(help="The provider's file of dispute notices.")], *, as_json: AsJson = False
) -> None:
    """Take a provider's notices of charge-backs and late claims; the same notice again changes nothing."""
    from payments.disputes.dispute import NoticeRefused, take_notice
    from payments.disputes.dispute_file import read_notices
    from payments.files.control_file import Content
    from payments.postgres import connected
    from payments.provider.provider import NoProvider
    from payments.wiring import till_over

    settings = Settings.from_environment()
    notices = read_notices(Content.of(file))
    with connected(settings.database_url) as connection:
        till = till_over(connection, NoProvider())
        answers = [take_notice(notice, till=till, at=_now(settings)) for notice in notices]
    refused = [answer for answer in answers if isinstance(answer, NoticeRefused)]
    if as_json:
        typer.echo(json.dumps([asdict(answer) for answer in answers], default=str))
    else:
        typer.echo(f"{len(answers):,} notices, {len(refused):,} refused")
        for answer in refused:
            typer.echo(f"  {answer.case_id}: {'; '.join(map(str, answer.reasons))}")
    if refused:
        raise typer.Exit(1)


@app.command()
def reconcile(
    *,
    file: Annotated[Path | None, typer.Option(help="One file.")] = None,
    inbox: Annotated[
        Path | None,
        typer.Option(help="A folder: every file that was not taken yet. Without --file, the profile's own."),
    ] = None,
    day: Annotated[str | None, typer.Option(help="The day by which things are missing; needed with --inbox.")] = None,
    as_json: AsJson = False,
) -> None:
    """Match files to what was expected, post, and list what is left. The same file again changes nothing."""
    from rich.console import Console
    from rich.progress import Progress

    from payments.files.inbox import unseen
    from payments.postgres import connected
    from payments.provider.provider import NoProvider
    from payments.reconciliation.reconcile import reconcile as act
    from payments.wiring import till_over

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
        till = till_over(connection, NoProvider())
        as_of = None if day is None else _day(day)
        files = [file] if file is not None else unseen(inbox or Path(), till.expectations.names_taken(), as_of)
        task = progress.add_task("reconciling", total=len(files) + 1)

        def tick(name: str) -> None:
            progress.update(task, advance=1, description=name)

        report = act(
            files,
            till=till,
            at=_now(settings),
            as_of=as_of,
            refuse_loudly=file is not None,
            tick=tick,
        )
    if as_json:
        _print_json(report)
    else:
        if not files:
            typer.echo(f"no file in {inbox} that was not taken before")
        typer.echo(
            f"{len(report.files_taken):,} files, {report.lines:,} lines: {report.matched_by_id:,} matched by id, "
            f"{report.matched_by_rule:,} by rule, {report.unmatched:,} unmatched; "
            f"{report.open_expectations:,} open expectations; {report.entries:,} journal entries"
        )
        _print_breaks(report.breaks, report.listed)
        for refused in report.files_refused:
            typer.echo(f"  refused: {refused}")
    if report.files_refused:
        raise typer.Exit(1)


@app.command()
def breaks(
    *,
    as_of: Annotated[str | None, typer.Option(help="Day for ages; default: the last day of any line.")] = None,
    closed: Annotated[bool, typer.Option("--closed", help="List cured ones too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Where reconciliation stands: lines, matches, breaks by class and age, open expectations, clearing and bank."""
    from payments.postgres import connected
    from payments.rail_profile import load_profile
    from payments.reconciliation.postgres_standing import PostgresStanding

    settings = Settings.from_environment()
    with connected(settings.database_url) as connection, connection.transaction():
        reader = PostgresStanding(connection, load_profile().card.provider)
        day = _day(as_of) if as_of else reader.last_day() or _now(settings).date()
        standing = reader.standing(day, closed=closed)
    if as_json:
        _print_json(standing)
        return
    typer.echo(
        f"as of {standing.as_of}: {standing.lines:,} lines, {standing.matched_by_id:,} matched by id, "
        f"{standing.matched_by_rule:,} by rule, {standing.unmatched:,} unmatched; "
        f"{standing.open_expectations:,} open expectations {dict(standing.open_by_age)}"
    )
    for clearing in standing.clearing:
        typer.echo(
            f"  clearing {_money(clearing.balance_minor, clearing.currency)}, explained by {clearing.attempts:,} "
            f"captures not paid out: {_money(clearing.explained_minor, clearing.currency)}"
        )
    for bank in standing.banks:
        typer.echo(
            f"  bank {bank.bank_account}: statement {_money(bank.statement_minor, bank.currency)}, "
            f"books {_money(bank.ledger_minor, bank.currency)}"
        )
    _print_breaks(standing.breaks, standing.listed)


@app.command(name="open-items")
def open_items(
    *,
    as_of: Annotated[str | None, typer.Option(help="Day for ages; default: today.")] = None,
    as_json: AsJson = False,
) -> None:
    """What the clearing accounts hold, why and for whom to work; exit 1 when something is open without a reason."""
    from payments.postgres import connected
    from payments.provider.provider import NoProvider
    from payments.reconciliation.postgres_open_items import PostgresOpenItems
    from payments.wiring import till_over

    settings = Settings.from_environment()
    day = _day(as_of) if as_of else _now(settings).date()
    with connected(settings.database_url) as connection, connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        till = till_over(connection, NoProvider())
        found = PostgresOpenItems(connection, till.profile.card, till.terms).compared()
    if as_json:
        _print_json(found)
    else:
        for each in found.explained:
            group, why = each.group, ", ".join(sorted({item.why.value for item in each.items}))
            amount = group.posted if group.posted.minor else group.pending
            late = " overdue" if group.overdue(day) else ""
            age = f"{group.age_days(day):,} days{late}"
            typer.echo(f"  {group.account} {group.value} {amount} {why}, {age} [{group.owner}]")
        typer.echo(f"{len(found.explained):,} of {found.groups:,} open clearing groups are what is known to be open")
    for fault in found.faults:
        typer.echo(str(fault), err=True)
    if found.faults:
        raise typer.Exit(1)


def _print_breaks(counts: Any, listed: "tuple[Listed | ListedBreak, ...]") -> None:
    if counts:
        typer.echo("  breaks: " + ", ".join(f"{name} {count:,}" for name, count in counts.items()))
    for each in listed[:LONGEST_LIST]:
        about = each.line_id or each.expectation_id or ""
        typer.echo(f"    {each.break_class:<4} {about:<28} {each.amount or '':>16}  {each.reason} [{each.owner}]")
    if len(listed) > LONGEST_LIST:
        typer.echo(f"    … and {len(listed) - LONGEST_LIST:,} more; --json lists them all")


@contextmanager
def _till(settings: Settings) -> "Iterator[Till]":
    from payments.postgres import connected
    from payments.provider.sandbox import SandboxProvider
    from payments.wiring import till_over

    provider = SandboxProvider(settings.provider_url or "")
    try:
        with connected(settings.database_url) as connection:
            yield till_over(connection, provider)
    finally:
        provider.close()


def _outbox(asked: Path | None, settings: Settings) -> Path:
    outbox = asked or settings.outbox
    if outbox is None:
        raise UsageFault("--outbox is missing: the folder from which the bank takes payout files")
    return outbox


def _now(settings: Settings) -> datetime:
    """The clock of this command: the machine's, or the one in the clock file."""
    if settings.clock_file is None:
        return datetime.now(UTC)
    text = settings.clock_file.read_text(encoding="ascii").strip()
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageFault(f"{settings.clock_file}: {text!r} is not an ISO time, such as 1996-03-01T00:00:00Z") from error
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageFault(f"{text!r} is not a day, such as 2026-12-01") from error


def _money(minor: int, currency: str) -> str:
    from ledger.money import Currency, Money

    return str(Money(minor, Currency(currency)))


def _amount(minor: int, currency: "Currency") -> "Money":
    from ledger.money import Money

    if minor <= 0:
        raise UsageFault(f"amount-minor: {minor} is not greater than zero")
    return Money(minor, currency)


def _print_json(report: Any) -> None:
    typer.echo(json.dumps(asdict(report), default=str))


def main(argv: list[str] | None = None) -> int:
    """Run one act; the exit code is typer's own. Expected failures are raised for `tranche` to print."""
    result = app(args=argv, prog_name="tranche payments", standalone_mode=False)
    return int(result or 0)


if __name__ == "__main__":
    raise SystemExit(main())
