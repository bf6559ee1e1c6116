"""`tranche simulation <act>`: make the seeded world, and run the outside systems that the platform talks to."""

import shlex
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ledger.money import Currency, Money
from terminal.clock import now, today
from terminal.command_line import run, stage
from terminal.report import Report, reporting
from terminal.waiting import waiting

API = "http://127.0.0.1:8000"
MOST = 9_999
LONGEST_LIST = 12

app = stage("Make the seeded world, and run the outside systems that the platform talks to.")


@app.command()
@reporting()
def generate(
    out: Annotated[Path, typer.Option(help="Folder to write; made when absent.")],
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 7,
) -> Report:
    """Write shoppers' bank transactions, past loans, checkouts and the labels of planted faults."""
    from simulation.world.generate import generate as act

    report = act(seed, out)

    def shown() -> Iterator[str]:
        for name, rows in report.rows.items():
            yield f"{rows:>9,}  {name}"
        yield f"{report.loans:,} past loans, {report.bad_loans:,} not repaid; planted: {dict(report.planted)}"

    return Report(report, shown())


@app.command()
@reporting()
def shop(
    shoppers: Annotated[int, typer.Option(min=1, max=MOST, help="How many come.")] = 60,
    api: Annotated[str, typer.Option(help="Address of the decision API, as tranche serve prints it.")] = API,
    seed: Annotated[int, typer.Option(min=1, max=999, help="Another seed, other shoppers of the same day.")] = 7,
) -> Report:
    """Make shoppers whose bank history ends yesterday, take it into lake and vectors, and send their checkouts."""
    import httpx

    from ledger.books.postgres import PostgresLedger, connect
    from simulation import shop as act
    from simulation.checkout import bearer
    from simulation.outside import outside
    from simulation.settings import WorldSettings

    settings, moment = WorldSettings.from_environment(), now()
    with (
        waiting("looking for the decision API") as status,
        httpx.Client(base_url=api, timeout=60.0, trust_env=False, headers=bearer(settings.key)) as http,
        outside(settings.provider_url) as world,
    ):
        say = (lambda _: None) if status is None else status.update
        done = act.shop(seed, shoppers, now=moment, folder=settings.var / "shoppers", api=http, world=world, say=say)
        with connect(settings.database_url) as connection:
            ledger = PostgresLedger(connection)
            act.pay_in_capital(ledger, ledger, world, moment)

    return Report(done, done.lines(LONGEST_LIST))


@app.command()
@reporting()
def pay(
    amount_minor: Annotated[int, typer.Option(min=1, help="In the currency's smallest unit.")],
    reference: Annotated[str, typer.Option(help="What the payer writes, such as a plan's id.")],
    payer: Annotated[str, typer.Option(help="Whose account it comes from.")] = "a shopper",
    currency: Annotated[Currency, typer.Option(help="The currency of our account.")] = Currency.GBP,
) -> Report:
    """Let a shopper transfer money to our bank account unasked; it is on today's statement, once."""
    from simulation.outside import outside
    from simulation.settings import WorldSettings

    amount, day = Money(amount_minor, currency), today()
    with outside(WorldSettings.from_environment().provider_url) as world:
        new = world.pay_in(f"{day}:{payer}:{reference}:{amount_minor}", amount, reference, payer, day)
    said = f"{amount} from {payer} on {day}: {reference}" if new else f"nothing: paid before, or {day} has ended"
    return Report({"day": day, "amount_minor": amount_minor, "currency": currency, "new": new}, [said])


@app.command()
@reporting()
def bank(
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day that ends; default: today.")
    ] = None,
) -> Report:
    """End the day at the provider and the bank: settlement, payouts, statement, as files that reconcile reads."""
    from simulation.outside import outside
    from simulation.settings import WorldSettings

    ending = today() if day is None else day.date()
    with outside(WorldSettings.from_environment().provider_url) as world:
        ended = world.end_day(ending)
    lines = [f"{ended.day} has ended: {len(ended.files):,} files, {ended.merchant_payouts:,} merchants paid"]
    lines += [f"  {ended.inbox}/{name}" for name in ended.files]
    lines += [f"  refused: {reason}" for reason in ended.refused_files]
    lines.append(f"next: tranche payments reconcile --inbox {shlex.quote(str(ended.inbox))} --day {ended.day}")
    return Report(ended, lines)


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
    from simulation.serve import serve_provider as act
    from simulation.settings import Settings

    act(Settings.from_environment(var, seed), port, typer.echo)


if __name__ == "__main__":
    raise SystemExit(run(app, "tranche simulation"))
