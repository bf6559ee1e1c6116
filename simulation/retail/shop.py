"""What the replay works with: the till, the log of plans, and the day's evening; whatever they refuse stops it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from ledger.journal import Journal
from ledger.store import Act, Request
from lending.bookings import When
from lending.fold import fold
from lending.plan_event import PlanEvent
from lending.plan_state import PlanState
from lending.postgres_log import PostgresPlanLog
from lending.products import servicing_terms
from lending.service_plans import EventRecorded, TermsOf, record
from payments.opening import must_hold
from payments.postgres_till import till_over
from payments.provider import Provider
from payments.till import Till

EVENING = time(23, 59, 30)
"""Behind the last order of a day at the merchant's place, in summer and in winter."""


class ReplayBroken(Exception):
    """Something that must be taken was refused: an assumption is broken and the replay stops."""

    @property
    def user_message(self) -> str:
        return str(self)


@dataclass(frozen=True, slots=True)
class Shop:
    """Ports over one database connection in autocommit mode; `outbox` holds the files for the bank."""

    till: Till
    log: PostgresPlanLog
    terms: TermsOf
    outbox: Path

    def record(self, events: Sequence[PlanEvent]) -> None:
        """Take events of plans, all of them."""
        answers = record(events, plans=self.log, ledger=self.till.ledger, terms=self.terms)
        for event, answer in zip(events, answers, strict=True):
            if not isinstance(answer, EventRecorded):
                raise ReplayBroken(f"{event.event_id} was not taken: {answer}")

    def post(self, journals: Iterable[Journal]) -> None:
        """Post journals, all of them."""
        self.ask([Request(Act.POST, each) for each in journals])

    def ask(self, requests: Sequence[Request]) -> None:
        """Ask the books for each of these."""
        for request, answer in zip(requests, self.till.ledger.post_batch(requests), strict=True):
            must_hold(answer, request.journal.entry_id)

    def states(self, plan_ids: Iterable[str], day: date) -> dict[str, PlanState]:
        """Where plans stand on a day."""
        histories = self.log.histories(plan_ids)
        return {
            plan_id: fold(known.plan, known.events, self.terms(known.plan), through=day)
            for plan_id, known in histories.items()
        }


def shop_over(connection: Any, provider: Provider, outbox: Path) -> Shop:
    """A shop over a connection, with the terms and policies that ship with these packages."""
    return Shop(
        till=till_over(connection, provider),
        log=PostgresPlanLog(connection),
        terms=lambda plan: servicing_terms(plan.terms_version, plan.currency),
        outbox=outbox,
    )


def evening(day: date) -> datetime:
    """When a day's dues are collected and its payouts made."""
    return datetime.combine(day, EVENING, UTC)


def in_the_evening(day: date) -> When:
    """The same for the books."""
    return When(day, evening(day), evening(day))
