"""Command line: propose, approve and list free-form entries."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from ledger.commands.principal import keeper_of_books
from ledger.settings import Settings
from ledger.transfer import Transfer
from terminal.clock import now
from terminal.database import DatabaseProcess
from terminal.report import Report, reporting


@reporting()
def propose(
    *,
    file: Annotated[Path, typer.Option(help="The entry, as JSON.", exists=True, dir_okay=False)],
    reason: Annotated[str, typer.Option(help="Why the books need it.")],
) -> Report:
    """Propose an entry that no flow of the money map covers; another person has to approve it."""
    from ledger.books import free_form
    from ledger.books.postgres import connect
    from ledger.books.postgres_proposals import PostgresProposals

    with connect(_url(DatabaseProcess.BOOKS)) as connection:
        new = free_form.propose(
            file.read_text(encoding="utf-8"),
            by=keeper_of_books(connection),
            reason=reason,
            at=now(),
            proposals=PostgresProposals(connection),
            where=str(file),
        )
    line = "proposed; it is posted once another person approves it" if new else "proposed before; nothing changed"
    return Report({"new": new}, [line])


@reporting()
def approve(proposal_id: Annotated[str, typer.Argument(help="The proposal's id.")]) -> Report:
    """Approve another person's proposal and post it; exit code 1 when it is not posted."""
    from ledger.books import free_form
    from ledger.books.postgres import PostgresLedger, connect
    from ledger.books.postgres_proposals import PostgresProposals
    from ledger.books.store import Refused

    with connect(_url(DatabaseProcess.BOOKS)) as connection:
        answer = free_form.approve(
            proposal_id,
            by=keeper_of_books(connection),
            at=now(),
            proposals=PostgresProposals(connection),
            ledger=PostgresLedger(connection),
        )
    match answer:
        case free_form.AlreadyApproved(approved_by=who):
            tree = {"posted": False, "approved_by": who}
            return Report(tree, [f"{who} had approved it before; nothing changed"])
        case free_form.SamePerson(proposed_by=who):
            typer.echo(f"{who} proposed it, so another person has to approve it", err=True)
            return Report({"posted": False, "proposed_by": who}, [], exit_code=1)
        case free_form.ApprovedEntry(outcome=Refused(reasons=reasons)):
            for each in reasons:
                typer.echo(f"the books refuse it: {each.code}: {each.about}: {each.detail}", err=True)
            refused = [{"code": each.code, "about": each.about, "detail": each.detail} for each in reasons]
            return Report({"posted": False, "refused": refused}, [], exit_code=1)
        case free_form.ApprovedEntry(outcome=outcome):
            return Report({"posted": True, "entry_id": outcome.entry_id}, [f"posted as {outcome.entry_id}"])


@reporting("proposal_id", "proposed_by", "reason", "approved_by")
def proposals() -> Report:
    """List every proposal with its reason, proposer and approver."""
    from ledger.books.postgres import connect
    from ledger.books.postgres_proposals import PostgresProposals

    with connect(_url()) as connection:
        found = PostgresProposals(connection).all()
    listed = [
        {
            "proposal_id": each.proposal_id,
            "proposed_by": each.proposed_by,
            "reason": each.reason,
            "approved_by": each.approved_by,
            "transfers": [_shown(transfer) for transfer in each.journal.transfers],
        }
        for each in found
    ]
    tree = {"proposals": listed}

    def shown() -> Iterator[str]:
        for each in found:
            state = f"approved by {each.approved_by}" if each.approved_by else "open"
            yield f"{each.proposal_id}  {state}  proposed by {each.proposed_by}: {each.reason}"
            for transfer in each.journal.transfers:
                yield f"    {transfer.amount!s:>18}  debit {transfer.debit}  credit {transfer.credit}"
        yield f"{sum(each.approved_by is None for each in found):,} of {len(found):,} proposals are open"

    return Report(tree, shown(), listed)


def _shown(transfer: Transfer) -> dict[str, str | int]:
    amount = transfer.amount
    return {"debit": transfer.debit, "credit": transfer.credit, "currency": amount.currency, "minor": amount.minor}


def _url(process: DatabaseProcess = DatabaseProcess.READER) -> str:
    return Settings.from_environment(process=process).database_url
