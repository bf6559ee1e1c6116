"""`tranche contracts`: check, compare and release contracts, and print what is made from them."""

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from data_contracts.catalog import FOLDER, contracts, load_contracts, versions
from data_contracts.json_schema import json_schema
from data_contracts.schemas import iceberg_schema, spark_struct
from terminal.command_line import run, stage
from terminal.fault import Fault
from terminal.report import Report, reporting

app = stage("What every record means.")


class Form(StrEnum):
    """The tool for which a schema is printed."""

    SPARK = "spark"
    ICEBERG = "iceberg"
    JSON = "json"
    MODEL = "model"


class NoContract(Fault):
    """The named contract does not exist."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no contract {name!r}; there are {', '.join(sorted(contracts()))}")


@app.command()
@reporting("file", "line", "field", "reason")
def check(
    folder: Annotated[
        Path, typer.Argument(help="A folder of contracts.", file_okay=False, show_default=False)
    ] = FOLDER,
) -> Report:
    """Read every contract and print each fault with file, line and reason; exit code 1 if there is one."""
    from data_contracts.check import check_contracts as act

    report = act(folder)
    faults = [
        {"file": str(each.file), "line": each.line, "field": each.field, "reason": each.reason}
        for each in report.faults
    ]
    tree = {"files": report.files, "contracts": report.contracts, "faults": faults}

    def shown() -> Iterator[str]:
        for fault in report.faults:
            yield str(fault)
        yield f"{report.contracts} contracts in {report.files} files: {_count(len(report.faults), 'fault')}"

    return Report(tree, shown(), faults, 1 if report.faults else 0)


@app.command()
@reporting()
def page(
    out: Annotated[Path, typer.Option(help="The folder to write into.", file_okay=False)] = Path(
        "docs/reference/contracts"
    ),
) -> Report:
    """Write the reference page of every contract, and their index."""
    from data_contracts.reference import write_pages

    pages = write_pages(out)
    return Report({"out": out, "pages": pages}, [f"{_count(pages, 'page')} in {out}"])


@app.command()
def schema(
    name: Annotated[str, typer.Argument(help="A contract.")],
    form: Annotated[Form, typer.Option("--as", help="Who is to read it.")],
) -> None:
    """Print a contract's newest version as a schema: Spark's, Iceberg's, JSON Schema or that of the event model."""
    released = versions(name)
    if not released:
        raise NoContract(name)
    match form:
        case Form.SPARK:
            found = json.loads(spark_struct(released[-1]))
        case Form.ICEBERG:
            found = json.loads(iceberg_schema(released))
        case Form.JSON:
            found = json_schema(released[-1])
        case Form.MODEL:
            from data_contracts.event_model import event_model

            found = event_model(released[-1]).model_json_schema()
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False))


@app.command()
@reporting("level", "subject", "what")
def compare(
    old: Annotated[Path, typer.Argument(help="A contract's file.", exists=True, dir_okay=False)],
    new: Annotated[Path, typer.Argument(help="The file that is to replace it.", exists=True, dir_okay=False)],
) -> Report:
    """Print what a version changes; exit code 1, with the affected consumers, if its number does not allow that."""
    from data_contracts.compatibility import contract_changes, refusal

    before, after = load_contracts(old), load_contracts(new)
    found, reason = contract_changes(before, after), refusal(before, after)
    changed = [{"level": str(each.level), "subject": each.subject, "what": each.what} for each in found]
    consumers = [each.name for each in before.terms.consumers]
    tree = {"changes": changed, "consumers": consumers, "refused": reason}

    def shown() -> Iterator[str]:
        for change in found:
            yield str(change)
        yield reason or f"{after.version} may replace {before.version}: {_count(len(found), 'change')}"

    return Report(tree, shown(), changed, 1 if reason else 0)


@app.command()
@reporting()
def release(
    names: Annotated[list[str], typer.Argument(help="The contracts whose next version is ready.")],
) -> Report:
    """Rename a contract's next.odcs.yaml to its version and record its digest; from then on it may not change."""
    from data_contracts.release import release_contract as act

    released = [file for name in names for file in act(name).released]
    return Report({"released": released}, [f"released {file}" for file in released])


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


if __name__ == "__main__":
    raise SystemExit(run(app, "tranche contracts"))
