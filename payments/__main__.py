"""`tranche payments <act>`: collect what is due, take payments, pay merchants and refunds, reconcile, list breaks."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from payments.settings import Settings
from terminal.clock import now
from terminal.command_line import run, stage
from terminal.fault import Fault
from terminal.report import Report, reporting

if TYPE_CHECKING:
    from ledger.money import Currency, Money
    from payments.reconciliation.reconcile import Listed
    from payments.reconciliation.standing import ListedBreak
    from payments.wiring import Adapters

app = stage("Collect what is due, pay merchants and refunds, reconcile outside files, list breaks.")

Outbox = Annotated[Path | None, typer.Option(help="Folder from which the bank takes payout files; the profile's own.")]
LONGEST_LIST = 20
PAYMENT_KEY = re.compile("[A-Za-z0-9._-]{1,60}", re.ASCII)


class UsageFault(Fault):
    """The command line contradicts itself, or the clock file holds no time."""


@app.command()
@reporting()
def collect(due: Annotated[str, typer.Option(help="Charge what is due up to this day.")]) -> Report:
    """Charge every instalment that is due; a second run, or one beside it, charges nothing twice."""
    from rich.console import Console
    from rich.progress import Progress

    from payments.collection.collect import collect as act

    settings = Settings.from_environment(needs_provider=True)
    with _adapters(settings) as ports, Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("collecting", total=None)
        report = act(
            _day(due),
            attempts=ports.attempts,
            decisions=ports.decisions,
            plans=ports.plans,
            ledger=ports.ledger,
            expectations=ports.reconciliation,
            provider=ports.provider,
            merchants=ports.merchants,
            terms=ports.terms,
            policy=ports.policy,
            profile=ports.profile,
            transaction=ports.transaction,
            breaks=ports.reconciliation,
            at=now(),
            tick=lambda count: progress.advance(task, count),
        )

    def shown() -> Iterator[str]:
        yield (
            f"due up to {report.due}: {report.instalments_due:,} instalments; {report.captured:,} captured, "
            f"{report.refused:,} refused, {report.unknown:,} unknown; {report.resolved:,} of earlier runs resolved, "
            f"{report.waiting:,} waiting, {report.elsewhere:,} at another collector, "
            f"{report.needs_person:,} for a person"
        )
        for currency, minor in report.captured_minor.items():
            yield f"  captured {_money(minor, currency)}"
        if report.withdrawn:
            yield f"  {report.withdrawn:,} were withdrawn before they were sent, since their plans do not owe them now"
        if report.failed:
            yield f"  {report.failed:,} could not be booked and wait; `tranche payments breaks` lists why"

    return Report(report, shown(), exit_code=1 if report.failed else 0)


@app.command()
@reporting()
def pay(
    plan_id: Annotated[str, typer.Argument(help="The plan's id.")],
    *,
    amount: Annotated[str | None, typer.Option(help='What the shopper pays now, such as "50.00 GBP".')] = None,
    payoff: Annotated[bool, typer.Option("--payoff", help="Take what settles the plan today.")] = False,
    key: Annotated[
        str | None,
        typer.Option(help="Makes it safe to repeat; when left out, the same words on the same day are one payment."),
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show what it would change and the journals, and charge nothing.")
    ] = False,
) -> Report:
    """Charge a shopper what they pay now: a part, or what settles the plan. Exit code 1 when nothing is captured."""
    from ledger.identity.authority import authority_file
    from ledger.identity.postgres_principals import PostgresPrincipals
    from ledger.identity.principal import identify
    from lending.acts.arguments import read_money
    from payments.collection.pay import AskedPayment, PaymentPreview, PaymentTaken
    from payments.collection.pay import pay as act
    from payments.collection.payment_answers import payment_said, payment_tree

    if (amount is None) == (not payoff):
        raise UsageFault('pay takes either --amount "50.00 GBP" or --payoff')
    money, at = None if amount is None else read_money(amount, "amount"), now()
    own = key or f"{at.date()}-{'payoff' if money is None else str(money).replace(' ', '-')}"
    if not PAYMENT_KEY.fullmatch(own):
        raise UsageFault(f"key: {own!r} is not up to 60 letters, digits, dots, hyphens and underscores")
    settings = Settings.from_environment(needs_provider=True)
    with _adapters(settings) as ports:
        by = identify(settings.key, principals=PostgresPrincipals(ports.database), at=at)
        answer = act(
            AskedPayment(plan_id, own, money, by),
            authority=authority_file(),
            attempts=ports.attempts,
            decisions=ports.decisions,
            plans=ports.plans,
            ledger=ports.ledger,
            expectations=ports.reconciliation,
            breaks=ports.reconciliation,
            provider=ports.provider,
            merchants=ports.merchants,
            terms=ports.terms,
            policy=ports.policy,
            profile=ports.profile,
            transaction=ports.transaction,
            at=at,
            preview=preview,
        )
    done = isinstance(answer, PaymentTaken | PaymentPreview)
    return Report(payment_tree(plan_id, answer), payment_said(plan_id, answer), exit_code=0 if done else 1)


@app.command("pay-merchants")
@reporting()
def pay_merchants(
    on: Annotated[str, typer.Option(help="The day of the payout.")],
    *,
    outbox: Outbox = None,
) -> Report:
    """Send every merchant what is owed to it and write the bank's file."""
    from payments.merchants.pay_merchants import pay_merchants as act
    from payments.postgres import connected
    from payments.provider.provider import NoProvider
    from payments.wiring import adapters_over

    settings = Settings.from_environment()
    with connected(settings.database_url) as connection:
        ports = adapters_over(connection, NoProvider())
        report = act(
            _day(on),
            payouts=ports.payouts,
            ledger=ports.ledger,
            expectations=ports.reconciliation,
            merchants=ports.merchants,
            batches=ports.batches,
            breaks=ports.reconciliation,
            profile=ports.profile,
            transaction=ports.transaction,
            outbox=_outbox(outbox, settings),
            at=now(),
        )

    def shown() -> Iterator[str]:
        paid = ", ".join(_money(minor, currency) for currency, minor in report.paid_minor.items()) or "nothing"
        files = ", ".join(report.files) or "none"
        yield f"{report.on}: {report.payouts:,} payouts, {report.new:,} of them new, {paid}; files: {files}"
        if report.failed:
            yield f"  {report.failed:,} merchants could not be settled and wait; `tranche payments breaks` lists why"

    return Report(report, shown(), exit_code=1 if report.failed else 0)


