"""`tranche simulation <act>`: make the seeded world, and run the outside systems that the platform talks to."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


@app.callback()
def _acts() -> None:
    """Keep acts named even while there is only one."""


@app.command()
def generate(
    out: Annotated[Path, typer.Option(help="Folder to write; made when absent.")],
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
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
