"""Command line: plans of loans that others granted, schedules and annual percentage rates."""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lending.servicing.import_plans import ImportedPlans

from lending.settings import Settings
from terminal.clock import now

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Decisions and plans.")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the report.")]


@app.callback()
def lending() -> None:
    """Decisions and plans."""


@app.command("import-plans")
def import_plans(
    *,
    file: Annotated[Path, typer.Option(help="A granted_loan.v1 file, as `tranche pipelines export-loans` writes it.")],
    as_json: AsJson = False,
) -> None:
    """Open a plan for every loan of the file; a second import of it changes nothing."""
    from rich.console import Console

    from ledger.books.postgres import PostgresLedger, connect
    from lending.servicing import import_plans as act
    from lending.servicing.postgres import PostgresPlans
    from lending.terms.products import imported_product

    settings = Settings.from_environment()
    waiting = Console(stderr=True).status(f"opening the plans of {file.name}")
    with waiting, connect(settings.database_url) as connection:
        report = act.import_plans(
            file, plans=PostgresPlans(connection), ledger=PostgresLedger(connection), product=imported_product()
        )
    if as_json:
        typer.echo(json.dumps(_body(report)))
        return
    typer.echo(f"{report.file}: {report.loans:,} loans, {report.opened:,} plans opened, {report.already_open:,} known")
    typer.echo(f"  instalments {report.instalments:>12,}")
    for currency, principal in report.principal.items():
        difference = principal - report.lent[currency]
        typer.echo(f"  principal {principal} against {report.lent[currency]} lent: {difference} rounded into dues")
    typer.echo(f"  loans whose dues do not sum to the amount lent: {len(report.differences):,}")
    for each in sorted(report.differences, key=lambda loan: -abs(loan.difference.minor))[:5]:
        typer.echo(f"    loan {each.loan_id}: {each.repaid} in dues, {each.lent} lent, {each.difference}")


@app.command("schedule")
def schedule(
    *,
    terms: Annotated[Path, typer.Option(help="A CSV file of terms, a case of one row or of a row a line.")],
    out: Annotated[Path, typer.Option(help="Where the same rows go, with our_due, our_principal_due and so on.")],
) -> None:
    """Amortise the loans of a file: day counts, spacings, down payments, declining balance or flat."""
    from lending.schedule.schedule_file import WITHOUT_EFFECT, schedule_file

    report = schedule_file(terms, out)
    typer.echo(f"{report.out}: {report.cases:,} cases, {report.rows:,} rows")
    for case in report.without_effect:
        typer.echo(f"case {case}: {WITHOUT_EFFECT} changes nothing, each day counts by its own year", err=True)


@app.command("apr")
def apr(
    *,
    flows: Annotated[Path, typer.Option(help="A CSV file with a method and flows_json a row.")],
    out: Annotated[Path, typer.Option(help="Where the same rows go, with our_apr_pct.")],
) -> None:
    """Work out annual percentage rates: by the EU and UK equation, or by Regulation Z's."""
    from lending.schedule.apr_file import apr_file

    report = apr_file(flows, out)
    typer.echo(f"{report.out}: {report.rows:,} rates")


@app.command("close-of-business")
def close_of_business(
    *,
    business_date: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="The day to close.")],
    as_json: AsJson = False,
) -> None:
    """Close a day over all plans, and days missed before it: interest, late fees, how late each plan is."""
    from rich.console import Console

    from ledger.books.postgres import PostgresLedger, connect
    from lending.servicing import close_of_business as act
    from lending.servicing.postgres import PostgresPlans
    from lending.servicing.postgres_close import PostgresBusinessDates
    from lending.terms.products import servicing_terms

    settings = Settings.from_environment()
    waiting = Console(stderr=True).status(f"closing the business of {business_date.date()}")
    with waiting, connect(settings.database_url) as connection:
        closed = act.close_of_business(
            business_date.date(),
            plans=PostgresPlans(connection),
            dates=PostgresBusinessDates(connection),
            ledger=PostgresLedger(connection),
            terms=lambda plan: servicing_terms(plan.terms_version, plan.currency),
            at=now(),
            commit=connection.commit,
        )
    if as_json:
        rows = [{"date": str(day.business_date), "visited": day.visited, "posted": day.posted} for day in closed]
        typer.echo(json.dumps({"closed": rows}))
        return
    for day in closed:
        typer.echo(f"{day.business_date}: {day.visited:,} plans visited, {day.posted:,} entries posted")
    if not closed:
        typer.echo(f"{business_date.date()} was closed before")


