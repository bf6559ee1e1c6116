"""`tranche simulation <act>`: make the seeded world, and run the outside systems that the platform talks to."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from terminal.command_line import run, stage
from terminal.report import Report, reporting

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


if __name__ == "__main__":
    raise SystemExit(run(app, "tranche simulation"))
