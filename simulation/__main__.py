"""`tranche simulation <act>`: make the seeded world, and run the outside systems that the platform talks to."""

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from terminal.clock import now, today

API = "http://127.0.0.1:8000"
LONGEST_LIST = 12
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


@app.command()
def generate(
    out: Annotated[Path, typer.Option(help="Folder to write; made when absent.")],
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Write shoppers' bank transactions, past loans, checkouts and the labels of planted faults."""
    from simulation.world.generate import generate as act

    report = act(seed, out)
    if as_json:
        typer.echo(json.dumps(asdict(report)))
        return
    for name, rows in report.rows.items():
        typer.echo(f"{rows:>9,}  {name}")
    typer.echo(f"{report.loans:,} past loans, {report.bad_loans:,} not repaid; planted: {dict(report.planted)}")


@app.command()
def shop(
    shoppers: Annotated[int, typer.Option(min=1, max=9_999, help="How many come.")] = 60,
    api: Annotated[str, typer.Option(help="Address of the decision API, as tranche serve prints it.")] = API,
    seed: Annotated[int, typer.Option(min=1, max=999, help="Another seed, other shoppers of the same day.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Make shoppers whose bank history ends yesterday, take it into lake and vectors, and send their checkouts."""
    import httpx
    from rich.console import Console

    from ledger.books.postgres import PostgresLedger, connect
    from ledger.money import Currency, Money
    from simulation import shop as act
    from simulation.outside import outside
    from simulation.settings import WorldSettings

    settings, moment = WorldSettings.from_environment(), now()
    with (
        Console(stderr=True).status("looking for the decision API") as status,
        httpx.Client(base_url=api, timeout=60.0, trust_env=False) as http,
        outside(settings.provider_url) as world,
    ):
        done = act.shop(
            seed, shoppers, now=moment, folder=settings.var / "shoppers", api=http, world=world, say=status.update
        )
        with connect(settings.database_url) as connection:
            ledger = PostgresLedger(connection)
            act.pay_in_capital(ledger, ledger, world, moment)
    if as_json:
        typer.echo(json.dumps(asdict(done), default=str))
        return
    taken, shopped = done.taken_in, done.shopped
    typer.echo(
        f"{done.shoppers:,} shoppers of {moment.date()}: {taken.published:,} events of their history published, "
        f"{taken.accepted:,} new in the lake, {taken.vectors:,} vectors new"
    )
    typer.echo(f"decisions  {', '.join(f'{number:,} {outcome}' for outcome, number in shopped.outcomes.most_common())}")
    for reason, number in shopped.reasons.most_common(LONGEST_LIST):
        typer.echo(f"  {number:>6,}  {reason}")
    financed = ", ".join(str(Money(minor, Currency(name))) for name, minor in shopped.financed_minor.items())
    typer.echo(
        f"offers     {shopped.accepted:,} accepted: {len(shopped.plans):,} plans opened, {financed or 'nothing'} "
        f"financed; {shopped.declined_payments:,} first payments declined, {shopped.unknown_payments:,} unknown"
    )
    for day, number in sorted(shopped.due.items())[:LONGEST_LIST]:
        typer.echo(f"  due {day}  {number:,} instalments")


@app.command()
def pay(
    amount_minor: Annotated[int, typer.Option(min=1, help="In the currency's smallest unit.")],
    reference: Annotated[str, typer.Option(help="What the payer writes, such as a plan's id.")],
    payer: Annotated[str, typer.Option(help="Whose account it comes from.")] = "a shopper",
    currency: Annotated[str, typer.Option(help="Three letters.")] = "GBP",
    as_json: AsJson = False,
) -> None:
    """Let a shopper transfer money to our bank account unasked; it is on today's statement, once."""
    from ledger.money import Currency, Money
    from simulation.outside import outside
    from simulation.settings import WorldSettings

    amount, day = Money(amount_minor, Currency(currency)), today()
    with outside(WorldSettings.from_environment().provider_url) as world:
        new = world.pay_in(f"{day}:{payer}:{reference}:{amount_minor}", amount, reference, payer, day)
    if as_json:
        typer.echo(json.dumps({"day": day.isoformat(), "amount_minor": amount_minor, "new": new}))
        return
    typer.echo(
        f"{amount} from {payer} on {day}: {reference}" if new else f"nothing: it was paid before, or {day} has ended"
    )


@app.command()
def bank(
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day that ends; default: today.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """End the day at the provider and the bank: settlement, payouts, statement, as files that reconcile reads."""
    from simulation.outside import outside
    from simulation.settings import WorldSettings

    ending = today() if day is None else day.date()
    with outside(WorldSettings.from_environment().provider_url) as world:
        ended = world.end_day(ending)
    if as_json:
        typer.echo(json.dumps(asdict(ended)))
        return
    typer.echo(f"{ended.day} has ended: {len(ended.files):,} files, {ended.merchant_payouts:,} merchants paid")
    for name in ended.files:
        typer.echo(f"  {ended.inbox}/{name}")
    for reason in ended.refused_files:
        typer.echo(f"  refused: {reason}")
    typer.echo(f"tranche payments reconcile --inbox {ended.inbox} --day {ended.day}")


@app.command()
def serve(
    port: Annotated[
        int, typer.Option(help="0 takes a free one; the address is printed and written to VAR/address.")
    ] = 0,
    var: Annotated[
        Path | None, typer.Option(help="Folder of books, inbox and outbox; default: provider in TRANCHE_VAR.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed and charges, same outcomes and faults.")] = 7,
) -> None:
    """Run the simulated payment provider and bank on loopback, until interrupted."""
    from simulation.serve import serve as act
    from simulation.settings import Settings

    act(Settings.from_environment(var, seed), port, typer.echo)


def main(argv: list[str] | None = None) -> int:
    """Run one act; the exit code is typer's own."""
    result = app(args=argv, prog_name="tranche simulation", standalone_mode=False)
    return int(result or 0)


if __name__ == "__main__":
    raise SystemExit(main())
