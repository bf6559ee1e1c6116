"""Command line: take the notices of others: of a provider's disputes, and of what an agency recovered."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from payments.settings import Settings
from terminal.clock import now
from terminal.report import Report, reporting


@reporting()
def disputes(file: Annotated[Path, typer.Option(help="The provider's file of dispute notices.")]) -> Report:
    """Take a provider's notices of charge-backs and late claims; the same notice again changes nothing."""
    from payments.disputes.dispute import NoticeRefused, take_notices
    from payments.disputes.dispute_file import read_notices
    from payments.files.control_file import FileContent, last_begun_day
    from payments.postgres import connected
    from payments.provider.provider import NoProvider
    from payments.wiring import adapters_over

    settings = Settings.from_environment()
    at = now()
    notices = read_notices(FileContent.of(file, latest=last_begun_day(at)))
    with connected(settings.database_url) as connection:
        ports = adapters_over(connection, NoProvider())
        answers = take_notices(
            notices,
            attempts=ports.attempts,
            plans=ports.plans,
            ledger=ports.ledger,
            expectations=ports.reconciliation,
            breaks=ports.reconciliation,
            terms=ports.terms,
            profile=ports.profile,
            transaction=ports.transaction,
            at=at,
        )
    refused = [answer for answer in answers if isinstance(answer, NoticeRefused)]
    tree = [asdict(answer) for answer in answers]

    def shown() -> Iterator[str]:
        yield f"{len(answers):,} notices, {len(refused):,} refused"
        for answer in refused:
            yield f"  {answer.case_id}: {'; '.join(map(str, answer.reasons))}"

    return Report(tree, shown(), exit_code=1 if refused else 0)


@reporting()
def recoveries(
    file: Annotated[Path, typer.Option(help="The agency's file of what it collected and transferred to us.")],
) -> Report:
    """Book what a collection agency passed on for charged-off plans; the same file again changes nothing."""
    from payments.files.control_file import FileContent, last_begun_day
    from payments.postgres import connected
    from payments.provider.provider import NoProvider
    from payments.recoveries.postgres import PostgresSuspendedCredits
    from payments.recoveries.recovery import RecoveryRefused, take_recovery
    from payments.recoveries.recovery_file import read_recoveries
    from payments.wiring import adapters_over

    settings = Settings.from_environment()
    at = now()
    notices = read_recoveries(FileContent.of(file, latest=last_begun_day(at)))
    with connected(settings.database_url) as connection:
        ports = adapters_over(connection, NoProvider())
        answers = [
            take_recovery(
                notice,
                suspended=PostgresSuspendedCredits(connection),
                breaks=ports.reconciliation,
                plans=ports.plans,
                ledger=ports.ledger,
                terms=ports.terms,
                transaction=ports.transaction,
                at=at,
            )
            for notice in notices
        ]
    refused = [answer for answer in answers if isinstance(answer, RecoveryRefused)]

    def shown() -> Iterator[str]:
        new = sum(not isinstance(answer, RecoveryRefused) and answer.new for answer in answers)
        yield f"{len(answers):,} recoveries, {new:,} new, {len(refused):,} refused"
        for answer in refused:
            yield f"  {answer.recovery_id}: {'; '.join(map(str, answer.reasons))}"

    return Report([asdict(answer) for answer in answers], shown(), exit_code=1 if refused else 0)
