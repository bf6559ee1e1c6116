"""Command line: seal the journal, verify the books, rebuild projections, export the books."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ledger.commands.accept import Accept, AcceptReason, accepted_by_key
from ledger.reports.export import Format
from ledger.settings import Settings
from terminal.clock import now
from terminal.database import DatabaseProcess
from terminal.report import Report, reporting
from terminal.waiting import waiting

AsOf = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Count what is valued up to this day.")]


@reporting()
def seal(
    *,
    out: Annotated[Path | None, typer.Option(help="Add the newest roots to this file as a line of JSON.")] = None,
) -> Report:
    """Seal every final entry, and plans, their events, acts and principals; each batch is chained by hash to the one
    before it. Idempotent; safe to interrupt.
    """
    from ledger.books.postgres import connect
    from ledger.proof import seal as act
    from ledger.proof.postgres_seals import PostgresSeals

    with connect(_url(DatabaseProcess.BOOKS)) as connection:
        report = act.seal(PostgresSeals(connection))
    newest, rows = report.newest, report.newest_of_rows
    tree = {
        "sealed": report.entries,
        "newest": None if newest is None else newest.tree,
        "sealed_rows": report.rows,
        "newest_of_rows": None if rows is None else rows.tree,
    }
    if out is not None and (newest or rows):
        line = ({} if newest is None else newest.tree) | ({} if rows is None else {"rows": rows.tree})
        with out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def shown() -> Iterator[str]:
        if newest is None:
            yield "no entries to seal"
        else:
            yield (
                f"{report.entries:,} entries sealed now, {newest.entries:,} in all; "
                f"seal {newest.seal_no}, root {newest.root}"
            )
        if rows is not None:
            yield f"{report.rows:,} rows sealed now, {rows.rows:,} in all; seal {rows.seal_no}, root {rows.root}"

    return Report(tree, shown())


@reporting("check", "where", "detail")
def verify(
    *,
    roots: Annotated[
        Path | None, typer.Option(help="A file that `seal --out` wrote: its roots must be those here.", exists=True)
    ] = None,
) -> Report:
    """Derive everything again from the recorded entries and from the events of plans; nothing is written.

    Exit code 1 when a stored row differs, with each one named.
    """
    from ledger.proof import verify as act
    from ledger.proof.postgres_audit import connect_for_audit
    from ledger.proof.verify import KeptRoots

    kept = [] if roots is None else [json.loads(line) for line in roots.read_text(encoding="utf-8").splitlines()]
    kept_roots = KeptRoots(
        {each["seal_no"]: each["root"] for each in kept if "seal_no" in each},
        {each["rows"]["seal_no"]: each["rows"]["root"] for each in kept if "rows" in each},
    )
    with waiting("adding up every entry and folding every plan again"), connect_for_audit(_url()) as audit:
        report = act.verify(audit, kept_roots)
    faults = [{"check": each.check, "where": each.where, "detail": each.detail} for each in report.faults]
    counts = {name: getattr(report, name) for name in ("entries", "transfers", "holds", "accounts")}
    tree = {**counts, **report.others, "verified": report.sound, "faults": faults}

    def shown() -> Iterator[str]:
        others = "".join(f", {number:,} {name.replace('_', ' ')}" for name, number in report.others.items())
        outcome = "all as recorded" if report.sound else f"{len(report.faults)} faults"
        yield (
            f"{report.entries:,} entries, {report.transfers:,} transfers, {report.holds:,} holds, "
            f"{report.accounts:,} accounts{others}: {outcome}"
        )
        for each in report.faults:
            yield f"  {each.check}: {each.where}: {each.detail}"

    return Report(tree, shown(), faults, 0 if report.sound else 1)


@reporting("projection", "where", "detail")
def rebuild(*, accept: Accept = False, reason: AcceptReason = None) -> Report:
    """Name the rows of projections that differ from the journal; replace them only with --accept.

    With --accept, postings wait meanwhile, and what was there is kept on record. Exit code 1 when something differs and
    was not replaced.
    """
    from ledger.books.postgres import connect
    from ledger.proof import rebuild as act
    from ledger.proof.postgres_projections import PostgresProjections

    settings = Settings.from_environment(process=None)
    with connect(settings.database_url) as connection:
        accepted = accepted_by_key(connection, accept=accept, reason=reason, key=settings.key, at=now())
        projections = PostgresProjections(connection)
        if accepted is not None:
            projections.hold_still()
        report = act.rebuild_projections(projections, accepted)
    found = [
        {"projection": each.projection.table, "where": each.where, "detail": each.detail} for each in report.differences
    ]
    tree = {"rebuilt": len(found) if accept else 0, "differences": found}

    def shown() -> Iterator[str]:
        for each in report.differences:
            yield f"  {each.projection.row}: {each.where}: {each.detail}"
        outcome = "put right" if accept or not found else "differ; nothing was written"
        yield f"{len(found):,} rows {outcome}"

    return Report(tree, shown(), found, 1 if found and not accept else 0)


@reporting()
def export(
    *,
    form: Annotated[Format, typer.Option("--format", help="The program that is to read it.")],
    out: Annotated[Path, typer.Option(help="The file to write.", dir_okay=False)],
    as_of: AsOf = None,
) -> Report:
    """Write every posted entry as plain text for another program, which checks the balances."""
    from ledger.books.postgres_posted import connect_to_read
    from ledger.reports import export as act

    with connect_to_read(_url()) as books, out.open("w", encoding="utf-8") as file:
        report = act.export(books, form, file.write, as_of=None if as_of is None else as_of.date())
    tree = {"entries": report.entries, "transfers": report.transfers, "accounts": report.accounts}

    def shown() -> Iterator[str]:
        yield f"{report.entries:,} entries, {report.transfers:,} transfers, {report.accounts:,} accounts in {out}"

    return Report(tree, shown())


def _url(process: DatabaseProcess = DatabaseProcess.READER) -> str:
    return Settings.from_environment(process=process).database_url
