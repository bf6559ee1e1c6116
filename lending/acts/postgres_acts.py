"""Acts in PostgreSQL, within the caller's database transaction."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from psycopg import Connection

from lending.acts.charge_off_by_rule import CLOSE_OF_BUSINESS, PastDuePlan
from lending.acts.log import AskedAct, KeptAct, ProposedAct, Withdrawal

_ACTS = """
SELECT a.act_id, a.plan_id, a.act, a.asked, a.reason, a.key, a.asked_day, a.principal_id, a.value_date, a.answer,
       a.recorded_at, p.approved_by
  FROM lending.acts a LEFT JOIN lending.act_approvals p ON p.proposal_id = a.proposal_id
"""
_KEEP = """
INSERT INTO lending.acts (act_id, plan_id, act, asked, reason, key, asked_day, principal_id, value_date, answer,
                          recorded_at, proposal_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (principal_id, key) DO NOTHING
"""
_PROPOSALS = """
SELECT p.proposal_id, p.plan_id, p.act, p.asked, p.reason, p.key, p.asked_day, p.proposed_by, p.value_date, p.because,
       p.proposed_at, p.expires_at, a.approved_by, w.withdrawn_by, w.withdrawn_at, w.reason
  FROM lending.act_proposals p
  LEFT JOIN lending.act_approvals a USING (proposal_id)
  LEFT JOIN lending.act_withdrawals w USING (proposal_id)
"""
_PROPOSE = """
INSERT INTO lending.act_proposals (proposal_id, plan_id, act, asked, reason, key, asked_day, proposed_by, value_date,
                                   because, proposed_at, expires_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (proposed_by, key) DO NOTHING
"""
_APPROVE = """
INSERT INTO lending.act_approvals (proposal_id, proposed_by, approved_by, approved_at) VALUES (%s, %s, %s, %s)
    ON CONFLICT (proposal_id) DO NOTHING
"""
_OPEN = """
WHERE a.proposal_id IS NULL AND w.proposal_id IS NULL AND p.expires_at > %(at)s
  AND (%(merchant)s::text IS NULL
       OR EXISTS (SELECT FROM lending.plans o WHERE o.plan_id = p.plan_id AND o.merchant_id = %(merchant)s))
ORDER BY p.proposed_at, p.proposal_id
"""
_WITHDRAW = """
INSERT INTO lending.act_withdrawals (proposal_id, withdrawn_by, withdrawn_at, reason) VALUES (%s, %s, %s, %s)
    ON CONFLICT (proposal_id) DO NOTHING
"""
_PAST_DUE = """
SELECT s.plan_id, s.days_past_due, p.terms_version
  FROM lending.plan_standing s JOIN lending.plans p USING (plan_id)
 WHERE s.status = 'open' AND s.days_past_due >= %s
   AND NOT EXISTS (SELECT FROM lending.acts a
                    WHERE a.plan_id = s.plan_id AND a.act = 'charge-off' AND a.principal_id = %s)
 ORDER BY s.plan_id
"""
_SETTLED = "SELECT lending.paid_to_merchant(%s)"


class PostgresActs:
    """ActLog over the schema `lending`. It never commits."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def done(self, act_id: str) -> KeptAct | None:
        row = self._connection.execute(f"{_ACTS} WHERE a.act_id = %s", (act_id,)).fetchone()
        return None if row is None else _kept(row)

    def proposal(self, proposal_id: str) -> ProposedAct | None:
        row = self._connection.execute(f"{_PROPOSALS} WHERE p.proposal_id = %s", (proposal_id,)).fetchone()
        return None if row is None else _proposed(row)

    def open_proposals(self, at: datetime, *, merchant_id: str | None = None) -> Sequence[ProposedAct]:
        rows = self._connection.execute(f"{_PROPOSALS} {_OPEN}", {"at": at, "merchant": merchant_id})
        return [_proposed(row) for row in rows]

    def of_plan(self, plan_id: str) -> Sequence[KeptAct]:
        query = f"{_ACTS} WHERE a.plan_id = %s ORDER BY a.position"
        return [_kept(row) for row in self._connection.execute(query, (plan_id,))]

    def keep_act(self, act: KeptAct, *, proposal_id: str | None) -> bool:
        answer = {"events": act.events, "posted": act.posted, "reversed": act.reversed}
        row = (
            *(act.act_id, act.asked.plan_id, act.asked.act, json.dumps(act.asked.tree), act.asked.reason),
            *(act.asked.key, act.asked.day, act.principal_id, act.value_date, json.dumps(answer)),
            *(act.recorded_at, proposal_id),
        )
        return self._connection.execute(_KEEP, row).rowcount == 1

    def propose(self, proposal: ProposedAct) -> bool:
        asked = proposal.asked
        row = (
            *(proposal.proposal_id, asked.plan_id, asked.act, json.dumps(asked.tree), asked.reason, asked.key),
            *(asked.day, proposal.proposed_by, proposal.value_date, list(proposal.because)),
            *(proposal.proposed_at, proposal.expires_at),
        )
        return self._connection.execute(_PROPOSE, row).rowcount == 1

    def approve(self, proposal: ProposedAct, *, by: str, at: datetime) -> bool:
        row = (proposal.proposal_id, proposal.proposed_by, by, at)
        return self._connection.execute(_APPROVE, row).rowcount == 1

    def withdraw(self, proposal: ProposedAct, withdrawal: Withdrawal) -> bool:
        row = (proposal.proposal_id, withdrawal.by, withdrawal.at, withdrawal.reason)
        return self._connection.execute(_WITHDRAW, row).rowcount == 1


def settled_entries(connection: Connection[Any]) -> Callable[[str], bool]:
    """Tells whether an entry of a merchant's payable account is part of a payout."""

    def settled(entry_id: str) -> bool:
        row = connection.execute(_SETTLED, (entry_id,)).fetchone()
        return row is not None and bool(row[0])

    return settled


def _kept(row: Sequence[Any]) -> KeptAct:
    act_id, plan_id, act, tree, reason, key, day, principal_id, value_date, answer, recorded_at, approved_by = row
    return KeptAct(
        act_id=act_id,
        asked=AskedAct(plan_id, act, tree, reason, key, day),
        principal_id=principal_id,
        value_date=value_date,
        events=tuple(answer["events"]),
        posted=tuple(answer["posted"]),
        reversed=tuple(answer["reversed"]),
        recorded_at=recorded_at.astimezone(UTC),
        approved_by=approved_by,
    )


def _proposed(row: Sequence[Any]) -> ProposedAct:
    proposal_id, plan_id, act, tree, reason, key, day, proposed_by, value_date, because, *others = row
    proposed_at, expires_at, approved_by, withdrawn_by, withdrawn_at, withdrawn_for = others
    withdrawn = None if withdrawn_by is None else Withdrawal(withdrawn_by, withdrawn_at.astimezone(UTC), withdrawn_for)
    return ProposedAct(
        proposal_id=proposal_id,
        asked=AskedAct(plan_id, act, tree, reason, key, day),
        proposed_by=proposed_by,
        value_date=value_date,
        because=tuple(because),
        proposed_at=proposed_at.astimezone(UTC),
        expires_at=expires_at.astimezone(UTC),
        approved_by=approved_by,
        withdrawal=withdrawn,
    )


class PostgresPastDuePlans:
    """PastDuePlans over the schema `lending`."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def past_due(self, days: int) -> Sequence[PastDuePlan]:
        return [PastDuePlan(*row) for row in self._connection.execute(_PAST_DUE, (days, CLOSE_OF_BUSINESS))]