@app.command("pay-refunds")
@reporting()
def pay_refunds(
    on: Annotated[str, typer.Option(help="The day of the payment.")],
    *,
    outbox: Outbox = None,
) -> Report:
    """Send shoppers the refunds that are owed to them, by the provider or by a file for the bank."""
    from payments.refunds.pay_refunds import pay_refunds as act

    settings = Settings.from_environment(needs_provider=True)
    with _adapters(settings) as ports:
        report = act(
            _day(on),
            refunds=ports.refunds,
            plans=ports.plans,
            ledger=ports.ledger,
            expectations=ports.reconciliation,
            breaks=ports.reconciliation,
            provider=ports.provider,
            terms=ports.terms,
            batches=ports.batches,
            settle_down=ports.policy.settle_down,
            profile=ports.profile,
            transaction=ports.transaction,
            outbox=_outbox(outbox, settings),
            at=now(),
        )

    def shown() -> Iterator[str]:
        paid = ", ".join(_money(minor, currency) for currency, minor in report.paid_minor.items()) or "nothing"
        yield (
            f"{report.on}: {report.owed:,} refunds owed, {report.paid:,} paid ({paid}), {report.refused:,} refused, "
            f"{report.unknown:,} unknown, {report.by_bank:,} by bank; files: {', '.join(report.files) or '-'}"
        )
        if report.failed:
            yield f"  {report.failed:,} could not be paid and wait; `tranche payments breaks` lists why"

    return Report(report, shown(), exit_code=1 if report.failed else 0)


