"""Command line: keep and read the books."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ledger.commands import credit_limit, free_form, proof
from ledger.settings import Settings
from terminal.clock import now, today

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The books.")
app.command("seal")(proof.seal)
app.command("verify")(proof.verify)
app.command("rebuild")(proof.rebuild)
app.command("export")(proof.export)
app.command("propose")(free_form.propose)
app.command("approve")(free_form.approve)
app.command("proposals")(free_form.proposals)
app.command("set-credit-limit")(credit_limit.set_credit_limit)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the report.")]
AsOf = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Count what is valued up to this day.")]


class CorrelationFault(Exception):
    """Raised when `--correlation` is not written key=value."""

    @property
    def user_message(self) -> str:
        return f"--correlation {self.args[0]!r}: write key=value, for example plan_id=berka-5314"


@app.command("migrate")
def migrate(*, as_json: AsJson = False) -> None:
    """Bring the database's schemas up to date; safe to run again and by several at once."""
    from ledger import migrate as act
    from ledger.books.postgres import connect

    with connect(_url()) as connection:
        report = act.migrate(connection)
    if as_json:
        _print_json({"applied": report.applied, "already_applied": report.already_applied})
        return
    for file in report.applied:
        typer.echo(f"applied {file}")
    typer.echo(f"{len(report.applied)} applied, {report.already_applied} there before")


@app.command("map")
def draw_map(
    *, out: Annotated[Path, typer.Option(help="The folder of money-map.md and money-map.svg.", file_okay=False)]
) -> None:
    """Write the money map as a page and a picture, from the data that every posting is held to."""
    from ledger.map.map_file import money_map
    from ledger.map.map_page import page
    from ledger.map.map_picture import picture

    out.mkdir(parents=True, exist_ok=True)
    for name, text in (("money-map.md", page(money_map())), ("money-map.svg", picture(money_map()))):
        (out / name).write_text(text, encoding="utf-8")
        typer.echo(f"wrote {out / name}")


