"""The journal of an attempt that asks for an instalment."""

from collections.abc import Mapping
from dataclasses import dataclass

from ledger.journal import Journal
from ledger.map.flow import Flow
from ledger.money import Money
from lending.plan.booking import correlation_of
from lending.plan.plan import InstalmentId, Plan
from lending.plan.when import When
from payments.bookings import flow_journal
from payments.ids import AttemptId


@dataclass(frozen=True, slots=True)
class Collection:
    """One attempt with its rail and provider; a shopper's own payment is for no single instalment.

    The instalment may be one that an act gave the plan after it was agreed.
    """

    plan: Plan
    instalment_id: InstalmentId | None
    attempt_id: AttemptId
    rail: str
    provider: str

    @property
    def names(self) -> Mapping[str, str]:
        return {"plan": self.plan.plan_id, "rail": self.rail, "provider": self.provider}

    def correlation(self, **others: str) -> dict[str, str]:
        return correlation_of(self.plan, instalment_id=self.instalment_id, attempt_id=self.attempt_id, **others)


@dataclass(frozen=True, slots=True)
class Components:
    """The amount that an attempt asks for, by component."""

    principal: Money
    interest: Money
    fees: Money

    def amounts(self) -> Mapping[str, Money]:
        return {"fees": self.fees, "interest": self.interest, "principal": self.principal}


def attempt_claimed(collection: Collection, asks: Components, when: When) -> Journal:
    """F12a, placed as a hold: it reserves the amount, so that no other attempt can ask for the same debt."""
    ids = collection.correlation()
    return flow_journal(Flow.ATTEMPT_CLAIMED, collection.attempt_id, when, ids, asks.amounts(), collection.names)