@app.command()
@reporting()
def refund(
    plan: Annotated[str, typer.Option(help="The plan's id.")],
    refund_id: Annotated[str, typer.Option(help="The refund's own id; the same id never refunds twice.")],
    amount: Annotated[str, typer.Option(help='What is refunded of the purchase, such as "50.00 GBP".')],
) -> Report:
    """Take back goods of an order: the plan falls, the merchant pays, the shopper gets back what was paid of them."""
    from lending.acts.arguments import read_money
    from payments.postgres import connected
    from payments.provider.provider import NoProvider
    from payments.refunds.refund import NoSuchPlan, RefundRefused
    from payments.refunds.refund import refund as act
    from payments.wiring import adapters_over

    settings = Settings.from_environment()
    with connected(settings.database_url) as connection:
        ports = adapters_over(connection, NoProvider())
        known = ports.plans.get(plan)
        if known is None:
            raise UsageFault(f"there is no plan {plan}")
        answer = act(
            plan,
            refund_id,
            _in_currency(read_money(amount, "amount"), known.currency),
            plans=ports.plans,
            ledger=ports.ledger,
            terms=ports.terms,
            settled=ports.payouts.settled,
            transaction=ports.transaction,
            at=now(),
        )
    match answer:
        case RefundRefused(_, reasons):
            raise UsageFault(f"refund {refund_id} was refused: {'; '.join(each.detail for each in reasons)}")
        case NoSuchPlan():
            raise UsageFault(f"there is no plan {plan}")
        case taken:
            again = "" if taken.new else " before"
            line = (
                f"{refund_id}: {amount} refunded{again}; {taken.to_shopper} goes to the shopper, "
                f"{taken.refundable_rest} of the purchase can still be refunded"
            )
            return Report(taken, [line])


@app.command()
@reporting()
def disputes(file: Annotated[Path, typer.Option(help="The provider's file of dispute notices.")]) -> Report:
    """Take a provider's notices of charge-backs and late claims; the same notice again changes nothing."""
    from payments.disputes.dispute import NoticeRefused, take_notice
    from payments.disputes.dispute_file import read_notices
    from payments.files.control_file import FileContent, last_begun_day
    from payments.postgres import connected
    from payments.provider.provider import NoProvider
    from payments.wiring import adapters_over

    settings = Settings.from_environment()
    at = now()
    notices = read_notices(FileContent.of(file, latest=last_begun_day(at)))
    with connected(settings.database_url) as connection:
        ports = adapters_over(connection, NoProvider())
        answers = [
            take_notice(
                notice,
                attempts=ports.attempts,
                plans=ports.plans,
                ledger=ports.ledger,
                expectations=ports.reconciliation,
                terms=ports.terms,
                profile=ports.profile,
                transaction=ports.transaction,
                at=at,
            )
            for notice in notices
        ]
    refused = [answer for answer in answers if isinstance(answer, NoticeRefused)]
    tree = [asdict(answer) for answer in answers]

    def shown() -> Iterator[str]:
        yield f"{len(answers):,} notices, {len(refused):,} refused"
        for answer in refused:
            yield f"  {answer.case_id}: {'; '.join(map(str, answer.reasons))}"

    return Report(tree, shown(), exit_code=1 if refused else 0)


@app.command()
@reporting()
def recoveries(
    file: Annotated[Path, typer.Option(help="The agency's file of what it collected and transferred to us.")],
) -> Report:
    """Book what a collection agency passed on for charged-off plans; the same file again changes nothing."""
    from payments.files.control_file import FileContent, last_begun_day
    from payments.postgres import connected
    from payments.provider.provider import NoProvider
    from payments.recoveries.postgres import PostgresSuspendedCredits
    from payments.recoveries.recovery import RecoveryRefused, take_recovery
    from payments.recoveries.recovery_file import read_recoveries
    from payments.wiring import adapters_over

    settings = Settings.from_environment()
    at = now()
    notices = read_recoveries(FileContent.of(file, latest=last_begun_day(at)))
    with connected(settings.database_url) as connection:
        ports = adapters_over(connection, NoProvider())
        answers = [
            take_recovery(
                notice,
                suspended=PostgresSuspendedCredits(connection),
                breaks=ports.reconciliation,
                plans=ports.plans,
                ledger=ports.ledger,
                terms=ports.terms,
                transaction=ports.transaction,
                at=at,
            )
            for notice in notices
        ]
    refused = [answer for answer in answers if isinstance(answer, RecoveryRefused)]

    def shown() -> Iterator[str]:
        new = sum(not isinstance(answer, RecoveryRefused) and answer.new for answer in answers)
        yield f"{len(answers):,} recoveries, {new:,} new, {len(refused):,} refused"
        for answer in refused:
            yield f"  {answer.recovery_id}: {'; '.join(map(str, answer.reasons))}"

    return Report([asdict(answer) for answer in answers], shown(), exit_code=1 if refused else 0)


