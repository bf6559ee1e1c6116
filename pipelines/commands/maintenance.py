"""Command line: keep the lake in shape, let go of what is past its retention, erase one shopper, hold one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer

from pipelines.settings import Settings
from terminal.clock import machine_now
from terminal.report import Report, reporting

Shopper = Annotated[str, typer.Option(help="The shopper's id.")]
CaseId = Annotated[str, typer.Option("--case", help="The case on whose account it is done.")]
OrphansOlderThan = Annotated[
    str, typer.Option(help="Age from which a file that nothing reaches is no commit at work any more.")
]


@reporting()
def maintain(
    *,
    older_than: Annotated[str, typer.Option(help="Age from which a snapshot may go, such as 7d or 12h.")] = "7d",
    orphans_older_than: OrphansOlderThan = "1d",
    table: Annotated[list[str] | None, typer.Option(help="Only this table; may be given again.")] = None,
) -> Report:
    """Compact the lake's tables, expire old snapshots that nothing names, delete files that nothing reaches."""
    from rich.console import Console

    from pipelines.lake.iceberg_upkeep import IcebergUpkeep
    from pipelines.runtime.spark import session
    from pipelines.upkeep import maintain as act
    from pipelines.upkeep.expiry import age

    settings = Settings.from_environment()
    oldest = age("--older-than", older_than)
    oldest_orphan = age("--orphans-older-than", orphans_older_than)
    with Console(stderr=True).status("starting Spark") as status:
        spark, upkeep = session(settings), IcebergUpkeep(settings)
        report = act.maintain(
            spark,
            upkeep,
            now=machine_now(),
            older_than=oldest,
            orphans_older_than=oldest_orphan,
            only=table or (),
            progress=status.update,
        )

    def shown() -> Iterator[str]:
        yield f"{'':<32}{'files':>14}{'bytes':>26}{'snapshots':>14}{'deleted':>10}"
        for each in report.tables:
            yield (
                f"{each.table:<32}{_change(each.files_before, each.files_after):>14}"
                f"{_change(each.bytes_before, each.bytes_after):>26}"
                f"{_change(each.snapshots_before, each.snapshots_after):>14}{each.swept.files:>10,}"
            )
        if report.unfinished is not None:
            yield f"batch {report.unfinished} of the stream is unfinished; its snapshots were kept"

    return Report(report, shown())


@reporting()
def retain(
    *,
    as_of: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The day whose rules count.")],
    orphans_older_than: OrphansOlderThan = "1d",
) -> Report:
    """Remove rows past their contract's retention from every layer, tags too, except those that a case holds."""
    from rich.console import Console

    from pipelines.erasures.iceberg_erasures import IcebergErasures, IcebergHolds
    from pipelines.lake.iceberg_upkeep import IcebergUpkeep
    from pipelines.upkeep import retention as act
    from pipelines.upkeep.expiry import age

    settings = Settings.from_environment()
    oldest = age("--orphans-older-than", orphans_older_than)
    with Console(stderr=True).status("looking for what is past") as status:
        report = act.retain(
            IcebergUpkeep(settings),
            IcebergErasures(settings),
            as_of=as_of.date(),
            now=machine_now(),
            held=IcebergHolds(settings).standing(),
            orphans_older_than=oldest,
            progress=status.update,
        )
    tree = asdict(report) | {"as_of": report.as_of.isoformat()}

    def shown() -> Iterator[str]:
        for name, rows in report.rows.items():
            yield f"{name:<32}{rows:>12,} rows past their retention on {report.as_of}"
        if report.without_period:
            yield f"without a period in their contract, left whole: {', '.join(report.without_period)}"
        yield from _young(report.young_files, orphans_older_than)

    return Report(tree, shown())


@reporting()
def erase(
    *,
    shopper: Shopper,
    case_id: CaseId,
    orphans_older_than: OrphansOlderThan = "1d",
) -> Report:
    """Erase one shopper from lake, tags and vectors, then look everywhere; exit code 1 until nothing is found."""
    from rich.console import Console

    from features.postgres import vector_store
    from features.settings import Settings as StoreSettings
    from pipelines.erasures.erasures import ErasureState
    from pipelines.erasures.iceberg_erasures import IcebergErasures, IcebergHolds
    from pipelines.lake.iceberg_upkeep import IcebergUpkeep
    from pipelines.upkeep import erase as act
    from pipelines.upkeep.expiry import age

    settings, store_settings = Settings.from_environment(), StoreSettings.from_environment()
    request = act.ErasureRequest(shopper, case_id, settings.required_erasure_key)
    oldest = age("--orphans-older-than", orphans_older_than)
    with Console(stderr=True).status("opening the lake") as status, vector_store(store_settings.database_url) as store:
        report = act.erase(
            IcebergUpkeep(settings),
            store,
            IcebergErasures(settings),
            request,
            now=machine_now(),
            holds=IcebergHolds(settings).standing(),
            orphans_older_than=oldest,
            progress=status.update,
        )

    def shown() -> Iterator[str]:
        yield from _erased(report, orphans_older_than)

    return Report(report, shown(), exit_code=1 if report.state is not ErasureState.VERIFIED else 0)


@reporting()
def hold(*, shopper: Shopper, case_id: CaseId) -> Report:
    """Hold a shopper's data for a legal case: neither erasure nor retention touches it until it is released."""
    from pipelines.erasures.iceberg_erasures import IcebergHolds

    new = IcebergHolds(Settings.from_environment()).put(case_id, shopper, machine_now())
    line = f"case {case_id} {'holds' if new else 'held already'} the shopper"
    return Report({"case_id": case_id, "new": new}, [line])


@reporting()
def release(*, shopper: Shopper, case_id: CaseId) -> Report:
    """End a case's hold on a shopper."""
    from pipelines.erasures.iceberg_erasures import IcebergHolds

    ended = IcebergHolds(Settings.from_environment()).release(case_id, shopper)
    line = f"case {case_id} {'holds the shopper no more' if ended else 'held no such shopper'}"
    return Report({"case_id": case_id, "ended": ended}, [line])


def _erased(report: Any, orphans_older_than: str) -> Iterator[str]:
    yield f"case {report.case_id}: {report.state}"
    if report.held_by is not None:
        yield f"  case {report.held_by} holds the shopper; nothing was done"
        return
    for name, rows in report.rows.items():
        if rows:
            yield f"  {name:<30}{rows:>12,} rows"
    for place in report.left:
        yield f"  still found: {place}"
    yield from _young(report.young_files, orphans_older_than)
    yield "  what models were trained on says so after: tranche models amend-training-sets"


def _young(files: int, orphans_older_than: str) -> Iterator[str]:
    if files:
        yield (
            f"{files:,} files that nothing reaches are younger than {orphans_older_than} and may belong to a commit at "
            "work; run the same again after that"
        )


def _change(before: int, after: int) -> str:
    return f"{before:,} > {after:,}"


COMMANDS = (maintain, retain, erase, hold, release)
