"""A desk with three people over a test's adapters, and what a test compares before and after an act."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from ledger.identity.postgres_principals import PostgresPrincipals
from ledger.identity.principal import Principal
from payments.break_desk.desk_log import AskedDeskAct
from payments.break_desk.desk_ports import DeskPorts, desk_over
from payments.break_desk.perform_desk_act import (
    DeskActDone,
    DeskActProposed,
    DeskAnswer,
    approve_desk_act,
    perform_desk_act,
)
from payments.break_desk.postgres_desk import PostgresDesk
from payments.wiring import Adapters
from tests.payments.plans import rows

ADDED = datetime(2026, 1, 1, tzinfo=UTC)
ANN = Principal("ann", "reconciliation", ADDED)
BEN = Principal("ben", "finance", ADDED)
EVE = Principal("eve", "agent", ADDED)


def with_people(ports: Adapters) -> None:
    for person in (ANN, BEN, EVE):
        PostgresPrincipals(ports.database).add(person, None, by=None, reason=None)


def desk_ports(ports: Adapters, day: date) -> DeskPorts:
    at = datetime.combine(day, time(23, 30), UTC)
    return desk_over(ports, at)


def act(
    ports: Adapters, day: date, name: str, break_id: str, *, by: Principal = ANN, key: str | None = None, **given: str
) -> DeskAnswer:
    asked = AskedDeskAct(break_id, name, given, "looked into it", key or f"{name}-{day}")
    with ports.transaction():
        return perform_desk_act(asked, by, desk_ports(ports, day))


def approved(ports: Adapters, day: date, proposed: DeskAnswer, *, by: Principal = BEN) -> DeskAnswer:
    assert isinstance(proposed, DeskActProposed), proposed
    with ports.transaction():
        return approve_desk_act(proposed.proposal.proposal_id, by, desk_ports(ports, day))


def done(answer: DeskAnswer) -> DeskActDone:
    assert isinstance(answer, DeskActDone), answer
    return answer


@dataclass(frozen=True)
class BooksAndLists:
    """What undoing a match restores."""

    balances: Any
    open_lines: Any
    open_expectations: Any
    owed: Any
    open_breaks: Any


def standing_of(ports: Adapters, day: date) -> BooksAndLists:
    return BooksAndLists(
        ports.ledger.trial_balance().lines,
        rows(ports, "SELECT line_key FROM payments.open_lines ORDER BY 1"),
        rows(ports, "SELECT expectation_id, leg, due_by FROM payments.open_expectations ORDER BY 1"),
        [(each.instalment.instalment_id, each.open_amount) for each in ports.plans.due(day)],
        rows(ports, "SELECT break_id, class FROM payments.breaks WHERE closed_on IS NULL ORDER BY 1"),
    )


def events(ports: Adapters, break_id: str) -> list[tuple[str, str]]:
    return [(each.event, each.actor) for each in PostgresDesk(ports.database).events(break_id)]
