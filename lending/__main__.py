"""Command line of lending: imported plans, schedules, annual percentage rates, close of business, statements."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ledger.commands.accept import Accept, AcceptReason, accepted_by_key
from lending.acts import commands as plan_commands
from terminal.clock import now
from terminal.command_line import run, stage
from terminal.database import DatabaseProcess
from terminal.report import Report, reporting
from terminal.waiting import waiting

if TYPE_CHECKING:
    from lending.schedule.table_file import RefusedRow
    from lending.servicing.import_plans import ImportedPlans

from lending.settings import Settings

app = stage("Decisions and plans.")
app.add_typer(plan_commands.app, name="plan")


@app.command("import-plans")
@reporting()
def import_plans(
    *,
    file: Annotated[Path, typer.Option(help="A granted_loan.v1 file, as `tranche pipelines export-loans` writes it.")],
) -> Report:
    """Open a plan for every loan of the file; importing it again changes nothing."""
    from ledger.books.postgres import PostgresLedger, connect
    from lending.servicing import import_plans as act
    from lending.servicing.postgres import PostgresPlans
    from lending.terms.products import imported_product

    settings = Settings.from_environment()
    with waiting(f"opening the plans of {file.name}"), connect(settings.database_url) as connection:
        report = act.import_plans(
            file, plans=PostgresPlans(connection), ledger=PostgresLedger(connection), product=imported_product()
        )
    tree = _body(report)

    def shown() -> Iterator[str]:
        yield f"{report.file}: {report.loans:,} loans, {report.opened:,} plans opened, {report.already_open:,} known"
        yield f"  instalments {report.instalments:>12,}"
        for currency, principal in report.principal.items():
            difference = principal - report.lent[currency]
            yield f"  principal {principal} against {report.lent[currency]} lent: {difference} rounded into dues"
        yield f"  loans whose dues do not sum to the amount lent: {len(report.differences):,}"
        for each in sorted(report.differences, key=lambda loan: -abs(loan.difference.minor))[:5]:
            yield f"    loan {each.loan_id}: {each.repaid} in dues, {each.lent} lent, {each.difference}"

    return Report(tree, shown())


@app.command("products")
@reporting()
def products(
    *,
    check: Annotated[list[Path], typer.Option(help="A product's file to check, which is not used for any plan.")] = [],  # noqa: B006 - typer reads it
) -> Report:
    """List the products that ship, version by version, or check files of terms before they are put among them.

    Each file is judged by itself; exit code 1 when any cannot be used.
    """
    from lending.terms import products as terms
    from lending.terms.terms_file import TermsFileFault

    found, refused = ([], []) if check else (list(terms.products().all()), [])
    for file in check:
        try:
            found.append(terms.read_product(file))
        except TermsFileFault as fault:
            refused.append(str(fault))
            typer.echo(f"error: {fault}", err=True)
    rows = [
        {
            "version": each.version,
            "product": each.product,
            "effective_from": each.effective_from,
            "effective_until": each.effective_until,
            "currencies": list(each.servicing.currencies),
            "digest": each.digest,
        }
        for each in found
    ]
    shown = (
        f"{each.version:<24} {each.product:<14} from {each.effective_from} until "
        f"{each.effective_until or 'further notice'}, {', '.join(each.servicing.currencies)}"
        for each in found
    )
    return Report({"products": rows, "refused": refused}, shown, exit_code=1 if refused else 0)


@app.command("schedule")
@reporting()
def schedule(
    *,
    terms: Annotated[Path, typer.Option(help="A CSV file of terms, a case of one row or of a row a line.")],
    out: Annotated[Path, typer.Option(help="Where the same rows go, with our_due, our_principal_due and so on.")],
) -> Report:
    """Amortise the loans of a file: day counts, spacings, down payments, declining balance or flat.

    A faulty row is refused by its line and the others are worked out; exit code 1 when any is refused.
    """
    from lending.schedule.schedule_file import WITHOUT_EFFECT, schedule_file

    report = schedule_file(terms, out)
    _say_refused(report.file, report.refused)
    for case in report.without_effect:
        typer.echo(f"case {case}: {WITHOUT_EFFECT} changes nothing, each day counts by its own year", err=True)
    written = f"{report.out}: {report.cases:,} cases, {report.rows:,} rows{_count_refused(report.refused)}"
    return Report(report, [written], exit_code=1 if report.refused else 0)


@app.command("apr")
@reporting()
def apr(
    *,
    flows: Annotated[Path, typer.Option(help="A CSV file with a method and flows_json a row.")],
    out: Annotated[Path, typer.Option(help="Where the same rows go, with our_apr_pct.")],
) -> Report:
    """Compute annual percentage rates: by the EU and UK equation, or by Regulation Z.

    A faulty row is refused by its line and the others are worked out; exit code 1 when any is refused.
    """
    from lending.schedule.apr_file import apr_file

    report = apr_file(flows, out)
    _say_refused(report.file, report.refused)
    written = f"{report.out}: {report.rows:,} rates{_count_refused(report.refused)}"
    return Report(report, [written], exit_code=1 if report.refused else 0)


@app.command("close-of-business")
@reporting("date", "visited", "posted")
def close_of_business(
    *,
    business_date: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="The day to close.")],
) -> Report:
    """Close a day for all plans, with missed days before it: interest, late fees, days past due, charge-off by rule."""
    from ledger.books.postgres import PostgresLedger, connect
    from ledger.identity.authority import authority_file
    from lending.acts.charge_off_by_rule import charge_off_by_rule, closing_rules
    from lending.acts.perform import ActPorts
    from lending.acts.postgres_acts import PostgresActs, PostgresPastDuePlans, settled_entries
    from lending.servicing import close_of_business as act
    from lending.servicing.postgres import PostgresPlans
    from lending.servicing.postgres_close import PostgresBusinessDates
    from lending.terms.products import servicing_terms

    settings = Settings.from_environment()
    with waiting(f"closing the business of {business_date.date()}"), connect(settings.database_url) as connection:
        closed = act.close_of_business(
            business_date.date(),
            plans=PostgresPlans(connection),
            dates=PostgresBusinessDates(connection),
            ledger=PostgresLedger(connection),
            terms=lambda plan: servicing_terms(plan.terms_version, plan.currency),
            at=now(),
            commit=connection.commit,
        )
        at = now()
        charged_off = charge_off_by_rule(
            business_date.date(),
            rules=closing_rules(),
            found=PostgresPastDuePlans(connection),
            ports=ActPorts(
                plans=PostgresPlans(connection),
                ledger=PostgresLedger(connection),
                acts=PostgresActs(connection),
                terms=lambda plan: servicing_terms(plan.terms_version, plan.currency),
                settled=settled_entries(connection),
                authority=authority_file(),
                at=at,
            ),
            at=at,
            commit=connection.commit,
        )
    rows = [{"date": str(day.business_date), "visited": day.visited, "posted": day.posted} for day in closed]
    tree = {"closed": rows, "charged_off": [asdict(each) for each in charged_off]}

    def shown() -> Iterator[str]:
        for day in closed:
            yield f"{day.business_date}: {day.visited:,} plans visited, {day.posted:,} entries posted"
        if not closed:
            yield f"{business_date.date()} was closed before"
        for each in charged_off:
            done = f"charged off by {each.act_id}" if each.act_id else f"not charged off: {each.detail}"
            yield f"  {each.plan_id}: {each.days_past_due:,} days past due, {done}"

    return Report(tree, shown(), rows)


@app.command("rebuild")
@reporting("plan_id", "field", "kept", "made")
def rebuild(*, accept: Accept = False, reason: AcceptReason = None) -> Report:
    """Fold every plan again and name what is stored otherwise; replace it only with --accept.

    With --accept, what was there is kept on record. Exit code 1 when something differs and was not replaced.
    """
    from ledger.books.postgres import connect
    from lending.proof.rebuild_standings import rebuild_standings
    from lending.servicing.postgres import PostgresPlans
    from lending.terms.products import servicing_terms

    settings = Settings.from_environment(process=None)
    with waiting("folding every plan"), connect(settings.database_url) as connection:
        report = rebuild_standings(
            PostgresPlans(connection),
            terms=lambda plan: servicing_terms(plan.terms_version, plan.currency),
            commit=connection.commit,
            accepted=accepted_by_key(connection, accept=accept, reason=reason, key=settings.key, at=now()),
        )
    rows = [asdict(each) for each in report.differed]

    def shown() -> Iterator[str]:
        for each in report.differed:
            yield f"  {each.plan_id}: {each.field} is {each.kept}, its events make it {each.made}"
        for plan_id in report.without_standing:
            yield f"  {plan_id}: its standing is gone, and the day through which it was folded with it"
        written = "" if not rows else ", all put right" if accept else "; nothing was written"
        yield f"{report.plans:,} plans folded, {len(rows):,} differences{written}"

    tree = {"plans": report.plans, "differed": rows, "without_standing": list(report.without_standing)}
    return Report(tree, shown(), rows, 1 if (rows and not accept) or report.without_standing else 0)


@app.command("statement")
@reporting("plan_id", "as_of", "entries", "currency", "owed_minor")
def statement(
    *,
    shopper: Annotated[str | None, typer.Option(help="All plans of this shopper.")] = None,
    plan: Annotated[str | None, typer.Option(help="This plan alone.")] = None,
    as_of: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Up to this day.")],
    out: Annotated[Path, typer.Option(help="Where the CSV file goes.")],
) -> Report:
    """Write what a shopper was charged and paid, plan by plan, and what is owed after each entry."""
    from ledger.books.postgres import PostgresLedger, connect
    from lending.servicing import shopper_statement as act
    from lending.servicing.postgres import PostgresPlans

    if (shopper is None) is (plan is None):
        raise typer.BadParameter("give either --shopper or --plan")
    with connect(Settings.from_environment(process=DatabaseProcess.READER).database_url) as connection:
        store = PostgresPlans(connection)
        plans = store.find_by_shopper(shopper) if shopper else tuple(store.get_all([plan or ""]).values())
        if not plans:
            raise act.NoSuchPlans(shopper or plan)
        statements = act.plan_statements(plans, PostgresLedger(connection), as_of.date())
    act.write_statements(out, statements)
    rows = [
        {
            "plan_id": each.plan.plan_id,
            "as_of": each.as_of,
            "entries": len(each.lines),
            "currency": each.owed.currency,
            "owed_minor": each.owed.minor,
        }
        for each in statements
    ]

    def shown() -> Iterator[str]:
        for each in statements:
            yield f"{each.plan.plan_id}: {len(each.lines):,} entries, {each.owed} owed on {each.as_of}"

    return Report({"out": out, "plans": rows}, shown(), rows)


@app.command("vat-summary")
@reporting("to", "currency", "charged_minor", "given_back_minor", "paid_minor")
def vat_summary(
    *,
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day.")],
    out: Annotated[Path, typer.Option(help="Where the CSV file goes.")],
) -> Report:
    """Write the value added tax on merchant discounts, by month and rate."""
    from ledger.books.postgres import PostgresLedger, connect
    from ledger.reports.general_ledger import months
    from lending.servicing import vat_summary as act
    from lending.servicing.postgres import PostgresPlans

    periods = months(first.date(), last.date())
    with connect(Settings.from_environment(process=DatabaseProcess.READER).database_url) as connection:
        plans = PostgresPlans(connection)
        lines = act.vat_summary(PostgresLedger(connection), periods, plans=plans.get_all, rate_of=act.agreed_rate)
    act.write_vat_summary(out, lines)
    rows = [
        {
            "to": line.last,
            "currency": line.charged.currency,
            "charged_minor": line.charged.minor,
            "given_back_minor": line.given_back.minor,
            "paid_minor": line.paid.minor,
        }
        for line in lines
    ]

    def shown() -> Iterator[str]:
        for line in lines:
            yield f"to {line.last}: charged {line.charged}, given back {line.given_back}, paid {line.paid}"
        yield f"{out}: {len(lines):,} lines"

    return Report({"out": out, "lines": rows}, shown(), rows)


@app.command("import-opening-balances")
@reporting()
def import_opening_balances(
    *, file: Annotated[Path, typer.Option(help="A CSV file of dues, merchants' claims and shoppers' credit.")]
) -> Report:
    """Take over plans and balances of another system; importing the file again changes nothing."""
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
    tree = {
        "file": file,
        "taken": report.taken,
        "known": report.known,
        "opening_minor": {currency: amount.minor for currency, amount in report.opening.items()},
    }

    def shown() -> Iterator[str]:
        yield f"{file}: {report.taken:,} balances taken over, {report.known:,} known"
        for amount in report.opening.values():
            yield f"  equity:opening moved by {amount}"

    return Report(tree, shown())


def _say_refused(file: Path, refused: "tuple[RefusedRow, ...]") -> None:
    for row in refused:
        place = f", column {row.column}" if row.column else ""
        typer.echo(f"{file}, line {row.line}{place}: {row.reason}", err=True)


def _count_refused(refused: "tuple[RefusedRow, ...]") -> str:
    return f", {len(refused):,} rows refused" if refused else ""


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


if __name__ == "__main__":
    raise SystemExit(run(app, "tranche lending"))
