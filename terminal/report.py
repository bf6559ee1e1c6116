"""What an act reports, in three forms: lines for people, one JSON object for programs, rows as CSV for spreadsheets."""

import csv
import inspect
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from datetime import date
from functools import wraps
from typing import Annotated, Any, Literal

import typer

from terminal.fault import Fault

Output = Literal["table", "json", "csv"]

AsJson = Annotated[bool, typer.Option("--json", help="Short for --output json.")]
Form = Annotated[Literal["table", "json"], typer.Option("--output", help="For people or as one JSON object.")]
TabularForm = Annotated[Output, typer.Option("--output", help="For people, as one JSON object, or as rows.")]


class ContradictoryForm(Fault):
    """Two forms of one report were asked for."""


@dataclass(frozen=True, slots=True)
class Report:
    """What an act found or did, and how the command ends.

    `tree` is a dataclass, mapping or list and becomes the JSON object; `lines` are for people, `rows` for CSV. Both may
    be generators: only the form that was asked for is made.
    """

    tree: Any
    lines: Iterable[str]
    rows: Iterable[Mapping[str, Any]] = ()
    exit_code: int = 0


def reporting(*columns: str) -> Callable[[Callable[..., Report]], Callable[..., None]]:
    """Give an act the options `--json` and `--output`, and print the report that it returns.

    An act that names the columns of its rows offers CSV too. A form that an act does not have is refused before it
    begins.
    """

    def decorate(act: Callable[..., Report]) -> Callable[..., None]:
        @wraps(act)
        def command(*args: Any, as_json: bool, output: Output, **options: Any) -> None:
            if as_json and output == "csv":
                raise ContradictoryForm("--json is short for --output json and contradicts --output csv")
            report = act(*args, **options)
            print_report(report, "json" if as_json else output, columns)
            if report.exit_code:
                raise typer.Exit(report.exit_code)

        own = inspect.signature(act, eval_str=True)
        added = [
            inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=AsJson),
            inspect.Parameter(
                "output",
                inspect.Parameter.KEYWORD_ONLY,
                default="table",
                annotation=TabularForm if columns else Form,
            ),
        ]
        # The command line reads an act's options from its signature.
        signature = own.replace(parameters=[*own.parameters.values(), *added], return_annotation=None)
        command.__signature__ = signature  # type: ignore[attr-defined]
        command.__annotations__ = {each.name: each.annotation for each in signature.parameters.values()}
        return command

    return decorate


def print_report(report: Report, form: Output, columns: Sequence[str] = ()) -> None:
    """Print one form of a report on standard output."""
    match form:
        case "table":
            for line in report.lines:
                print(line)
        case "json":
            tree = (
                asdict(report.tree) if is_dataclass(report.tree) and not isinstance(report.tree, type) else report.tree
            )
            print(json.dumps(tree, allow_nan=False, default=_text))
        case "csv":
            rows = csv.writer(sys.stdout, lineterminator="\n")
            rows.writerow(columns)
            rows.writerows([_cell(row[name]) for name in columns] for row in report.rows)


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _cell(value: object) -> str:
    """Empty for None, and true or false as JSON has them."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case _:
            return _text(value)
