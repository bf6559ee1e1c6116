"""A counter at which people act on plans in tests: principals of every role, one plan, and the ports of the acts."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

from ledger.identity.authority import authority_file
from ledger.identity.postgres_principals import PostgresPrincipals
from ledger.identity.principal import Principal
from lending.acts.log import AskedAct
from lending.acts.perform import (
    ActDone,
    ActPorts,
    ActProposed,
    ActRefused,
    NotAllowed,
    approve_act,
    perform,
)
from lending.acts.postgres_acts import PostgresActs, settled_entries
from lending.plan.plan import Plan
from tests.lending.servicing.servicing import Desk, day

Connection = psycopg.Connection[Any]

ANN = Principal("ann", "servicing", datetime(2026, 1, 1, tzinfo=UTC))
BOB = Principal("bob", "credit-risk", datetime(2026, 1, 1, tzinfo=UTC))
CAROL = Principal("carol", "credit-risk", datetime(2026, 1, 1, tzinfo=UTC))
EVE = Principal("eve", "agent", datetime(2026, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Counter:
    """Acts over one connection, as of one moment."""

    connection: Connection
    desk: Desk
    at: datetime

    @property
    def ports(self) -> ActPorts:
        return self.at_time(self.at)

    def at_time(self, at: datetime) -> ActPorts:
        return ActPorts(
            plans=self.desk.plans,
            ledger=self.desk.ledger,
            acts=PostgresActs(self.connection),
            terms=lambda _: self.desk.terms,
            settled=settled_entries(self.connection),
            authority=authority_file(),
            at=at,
        )

    def perform(
        self, asked: AskedAct, by: Principal = ANN, *, days: int | None = None
    ) -> ActDone | ActProposed | ActRefused | NotAllowed:
        return perform(asked, by, self.ports if days is None else self.at_time(noon(days)))

    def do(self, asked: AskedAct, by: Principal = ANN, *, days: int | None = None) -> ActDone:
        """An act that is done, by a second person where one is needed."""
        answer = self.perform(asked, by, days=days)
        if isinstance(answer, ActProposed):
            answer = self.approve(answer.proposal.proposal_id, days=days)
        assert isinstance(answer, ActDone), answer
        return answer

    def approve(
        self, proposal_id: str, by: Principal = BOB, *, days: int | None = None
    ) -> ActDone | ActRefused | NotAllowed:
        return approve_act(proposal_id, by, self.ports if days is None else self.at_time(noon(days)))


def noon(days: int) -> datetime:
    """Noon of the day that lies `days` days after the opening of the plans of tests."""
    return datetime.combine(day(days), datetime.min.time(), UTC).replace(hour=12)


def asked_of(
    plan: Plan, act: str, tree: Mapping[str, Any] | None = None, *, key: str = "k-1", **other: Any
) -> AskedAct:
    """An act on a plan with a reason; amounts in minor units of its currency."""
    values = dict(tree or {})
    if any(name.endswith("_minor") or name == "dues" for name in values):
        values.setdefault("currency", plan.currency.value)
    return AskedAct(plan.plan_id, act, values, other.pop("reason", "the shopper called"), key, **other)


def counter_over(connection: Connection, *, days: int = 5) -> Counter:
    """A counter with four principals, on a day after plans were opened."""
    for each in (ANN, BOB, CAROL, EVE):
        PostgresPrincipals(connection).add(each, None)
    return Counter(connection, Desk.over(connection), noon(days))


@contextmanager
def as_application(connection: Connection) -> Iterator[None]:
    """The rights of the application's role, and at the end the checks that a commit would make."""
    connection.execute("SET ROLE tranche_application")
    yield
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    connection.execute("RESET ROLE")