@app.command()
@reporting()
def ship(
    plan_id: Annotated[str, typer.Argument(help="The plan's id.")],
    *,
    amount: Annotated[str, typer.Option(help='The part of the order that was shipped, such as "50.00 GBP".')],
    key: Annotated[str, typer.Option(help="The merchant's own id of the shipment; it is captured once.")],
) -> Report:
    """Capture a further part of an order that its merchant has shipped. Exit code 1 when nothing is captured."""
    from ledger.books.store import Conflict
    from ledger.identity.authority import authority_file
    from ledger.identity.postgres_principals import PostgresPrincipals
    from ledger.identity.principal import identify
    from lending.acts.arguments import read_money
    from payments.merchants.ship import AskedShipment, ShipmentRefused, ShipmentTaken
    from payments.merchants.ship import ship as act
    from payments.postgres import connected
    from payments.provider.provider import NoProvider
    from payments.wiring import adapters_over

    if not PAYMENT_KEY.fullmatch(key):
        raise UsageFault(f"key: {key!r} is not up to 60 letters, digits, dots, hyphens and underscores")
    settings, at, money = Settings.from_environment(), now(), read_money(amount, "amount")
    with connected(settings.database_url) as connection:
        ports = adapters_over(connection, NoProvider())
        by = identify(settings.key, principals=PostgresPrincipals(connection), at=at)
        try:
            answer = act(
                AskedShipment(plan_id, key, money, by),
                authority=authority_file(),
                plans=ports.plans,
                ledger=ports.ledger,
                terms=ports.terms,
                transaction=ports.transaction,
                at=at,
            )
        except Conflict as conflict:
            raise UsageFault(f"key: {key} was used with another {conflict.field}") from conflict
    match answer:
        case ShipmentTaken(shipment, taken, unshipped, new):
            again = "" if new else " before; nothing changed"
            line = f"{plan_id}: shipment {shipment} of {taken} captured{again}; {unshipped} is still to be shipped"
            return Report(asdict(answer), [line])
        case ShipmentRefused(reasons):
            return Report(asdict(answer), [f"refused: {'; '.join(each.detail for each in reasons)}"], exit_code=1)
        case refused:
            return Report(asdict(refused), [f"{refused.code}: {refused.detail}"], exit_code=1)