@app.command("rebuild")
def rebuild() -> None:
    """Make where every plan stands anew from its events; says what differed, exit code 1 if anything did."""
    from rich.console import Console

    from ledger.books.postgres import connect
    from lending.servicing.postgres import PostgresPlans
    from lending.servicing.rebuild_standings import rebuild_standings
    from lending.terms.products import servicing_terms

    settings = Settings.from_environment()
    waiting = Console(stderr=True).status("folding every plan")
    with waiting, connect(settings.database_url) as connection:
        report = rebuild_standings(
            PostgresPlans(connection),
            terms=lambda plan: servicing_terms(plan.terms_version, plan.currency),
            commit=connection.commit,
        )
    for each in report.differed:
        typer.echo(f"  {each.plan_id}: {each.field} was {each.kept}, its events make it {each.made}")
    typer.echo(f"{report.plans:,} plans folded, {len(report.differed):,} differences")
    if report.differed:
        raise typer.Exit(1)


@app.command("statement")
def statement(
    *,
    shopper: Annotated[str | None, typer.Option(help="All plans of this shopper.")] = None,
    plan: Annotated[str | None, typer.Option(help="This plan alone.")] = None,
    as_of: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Up to this day.")],
    out: Annotated[Path, typer.Option(help="Where the CSV file goes.")],
) -> None:
    """Write what a shopper was charged and paid, plan by plan, and what is owed after each entry."""
    from ledger.books.postgres import PostgresLedger, connect
    from lending.servicing import shopper_statement as act
    from lending.servicing.postgres import PostgresPlans

    if (shopper is None) is (plan is None):
        raise typer.BadParameter("give either --shopper or --plan")
    with connect(Settings.from_environment().database_url) as connection:
        store = PostgresPlans(connection)
        plans = store.find_by_shopper(shopper) if shopper else tuple(store.get_all([plan or ""]).values())
        if not plans:
            raise act.NoSuchPlans(shopper or plan)
        statements = act.plan_statements(plans, PostgresLedger(connection), as_of.date())
    act.write_statements(out, statements)
    for each in statements:
        typer.echo(f"{each.plan.plan_id}: {len(each.lines):,} entries, {each.owed} owed on {each.as_of}")


@app.command("vat-summary")
def vat_summary(
    *,
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day.")],
    out: Annotated[Path, typer.Option(help="Where the CSV file goes.")],
) -> None:
    """Write the value added tax on merchant discounts, by month and rate."""
    from ledger.books.postgres import PostgresLedger, connect
    from ledger.reports.general_ledger import months
    from lending.servicing import vat_summary as act
    from lending.servicing.postgres import PostgresPlans

    periods = months(first.date(), last.date())
    with connect(Settings.from_environment().database_url) as connection:
        plans = PostgresPlans(connection)
        lines = act.vat_summary(PostgresLedger(connection), periods, plans=plans.get_all, rate_of=act.agreed_rate)
    act.write_vat_summary(out, lines)
    for line in lines:
        typer.echo(f"to {line.last}: charged {line.charged}, given back {line.given_back}, paid {line.paid}")
    typer.echo(f"{out}: {len(lines):,} lines")


@app.command("import-opening-balances")
def import_opening_balances(
    *, file: Annotated[Path, typer.Option(help="A CSV file of dues, merchants' claims and shoppers' credit.")]
) -> None:
    """Take over plans and balances of another system (F48); a second import of the file changes nothing."""
    from ledger.books.postgres import PostgresLedger, connect
    from lending.servicing import opening_balances as act
    from lending.servicing.postgres import PostgresPlans
    from lending.terms.products import servicing_terms

    with connect(Settings.from_environment().database_url) as connection:
        report = act.import_opening_balances(
            file,
            plans=PostgresPlans(connection),
            ledger=PostgresLedger(connection),
            terms=lambda plan: servicing_terms(plan.terms_version, plan.currency),
            at=now(),
        )
    typer.echo(f"{file}: {report.taken:,} balances taken over, {report.known:,} known")
    for amount in report.opening.values():
        typer.echo(f"  equity:opening moved by {amount}")


def _body(report: "ImportedPlans") -> dict[str, object]:
    return {
        "file": report.file,
        "loans": report.loans,
        "opened": report.opened,
        "already_open": report.already_open,
        "instalments": report.instalments,
        "principal_minor": {currency: amount.minor for currency, amount in report.principal.items()},
        "lent_minor": {currency: amount.minor for currency, amount in report.lent.items()},
        "differences_minor": {each.loan_id: each.difference.minor for each in report.differences},
    }


def main(argv: list[str] | None = None) -> int:
    """Run one command; 0 when it went well. Expected failures are raised for `tranche` to print."""
    return int(app(args=argv, prog_name="tranche lending", standalone_mode=False) or 0)


if __name__ == "__main__":
    raise SystemExit(main())