@app.command("trial-balance")
def trial_balance(*, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Every account's posted balance; debits equal credits in each currency."""
    from ledger.account import Side
    from ledger.books.postgres import PostgresLedger, connect

    with connect(_url()) as connection:
        report = PostgresLedger(connection).trial_balance(_day(as_of))
    if as_json:
        lines = [
            {"account": line.account, "side": line.side, "currency": line.amount.currency, "minor": line.amount.minor}
            for line in report.lines
        ]
        totals = {
            currency: {"debits_minor": debits.minor, "credits_minor": credits_.minor}
            for currency, (debits, credits_) in report.totals().items()
        }
        _print_json({"balanced": report.balanced, "totals": totals, "lines": lines})
        return
    typer.echo(f"{'account':<44}{'debit':>22}{'credit':>22}")
    for line in report.lines:
        column = 22 if line.side is Side.DEBIT else 44
        typer.echo(f"{line.account:<44}{line.amount!s:>{column}}")
    for debits, credits_ in report.totals().values():
        typer.echo(f"{'total':<44}{debits!s:>22}{credits_!s:>22}  {'equal' if debits == credits_ else 'NOT EQUAL'}")


@app.command("general-ledger")
def general_ledger(
    *,
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day.")],
    out: Annotated[Path, typer.Option(help="Where the CSV file goes.")],
) -> None:
    """Write each month's opening, debits, credits and closing of every line of the chart, by account code."""
    from ledger.books.postgres import connect
    from ledger.reports import general_ledger as act
    from ledger.reports.postgres_general_ledger import PostgresMovements

    periods = act.months(first.date(), last.date())
    with connect(_url()) as connection:
        report = act.general_ledger(PostgresMovements(connection), periods)
    act.write_general_ledger(out, report)
    for (day, _), (debits, credits_, closing) in report.totals().items():
        typer.echo(f"to {day}: debits {debits}, credits {credits_}, closing balances together {closing}")
    typer.echo(f"{out}: {len(report.lines):,} lines, {'balanced' if report.balanced else 'NOT BALANCED'}")
    if not report.balanced:
        raise typer.Exit(1)


@app.command("remittance")
def remittance(
    *,
    merchant: Annotated[str, typer.Option(help="The merchant's id.")],
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day.")],
    out: Annotated[Path, typer.Option(help="Where the CSV file goes.")],
) -> None:
    """Write a merchant's remittance advice: sold, discounted, taxed, refunded, kept back, paid, and what is left."""
    from ledger.books.postgres import PostgresLedger, connect
    from ledger.reports import remittance as act

    with connect(_url()) as connection:
        advices = act.remittances(PostgresLedger(connection), merchant, first.date(), last.date())
    act.write_remittances(out, advices)
    for advice in advices:
        typer.echo(f"{merchant}, {advice.first} to {advice.last}: we owed {advice.opening}")
        typer.echo(f"  sold       {advice.total('goods', act.RemittanceKind.SALE)!s:>20}")
        typer.echo(f"  refunded   {advice.total('goods', act.RemittanceKind.REFUND)!s:>20}")
        typer.echo(f"  discount   {-advice.total('discount')!s:>20}")
        typer.echo(f"  VAT        {-advice.total('tax')!s:>20}")
        typer.echo(f"  kept back  {-advice.total('kept_back')!s:>20}")
        typer.echo(f"  paid       {-advice.total('paid')!s:>20}")
        typer.echo(f"  we owe now {advice.closing!s:>20}")
    typer.echo(f"{out}: {sum(len(advice.lines) for advice in advices):,} lines")


@app.command("statement")
def statement(
    account: Annotated[str, typer.Argument(help="An account's full name, such as plan:berka-5314:principal.")],
    *,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """An account's transfers in the order of value date, with the balance after each; one list for each currency."""
    from ledger.books.postgres import PostgresLedger, connect
    from ledger.money import Currency

    with connect(_url()) as connection:
        books = PostgresLedger(connection)
        found = {currency: books.statement(account, currency, as_of=_day(as_of)) for currency in Currency}
    if as_json:
        _print_json(
            {
                "account": account,
                "lines": {
                    currency: [
                        {
                            "value_date": line.value_date.isoformat(),
                            "entry_id": line.entry_id,
                            "other": line.other,
                            "side": line.side,
                            "minor": line.amount.minor,
                            "balance_minor": line.balance.minor,
                        }
                        for line in lines
                    ]
                    for currency, lines in found.items()
                    if lines
                },
            }
        )
        return
    for lines in found.values():
        for line in lines:
            moved = f"{line.side:<7}{line.amount!s:>20}{line.balance!s:>20}"
            typer.echo(f"{line.value_date}  {moved}  {line.entry_id}  {line.other}")
    if not any(found.values()):
        typer.echo(f"{account} has no transfers")


@app.command("open-groups")
def open_groups(*, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Groups of clearing accounts that have not returned to zero, oldest first: the work list."""
    from ledger.books.postgres import PostgresLedger, connect

    day = _day(as_of) or today()
    with connect(_url()) as connection:
        groups = PostgresLedger(connection).open_groups(day)
    if as_json:
        _print_json(
            {
                "as_of": day.isoformat(),
                "groups": [
                    {
                        "account": group.account,
                        "key": group.key,
                        "value": group.value,
                        "currency": group.posted.currency,
                        "posted_minor": group.posted.minor,
                        "pending_minor": group.pending.minor,
                        "since": group.since.isoformat(),
                        "age_days": group.age_days(day),
                        "owner": group.owner,
                        "overdue": group.overdue(day),
                    }
                    for group in groups
                ],
            }
        )
        return
    for group in groups:
        amounts = f"{group.posted!s:>20}{f'{group.pending} held' if group.pending.minor else '':>26}"
        late = "overdue" if group.overdue(day) else ""
        about = f"{group.account}  {group.key}={group.value or '(none)'}"
        typer.echo(f"{group.age_days(day):>5} days {late:<8}{amounts}  {group.owner:<11} {about}")
    overdue = sum(group.overdue(day) for group in groups)
    typer.echo(f"{len(groups):,} groups open on {day}, {overdue:,} of them overdue")


@app.command("entries")
def entries(
    *,
    correlation: Annotated[list[str], typer.Option(help="key=value; every one given must be carried.")],
    as_json: AsJson = False,
) -> None:
    """Every journal, posted or held, that carries these ids."""
    from ledger.books.postgres import PostgresLedger, connect

    wanted = dict(_pair(each) for each in correlation)
    with connect(_url()) as connection:
        found = PostgresLedger(connection).entries(correlation=wanted)
    if as_json:
        _print_json(
            {
                "entries": [
                    {
                        "entry_id": entry.journal.entry_id,
                        "act": entry.act,
                        "flow": entry.journal.flow,
                        "value_date": entry.journal.value_date.isoformat(),
                        "correlation": dict(entry.journal.correlation),
                        "transfers": [
                            {
                                "debit": transfer.debit,
                                "credit": transfer.credit,
                                "currency": transfer.amount.currency,
                                "minor": transfer.amount.minor,
                            }
                            for transfer in entry.journal.transfers
                        ],
                    }
                    for entry in found
                ]
            }
        )
        return
    for entry in found:
        typer.echo(f"{entry.journal.value_date}  {entry.act:<9}  {entry.journal.entry_id}")
        for transfer in entry.journal.transfers:
            typer.echo(f"            {transfer.amount!s:>18}  debit {transfer.debit}  credit {transfer.credit}")
    typer.echo(f"{len(found):,} entries")


@app.command("expire-holds")
def expire_holds(
    *,
    at: Annotated[datetime | None, typer.Option(help="Release what ran out by then (UTC); now when left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Void the holds that have run out."""
    from ledger.books.expire import expire_holds as act
    from ledger.books.postgres import PostgresLedger, connect

    moment = now() if at is None else at.replace(tzinfo=at.tzinfo or UTC)
    with connect(_url()) as connection:
        report = act(PostgresLedger(connection), at=moment)
    if as_json:
        _print_json({"voided": report.hold_ids})
        return
    typer.echo(f"{len(report.hold_ids):,} holds voided that ran out by {moment.isoformat()}")


@app.command("close-period")
def close_period(
    *,
    through: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The last day of the period.")],
    as_json: AsJson = False,
) -> None:
    """Close everything up to a day: nothing more is posted into it, and its income and expense become equity."""
    from ledger.books.close_period import close_period as act
    from ledger.books.postgres import connect
    from ledger.books.postgres_periods import PostgresPeriods

    with connect(_url()) as connection:
        report = act(PostgresPeriods(connection), through.date(), at=now())
    if as_json:
        _print_json({"through": report.through.isoformat(), "entries": report.entry_ids})
        return
    for entry_id in report.entry_ids:
        typer.echo(f"posted {entry_id}")
    typer.echo(f"closed through {report.through}; what comes late is posted in the open period with its original date")


def _url() -> str:
    return Settings.from_environment().database_url


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise CorrelationFault(text)
    return key, value


def _print_json(report: dict[str, Any]) -> None:
    typer.echo(json.dumps(report))


def main(argv: list[str] | None = None) -> int:
    """Run one command; its exit code. Expected failures are raised for `tranche` to print."""
    return int(app(args=argv, prog_name="tranche ledger", standalone_mode=False) or 0)


if __name__ == "__main__":
    raise SystemExit(main())