@app.command()
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
        as_of = None if day is None else _day(day)
        files = [file] if file is not None else unseen(inbox or Path(), ports.reconciliation.names_taken(), as_of)
        task = progress.add_task("reconciling", total=len(files) + 1)

        def tick(name: str) -> None:
            progress.update(task, advance=1, description=name)

        report = act(
            files,
            attempts=ports.attempts,
            decisions=ports.decisions,
            plans=ports.plans,
            ledger=ports.ledger,
            reconciliation=ports.reconciliation,
            payouts=ports.payouts,
            refunds=ports.refunds,
            publish=ports.publish,
            merchants=ports.merchants,
            terms=ports.terms,
            policy=ports.policy,
            profile=ports.profile,
            transaction=ports.transaction,
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
        yield from _breaks(report.breaks, report.listed)
        for refused in report.files_refused:
            yield f"  refused: {refused}"
        if report.waiting:
            yield f"  {report.waiting:,} could not be booked and wait; `tranche payments breaks` lists why"

    return Report(report, shown(), exit_code=1 if report.files_refused or report.waiting or report.banks_unequal else 0)


@app.command()
@reporting()
def read(
    file: Annotated[Path, typer.Argument(help="A payment file, or with --table a folder of them.")],
    *,
    table: Annotated[bool, typer.Option("--table", help="One row of a Markdown table for each file.")] = False,
) -> Report:
    """Read a payment file of any format that is known, and show its figures; exit 1 when its own totals do not hold."""
    from payments.files.world.file_table import TABLE_HEADER, rows_of_folder
    from payments.files.world.read_payment_file import read_payment_file, summarise
    from payments.settings import max_file_bytes

    if table:
        rows = list(rows_of_folder(file, max_file_bytes()))
        return Report([asdict(row) for row in rows], [TABLE_HEADER, *(row.markdown for row in rows)])
    summary = summarise(*read_payment_file(file, max_file_bytes()))

    def shown() -> Iterator[str]:
        yield f"{summary.format}: {len(summary.accounts):,} accounts, {summary.entries:,} entries"
        for key, amount in summary.sums.items():
            yield f"  booked {key} {amount}"
        for balance in summary.balances[:LONGEST_LIST]:
            yield f"  balance {balance.kind} {balance.amount} {balance.currency} {balance.on or ''}".rstrip()
        for name, counts in (("status", summary.statuses), ("reason", summary.reasons)):
            for code, count in counts.items():
                yield f"  {name} {code} {count:,}"
        for broken in summary.breaks:
            yield f"  E26 {broken.what}: the file says {broken.says}, its entries say {broken.found}"

    return Report(summary, shown(), exit_code=1 if summary.breaks else 0)


@app.command()
@reporting(
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
        day = _day(as_of) if as_of else reader.last_day() or now().date()
        standing = reader.standing(day, closed=closed)

    def shown() -> Iterator[str]:
        yield (
            f"as of {standing.as_of}: {standing.lines:,} lines, {standing.matched_by_id:,} matched by id, "
            f"{standing.matched_by_rule:,} by rule, {standing.unmatched:,} unmatched; "
            f"{standing.open_expectations:,} open expectations {dict(standing.open_by_age)}"
        )
        for clearing in standing.clearing:
            yield (
                f"  clearing {_money(clearing.balance_minor, clearing.currency)}, explained by {clearing.attempts:,} "
                f"captures not paid out: {_money(clearing.explained_minor, clearing.currency)}"
            )
        for bank in standing.banks:
            yield (
                f"  bank {bank.bank_account}: statement {_money(bank.statement_minor, bank.currency)}, "
                f"books {_money(bank.ledger_minor, bank.currency)}"
            )
        yield from _breaks(standing.breaks, standing.listed)

    return Report(standing, shown(), (asdict(each) for each in standing.listed))


@app.command(name="open-items")
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
    day = _day(as_of) if as_of else now().date()
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


def _breaks(counts: Any, listed: "tuple[Listed | ListedBreak, ...]") -> Iterator[str]:
    if counts:
        yield "  breaks: " + ", ".join(f"{name} {count:,}" for name, count in counts.items())
    for each in listed[:LONGEST_LIST]:
        about = each.line_id or each.expectation_id or ""
        yield f"    {each.break_class:<4} {about:<28} {each.amount or '':>16}  {each.reason} [{each.owner}]"
    if len(listed) > LONGEST_LIST:
        yield f"    … and {len(listed) - LONGEST_LIST:,} more; --json lists them all"


@contextmanager
def _adapters(settings: Settings) -> "Iterator[Adapters]":
    from payments.postgres import connected
    from payments.provider.sandbox import SandboxProvider
    from payments.wiring import adapters_over

    provider = SandboxProvider(settings.provider_url or "")
    try:
        with connected(settings.database_url) as connection:
            yield adapters_over(connection, provider)
    finally:
        provider.close()


def _outbox(asked: Path | None, settings: Settings) -> Path:
    outbox = asked or settings.outbox
    if outbox is None:
        raise UsageFault("--outbox is missing: the folder from which the bank takes payout files")
    return outbox


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageFault(f"{text!r} is not a day, such as 2026-12-01") from error


def _money(minor: int, currency: str) -> str:
    from ledger.money import Currency, Money

    return str(Money(minor, Currency(currency)))


def _in_currency(amount: "Money", currency: "Currency") -> "Money":
    if amount.currency is not currency or amount.minor <= 0:
        raise UsageFault(f"amount: {amount} is not an amount above zero in {currency}")
    return amount


if __name__ == "__main__":
    raise SystemExit(run(app, "tranche payments"))
