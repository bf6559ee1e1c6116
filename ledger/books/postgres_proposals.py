"""Keeps free-form proposals and approvals in PostgreSQL."""

import json
from datetime import UTC, date, datetime
from typing import Any

from ledger.books.free_form import FLOW, Proposal
from ledger.database import Database
from ledger.journal import Journal
from ledger.map.flows import money_map
from ledger.money import Currency, Money
from ledger.transfer import Transfer

_ADD = """
INSERT INTO ledger.proposals (proposal_id, proposed_by, reason, journal, proposed_at)
VALUES (%s, %s, %s, %s::jsonb, %s) ON CONFLICT (proposal_id) DO NOTHING
"""
_FIND = """
SELECT p.proposal_id, p.proposed_by, p.reason, p.journal, p.proposed_at, a.approved_by
  FROM ledger.proposals p LEFT JOIN ledger.approvals a USING (proposal_id)
 WHERE %(proposal_id)s::text IS NULL OR p.proposal_id = %(proposal_id)s
 ORDER BY p.proposed_at, p.proposal_id
"""
_APPROVE = """
INSERT INTO ledger.approvals (proposal_id, proposed_by, approved_by, approved_at)
VALUES (%s, %s, %s, %s) ON CONFLICT (proposal_id) DO NOTHING
"""


class PostgresProposals:
    """Proposals over the schema `ledger` of a connection, in the caller's database transaction."""

    def __init__(self, connection: Database) -> None:
        self._connection = connection

    def add(self, proposal: Proposal) -> bool:
        row = (proposal.proposal_id, proposal.proposed_by, proposal.reason, _written(proposal), proposal.proposed_at)
        return self._connection.execute(_ADD, row).rowcount == 1

    def get(self, proposal_id: str) -> Proposal | None:
        return next(iter(self._find(proposal_id)), None)

    def all(self) -> tuple[Proposal, ...]:
        return self._find(None)

    def approve(self, proposal: Proposal, *, by: str, at: datetime) -> bool:
        row = (proposal.proposal_id, proposal.proposed_by, by, at)
        return self._connection.execute(_APPROVE, row).rowcount == 1

    def _find(self, proposal_id: str | None) -> tuple[Proposal, ...]:
        rows = self._connection.execute(_FIND, {"proposal_id": proposal_id})
        return tuple(_proposal(row) for row in rows)


def _written(proposal: Proposal) -> str:
    journal = proposal.journal
    return json.dumps(
        {
            "value_date": journal.value_date.isoformat(),
            "occurred_at": journal.occurred_at.isoformat(),
            "correlation": dict(journal.correlation),
            "transfers": [
                {
                    "debit": transfer.debit,
                    "credit": transfer.credit,
                    "currency": transfer.amount.currency,
                    "minor": transfer.amount.minor,
                }
                for transfer in journal.transfers
            ],
        },
        ensure_ascii=False,
    )


def _proposal(row: Any) -> Proposal:
    proposal_id, proposed_by, reason, written, proposed_at, approved_by = row
    proposed_at = proposed_at.astimezone(UTC)
    journal = Journal(
        entry_id=f"{FLOW}:{proposal_id}",
        flow=FLOW,
        template_version=money_map().flow(FLOW).version,
        value_date=date.fromisoformat(written["value_date"]),
        occurred_at=datetime.fromisoformat(written["occurred_at"]),
        recorded_at=proposed_at,
        correlation=written["correlation"],
        transfers=tuple(
            Transfer(each["debit"], each["credit"], Money(each["minor"], Currency(each["currency"])))
            for each in written["transfers"]
        ),
    )
    return Proposal(proposal_id, proposed_by, reason, journal, proposed_at, approved_by)
