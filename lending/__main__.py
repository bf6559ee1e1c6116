"""Command line: take over the plans of loans that others granted."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lending.import_plans import ImportedPlans

from lending.settings import Settings

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

    from ledger.postgres import PostgresLedger, connect
    from lending import import_plans as act
    from lending.postgres import PostgresPlans
    from lending.products import imported_product

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
