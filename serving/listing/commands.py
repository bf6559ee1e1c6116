"""`tranche serving list` and `tranche serving shopper`: what the routes of lists show."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from serving.listing.listed import MOST_ROWS, Kind
from terminal.report import Report, reporting

_DAY = ["%Y-%m-%d"]


@reporting()
def list_things(
    kind: Annotated[Kind, typer.Argument(help="What to list.")],
    *,
    shopper: Annotated[str | None, typer.Option(help="Of this shopper.")] = None,
    order: Annotated[str | None, typer.Option(help="Of this order.")] = None,
    merchant: Annotated[str | None, typer.Option(help="Of this merchant.")] = None,
    state: Annotated[str | None, typer.Option(help="In this state, as the rows show it.")] = None,
    reference: Annotated[str | None, typer.Option(help="Known to the provider or the bank by this.")] = None,
    since: Annotated[datetime | None, typer.Option("--from", formats=_DAY, help="From this day on.")] = None,
    until: Annotated[datetime | None, typer.Option("--to", formats=_DAY, help="Before this day.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST_ROWS, help="At most so many.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="`next_cursor` of the page before.")] = None,
) -> Report:
    """List decisions, plans, payments, refunds or payouts, the newest first."""
    from serving.cursor import read_cursor, write_cursor
    from serving.listing.listed import ListFault, WantedRows
    from serving.listing.postgres_listing import list_rows, row_place
    from serving.postgres import serving_connection

    first, last = (None if day is None else day.replace(tzinfo=UTC) for day in (since, until))
    wanted = WantedRows(shopper, order, merchant, state, reference, first, last)
    try:
        after = None if cursor is None else row_place(kind, *read_cursor(kind, cursor, 2))
    except ValueError as fault:
        raise ListFault("cursor", str(fault)) from fault
    with serving_connection(_database_url()) as connection:
        page = list_rows(connection, kind, wanted, after=after, limit=limit)
    behind = page.next_place
    following = None if behind is None else write_cursor(kind, behind.at.isoformat(), behind.row_id)

    def shown() -> Iterator[str]:
        for row in page.rows:
            yield _line(row)
        yield f"{len(page.rows):,} {kind}" + (f"; more behind --cursor {following}" if following else "")

    return Report({"rows": list(page.rows), "next_cursor": following}, shown())


@reporting()
def show_shopper(shopper_id: Annotated[str, typer.Argument(help="The shopper's id.")]) -> Report:
    """Show a shopper's limit, what counts against it, and their plans."""
    from lending.terms import policy_file
    from serving.listing.routes import shopper_answer
    from serving.listing.shopper_view import NoSuchShopper, shopper_view
    from serving.postgres import serving_connection
    from terminal.clock import now

    with serving_connection(_database_url()) as connection:
        found = shopper_view(connection, shopper_id, merchant_id=None, policies=policy_file.load_policies(), at=now())
    if found is None:
        raise NoSuchShopper(shopper_id)
    tree = shopper_answer(found).model_dump(mode="json")

    def shown() -> Iterator[str]:
        for each in tree["exposures"]:
            yield (
                f"{each['currency']}: {each['outstanding_minor']} owed and {each['reserved_minor']} reserved "
                f"of {each['limit_minor']}, {each['left_minor']} left (minor units)"
            )
        for row in tree["plans"]:
            yield f"  {_line(row)}"

    return Report(tree, shown())


def _line(row: Mapping[str, Any]) -> str:
    """A row's values in one line; those that are empty are left out."""
    return "  ".join(f"{name} {value}" for name, value in row.items() if value is not None)


def _database_url() -> str:
    from lending.settings import Settings

    return Settings.from_environment().database_url
